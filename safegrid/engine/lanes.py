"""Lanes: episodes of one level that step together, each under the chance of its own seed."""

import functools
import itertools
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels
from safegrid.engine.chance import encode_chance
from safegrid.engine.contract.agents import Run
from safegrid.engine.contract.environments import LIMIT
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.kernels import Rows
from safegrid.engine.monitor import EpisodeLog, LaneMonitor

__all__ = ["LIMIT", "Lanes", "Step", "check_seeds", "step_limit"]
NO_LIMIT = 2**31 - 1
LANES_PER_THREAD = 8192
THREADS = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
MODES = {
    "next_step": kernels.NEXT_STEP,
    "same_step": kernels.SAME_STEP,
    "disabled": kernels.DISABLED,
}


class Step(NamedTuple):
    """The results of one step of all lanes, in new arrays."""

    boards: NDArray[Any]  # uint8[lanes, rows, columns], or float64[lanes, numbers] of a task
    reward: NDArray[np.float64]
    cost: NDArray[np.float64]
    kinds: NDArray[np.uint8]  # what the cost is for, bit k for the k-th of the environment's COSTS
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    stepped: NDArray[np.bool_]  # False where the lane was reset instead, or waits for a reset
    final: NDArray[Any] | None  # last boards of episodes that ended, where they were reset at once


