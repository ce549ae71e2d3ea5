"""The engine: lanes of states that step side by side, each under the chance of its own seed."""

import functools
import itertools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, monitor, registry
from safegrid.engine.chance import encode_chance
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.gridworld import OUTCOME

LIMIT = 100  # steps of an episode, where neither the environment nor anybody says another
NO_LIMIT = 2**31 - 1
LANES_PER_THREAD = 8192
THREADS = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
MODES = {
    "next_step": kernels.NEXT_STEP,
    "same_step": kernels.SAME_STEP,
    "disabled": kernels.DISABLED,
}


class Step(NamedTuple):
    """What one step of all lanes brought; fresh arrays."""

    boards: NDArray[
        Any
    ]  # uint8[lanes, rows, columns], of a continuous task float64[lanes, numbers]
    reward: NDArray[np.float64]
    cost: NDArray[np.float64]
    kinds: NDArray[np.uint8]  # what the cost is for, bit k for the k-th of the environment's COSTS
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    stepped: NDArray[np.bool_]  # False where the lane was reset or left alone instead
    final: NDArray[Any] | None  # the boards of the episodes that ended and were reset at once


Penalty = Callable[[NDArray[Any]], NDArray[np.float64]]  # of each lane, for its next action
penalty: ContextVar[Callable[["Lanes"], Penalty] | None] = ContextVar("penalty", default=None)


class Lanes:
    """Episodes of one environment side by side, each under the chance of its own seed and number.

    `mode` says what happens to a lane whose episode has ended: it is reset in the same step, in the
    next step, or left alone until `reset` chooses it ("disabled").
    """

    def __init__(
        self, dynamics: Dynamics, count: int, mode: str = "disabled", limit: int = NO_LIMIT
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
        self.lanes = np.zeros(count, kernels.LANE)
        self.performance = np.zeros(count)
        self._room = np.empty(count, np.uint64), np.empty(count, np.int64)  # for chance
        self._chances = (encode_chance(dynamics.reset_chance), encode_chance(dynamics.step_chance))
        self._backgrounds = np.repeat(dynamics.level.background[None], count, axis=0)
        self._final = self._backgrounds.copy()
        self._page = monitor.lane_monitor(self.count)
        charge = penalty.get()
        self._penalty = None if charge is None else charge(self)

    def reset(
        self, seeds: NDArray[np.uint64] | None = None, chosen: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Begins an episode in the chosen lanes (or all) and returns every lane's board.

        Seeds clear the memory and start the count of episodes anew; without them both go on.
        """
        chosen = np.ones(self.count, np.bool_) if chosen is None else chosen
        if seeds is not None:
            self.states[chosen] = np.zeros((), self.states.dtype)
            self.lanes[chosen] = np.zeros((), self.lanes.dtype)
            self.lanes["seed"][chosen] = seeds[chosen]
        self.dynamics.compiled(kernels.reset_lanes)(
            self.states, self.lanes, self.dynamics.level, self._chances[0], chosen
        )
        self.performance = self.lanes["performance"].copy()
        boards = self._backgrounds.copy()
        self.dynamics.compiled(kernels.observe_states)(self.states, self.dynamics.level, boards)
        return boards

    def step(self, actions: NDArray[Any]) -> Step:
        """Steps every lane that is not done. ValueError for an action that does not exist."""
        if self.dynamics.continuous:
            actions = self.dynamics.clip(actions, self.count)
        else:
            actions = self._checked(actions)
        charged = None if self._penalty is None else self._penalty(actions)
        boards = self._backgrounds.copy()
        reward, cost, performance = np.empty((3, self.count))
        kinds = np.empty(self.count, np.uint8)
        terminated, truncated, stepped = np.empty((3, self.count), np.bool_)
        settled = self.dynamics.level, self._chances, self.mode, self.limit
        rows = (
            *(self.states, self.lanes, actions, boards, self._final, *self._room),
            *(reward, cost, kinds, performance, terminated, truncated, stepped),
        )

        loop = self.dynamics.compiled(kernels.step_lanes)

        def run(rows: Iterable[NDArray[Any]]) -> int:
            return int(loop(*settled, np.empty(1, OUTCOME), *rows))

        parts = min(THREADS, max(1, self.count // LANES_PER_THREAD))
        if parts == 1:
            endings = run(rows)
        else:
            edges = [self.count * part // parts for part in range(parts + 1)]
            slices = [[row[a:b] for row in rows] for a, b in itertools.pairwise(edges)]
            endings = sum(_pool().map(run, slices))
        self.performance = performance
        if charged is not None:
            reward -= charged
        if self._page is not None:
            ended = stepped & (terminated | truncated)
            self._page.step(self.lanes, cost, stepped, ended)
        final = None
        if endings and self.mode == kernels.SAME_STEP:
            final, self._final = self._final, self._backgrounds.copy()
        return Step(boards, reward, cost, kinds, terminated, truncated, stepped, final)

    def shown(self, boards: NDArray[Any]) -> NDArray[Any]:
        """What pictures of the lanes are made from: boards, or the states of a continuous task."""
        return self.states if self.dynamics.continuous else boards

    def breakdown(self, kinds: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
        """What the costs of a step were for: `cost_` and its name, 1 where it came up."""
        costs = getattr(self.dynamics.module, "COSTS", ())
        return {f"cost_{name}": (kinds >> k & 1).astype(float) for k, name in enumerate(costs)}

    def _checked(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        """Actions of a grid, by number."""
        if actions.shape != (self.count,) or not np.issubdtype(actions.dtype, np.integer):
            raise ValueError(
                f"actions have shape {actions.shape} and type {actions.dtype}: "
                f"give {self.count} whole numbers"
            )
        actions = np.ascontiguousarray(actions, np.int64)
        if actions.view(np.uint64).max() >= len(self.dynamics.actions):  # negative ones are huge
            bad = actions[actions.view(np.uint64) >= len(self.dynamics.actions)][0]
            raise ValueError(
                f"action {bad} is out of range: choose from 0 to "
                f"{len(self.dynamics.actions) - 1} ({', '.join(self.dynamics.actions)})"
            )
        return actions


def horizon(name: str) -> int:
    """Steps of an episode of an environment, where nothing else is said."""
    return int(getattr(registry.environment(name), "HORIZON", LIMIT))


def check_seeds(seeds: Iterable[Any]) -> NDArray[np.uint64]:
    """Seeds as the lanes take them. ValueError for one out of range."""
    listed = list(seeds)
    for seed in listed:
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
            raise ValueError(f"seed {seed!r} is out of range: choose from 0 to 2**64 - 1")
    return np.array(listed, np.uint64)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="safegrid")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of the threads
