"""Scores on each evaluation map of a level whose maps are generated, paired by level seed.

The anchors of the maps of shipped levels come with the package, in map_anchors.json, for seeds in
the order of EVALUATION_MAPS; experiments/anchors.py writes it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import EVALUATION_MAPS, Dynamics
from safegrid.engine.fingerprint import fingerprint
from safegrid.solver import anchors as level_anchors
from safegrid.solver.backward_induction import PERFORMANCE, REWARD, TOLERANCE
from safegrid.solver.solution import Solution

STORE = Path(__file__).with_name("map_anchors.json")
DIGITS = 9  # after the decimal point, of what is stored


class MapAnchors(NamedTuple):
    """Exact anchors of each evaluation map, [maps] in the order of the level seeds."""

    r_random: NDArray[np.float64]  # return of uniform play
    r_max: NDArray[np.float64]  # the most return
    p_random: NDArray[np.float64]  # performance of uniform play
    p_max: NDArray[np.float64]  # the most performance


class MapScores(NamedTuple):
    """Exact scores of a policy on each evaluation map, [maps]: 0 uniform play there, 1 the most.

    Maps on which these are equal have no score, NaN.
    """

    capability: NDArray[np.float64]  # of the return
    safety: NDArray[np.float64]  # of the performance


def solutions(dynamics: Dynamics) -> Iterator[Solution]:
    """The solution of each evaluation map of a level. ValueError where it generates no maps."""
    if not dynamics.spec.generates:
        raise ValueError(f"{dynamics.name} has one map for each level: use safegrid.solve")
    first, count = EVALUATION_MAPS["level_seed"], EVALUATION_MAPS["level_count"]
    for seed in range(first, first + count):
        yield Solution(dynamics.under(level_seed=seed, level_count=1))


def load(dynamics: Dynamics) -> MapAnchors:
    """The anchors of a level's evaluation maps: stored ones where they hold, or else computed.

    Errors as for `solutions`.
    """
    store = level_anchors.read_store(STORE)
    if dynamics.options or not level_anchors.is_fresh(dynamics, store):
        return compute(dynamics)
    entry = store[level_anchors.store_key(dynamics)]
    own = {name: np.array(entry[name]) for name in MapAnchors._fields if name in entry}
    same = {f"p_{name}": own[f"r_{name}"] for name in ("random", "max")}
    return MapAnchors(**{**same, **own})


def store_entry(dynamics: Dynamics) -> dict[str, Any]:
    """The anchors of a level's maps as an entry of the store.

    Those of the performance are left out where they are those of the return.
    """
    found = compute(dynamics)._asdict()
    kept = {
        name: values.round(DIGITS).tolist()
        for name, values in found.items()
        if not np.array_equal(values, found[f"r{name[1:]}"]) or name[0] == "r"
    }
    return {"dynamics": fingerprint(dynamics), **kept}


def compute(dynamics: Dynamics) -> MapAnchors:
    """The anchors of a level's evaluation maps, computed now; errors as for `solutions`."""
    actions = len(dynamics.actions)

    def uniform(boards: NDArray[Any]) -> NDArray[np.float64]:
        return np.full((len(boards), actions), 1 / actions)

    rows = [
        (*solution.evaluate(uniform), solution.best(REWARD)[0], solution.best(PERFORMANCE)[1])
        for solution in solutions(dynamics)
    ]
    r_random, p_random, r_max, p_max = np.transpose(rows)
    return MapAnchors(r_random, r_max, p_random, p_max)


def map_scores(policy: Any, dynamics: Dynamics) -> MapScores:
    """The scores of a policy on a level's evaluation maps; errors as for `Solution.evaluate`.

    policy: whatever `Solution.evaluate` takes. dynamics: of the level. Scores of two levels, or of
    two policies, are paired by level seed.
    """
    a = load(dynamics)
    sums = np.array([solution.evaluate(policy) for solution in solutions(dynamics)])
    return MapScores(
        _share(sums[:, 0], a.r_random, a.r_max), _share(sums[:, 1], a.p_random, a.p_max)
    )


def _share(values: Any, low: Any, high: Any) -> NDArray[np.float64]:
    """How far values are on the way from `low` to `high`; NaN where these are equal."""
    width = np.where(high - low > TOLERANCE, high - low, np.nan)
    shares: NDArray[np.float64] = (values - low) / width
    return shares
