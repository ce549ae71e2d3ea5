"""Measures the coverage of the confidence intervals: simulations of few runs, and exact sums.

    python experiments/coverage.py --out experiments/coverage.json

Writes a JSON file: of means, interquartile means and ranks the share of simulated sweeps whose 95 %
interval contains the true value, by number of runs and shape of their distribution; of intervals of
proportions and counts the least and the mean exact coverage.
"""

if (
    __name__ == "coverage"
):  # Numba looks for the package of that name, and finds this beside a script
    raise ImportError("experiments/coverage.py is not the package coverage")

import argparse
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from scipy import stats

from safegrid.evaluation import few_valued, intervals, ranking

RUNS = (3, 5, 10)
STRATA = (1, 12)  # one level, and a suite
REPLICATES = 1000  # of a bootstrap, and of agents' means for ranks
AGENTS = {"a": 0.0, "b": 0.0, "c": 0.2, "d": 0.4, "e": 0.4}  # with their true means
CONTINUOUS = {
    "normal": stats.norm(0.3, 0.2),
    "uniform": stats.uniform(-1, 2),
    "heavy-tailed": stats.t(3),
    "mildly skewed": stats.beta(2, 5),
    "exponential": stats.expon(),
    "lognormal": stats.lognorm(1),
}
DISCRETE = {  # values and their probabilities
    "two values": ([0.0, 1.0], [0.5, 0.5]),
    "catastrophe": ([-1.0, 1.0], [0.1, 0.9]),
    "three values": ([-1.0, 0.0, 1.0], [0.25, 0.5, 0.25]),
}
NOISY = "noisy catastrophe"  # values near those of a catastrophe, all distinct
NOISE = 0.01  # their standard deviation
SHAPES = (*CONTINUOUS, *DISCRETE, NOISY)
Strata = list[list[float]]


def draw(shape: str, runs: int, strata: int, random: np.random.Generator) -> Strata:
    """[strata, runs] values of one shape."""
    size = (strata, runs)
    if shape in CONTINUOUS:
        values = CONTINUOUS[shape].rvs(size, random_state=random)
    else:
        kinds, chances = DISCRETE["catastrophe" if shape == NOISY else shape]
        values = random.choice(kinds, size, p=chances)
    if shape == NOISY:
        values = values + random.normal(0, NOISE, size)
    return values.tolist()  # type: ignore[no-any-return]


def limits(shape: str) -> few_valued.Limits:
    """Those of a score, and none for a shape without bounds, whose mean may be outside."""
    bounded = shape not in CONTINUOUS or np.isfinite(CONTINUOUS[shape].support()).all()
    return intervals.SCORES if bounded else few_valued.OPEN


def average(strata: list[intervals.Rows]) -> intervals.Rows:
    """The mean over strata of their means."""
    return np.asarray(np.mean([rows.mean(axis=1) for rows in strata], axis=0))


@functools.cache
def truth(kind: str, shape: str) -> float:
    """The value that the interval should contain: a mean, or an interquartile mean."""
    if shape in CONTINUOUS:
        if not kind.endswith("middle"):
            return float(CONTINUOUS[shape].mean())
        return float(CONTINUOUS[shape].ppf(np.linspace(0.25, 0.75, 100_001)).mean())
    values, chances = DISCRETE["catastrophe" if shape == NOISY else shape]
    if not kind.endswith("middle"):
        return float(np.dot(values, chances))
    ends = np.clip(np.cumsum([0, *chances]), 0.25, 0.75)
    return float(np.dot(values, np.diff(ends)) * 2)


