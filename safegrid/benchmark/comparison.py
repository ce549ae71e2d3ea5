"""Comparison of two sets of results of the same cells: what became safer or less safe."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from safegrid.benchmark.grouping import (
    Group,
    LevelKey,
    group,
    is_current,
    result_values,
    setup,
    weights,
)
from safegrid.benchmark.results import Result
from safegrid.engine import files
from safegrid.evaluation import few_valued, intervals, valuation
from safegrid.evaluation.few_valued import OPEN
from safegrid.evaluation.intervals import CONFIDENCE, Interval, Strata
from safegrid.evaluation.metrics import LIMITS, MEANS, measure
from safegrid.evaluation.ranking import permutation_test
from safegrid.solver.backward_induction import TOLERANCE

# pairs of runs on a level with which its permutation test can reject at 5 %, also as one of a few
ENOUGH = 5


class Change(NamedTuple):
    """Change of one agent's metric in an environment, or on average over those of a category."""

    agent: str
    category: str
    environment: str | None  # None for the mean over the category
    metric: str  # "measure", "safety", "cost", or "performance" on levels without a safety score
    runs: int  # fewest pairs of runs on a level
    old: float
    new: float
    difference: Interval  # new minus old
    p_value: float | None  # one-sided, of a change for the worse; None for one pair of runs


class Comparison(NamedTuple):
    """Changes between old and new results."""

    changes: list[Change]
    worse: list[Change]  # significant changes for the worse, at a familywise level of 5 %
    missing: list[str]  # old results without a comparable new result


Pairs = dict[tuple[str, LevelKey, str], list[tuple[float, float]]]
Setups = dict[tuple[LevelKey, str], dict[tuple[str, int], dict[str, Group]]]


def compare(old: Sequence[Result], new: Sequence[Result]) -> Comparison:
    """Paired differences of runs with the same seed, over the episodes that both have played.

    An agent with other settings, steps or version is compared where the old and the new results
    have one such setup of it on the level each. Runs on different dynamics of a level are not
    compared; runs of earlier dynamics than the present ones are compared without scores. ValueError
    where the old and the new results have no run in common.
    """
    befores = group(old)
    before_by_setup, after_by_setup = _by_setup(befores), _by_setup(group(new))
    pairs: Pairs = {}
    missing, differ, changed = [], [], set()
    for before in befores:
        what, cell = f"{before.agent} on {before.level}", before.results[0].cell
        others = after_by_setup[before.level, cell.agent]
        candidates = others.get(_setup(before), {})
        if len(before_by_setup[before.level, cell.agent]) == len(others) == 1:
            (candidates,) = others.values()
        after = candidates.get(_dynamics(before))
        if candidates and after is None:
            now = " and ".join(candidates)
            differ.append(f"{what}, the dynamics differ: {_dynamics(before)} before, {now} now")
            continue
        values, reasons = _pair(before, after)
        missing += [f"{what}, {reason}" for reason in reasons]
        level = before.level
        if not is_current(cell):
            level = level._replace(environment=f"{level.environment}, {_dynamics(before)}")
            changed.add(level)
        pairs |= {(before.agent, level, metric): runs for metric, runs in values.items()}
    if not pairs and differ:
        raise ValueError(f"there is nothing to compare: {files.first_of(differ)}")
    if not pairs:
        raise ValueError("the old and the new results have no cell in common: nothing to compare")
    missing += differ
    changes = _changes(pairs, changed)
    p_values = [change.p_value for change in changes]
    worse = [change for change, hit in zip(changes, rejected(p_values), strict=True) if hit]
    return Comparison(changes, worse, missing)


def rejected(p_values: Sequence[float | None], level: float = 1 - CONFIDENCE) -> list[bool]:
    """Which hypotheses are rejected at a familywise error rate of `level`; None is not tested.

    Holm's procedure (1979, Scandinavian Journal of Statistics 6, 65-70).
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    result = [False] * len(p_values)
    for rank, (p, i) in enumerate(tested):
        if p > level / (len(tested) - rank):
            break
        result[i] = True
    return result


def _pair(before: Group, after: Group | None) -> tuple[dict[str, list[Any]], list[str]]:
    """(old, new) values of each metric by run, and the reasons why runs have none."""
    if after is None:
        return {}, ["no new result"]
    new_runs = dict(zip(after.seeds, after.runs, strict=True))
    reasons = [f"seed {seed}: no new result" for seed in before.seeds if seed not in new_runs]
    both = {
        seed: _shared(run, new_runs[seed])
        for seed, run in zip(before.seeds, before.runs, strict=True)
        if seed in new_runs
    }
    if not both:
        return {}, reasons
    scale = before.scale()
    old, new = (measure(runs, scale) for runs in zip(*both.values(), strict=True))
    metrics = ["safety" if "safety" in old else "performance"]
    if any(old["cost"]) or any(new["cost"]):
        metrics.append("cost")
    values = {key: list(zip(old[key], new[key], strict=True)) for key in metrics}
    was = _measures(before, {seed: run for seed, (run, _) in both.items()})
    now = _measures(after, {seed: run for seed, (_, run) in both.items()})
    if was and now:
        values["measure"] = list(zip(was, now, strict=True))
    return values, reasons


def _by_setup(groups: Sequence[Group]) -> Setups:
    """The groups by level and agent, by setup, and by dynamics."""
    found: Setups = defaultdict(lambda: defaultdict(dict))
    for each in groups:
        agent = each.results[0].cell.agent
        found[each.level, agent][_setup(each)][_dynamics(each)] = each
    return found


def _setup(group: Group) -> tuple[str, int]:
    """An agent's setup and its number of episodes."""
    cell = group.results[0].cell
    return setup(cell), cell.episodes


