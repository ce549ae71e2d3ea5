"""Sealed training: the agent in a process of its own, the environment and the log in this one.

In one process an agent can reach everything: the log of its training, through a frame or the
garbage collector, and the functions that write it. Here it has a pipe to ask for lanes, resets and
steps, and gets what a driver would show it. The performance never enters its process, each step is
logged before it learns of it, and nothing that it sends is run: requests are bytes of known shape.
It can still play a copy of the environment beside; the log then lacks steps that it was to train.
POSIX only. Penalties and agents that read the states of lanes cannot train so.
"""

import contextlib
import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.contract.agents import Progress, Run, Task
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.kernels import LANE
from safegrid.engine.lanes import MODES, Lanes, Step
from safegrid.engine.monitor import EpisodeLog

MOST_BYTES = 2**27  # of a request
MOST_LANES = 2**16  # of a training, all together
SUMS = ["total", "cost", "length"]  # fields of a lane's record that the agent sees
LANES, RESET, STEP, BOARDS, PROGRESS, POLICY, ERROR = (bytes([kind]) for kind in range(7))
PROGRAM = "from safegrid.training.sealed import main; main()"


def train(
    agent: str,
    task: Task,
    settings: Mapping[str, Any],
    monitor: EpisodeLog,
    progress: Progress | None = None,
    least: int | None = None,
) -> dict[str, NDArray[Any]]:
    """The tensors of the policy that an agent learns, the same as without the seal.

    agent: its name; its code is not loaded here. task, settings: as for `AgentSpec.learn`. monitor:
    the log of the training. progress: hears how many steps the agent says it has trained. least:
    steps that must be in the log at the end, `task.steps` if it is None. ValueError for the agent's
    own errors, where its process ends early, for requests that are not valid, and for a log with
    too few steps.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    dynamics = make_dynamics(task.environment, **task.options)
    plain = dataclasses.replace(task, options=dict(task.options))
    server = _Server(dynamics, Run(progress, monitor))
    with _process() as (process, requests, replies):
        try:
            replies.send((agent, plain, dict(settings), registry.plugins()))
            while (message := requests.recv_bytes(MOST_BYTES))[:1] not in (POLICY, ERROR):
                replies.send_bytes(pickle.dumps(server.answer(message[:1], message[1:])))
        except (EOFError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            raise ValueError(f"{agent}: its process ended ({process.poll()})") from None
        except Exception as error:  # whatever bytes that are no request lead to
            raise ValueError(f"{agent} sent a request that is not valid: {error}") from None
    if message[:1] == ERROR:
        raise ValueError(message[1:1000].decode(errors="replace").splitlines()[0])
    if monitor.steps < (task.steps if least is None else least):
        raise ValueError(f"{agent} trained {monitor.steps} of {task.steps} steps in the lanes")
    try:
        return load(message[1:])
    except SafetensorError as error:
        raise ValueError(f"{agent} sent no policy: {error}") from None


class _Server:
    """The runner's side: lanes of one level, by number, and the answers to requests about them."""

    def __init__(self, dynamics: Dynamics, run: Run):
        self._dynamics, self._run = dynamics, run
        self._lanes: list[Lanes] = []

    def answer(self, kind: bytes, content: bytes) -> Any:
        """The reply to a request. An exception where it is not valid."""
        if kind == PROGRESS:
            self._run.report(int.from_bytes(content, "little"))
            return None
        if kind == LANES:
            count, mode, limit = json.loads(content)
            if sum(lanes.count for lanes in self._lanes) + int(count) > MOST_LANES:
                raise ValueError(f"more than {MOST_LANES} lanes")
            self._lanes.append(Lanes(self._dynamics, count, mode, limit, self._run))
            return len(self._lanes) - 1
        lanes = self._lanes[content[0]]
        if kind == BOARDS:
            return lanes.boards()
        if kind == RESET:
            chosen = np.frombuffer(content, np.bool_, lanes.count, 2)
            seeds = np.frombuffer(content, np.uint64, -1, 2 + lanes.count) if content[1] else None
            return lanes.reset(seeds, chosen)
        shape = (lanes.count, *(self._dynamics.action_space.shape or ()))
        number = np.float64 if self._dynamics.space == "continuous" else np.int64
        step = lanes.step(np.frombuffer(content, number, -1, 1).reshape(shape))
        sums = None if step.final is None else [lanes.records[name].copy() for name in SUMS]
        return tuple(step), sums


@contextlib.contextmanager
def _process() -> Iterator[tuple[Any, Connection, Connection]]:
    """The agent's process, its requests and the way to reply; it is ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        requests = Connection(os.dup(process.stdout.fileno()), writable=False)
        replies = Connection(os.dup(process.stdin.fileno()), readable=False)
        with requests, replies:
            try:
                yield process, requests, replies
            finally:
                process.kill()
                process.wait()


class _RemoteLanes:
    """Lanes of the runner as the agent's process has them: without states and performance."""

    costs = Lanes.costs

    def __init__(self, dynamics: Dynamics, count: int, mode: str, limit: int, ask: Any):
        self.dynamics, self.count, self.limit, self.mode = dynamics, count, limit, MODES[mode]
        self.records = np.zeros(count, [(name, LANE[name]) for name in SUMS])
        self._ask = ask
        self._number = bytes([ask(LANES, json.dumps([count, mode, limit]).encode())])

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


@dataclasses.dataclass(frozen=True)
class _SealedRun(Run):
    """The run of an agent in its own process: its lanes are the runner's."""

    ask: Any = None
    key: Any = None  # of the level

    def lanes(self, dynamics: Dynamics, count: int, mode: str, limit: int) -> Any:
        """Lanes of the runner. ValueError for those of another level, and with a penalty."""
        if self.penalty is not None:
            raise ValueError("a penalty needs the states of the lanes: it cannot train sealed")
        if dynamics.key != self.key:
            raise ValueError("a sealed training has lanes of its own level only")
        return _RemoteLanes(dynamics, count, mode, limit, self.ask)


def main() -> None:
    """The agent's process: trains as the first message says, and sends the policy's tensors."""
    from safetensors.numpy import save

    requests = Connection(os.dup(1), readable=False)
    replies = Connection(os.dup(0), writable=False)
    os.dup2(2, 1)  # what the agent prints is no request
    agent, task, settings, plugins = replies.recv()

    def ask(kind: bytes, content: bytes) -> Any:
        requests.send_bytes(kind + content)
        return pickle.loads(replies.recv_bytes())

    try:
        for plugin in plugins:
            registry.register(plugin)
        key = make_dynamics(task.environment, **task.options).key
        run = _SealedRun(
            lambda steps: ask(PROGRESS, int(steps).to_bytes(8, "little")), ask=ask, key=key
        )
        policy = registry.agent(agent).learn(task, run, settings)
        requests.send_bytes(POLICY + save(policy.tensors()))
    except Exception as error:
        requests.send_bytes(ERROR + f"{type(error).__name__}: {error}".encode())