def holds(
    kind: str, shape: str, runs: int, strata: int, random: np.random.Generator, seed: int
) -> bool:
    """Whether the interval of one simulated sweep, or all its rank intervals, contain the truth.

    kind: the kind of interval
    shape: the distribution of the runs
    runs, strata: how many are simulated
    random: of the simulated runs
    seed: of the bootstrap
    """
    if kind == "ranks":
        spread = {name: 1 + i % 3 for i, name in enumerate(AGENTS)}
        agents = {
            name: [
                [mean + 0.2 * spread[name] * value for value in row]
                for row in draw(shape, runs, strata, random)
            ]
            for name, mean in centred(shape).items()
        }
        return no_false_order(ranking.ranks(agents, None, intervals.SCORES, seed, REPLICATES))
    sample = draw(shape, runs, strata, random)
    if kind == "mean":
        found = intervals.mean(sample, limits=limits(shape))
    else:
        statistic = average if kind == "bootstrap mean" else intervals.interquartile_mean
        found = intervals.bootstrap(sample, statistic, seed, REPLICATES)
    if found.low is None or found.high is None:  # of a bootstrap of equal runs: both ends are open
        return True
    return found.low <= truth(kind, shape) <= found.high


def centred(shape: str) -> dict[str, float]:
    """The offset of each agent's runs that gives them the true means in AGENTS."""
    centre = truth("mean", shape)
    return {
        name: mean - 0.2 * (1 + i % 3) * centre for i, (name, mean) in enumerate(AGENTS.items())
    }


def no_false_order(found: dict[str, ranking.Rank]) -> bool:
    """Whether every agent's interval contains all ranks that the true means allow."""
    return all(
        rank.best <= 1 + sum(other > AGENTS[name] for other in AGENTS.values())
        and rank.worst >= len(AGENTS) - sum(other < AGENTS[name] for other in AGENTS.values())
        for name, rank in found.items()
    )


def coverage(kind: str, shape: str, runs: int, strata: int, trials: int) -> float:
    """The share of simulated sweeps whose interval contains the truth."""
    random = np.random.default_rng([trials, runs, strata, *kind.encode(), *shape.encode()])
    return sum(holds(kind, shape, runs, strata, random, seed) for seed in range(trials)) / trials


def proportions() -> dict[str, dict[str, float]]:
    """Least and mean coverage of the intervals of proportions and counts, by exact sums."""
    found: dict[str, list[float]] = {"Clopper-Pearson bound": [], "Wilson": [], "Poisson": []}
    for n in (10, 100):
        hits = np.arange(n + 1)
        bounds = np.array([intervals.proportion_bound(int(k), n) for k in hits])
        low, high = np.array([intervals.proportion(int(k), n)[1:3] for k in hits], np.float64).T
        for p in np.linspace(0.005, 0.995, 199):
            likely = stats.binom.pmf(hits, n, p)
            found["Clopper-Pearson bound"].append(likely[p <= bounds].sum())
            found["Wilson"].append(likely[(low <= p) & (p <= high)].sum())
    events = np.arange(100)
    low, high = np.array([intervals.count(int(k))[1:3] for k in events], np.float64).T
    for mean in np.linspace(0.05, 20, 200):
        likely = stats.poisson.pmf(events, mean)
        found["Poisson"].append(likely[(low <= mean) & (mean <= high)].sum())
    return {
        name: {"least": round(min(values), 4), "mean": round(sum(values) / len(values), 4)}
        for name, values in found.items()
    }


def simulate(trials: int) -> list[dict[str, Any]]:
    """The coverage of every kind of interval for every shape of runs."""
    kinds = ("mean", "bootstrap mean", "bootstrap middle", "ranks")
    cells = [(kind, runs, strata) for kind in kinds for runs in RUNS for strata in STRATA]
    return [
        {"interval": kind, "runs": runs, "strata": strata}
        | {shape: round(coverage(kind, shape, runs, strata, trials), 4) for shape in SHAPES}
        for kind, runs, strata in track(cells, "simulating")
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures all coverages and writes them to --out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000, help="simulated sweeps of each kind")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    chosen = parser.parse_args(arguments)
    found = {
        "trials": chosen.trials,
        "simulated": simulate(chosen.trials),
        "exact": proportions(),
    }
    chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
