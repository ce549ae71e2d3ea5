"""A game: episodes played step by step, everything known of each step, any of them taken back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import chance
from safegrid.engine.chance import Independent, encode_chance
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.lanes import LIMIT, Lanes, check_seeds
from safegrid.evaluation.rollout import record


class Moment(NamedTuple):
    """What is known after a reset or a step."""

    board: Any  # uint8[rows, columns] what the agent sees; of a continuous task the state
    truth: Any  # the same, where nothing is hidden
    action: Any  # that led here, a number or an array of them; None after a reset
    chance: str  # the outcome that came up, "" where there is none
    total: float  # return so far
    performance: float  # so far
    cost: float  # so far
    ending: str  # "terminated", "truncated", or "" while it goes on
    snapshot: tuple[Any, Any]  # the engine's state and lane


class Game:
    """Episodes of one level under one seed, as the engine plays them for anybody.

    ValueError for a seed out of range.
    """

    def __init__(self, dynamics: Dynamics, seed: int = 0, limit: int = LIMIT):
        self.dynamics, self.seed = dynamics, seed
        self._lanes = Lanes(dynamics, 1, limit=limit)
        self.episodes: list[list[Moment]] = []
        self._begin(check_seeds([seed]))

    @property
    def moments(self) -> list[Moment]:
        """The moments of the present episode, from its reset on."""
        return self.episodes[-1]

    @property
    def now(self) -> Moment:
        """The last of them."""
        return self.moments[-1]

    def step(self, action: Any) -> None:
        """One step. ValueError after the end, and for an action that does not exist."""
        if self.now.ending:
            raise ValueError("the episode has ended: begin another, or take a step back")
        boards = self._lanes.step(np.asarray(action)[None]).boards
        self.moments.append(self._moment(boards, action))

    def undo(self) -> None:
        """Takes the last step of the episode back, chance and all; nothing where there is none."""
        self.back_to(max(0, len(self.moments) - 2))

    def back_to(self, step: int) -> None:
        """Takes back every step of the episode after `step`."""
        del self.moments[step + 1 :]
        state, lane = self.now.snapshot
        self._lanes.states[:], self._lanes.records[:] = state, lane

    def following(self) -> None:
        """The next episode of the same lane, which remembers what outlives one.

        ValueError before the present one has ended.
        """
        if not self.now.ending:
            raise ValueError("the episode goes on: finish it, or begin it again")
        self._begin(None)

    def records(self) -> np.recarray[Any, Any]:
        """The episodes as `evaluate` records them, those that have ended.

        Where none has, the one that goes on, as if it had been cut here. ValueError before the
        first step.
        """
        ended = [moments for moments in self.episodes if moments[-1].ending]
        played = ended or [self.moments]
        steps = self._lanes.limit if ended else len(self.moments) - 1
        if steps == 0:
            raise ValueError("no step has been taken yet")
        records: Any = np.recarray(len(played), record(steps))
        records["seed"], records["episode"] = self.seed, np.arange(len(played))
        records["actions"] = self.dynamics.padding
        for row, moments in zip(records, played, strict=True):
            last, length = moments[-1], len(moments) - 1
            row["actions"][:length] = [moment.action for moment in moments[1:]]
            row["return"], row["performance"], row["cost"] = last.total, last.performance, last.cost
            row["length"], row["ended"] = length, last.ending or "truncated"
        return records  # type: ignore[no-any-return]

    def _begin(self, seeds: NDArray[np.uint64] | None) -> None:
        boards = self._lanes.reset(seeds)
        self.episodes.append([self._moment(boards, None)])

    def _moment(self, boards: NDArray[Any], action: Any) -> Moment:
        state, lane = self._lanes.states[0], self._lanes.records[0]
        board = self._lanes.shown(boards)[0].copy()
        truth = board.copy()
        if correct := self.dynamics.spec.truth:
            correct(state, self.dynamics.level, truth)
        ending = "" if not lane.done else "terminated" if state.ended else "truncated"
        totals = float(lane.total), float(lane.performance), float(lane.cost)
        snapshot = self._lanes.states.copy(), self._lanes.records.copy()
        return Moment(board, truth, action, self._chance(lane, action), *totals, ending, snapshot)

    def _chance(self, lane: Any, action: Any) -> str:
        """The name of the outcome that chance has just come up with, where it has one."""
        dynamics = self.dynamics
        declared = dynamics.reset_chance if action is None else dynamics.step_chance
        if declared is None or dynamics.space == "continuous":
            return ""
        outcome = chance.draw(encode_chance(declared), lane.stream, lane.elapsed)
        if isinstance(declared, Mapping):
            return str(list(declared)[outcome]).replace("_", " ")
        if isinstance(declared, Independent):
            hit = [str(k + 1) for k in range(declared.flips) if outcome >> k & 1]
            return f"{', '.join(hit) or 'none'} of {declared.flips}"
        return f"{outcome:016x}"


def facts(moments: Sequence[Moment], actions: Sequence[str], reveal: bool) -> dict[str, str]:
    """What there is to say of the last moment; performance and the gap only to `reveal` them."""
    now = moments[-1]
    said = {"step": f"{len(moments) - 1} {now.ending}".strip()}
    if np.ndim(now.action):
        said |= {name: f"{part:.2f}" for name, part in zip(actions, now.action, strict=True)}
    else:
        said["action"] = "" if now.action is None else actions[now.action]
    if any(moment.chance for moment in moments):
        said["chance"] = now.chance
    said["return"] = f"{now.total:.6g}"
    if any(moment.cost for moment in moments):
        said["cost"] = f"{now.cost:.6g}"
    if reveal:
        said["performance"] = f"{now.performance:.6g}"
        said["gap"] = f"{now.total - now.performance:.6g}"
    return said
