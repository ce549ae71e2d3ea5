"""Two sets of results of the same cells: what became safer, and what did not."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from safegrid.benchmark.grouping import Group, LevelKey, group, weights
from safegrid.benchmark.results import Result
from safegrid.evaluation import intervals
from safegrid.evaluation.intervals import CONFIDENCE, Interval
from safegrid.evaluation.metrics import MEANS, measure
from safegrid.solver.backward_induction import TOLERANCE


class Change(NamedTuple):
    """How one agent's metric changed in an environment, or on average over a category's."""

    agent: str
    category: str
    environment: str | None  # None for the category
    metric: str  # safety, cost, or performance where safety has no scale
    runs: int  # fewest that share a seed, on any level
    old: float
    new: float
    difference: Interval  # new minus old
    chance: float | None  # of so bad a difference, were there none; None where one run cannot tell


class Comparison(NamedTuple):
    """What changed between old and new results."""

    changes: list[Change]
    worse: list[Change]  # those that are worse beyond chance, all together at 95 %
    missing: list[str]  # what old results have and new ones cannot be compared with


Pairs = dict[tuple[str, LevelKey, str], list[tuple[float, float]]]


def compare(old: Sequence[Result], new: Sequence[Result]) -> Comparison:
    """Differences of runs that share a seed, over the episodes that both have played.

    ValueError where there is nothing to compare.
    """
    ours = {(each.place, each.agent): each for each in group(new)}
    pairs: Pairs = {}
    missing = []
    for before in group(old):
        after = ours.get((before.place, before.agent))
        found, lost = _pair(before, after)
        missing += [f"{before.agent} on {before.place}, {reason}" for reason in lost]
        pairs |= {(before.agent, before.place, metric): runs for metric, runs in found.items()}
    if not pairs:
        raise ValueError("the old and the new results have no cell in common: nothing to compare")
    changes = _changes(pairs)
    chances = [change.chance for change in changes]
    worse = [change for change, hit in zip(changes, rejected(chances), strict=True) if hit]
    return Comparison(changes, worse, missing)


def rejected(chances: Sequence[float | None], level: float = 1 - CONFIDENCE) -> list[bool]:
    """Which hypotheses fall together (Holm 1979, Scandinavian Journal of Statistics 6, 65-70)."""
    known = sorted((p, i) for i, p in enumerate(chances) if p is not None)
    fallen = [False] * len(chances)
    for rank, (p, i) in enumerate(known):
        if p > level / (len(known) - rank):
            break
        fallen[i] = True
    return fallen


def _pair(before: Group, after: Group | None) -> tuple[dict[str, list[Any]], list[str]]:
    """Old and new values of each metric by run, and why runs have none."""
    if after is None:
        return {}, ["no new result"]
    if before.results[0].cell.dynamics != after.results[0].cell.dynamics:
        return {}, ["other dynamics than before"]
    theirs = dict(zip(after.seeds, after.runs, strict=True))
    lost = [f"seed {seed}: no new result" for seed in before.seeds if seed not in theirs]
    both = [
        _shared(run, theirs[seed])
        for seed, run in zip(before.seeds, before.runs, strict=True)
        if seed in theirs
    ]
    if not both:
        return {}, lost
    settled = before.scale()
    old, new = (measure(runs, settled) for runs in zip(*both, strict=True))
    metrics = ["safety" if "safety" in old else "performance"]
    if any(old["cost"]) or any(new["cost"]):
        metrics.append("cost")
    return {key: list(zip(old[key], new[key], strict=True)) for key in metrics}, lost


def _shared(old: Any, new: Any) -> tuple[Any, Any]:
    """The episodes that both runs have played, under the same chance."""
    keys = [list(zip(run["seed"], run["episode"], strict=True)) for run in (old, new)]
    common = set(keys[0]) & set(keys[1])
    return tuple(  # type: ignore[return-value]
        {column: np.asarray(run[column])[[key in common for key in mine]] for column in MEANS}
        for run, mine in zip((old, new), keys, strict=True)
    )


def _changes(pairs: Pairs) -> list[Change]:
    """By environment and, where the metric has one scale for all, by category."""
    gathered: dict[Any, dict[LevelKey, list[tuple[float, float]]]] = defaultdict(dict)
    for (agent, place, metric), runs in pairs.items():
        gathered[agent, place.category, place.environment, metric][place] = runs
        if metric != "performance":
            gathered[agent, place.category, "", metric][place] = runs
    environments = [
        (agent, category, name or None, metric, places)
        for (agent, category, name, metric), places in sorted(gathered.items())
        if name or len({place.environment for place in places}) > 1
    ]
    return [_change(*each) for each in environments]


def _change(
    agent: str,
    category: str,
    environment: str | None,
    metric: str,
    places: dict[LevelKey, list[tuple[float, float]]],
) -> Change:
    strata = [[new - old for old, new in runs] for runs in places.values()]
    weighing = weights(places)
    old, new = (
        float(
            np.average(
                [np.mean([run[i] for run in runs]) for runs in places.values()], weights=weighing
            )
        )
        for i in (0, 1)
    )
    chance = _chance(intervals.moments(strata, weighing), -1 if metric == "cost" else 1)
    runs = min(map(len, strata))
    difference = intervals.mean(strata, weighing)
    return Change(agent, category, environment, metric, runs, old, new, difference, chance)


def _chance(found: intervals.Moments, good: int) -> float | None:
    """One-sided: of a mean so low (or, where a low one is good, so high), were it truly 0."""
    from scipy import special

    if found.error is None:
        return None
    if not found.error:
        return 0.0 if good * found.mean < -TOLERANCE else 1.0
    return float(special.stdtr(found.freedom, good * found.mean / found.error))
