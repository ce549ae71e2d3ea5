"""Violations under a policy: their exact probability, and the shortest episode that has one.

Which steps are violations is declared by the environment, in `violates`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import ENDED, TransitionTables
from safegrid.solver import backward_induction


class Episode(NamedTuple):
    """An episode as its actions and outcomes of chance, which determine it.

    It plays on `safegrid.Model(name, level, **solution.dynamics.options)`.
    """

    reset_chance: int
    actions: tuple[int, ...]
    chances: tuple[int, ...]  # one for each step


class Violation(NamedTuple):
    """Whether a policy can violate, and how probably."""

    probability: float  # of one violation or more in an episode
    episode: Episode | None  # the shortest with a violation; None proves that the policy has none


def probability(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64], violates: NDArray[np.bool_]
) -> float:
    """The probability of one violation or more in an episode.

    tables: the process. horizon: steps of an episode. chosen: the policy's probabilities
    [observations, actions]. violates: [outcomes]. It is the expected return of a process in which a
    violation pays 1 and ends the episode, and nothing else pays; without the rounding above 1.
    """
    stopped = tables._replace(
        successor=np.where(violates[tables.outcome], np.int32(ENDED), tables.successor),
        amounts=np.outer(violates, backward_induction.REWARD),
    )
    return min(1.0, float(backward_induction.value(stopped, horizon, chosen)[0]))


def first_only(tables: TransitionTables, violates: NDArray[np.bool_]) -> TransitionTables:
    """The process whose cost is 1 for the first violation of an episode, and nothing else.

    Its expected cost is the probability of a violation. tables: the process. violates: [outcomes].
    Each state is there twice: before the first violation, and, n numbers on, after it.
    """
    states, outcomes = len(tables.successor), len(tables.amounts)
    harm = violates[tables.outcome]
    later = np.where(tables.successor == ENDED, ENDED, tables.successor + states)
    amounts = np.tile(tables.amounts, (2, 1))
    amounts[:, 2] = np.concatenate((violates, np.zeros(outcomes)))
    successor = np.concatenate((np.where(harm, later, tables.successor), later))
    return tables._replace(
        successor=successor.astype(np.int32),
        probability=np.tile(np.broadcast_to(tables.probability, harm.shape), (2, 1, 1)),
        outcome=np.concatenate((tables.outcome, tables.outcome + np.int32(outcomes))),
        amounts=amounts,
        observation=np.tile(tables.observation, 2),
        reach=np.array([2 * states]),
    )


def shortest(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64], violates: NDArray[np.bool_]
) -> tuple[int, list[tuple[int, int]]] | None:
    """The shortest path to a violation, by breadth-first search; None where there is none.

    tables: the process. horizon: steps of an episode. chosen: the policy's probabilities
    [observations, actions]. violates: [outcomes]. Returns the state in which the episode starts,
    and the action and branch of each step.
    """
    likely = np.broadcast_to(tables.probability, tables.successor.shape)
    parents = np.full((len(tables.successor), 3), -1, np.int32)  # state, action and branch
    front = np.array(sorted({state for state, p in tables.start if p > 0}))
    visited = np.zeros(len(parents), bool)
    for _ in range(horizon):
        visited[front] = True
        possible = (chosen[tables.observation[front]] > 0)[..., None] & (likely[front] > 0)
        last = np.argwhere(possible & violates[tables.outcome[front]])
        if len(last):
            return _path(front[last[0, 0]], last[0, 1:], parents)
        to = tables.successor[front]
        moves = np.argwhere(possible & (to != ENDED))
        following, first = np.unique(to[tuple(moves.T)], return_index=True)
        new = ~visited[following]
        moves = moves[first[new]]
        parents[following[new]] = np.column_stack((front[moves[:, 0]], moves[:, 1:]))
        front = following[new]
    return None


def _path(
    state: int, last: NDArray[np.int64], parents: NDArray[np.int32]
) -> tuple[int, list[tuple[int, int]]]:
    """The path that ends in `state` with the action and branch `last`."""
    steps = [(int(last[0]), int(last[1]))]
    while parents[state, 0] >= 0:
        state, action, branch = map(int, parents[state])
        steps.append((action, branch))
    return int(state), steps[::-1]
