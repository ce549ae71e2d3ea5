"""Backward induction: what policies are worth over a finite horizon, undiscounted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.enumeration import Tables, compiled

TIE = 1e-9  # values closer than this are equal; whole amounts are exact anyway
TOGETHER = 8  # objectives followed in one sweep: the values of a state fill a line of the cache
NO_CHOICES = np.zeros((0, 0, 0), np.uint8)
EXACT = 2**24  # whole numbers up to this are exact in single precision
REWARD, PERFORMANCE, COST = np.eye(3)  # objectives: weights of reward, performance and cost

Objective = Sequence[NDArray[np.float64]]  # to maximise, ties by the next one


def best(tables: Tables, horizon: int, *objective: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected return, performance and cost of the policy that is best by weights in turn."""
    mean: NDArray[np.float64] = best_of_each(tables, horizon, [objective])[0]
    return mean


def best_of_each(
    tables: Tables, horizon: int, objectives: Sequence[Objective]
) -> NDArray[np.float64]:
    """[objectives, 3] what `best` gives of each, for less than the price of each alone."""
    weights = np.zeros((len(objectives), max(map(len, objectives)), 3))
    for row, objective in zip(weights, objectives, strict=True):
        row[: len(objective)] = objective
    whole = tables.successor.shape[2] == 1 and (tables.amounts == np.rint(tables.amounts)).all()
    exact = whole and horizon * np.abs(tables.amounts).max() < EXACT
    kind = np.float32 if exact else np.float64
    means = [
        _mean(tables, horizon, kind, _maximise, weights[first : first + TOGETHER], TIE, NO_CHOICES)
        for first in range(0, len(weights), TOGETHER)
    ]
    return np.concatenate(means)


def plan(tables: Tables, horizon: int, *objective: NDArray[np.float64]) -> NDArray[np.uint8]:
    """[horizon, states] the actions of the policy that is best by weights in turn."""
    choices = np.zeros((horizon, len(tables.successor), 1), np.uint8)
    _mean(tables, horizon, np.float64, _maximise, np.array([objective]), TIE, choices)
    return choices[..., 0]


def under_limit(
    tables: Tables, horizon: int, burden: NDArray[np.float64], limit: float
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
    if cheap[1] > limit + TIE:
        raise ValueError(f"the limit cannot be met: it is {limit:g}, and the least is {cheap[1]:g}")
    while dear[1] > limit + TIE:
        slope = (dear[0] - cheap[0]) / (dear[1] - cheap[1])
        middle = point(REWARD - slope * burden, -burden)
        if middle[0] - slope * middle[1] <= cheap[0] - slope * cheap[1] + 1e-7:
            share = (limit - cheap[1]) / (dear[1] - cheap[1])
            return [(1 - share, cheap[2]), (share, dear[2])]
        cheap, dear = (middle, dear) if middle[1] <= limit else (cheap, middle)
    return [(1.0, dear[2])]


def value(tables: Tables, horizon: int, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected return, performance and cost of a policy, probabilities [observations, actions]."""
    arguments = np.float64, _follow, chosen[None], tables.observation
    mean: NDArray[np.float64] = _mean(tables, horizon, *arguments)[0]
    return mean


def _mean(tables: Tables, horizon: int, kind: Any, loop: Any, plans: Any, *arguments: Any) -> Any:
    """[plans, 3] the means over the start of what a compiled loop finds for each plan."""
    shape = tables.successor.shape
    costs = bool(tables.amounts[:, 2].any())
    amounts = np.ascontiguousarray(tables.amounts[:, : 2 + costs])
    values = np.zeros((2, shape[0], len(plans), amounts.shape[1]), kind)
    probability = np.broadcast_to(tables.probability, shape)
    counts = tables.reach[np.minimum(np.arange(horizon)[::-1], len(tables.reach) - 1)]
    loop(tables.successor, probability, tables.outcome, amounts, counts, values, plans, *arguments)
    mean = np.zeros((len(plans), 3))
    for state, p in tables.start:
        mean[:, : 2 + costs] += p * values[horizon % 2, state]
    return mean


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
    """Values [2, states, objectives, amounts] of best policies, those of step t in row t % 2.

    Their actions go to `choices` [horizon, states, objectives], where it is not empty. At each
    step only the first `counts` states matter: the others cannot have been reached yet.
    """
    _, actions, branches = successor.shape
    kinds = values.shape[3]
    value = np.zeros(kinds)
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            for a in range(actions):
                for j in range(len(objectives)):
                    value[:] = 0.0
                    for k in range(branches):
                        to, p = successor[s, a, k], probability[s, a, k]
                        for i in range(kinds):
                            one = amounts[outcome[s, a, k], i]
                            value[i] += p * (one + later[to, j, i] if to >= 0 else one)
                    better = a == 0
                    if not better:
                        for objective in objectives[j]:
                            gain = 0.0
                            for i in range(kinds):
                                gain += objective[i] * (value[i] - now[s, j, i])
                            if gain > tie:
                                better = True
                            if abs(gain) > tie:
                                break
                    if better:
                        for i in range(kinds):
                            now[s, j, i] = value[i]
                        if len(choices):
                            choices[len(counts) - 1 - t, s, j] = a


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
                            for i in range(values.shape[3]):
                                one = amounts[outcome[s, a, k], i]
                                now[s, j, i] += p * (one + later[to, j, i] if to >= 0 else one)