def _dynamics(group: Group) -> str:
    """The fingerprint of the level in these runs."""
    return group.results[0].cell.dynamics


def _measures(group: Group, episodes: dict[int, Any]) -> list[float]:
    """The measure of each run, over these episodes where it has no exact values.

    episodes: of the runs by seed. Empty where the level has no measure, or has changed since.
    """
    if not is_current(group.results[0].cell):
        return []
    dynamics, results = group.dynamics, []
    for result in (each for each in group.results if each.cell.seed in episodes):
        values = dict(result_values(result, dynamics))
        if not values[dynamics.level_name].exact:
            sample = episodes[result.cell.seed]
            values[dynamics.level_name] = valuation.sampled(sample, dynamics)
        results.append(result._replace(values=values))
    return group._replace(results=results).values().get("measure", [])


def _shared(old: Any, new: Any) -> tuple[Any, Any]:
    """The episodes that both runs have played from the same seed."""
    keys = [list(zip(run["seed"], run["episode"], strict=True)) for run in (old, new)]
    common = set(keys[0]) & set(keys[1])
    return tuple(  # type: ignore[return-value]
        {column: np.asarray(run[column])[[key in common for key in own]] for column in MEANS}
        for run, own in zip((old, new), keys, strict=True)
    )


def _changes(pairs: Pairs, changed: Collection[LevelKey]) -> list[Change]:
    """The change of each environment and, for metrics with a common scale, of each category.

    changed: levels that count for no category, since they have changed.
    """
    gathered: dict[Any, dict[LevelKey, list[tuple[float, float]]]] = defaultdict(dict)
    for (agent, level, metric), runs in pairs.items():
        gathered[agent, level.category, level.environment, metric][level] = runs
        if metric != "performance" and level not in changed:
            gathered[agent, level.category, "", metric][level] = runs
    environments = [
        (agent, category, name or None, metric, levels)
        for (agent, category, name, metric), levels in sorted(gathered.items())
        if name or len({level.environment for level in levels}) > 1
    ]
    return [_change(*each) for each in environments]


def _change(
    agent: str,
    category: str,
    environment: str | None,
    metric: str,
    levels: dict[LevelKey, list[tuple[float, float]]],
) -> Change:
    strata = [[new - old for old, new in runs] for runs in levels.values()]
    level_weights = weights(levels)
    olds, news = ([[run[i] for run in runs] for runs in levels.values()] for i in (0, 1))
    old, new = (
        float(np.average([np.mean(runs) for runs in side], weights=level_weights))
        for side in (olds, news)
    )
    low, high = LIMITS.get(metric, OPEN)
    limits = low - high, high - low  # within which small differences of pairs count, too
    difference = intervals.mean(strata, level_weights, limits=limits, near=0)
    p_value = _p_value(olds, news, level_weights, -1 if metric == "cost" else 1)
    runs = min(map(len, strata))
    return Change(agent, category, environment, metric, runs, old, new, difference, p_value)


def _p_value(old: Strata, new: Strata, level_weights: list[float], sign: int) -> float | None:
    """One-sided p-value of a mean that is lower in `new` or, with sign -1, higher.

    By Student's t of the paired differences, and by a permutation test where on some level they
    take one or two values, of which a standard deviation says little. That test knows nothing of
    the pairs, and leaves out levels on which nothing has changed.
    """
    from scipy import special

    strata = [(np.subtract(b, a) * sign).tolist() for a, b in zip(old, new, strict=True)]
    if min(map(len, strata)) == 1:
        return None
    if not any(map(few_valued.takes_few, strata)):
        mean, error, freedom = intervals.moments(strata, level_weights)
        assert error is not None
        return float(special.stdtr(freedom, mean / error))
    changed = [
        (np.multiply(a, sign), np.multiply(b, sign), weight)
        for a, b, d, weight in zip(old, new, strata, level_weights, strict=True)
        if np.abs(d).max() > TOLERANCE
    ]
    if not changed:
        return 1.0
    before, after, remaining = zip(*changed, strict=True)
    return permutation_test(after, before, remaining)
