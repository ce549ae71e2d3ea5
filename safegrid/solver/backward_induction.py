"""Backward induction: what policies are worth over a finite horizon, undiscounted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import TransitionTables
from safegrid.engine.row_index import compiled

TOLERANCE = 1e-9  # values closer than this are equal; whole amounts are exact anyway
BATCH = 8  # objectives followed in one sweep: the values of a state fill a line of the cache
NO_CHOICES = np.zeros((0, 0, 0), np.uint8)
MAX_EXACT_INT = 2**53  # whole numbers up to this are exact
REWARD, PERFORMANCE, COST = np.eye(3)  # objectives: weights of reward, performance and cost

Objective = Sequence[NDArray[np.float64]]  # to maximise, ties by the next one


def best(
    tables: TransitionTables, horizon: int, *objective: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expected return, performance and cost of the policy that is best by weights in turn."""
    mean: NDArray[np.float64] = best_of_each(tables, horizon, [objective])[0]
    return mean


def best_of_each(
    tables: TransitionTables, horizon: int, objectives: Sequence[Objective]
) -> NDArray[np.float64]:
    """[objectives, 3] what `best` gives of each, for less than the price of each alone."""
    weights = np.zeros((len(objectives), max(map(len, objectives)), 3))
    for row, objective in zip(weights, objectives, strict=True):
        row[: len(objective)] = objective
    means = []
    for first in range(0, len(weights), BATCH):
        batch = weights[first : first + BATCH]
        if (mean := _exactly(tables, horizon, batch)) is None:
            mean = _mean(tables, horizon, _maximise, batch, TOLERANCE, NO_CHOICES)
        means.append(mean)
    return np.concatenate(means)


def _exactly(tables: TransitionTables, horizon: int, weights: NDArray[np.float64]) -> Any:
    """The means of `best_of_each` by sums of whole numbers, many times as fast.

    Two objectives that decide reward and performance are two digits of one. None for processes
    with chance, with costs, and with numbers that are not whole or too large.
    """
    amounts = tables.amounts[:, :2]
    if tables.successor.shape[2] > 1 or tables.amounts[:, 2].any() or (amounts % 1).any():
        return None
    pairs = np.array([_independent(objective[:, :2]) for objective in weights])
    high, low = (amounts @ pairs[:, digit].T for digit in range(2))
    base = 4 * horizon * np.abs(low).max(axis=0) + 1
    gains = np.zeros((len(amounts), BATCH))
    gains[:, : len(pairs)] = base * high + low
    if (
        (pairs % 1).any()
        or not np.linalg.det(pairs).all()
        or horizon * np.abs(gains).max() > MAX_EXACT_INT
    ):
        return None
    values = np.zeros((2, len(tables.successor) + 1, BATCH))
    _maximise_exactly(tables.successor, tables.outcome, gains, _counts(tables, horizon), values)
    mean = np.zeros((len(pairs), 3))
    for state, p in tables.start:
        best = values[horizon % 2, state, : len(pairs)]
        first = np.rint(best / base)
        digits = np.stack((first, best - base * first), axis=1)
        mean[:, :2] += p * np.rint(np.linalg.solve(pairs, digits[..., None])[..., 0])
    return mean


def _independent(objective: NDArray[np.float64]) -> NDArray[np.float64]:
    """[2, 2] weights of reward and performance: the first, and what breaks its ties."""
    first = objective[0]
    others = (*objective[1:], *np.eye(2))
    independent = (other for other in others if first[0] * other[1] != first[1] * other[0])
    return np.array([first, next(independent, first)])


