"""Sealed training: the agent in a confined process, the environment and the log in this one.

In one process an agent can reach everything: the log of its training, through a frame or the
garbage collector, and the functions that write it. Here it has a pipe to ask for lanes, resets and
steps, and gets what a driver would show it. The performance never enters its process, each step is
logged before it learns of it, and nothing that it sends is run: requests are bytes of known shape.
It can still play a copy of the environment beside; the log then lacks steps that it was to train.
An episode has at most the environment's steps and counts also where a reset cuts it off.
What the runner computes from the states of the lanes, which are penalties and whether actions have
an effect, is for agents that say that they use hidden information. POSIX only. An agent under a
penalty that is not one of PENALTIES cannot train so.
"""

import dataclasses
import functools
import json
import os
import pickle
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark import policy_files, suite
from safegrid.benchmark.published import formats
from safegrid.benchmark.results import Cell
from safegrid.benchmark.sandbox import player, proxy
from safegrid.benchmark.sandbox.proxy import Limits
from safegrid.engine import registry
from safegrid.engine.contract.agents import Run
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.kernels import LANE
from safegrid.engine.lanes import MODES, Lanes, Step
from safegrid.engine.monitor import EpisodeLog
from safegrid.training import approval, side_effects

MOST_BYTES = 2**28  # of a request
SPARE_STEPS = 2**17  # of an agent that collects as many before it learns the first time
MOST_LANES, MOST_SETS = 2**16, 16  # of a training: lanes all together, and sets of them
SUMS = ["total", "cost", "length"]  # fields of a lane's record that the agent sees
LANES, RESET, STEP, BOARDS, POLICY, ERROR, CONTROLLED = (bytes([kind]) for kind in range(7))
PENALTIES: dict[str, tuple[Any, Any]] = {  # what makes each for a `Run`, and what that is then
    "side effects": (side_effects.penalty, side_effects.charge),
    "approval": (approval.approval, approval.Overseer),
}
LIMITS = Limits(seconds=3600.0, memory=16 << 30)


def train(cell: Cell, monitor: EpisodeLog, limits: Limits = LIMITS) -> bytes:
    """The content of the policy file that is published of a training, the same as without the seal.

    The agent's code is not loaded here. It waits for the agent as long as that takes: the limit is
    on the time that the agent computes. ValueError in one line for the agent's own errors, of which
    only the type is named, where its process ends early, for requests that are not valid, and where
    the log lacks steps or has more than twice as many and SPARE_STEPS.

    cell: what is trained. monitor: the log of the training. limits: of the agent's process.
    """
    stated = registry.manifest(cell.agent)
    uses_hidden_info = stated is not None and stated.uses_hidden_info
    dynamics = cell.make_dynamics()
    most_steps = 2 * cell.steps + SPARE_STEPS
    server = _Server(dynamics, monitor, uses_hidden_info, most_steps)
    process = proxy.start("sealed")
    assert process.stdin is not None and process.stdout is not None
    requests = Connection(os.dup(process.stdout.fileno()), writable=False)
    replies = Connection(os.dup(process.stdin.fileno()), readable=False)
    try:
        with requests, replies:
            process.stdin.write(proxy.setup(limits, cell=cell.model_dump()))
            process.stdout.read(player.CONFINED)
            while (message := requests.recv_bytes(MOST_BYTES))[:1] not in (POLICY, ERROR):
                replies.send_bytes(pickle.dumps(server.answer(message[:1], message[1:])))
    except (EOFError, OSError):
        raise ValueError(f"the process of {cell.agent} ended before its policy") from None
    except Exception as error:  # whatever bytes that are no request lead to
        what = str(error) if isinstance(error, ValueError) else type(error).__name__
        reason = (what.splitlines() or [""])[0][:200]
        raise ValueError(f"{cell.agent} sent a request that is not valid: {reason}") from None
    finally:
        proxy.end(process)
    if message[:1] == ERROR:
        raise ValueError(proxy.raised(message[1:]))
    if monitor.steps < cell.steps:
        raise ValueError(f"{cell.agent} trained {monitor.steps} of {cell.steps} steps in the lanes")
    return message[1:]


