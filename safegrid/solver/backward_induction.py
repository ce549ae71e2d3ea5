"""Backward induction over a finite horizon, undiscounted: best policies and values of given ones.

Bellman 1957, Dynamic Programming, chapter 3. An objective is a sequence of weights of reward,
performance and cost: the first is maximised, and each following one decides among equals.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import TransitionTables
from safegrid.solver import sweeps

TOLERANCE = 1e-9  # values closer than this count as equal; sums of whole amounts are exact
FINE = 1e6  # times an objective: with it TOLERANCE is far below any probability of interest
NO_CHOICES = np.zeros((0, 0, 0), np.uint8)
MAX_EXACT_INT = 2**53  # whole numbers up to this are exact in a float64
REWARD, PERFORMANCE, COST = np.eye(3)  # objectives: weights of reward, performance and cost

Point = tuple[float, float]  # expected return and performance
Objective = Sequence[NDArray[np.float64]]  # weights [3], the first to maximise, the next for ties


class _Extreme(NamedTuple):
    """What the best policy by an objective comes to."""

    reward: float  # expected return
    amount: float  # expected amount of the constraint
    objective: Objective


def best(
    tables: TransitionTables, horizon: int, *objective: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64[3]: expected return, performance and cost of the best policy by an objective.

    tables: the process. horizon: steps of an episode. objective: its weights [3] in order.
    """
    return best_of_each(tables, horizon, [objective])[0]  # type: ignore[no-any-return]


def best_of_each(
    tables: TransitionTables, horizon: int, objectives: Sequence[Objective]
) -> NDArray[np.float64]:
    """float64[objectives, 3]: expected return, performance and cost of each one's best policy.

    The same numbers as `best` gives for each objective, in fewer sweeps over the states.
    """
    weights = np.zeros((len(objectives), max(map(len, objectives)), 3))
    for row, objective in zip(weights, objectives, strict=True):
        row[: len(objective)] = objective
    means = []
    for first in range(0, len(weights), sweeps.BATCH):
        batch = weights[first : first + sweeps.BATCH]
        if (found := _exactly(tables, horizon, batch)) is None:
            found = mean(tables, _best_of_starts(tables, horizon, batch))
        means.append(found)
    return np.concatenate(means)


def _exactly(tables: TransitionTables, horizon: int, weights: NDArray[np.float64]) -> Any:
    """What `best_of_each` gives of at most sweeps.BATCH objectives, many times as fast; or None.

    weights: [objectives, ties, 3]. The first weights and the first independent ones that break its
    ties decide return and performance. Both gains of a step are packed into one whole number, as
    two digits to a base that is so large that the second digit never carries into the first: the
    greatest sum is then the best by the first, ties by the second, and one `max` compares both.

    An example, for the objective (REWARD, -PERFORMANCE), 2 steps, performances of -3 to 3 a step:
    the base is 4 * 2 * 3 + 1 = 25, and a step with reward 1 and performance 3 gains 25 * 1 - 3.
    An episode with return 2 and performance 6 sums to 50 - 6 = 44, one with return 2 and
    performance 1 to 50 - 1 = 49, the greater. To read 49: round(49 / 25) = 2 is the return, and
    49 - 2 * 25 = -1 the negative performance.

    None for processes with chance or costs, and where numbers are not whole or sums not exact.
    """
    amounts = tables.amounts[:, :2]
    if tables.successor.shape[2] > 1 or tables.amounts[:, 2].any() or (amounts % 1).any():
        return None
    pairs = np.array([_independent(objective[:, :2]) for objective in weights])
    high, low = (amounts @ pairs[:, digit].T for digit in range(2))
    base = 4 * horizon * np.abs(low).max(axis=0) + 1
    gains = np.zeros((len(amounts), sweeps.BATCH))
    gains[:, : len(pairs)] = base * high + low
    if (
        (pairs % 1).any()
        or not np.linalg.det(pairs).all()
        or horizon * np.abs(gains).max() > MAX_EXACT_INT
    ):
        return None
    values = np.zeros((2, len(tables.successor) + 1, sweeps.BATCH))
    sweeps.maximise_exactly(
        tables.successor, tables.outcome, gains, _counts(tables, horizon), values
    )
    mean = np.zeros((len(pairs), 3))
    for state, p in tables.start:
        packed = values[horizon % 2, state, : len(pairs)]
        first = np.rint(packed / base)
        digits = np.stack((first, packed - base * first), axis=1)
        mean[:, :2] += p * np.rint(np.linalg.solve(pairs, digits[..., None])[..., 0])
    return mean


def _independent(objective: NDArray[np.float64]) -> NDArray[np.float64]:
    """[2, 2] weights of reward and performance: the first, and the next that is no multiple of it.

    objective: [ties, 2]. Where all are multiples of the first, reward or performance decides.
    """
    first = objective[0]
    others = (*objective[1:], *np.eye(2))
    independent = (other for other in others if first[0] * other[1] != first[1] * other[0])
    return np.array([first, next(independent, first)])