def plan(
    tables: TransitionTables, horizon: int, *objective: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """[horizon, states] the actions of the policy that is best by weights in turn."""
    choices = np.zeros((horizon, len(tables.successor), 1), np.uint8)
    _mean(tables, horizon, _maximise, np.array([objective]), TOLERANCE, choices)
    return choices[..., 0]


def under_limit(
    tables: TransitionTables, horizon: int, burden: NDArray[np.float64], limit: float
) -> list[tuple[float, Objective]]:
    """The policies, one or two, that mixed so have the most return while the burden is limited.

    The burden is a weight of reward, performance and cost. By bisection of the price of a burden,
    which finds neighbouring vertices (Altman 1999, Constrained Markov Decision Processes, section
    3.3). ValueError where no policy has so little.
    """

    def point(*objective: NDArray[np.float64]) -> tuple[float, float, Objective]:
        amounts = best(tables, horizon, *objective)
        return float(amounts @ REWARD), float(amounts @ burden), objective

    cheap, dear = point(-burden, REWARD), point(REWARD, -burden)
    if cheap[1] > limit + TOLERANCE:
        raise ValueError(f"the limit cannot be met: it is {limit:g}, and the least is {cheap[1]:g}")
    while dear[1] > limit + TOLERANCE:
        slope = (dear[0] - cheap[0]) / (dear[1] - cheap[1])
        middle = point(REWARD - slope * burden, -burden)
        if middle[0] - slope * middle[1] <= cheap[0] - slope * cheap[1] + 1e-7:
            share = (limit - cheap[1]) / (dear[1] - cheap[1])
            return [(1 - share, cheap[2]), (share, dear[2])]
        cheap, dear = (middle, dear) if middle[1] <= limit else (cheap, middle)
    return [(1.0, dear[2])]


def value(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expected return, performance and cost of a policy, probabilities [observations, actions]."""
    mean: NDArray[np.float64] = _mean(tables, horizon, _follow, chosen[None], tables.observation)[0]
    return mean


def _mean(tables: TransitionTables, horizon: int, loop: Any, plans: Any, *arguments: Any) -> Any:
    """[plans, 3] the means over the start of what a compiled loop finds for each plan."""
    shape = tables.successor.shape
    costs = bool(tables.amounts[:, 2].any())
    amounts = np.ascontiguousarray(tables.amounts[:, : 2 + costs])
    values = np.zeros((2, shape[0], amounts.shape[1], len(plans)))
    probability = np.broadcast_to(tables.probability, shape)
    counts = _counts(tables, horizon)
    loop(tables.successor, probability, tables.outcome, amounts, counts, values, plans, *arguments)
    mean = np.zeros((len(plans), 3))
    for state, p in tables.start:
        mean[:, : 2 + costs] += p * values[horizon % 2, state].T
    return mean


def _counts(tables: TransitionTables, horizon: int) -> NDArray[np.int64]:
    """[horizon] how many states, the first, can have been reached with 1, 2, ... steps to go."""
    return tables.reach[np.minimum(np.arange(horizon)[::-1], len(tables.reach) - 1)]


@compiled
def _maximise(
    successor: Any,
    probability: Any,
    outcome: Any,
    amounts: Any,
    counts: Any,
    values: Any,
    objectives: Any,
    tie: float,
    choices: Any,
) -> None:
    """Values [2, states, amounts, objectives] of best policies, those of step t in row t % 2.

    Their actions go to `choices` [horizon, states, objectives], where it is not empty. At each
    step only the first `counts` states matter: the others cannot have been reached yet.
    """
    _, actions, branches = successor.shape
    kinds, plans = values.shape[2:]
    value, gain = np.zeros((kinds, plans)), np.zeros(plans)
    better, even = np.zeros(plans, np.bool_), np.zeros(plans, np.bool_)
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            for a in range(actions):
                value[:] = 0.0
                for k in range(branches):
                    to, p = successor[s, a, k], probability[s, a, k]
                    for i in range(kinds):
                        one = p * amounts[outcome[s, a, k], i]
                        for j in range(plans):
                            value[i, j] += one + (p * later[to, i, j] if to >= 0 else 0.0)
                better[:], even[:] = a == 0, a > 0
                for level in range(objectives.shape[1]):
                    gain[:] = 0.0
                    for i in range(kinds):
                        for j in range(plans):
                            gain[j] += objectives[j, level, i] * (value[i, j] - now[s, i, j])
                    for j in range(plans):
                        better[j] |= even[j] & (gain[j] > tie)
                        even[j] &= abs(gain[j]) <= tie
                for j in range(plans):
                    if better[j]:
                        now[s, :, j] = value[:, j]
                        if len(choices):
                            choices[len(counts) - 1 - t, s, j] = a


@compiled
def _maximise_exactly(successor: Any, outcome: Any, gains: Any, counts: Any, values: Any) -> None:
    """Values [2, states + 1, objectives], as above, of gains [outcomes, objectives] without chance.

    The last state is the end: a successor of -1 comes to it.
    """
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            now[s] = -np.inf
            for a in range(successor.shape[1]):
                to, gain = successor[s, a, 0], outcome[s, a, 0]
                for j in range(BATCH):
                    now[s, j] = max(now[s, j], gains[gain, j] + later[to, j])


@compiled
def _follow(
    successor: Any,
    probability: Any,
    outcome: Any,
    amounts: Any,
    counts: Any,
    values: Any,
    policies: Any,
    observation: Any,
) -> None:
    """Values, as above, of policies that choose by [policies, observations, actions]."""
    _, actions, branches = successor.shape
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            now[s] = 0.0
            for a in range(actions):
                for j in range(len(policies)):
                    chosen = policies[j, observation[s], a]
                    if chosen > 0:
                        for k in range(branches):
                            to, p = successor[s, a, k], chosen * probability[s, a, k]
                            for i in range(values.shape[2]):
                                one = amounts[outcome[s, a, k], i]
                                now[s, i, j] += p * (one + later[to, i, j] if to >= 0 else one)