class _Server:
    """The runner's side: lanes of one level, by number, and the answers to requests about them."""

    def __init__(self, dynamics: Dynamics, log: EpisodeLog, uses_hidden_info: bool, most: int):
        self._dynamics, self._log, self._uses_hidden_info = dynamics, log, uses_hidden_info
        self._most_steps = most
        self._lanes: list[Lanes] = []
        self._is_penalised = False

    def answer(self, kind: bytes, content: bytes) -> Any:
        """The reply to a request. An exception where it is not valid."""
        if kind == LANES:
            count, mode, limit, name, given = json.loads(content)
            if name is not None:
                self._check_hidden()
            if limit > self._dynamics.horizon:
                raise ValueError(f"episodes of more than {self._dynamics.horizon} steps")
            if sum(lanes.count for lanes in self._lanes) + int(count) > MOST_LANES:
                raise ValueError(f"more than {MOST_LANES} lanes")
            if len(self._lanes) == MOST_SETS or (name is not None and self._is_penalised):
                raise ValueError(f"more than {MOST_SETS} sets of lanes, or than one with a penalty")
            self._is_penalised |= name is not None  # it may take gigabytes
            penalty = None if name is None else PENALTIES[name][0](**given)
            run = Run(monitor=self._log, penalty=penalty)
            self._lanes.append(Lanes(self._dynamics, count, mode, limit, run))
            return len(self._lanes) - 1
        lanes = self._lanes[content[0]]
        if kind == BOARDS:
            return lanes.boards()
        if kind == CONTROLLED:
            self._check_hidden()
            return lanes.controlled()
        if kind == RESET:
            chosen = np.frombuffer(content, np.bool_, lanes.count, 2)
            seeds = np.frombuffer(content, np.uint64, -1, 2 + lanes.count) if content[1] else None
            return lanes.reset(seeds, chosen)
        if self._log.steps + lanes.count > self._most_steps:
            raise ValueError(f"more than {self._most_steps} steps")
        shape = (lanes.count, *(self._dynamics.action_space.shape or ()))
        number = np.float64 if self._dynamics.space == "continuous" else np.int64
        step = lanes.step(np.frombuffer(content, number, -1, 1).reshape(shape))
        sums = None if step.final is None else [lanes.records[name].copy() for name in SUMS]
        return tuple(step), sums

    def _check_hidden(self) -> None:
        """ValueError for an agent that does not say that it uses hidden information."""
        if not self._uses_hidden_info:
            raise ValueError("USES_HIDDEN_INFO is not True")


class _RemoteLanes:
    """Lanes of the runner as the agent's process has them: without states and performance."""

    costs = Lanes.costs

    def __init__(self, run: "_SealedRun", dynamics: Dynamics, count: int, mode: str, limit: int):
        self.dynamics, self.count, self.limit, self.mode = dynamics, count, limit, MODES[mode]
        self.records = np.zeros(count, [(name, LANE[name]) for name in SUMS])
        self._ask = run.ask
        wanted = json.dumps([count, mode, limit, *_recipe(run.penalty)]).encode()
        self._number = bytes([self._ask(LANES, wanted)])

    def reset(
        self, seeds: NDArray[np.uint64] | None = None, chosen: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """As `Lanes.reset`."""
        chosen = np.ones(self.count, np.bool_) if chosen is None else chosen
        given = b"" if seeds is None else seeds.astype(np.uint64).tobytes()
        head = self._number + bytes([seeds is not None])
        return self._ask(RESET, head + chosen.tobytes() + given)  # type: ignore[no-any-return]

    def step(self, actions: Any) -> Step:
        """As `Lanes.step`."""
        checked = self.dynamics.check_actions(actions, self.count)
        step, sums = self._ask(STEP, self._number + checked.tobytes())
        for name, values in zip(SUMS, sums or (), strict=False):
            self.records[name] = values
        return Step(*step)

    def boards(self) -> NDArray[Any]:
        """As `Lanes.boards`."""
        return self._ask(BOARDS, self._number)  # type: ignore[no-any-return]

    def controlled(self) -> NDArray[np.bool_]:
        """As `Lanes.controlled`."""
        return self._ask(CONTROLLED, self._number)  # type: ignore[no-any-return]


@dataclasses.dataclass(frozen=True)
class _SealedRun(Run):
    """The run of an agent in its own process: its lanes are the runner's."""

    ask: Any = None
    key: Any = None  # of the level

    def lanes(self, dynamics: Dynamics, count: int, mode: str, limit: int) -> Any:
        """Lanes of the runner. ValueError for those of another level, and as `_recipe`."""
        if dynamics.key != self.key:
            raise ValueError("a sealed training has lanes of its own level only")
        return _RemoteLanes(self, dynamics, count, mode, limit)


def _recipe(penalty: Any) -> tuple[str | None, dict[str, Any]]:
    """The name and the arguments by which the runner makes a penalty; no name for no penalty.

    ValueError for a penalty that is not one of PENALTIES: it needs the states of the lanes.
    """
    if penalty is None:
        return None, {}
    for name, (_, made) in PENALTIES.items():
        if isinstance(penalty, functools.partial) and penalty.func is made:
            return name, penalty.keywords
    raise ValueError(f"a sealed training has no penalties but {', '.join(PENALTIES)}")


def main() -> None:
    """The agent's process: trains as the first request says, in a confined child."""
    player.confined(_train)


def _train(setup: dict[str, Any], requests: int, replies: int) -> None:
    """Trains the cell of a request and sends the file of the published policy."""
    sent, received = Connection(replies, readable=False), Connection(requests, writable=False)

    def ask(kind: bytes, content: bytes) -> Any:
        sent.send_bytes(kind + content)
        return pickle.loads(received.recv_bytes())

    try:
        for plugin in setup["plugins"]:
            registry.register_later(plugin)
        cell = Cell.model_validate(setup["cell"])
        dynamics = cell.make_dynamics()
        policy = suite.train(cell, _SealedRun(ask=ask, key=dynamics.key))
        form, published = formats.publish(policy, dynamics) or (None, policy)
        sent.send_bytes(POLICY + policy_files.encode(published, cell, form))
    except Exception as error:
        sent.send_bytes(ERROR + type(error).__name__.encode())