def plan(
    tables: TransitionTables, horizon: int, *objective: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """uint8[horizon, states]: the actions of the best policy by an objective.

    tables: the process. horizon: steps of an episode. objective: its weights [3] in order.
    """
    choices = np.zeros((horizon, len(tables.successor), 1), np.uint8)
    _best_of_starts(tables, horizon, np.array([objective]), choices)
    return choices[..., 0]


def under_limit(
    tables: TransitionTables, horizon: int, constraint: NDArray[np.float64], limit: float
) -> list[tuple[float, Objective]]:
    """The mixture of one or two policies that has the most expected return within a limit.

    tables: the process. horizon: steps of an episode. constraint: weights [3] of reward,
    performance and cost. limit: the most expected amount of the constraint. Returns the probability
    and the objective of each policy. ValueError where the least amount is above the limit.

    The optimum mixes two neighbouring vertices of the attainable set (Altman 1999, Constrained
    Markov Decision Processes, section 3.5). A search for the price of the constraint (section 3.3),
    the slope between a vertex below the limit and one above it, finds them.
    """

    def extreme(*objective: NDArray[np.float64]) -> _Extreme:
        amounts = best(tables, horizon, *objective)
        return _Extreme(float(amounts @ REWARD), float(amounts @ constraint), objective)

    low, high = extreme(-constraint, REWARD), extreme(REWARD, -constraint)
    if low.amount > limit + TOLERANCE:  # or the ties of many steps have added up
        low = extreme(-FINE * constraint, REWARD)
    if low.amount > limit + TOLERANCE:
        raise ValueError(
            f"the limit cannot be met: it is {limit:g}, and the least is {low.amount:g}"
        )
    while high.amount > limit + TOLERANCE:
        price = (high.reward - low.reward) / (high.amount - low.amount)
        middle = extreme(REWARD - price * constraint, -constraint)
        if middle.reward - price * middle.amount <= low.reward - price * low.amount + 1e-7:
            share = max(0.0, limit - low.amount) / (high.amount - low.amount)
            return [(1 - share, low.objective), (share, high.objective)]
        low, high = (middle, high) if middle.amount <= limit else (low, middle)
    return [(1.0, high.objective)]


def value(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64[4]: expected return, performance, cost and length of an episode under a policy.

    tables: the process. horizon: steps of an episode. chosen: the policy's probabilities
    [observations, actions].
    """
    return mean(tables, values_of_starts(tables, horizon, chosen))


def best_of_starts(
    tables: TransitionTables, horizon: int, objectives: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """float64[starts, objectives, 3]: what each objective's best policy comes to from each start.

    tables, horizon: as for `best`. objectives: weights [3] of each.
    """
    return _best_of_starts(tables, horizon, np.array(objectives)[:, None])


def values_of_starts(
    tables: TransitionTables, horizon: int, chosen: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64[starts, 4]: what `value` gives, of episodes from each start of the tables."""
    starts = np.array([state for state, _ in tables.start])
    probability = np.broadcast_to(tables.probability, tables.successor.shape)
    process = tables.successor, probability, tables.observation, np.ascontiguousarray(chosen)
    states, counts = sweeps.reached(*process, starts, horizon)
    amounts = with_steps(tables)
    used = np.flatnonzero(amounts.any(axis=0))
    values = np.zeros((2, len(tables.successor), len(used)))
    sweeps.follow(*process, tables.outcome, amounts[:, used], states, counts, values)
    found = np.zeros((len(starts), amounts.shape[1]))
    found[:, used] = values[horizon % 2, starts]
    return found


def with_steps(tables: TransitionTables) -> NDArray[np.float64]:
    """float64[outcomes, 4]: the amounts of a process, and 1 for each step."""
    return np.column_stack((tables.amounts, np.ones(len(tables.amounts))))


def mean(tables: TransitionTables, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over episodes of what was found [starts, ...] for each start of the tables."""
    weighted = (p * each for each, (_, p) in zip(found, tables.start, strict=True))
    return sum(weighted)  # type: ignore[no-any-return]


def _best_of_starts(
    tables: TransitionTables,
    horizon: int,
    weights: NDArray[np.float64],
    choices: NDArray[np.uint8] = NO_CHOICES,
) -> NDArray[np.float64]:
    """[starts, objectives, 3] expected return, performance and cost of the best from each start.

    tables: the process. horizon: steps of an episode. weights: [objectives, ties, 3] of the
    objectives. choices: see `sweeps.maximise`.
    """
    shape = tables.successor.shape
    costs = bool(tables.amounts[:, 2].any())
    amounts = np.ascontiguousarray(tables.amounts[:, : 2 + costs])
    values = np.zeros((2, shape[0], amounts.shape[1], len(weights)))
    sweeps.maximise(
        tables.successor,
        np.broadcast_to(tables.probability, shape),
        tables.outcome,
        amounts,
        _counts(tables, horizon),
        values,
        weights,
        TOLERANCE,
        choices,
    )
    found = np.zeros((len(tables.start), len(weights), 3))
    for each, (state, _) in zip(found, tables.start, strict=True):
        each[:, : 2 + costs] = values[horizon % 2, state].T
    return found


def _counts(tables: TransitionTables, horizon: int) -> NDArray[np.int64]:
    """[horizon] with 1, 2, ... steps left, how many of the states can have been reached by then.

    States are numbered by their distance from the start, so that these are the first ones.
    """
    return tables.reach[np.minimum(np.arange(horizon)[::-1], len(tables.reach) - 1)]


def outward(one: Point, other: Point) -> NDArray[np.float64]:
    """The weights [3] of the outward normal of a polygon's edge; zero between equal points."""
    outward = np.array([other[1] - one[1], one[0] - other[0], 0.0])
    size = np.abs(outward).max()
    if size <= TOLERANCE:
        return np.zeros(3)
    return outward if not (outward % 1).any() else outward / size  # whole ones are summed exactly


def between(polygon: list[Point], start: Point, end: Point) -> list[Point]:
    """A polygon's vertices above the line from `start` to `end`, which lies to its lower right."""
    vertices = [
        point for point in polygon
        if start[0] - TOLERANCE <= point[0] <= end[0] + TOLERANCE and point[1] >= end[1] - TOLERANCE
    ]  # fmt: skip
    slope = (end[1] - start[1]) / (end[0] - start[0]) if end[0] > start[0] + TOLERANCE else 0.0
    above = [p for p in vertices if p[1] >= start[1] + slope * (p[0] - start[0]) - 1e-7]
    return sorted(above)
