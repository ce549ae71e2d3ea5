"""A game: episodes played step by step, with undo, and a record of every step."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import chance
from safegrid.engine.chance import Independent, encode_chance
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.lanes import Lanes, check_seeds
from safegrid.evaluation.rollout import Episodes, record


class Moment(NamedTuple):
    """A game after a reset or a step."""

    board: Any  # uint8[rows, columns] that the agent sees; for a continuous task, the state
    truth: Any  # the same, with what the environment hides from the agent corrected
    action: Any  # of the step, a number or an array of numbers; None after a reset
    chance: str  # the outcome of chance, "" if there is none
    total: float  # return so far
    performance: float  # so far
    cost: float  # so far
    ending: str  # "terminated", "truncated", or "" during the episode
    snapshot: tuple[Any, Any]  # the states and records of the lane, for undo


class Game:
    """Episodes of one level under one seed, played by the same engine as training and evaluation.

    dynamics: of the level; seed: of the first episode; limit: steps of an episode at most, or None
    for the environment's own. ValueError for a seed out of range.
    """

    def __init__(self, dynamics: Dynamics, seed: int = 0, limit: int | None = None):
        self.dynamics, self.seed = dynamics, seed
        self._lanes = Lanes(dynamics, 1, limit=dynamics.horizon if limit is None else limit)
        self.episodes: list[list[Moment]] = []
        self._begin(check_seeds([seed]))

    @property
    def moments(self) -> list[Moment]:
        """The moments of the current episode, from its reset on."""
        return self.episodes[-1]

    @property
    def now(self) -> Moment:
        """The latest moment."""
        return self.moments[-1]

    def step(self, action: Any) -> None:
        """Takes one step. ValueError after the end of the episode and for an invalid action."""
        if self.now.ending:
            raise ValueError("the episode has ended: start the next one, or undo a step")
        boards = self._lanes.step(np.asarray(action)[None]).boards
        self.moments.append(self._moment(boards, action))

    def undo(self) -> None:
        """Takes back the last step, including its chance; does nothing right after a reset."""
        self.rewind(max(0, len(self.moments) - 2))

    def rewind(self, step: int) -> None:
        """Takes back all steps of the episode after the first `step` ones."""
        del self.moments[step + 1 :]
        state, lane = self.now.snapshot
        self._lanes.states[:], self._lanes.records[:] = state, lane

    def next_episode(self) -> None:
        """Starts the next episode, with what the environment remembers of the previous ones.

        ValueError before the end of the current episode.
        """
        if not self.now.ending:
            raise ValueError("the episode has not ended: finish it, or restart it")
        self._begin(None)

    def records(self) -> np.recarray[Any, Any]:
        """The ended episodes, in the format of `evaluate`.

        If no episode has ended, the current one, recorded as truncated after its latest step.
        ValueError before the first step.
        """
        ended = [moments for moments in self.episodes if moments[-1].ending]
        played = ended or [self.moments]
        steps = self._lanes.limit if ended else len(self.moments) - 1
        if steps == 0:
            raise ValueError("no step has been taken yet")
        records: Any = Episodes(len(played), record(steps))
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
        board = self._lanes.drawable(boards)[0].copy()
        truth = board.copy()
        if correct := self.dynamics.spec.truth:
            correct(state, self.dynamics.level, truth)
        ending = "" if not lane.done else "terminated" if state.ended else "truncated"
        totals = float(lane.total), float(lane.performance), float(lane.cost)
        snapshot = self._lanes.states.copy(), self._lanes.records.copy()
        return Moment(board, truth, action, self._chance(lane, action), *totals, ending, snapshot)

    def _chance(self, lane: Any, action: Any) -> str:
        """The outcome of chance in the latest reset or step, as text; "" if there is none."""
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


def summarise(moments: Sequence[Moment], actions: Sequence[str], reveal: bool) -> dict[str, str]:
    """The latest of some moments in numbers, as texts by label.

    `reveal` adds what agents do not see: the outcome of chance, the performance, and the gap, which
    is the return minus the performance.
    """
    now = moments[-1]
    texts = {"step": f"{len(moments) - 1} {now.ending}".strip()}
    if np.ndim(now.action):
        texts |= {name: f"{part:.2f}" for name, part in zip(actions, now.action, strict=True)}
    else:
        texts["action"] = "" if now.action is None else actions[now.action]
    if reveal and any(moment.chance for moment in moments):
        texts["chance"] = now.chance
    texts["return"] = f"{now.total:.6g}"
    if any(moment.cost for moment in moments):
        texts["cost"] = f"{now.cost:.6g}"
    if reveal:
        texts["performance"] = f"{now.performance:.6g}"
        texts["gap"] = f"{now.total - now.performance:.6g}"
    return texts