class Lanes:
    """Episodes of one level that step together, each under the chance of its seed and number.

    dynamics: of the level. count: lanes. mode: when a lane whose episode has ended is reset: in the
    same step ("same_step"), in the next one ("next_step"), or when `reset` chooses it ("disabled").
    limit: steps of an episode. run: monitor and penalty of a training, or None. ValueError for a
    count or limit out of range.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        count: int,
        mode: str = "disabled",
        limit: int = NO_LIMIT,
        run: Run | None = None,
    ):
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(
                f"the number of environments is {count!r}: choose a whole number, 1 or more"
            )
        if not isinstance(limit, (int, np.integer)) or not 1 <= limit <= NO_LIMIT:
            raise ValueError(
                f"max_episode_steps is {limit!r}: choose a whole number from 1 to {NO_LIMIT}"
            )
        self.dynamics, self.mode = dynamics, MODES[mode]
        self.count, self.limit = int(count), int(limit)
        self.states = np.zeros(count, dynamics.state_type)
        self.records = np.zeros(count, kernels.LANE)
        self.performance = np.zeros(count)
        self._bits, self._masks = np.empty(count, np.uint64), np.empty(count, np.int64)
        self._chances = tuple(map(encode_chance, (dynamics.reset_chance, dynamics.step_chance)))
        self._backgrounds = np.repeat(dynamics.level.background[None], count, axis=0)
        self._final = self._backgrounds.copy()
        run = run or Run()
        self._monitor = None if run.monitor is None else LaneMonitor(run.monitor, self.count)
        self._penalty = None if run.penalty is None else run.penalty(self)

    def reset(
        self, seeds: NDArray[np.uint64] | None = None, chosen: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Begins an episode in some lanes; returns the boards of all lanes.

        seeds: uint64[count], which clear the memory of earlier episodes and restart their count;
        None keeps both. chosen: bool[count], or None for all lanes. Returns uint8[count, rows,
        columns], of a continuous task float64[count, numbers].
        """
        chosen = np.ones(self.count, np.bool_) if chosen is None else chosen
        if self._monitor is not None:
            under_way = (self.records["elapsed"] > 0) & ~self.records["done"]
            self._monitor.end(self.records, chosen & under_way)
        if seeds is not None:
            self.states[chosen] = np.zeros((), self.states.dtype)
            self.records[chosen] = np.zeros((), self.records.dtype)
            self.records["seed"][chosen] = seeds[chosen]
        self.dynamics.compiled(kernels.reset_lanes)(
            self.states, self.records, self.dynamics.level, self._chances[0], chosen
        )
        self.performance = self.records["performance"].copy()
        return self.boards()

    def boards(self) -> NDArray[Any]:
        """The present boards of all lanes in a new array, as `reset` returns them."""
        boards = self._backgrounds.copy()
        self.dynamics.compiled(kernels.observe_states)(self.states, self.dynamics.level, boards)
        return boards

    def step(self, actions: Any) -> Step:
        """Steps every lane whose episode has not ended; resets others as the mode says.

        actions: whole numbers [count], of a continuous task numbers [count, numbers]. ValueError
        for another shape or type, and for an action that does not exist.
        """
        actions = self.dynamics.check_actions(actions, self.count)
        penalty = None if self._penalty is None else self._penalty(actions)
        rows = Rows(
            *(self.states, self.records, actions, self._backgrounds.copy(), self._final),
            *(self._bits, self._masks, np.empty(self.count), np.empty(self.count)),
            *(np.empty(self.count, np.uint8), np.empty(self.count)),
            *(np.empty(self.count, np.bool_) for _ in range(3)),
        )
        endings = self._run(rows)
        self.performance = rows.performance
        reward = rows.reward if penalty is None else rows.reward - penalty
        if self._monitor is not None:
            ended = rows.stepped & (rows.terminated | rows.truncated)
            self._monitor.step(self.records, rows.cost, rows.stepped, ended)
        final = None
        if endings and self.mode == kernels.SAME_STEP:
            final, self._final = self._final, self._backgrounds.copy()
        return Step(
            *(rows.boards, reward, rows.cost, rows.kinds),
            *(rows.terminated, rows.truncated, rows.stepped, final),
        )

    def _run(self, rows: Rows) -> int:
        """Steps all lanes, on several threads if they are many; returns how many episodes ended."""
        loop = self.dynamics.compiled(kernels.step_lanes)

        def run(part: Rows) -> int:
            level, outcome = self.dynamics.level, np.empty(1, OUTCOME)
            return int(loop(level, self._chances, self.mode, self.limit, outcome, part))

        parts = min(THREADS, max(1, self.count // LANES_PER_THREAD))
        if parts == 1:
            return run(rows)
        edges = [self.count * part // parts for part in range(parts + 1)]
        slices = [Rows._make(row[a:b] for row in rows) for a, b in itertools.pairwise(edges)]
        return sum(_pool().map(run, slices))

    def rejoin(self, log: EpisodeLog | None) -> None:
        """Continues a training from a checkpoint: `log` takes over the episodes logged so far."""
        if self._monitor is not None and log is not None:
            self._monitor.rejoin(log)

    def copy(self, other: "Lanes", chosen: Any = ...) -> None:
        """Makes the states and records those of other lanes of the level, of all or those chosen.

        chosen: bool[count]
        """
        self.states[chosen], self.records[chosen] = other.states[chosen], other.records[chosen]

    def controlled(self) -> NDArray[np.bool_]:
        """bool[count]: whether the next state or reward depends on the action.

        Every action is tried on copies of the lanes, under the same chance.
        """
        twin = Lanes(self.dynamics, self.count)
        outcomes = []
        for action in range(len(self.dynamics.actions)):
            twin.copy(self)
            reward = twin.step(np.full(self.count, action)).reward
            columns = (twin.states.view(np.uint8), reward.view(np.uint8))
            outcomes.append(np.hstack([column.reshape(self.count, -1) for column in columns]))
        return np.any(outcomes != outcomes[0], axis=(0, 2))  # type: ignore[no-any-return]

    def drawable(self, boards: NDArray[Any] | None = None) -> NDArray[Any]:
        """What a renderer takes: boards [count, ...], or of a continuous task states [count].

        boards: of all lanes, or None for the present ones.
        """
        return self.dynamics.drawable(self.states, self.boards() if boards is None else boards)

    def costs(self, step: Step | None = None) -> dict[str, NDArray[np.float64]]:
        """float64[count] by name: `cost`, and `cost_` with each kind's name, which is 1 or 0.

        step: of all lanes, or None for the costs of a reset, which are 0.
        """
        if step is None:
            kinds, cost = np.zeros(self.count, np.uint8), np.zeros(self.count)
        else:
            kinds, cost = step.kinds, step.cost
        costs = {"cost": cost}
        for k, name in enumerate(self.dynamics.spec.costs):
            costs[f"cost_{name}"] = (kinds >> k & 1).astype(float)
        return costs


def step_limit(dynamics: Dynamics, max_episode_steps: int | None) -> int:
    """The steps of an episode: as given, but None for the environment's own and -1 for no limit."""
    if max_episode_steps is None:
        return dynamics.horizon
    return NO_LIMIT if max_episode_steps == -1 else max_episode_steps


def check_seeds(seeds: Iterable[Any]) -> NDArray[np.uint64]:
    """uint64[n]: seeds as the lanes take them. ValueError for one out of range."""
    listed = list(seeds)
    for seed in listed:
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
            raise ValueError(f"seed {seed!r} is out of range: choose from 0 to 2**64 - 1")
    return np.array(listed, np.uint64)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="safegrid")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
