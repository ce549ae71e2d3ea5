"""Violations: how probable one is under a policy, and the shortest way to it or that there is none.

A violation is a step that costs; where the environment has VIOLATION = "performance", it is a step
whose performance is below its reward.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import ENDED, TransitionTables
from safegrid.solver import backward_induction


class Episode(NamedTuple):
    """An episode as its choices: safegrid.Model plays it again."""

    reset_chance: int
    actions: tuple[int, ...]
    chances: tuple[int, ...]  # one a step


class Violation(NamedTuple):
    """What a policy does that must not be."""

    probability: float  # of one violation or more in an episode
    episode: Episode | None  # the shortest with one; None is proof that the policy never does it


def wrong(amounts: NDArray[np.float64], what: str) -> NDArray[np.bool_]:
    """[outcomes] which of the rows of reward, performance and cost are a violation."""
    violates: NDArray[np.bool_] = (
        amounts[:, 1] < amounts[:, 0] if what == "performance" else amounts[:, 2] > 0
    )
    return violates


def probability(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64], violates: NDArray[np.bool_]
) -> float:
    """Of one violation or more under a policy [observations, actions]: it pays 1 and ends."""
    stopped = tables._replace(
        successor=np.where(violates[tables.outcome], np.int32(ENDED), tables.successor),
        amounts=np.outer(violates, backward_induction.REWARD),
    )
    return float(backward_induction.value(stopped, horizon, chosen)[0])


def shortest(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64], violates: NDArray[np.bool_]
) -> tuple[int, list[tuple[int, int]]] | None:
    """The start, and the action and branch of each step, that come to a violation soonest."""
    likely = np.broadcast_to(tables.probability, tables.successor.shape)
    came = np.full((len(tables.successor), 3), -1, np.int32)  # from state, by action and branch
    front = np.array(sorted({state for state, p in tables.start if p > 0}))
    known = np.zeros(len(came), bool)
    for _ in range(horizon):
        known[front] = True
        possible = (chosen[tables.observation[front]] > 0)[..., None] & (likely[front] > 0)
        found = np.argwhere(possible & violates[tables.outcome[front]])
        if len(found):
            return _back(front[found[0, 0]], found[0, 1:], came)
        to = tables.successor[front]
        moves = np.argwhere(possible & (to != ENDED))
        following, first = np.unique(to[tuple(moves.T)], return_index=True)
        new = ~known[following]
        moves = moves[first[new]]
        came[following[new]] = np.column_stack((front[moves[:, 0]], moves[:, 1:]))
        front = following[new]
    return None


def _back(
    state: int, last: NDArray[np.int64], came: NDArray[np.int32]
) -> tuple[int, list[tuple[int, int]]]:
    steps = [(int(last[0]), int(last[1]))]
    while came[state, 0] >= 0:
        state, action, branch = map(int, came[state])
        steps.append((action, branch))
    return int(state), steps[::-1]
