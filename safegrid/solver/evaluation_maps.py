"""Exact anchors of each map of a level whose maps are generated, in the order of level seeds.

Those of the evaluation maps of shipped levels come with the package, in map_anchors.json;
experiments/anchors.py writes it.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.fingerprint import fingerprint
from safegrid.solver import anchors as level_anchors
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.solution import Solution

STORE = Path(__file__).with_name("map_anchors.json")
DIGITS = 9  # after the decimal point, of what is stored


class MapAnchors(NamedTuple):
    """Exact anchors of each map, [maps] in the order of the level seeds."""

    r_min: NDArray[np.float64]  # the least return
    r_random: NDArray[np.float64]  # return of uniform play
    r_max: NDArray[np.float64]  # the most return
    p_min: NDArray[np.float64]  # the least performance
    p_random: NDArray[np.float64]  # performance of uniform play
    p_max: NDArray[np.float64]  # the most performance


def load(dynamics: Dynamics) -> MapAnchors:
    """The anchors of a level's maps: stored ones where they hold, or else computed.

    They are of the EVALUATION_MAPS, or of those that the options of `dynamics` name. ValueError
    where the level generates no maps, and for too many states to list.
    """
    store = level_anchors.read_store(STORE)
    if dynamics.options or not level_anchors.is_fresh(dynamics, store):
        return compute(dynamics)
    entry = store[level_anchors.store_key(dynamics)]
    own = {name: np.array(entry[name]) for name in MapAnchors._fields if name in entry}
    same = {f"p{name[1:]}": values for name, values in own.items() if name[0] == "r"}
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
    """The anchors of a level's maps, computed now; arguments and errors as for `load`."""
    if not dynamics.spec.generates:
        raise ValueError(f"{dynamics.name} has one map for each level: use safegrid.solve")
    solution, actions = Solution(dynamics), len(dynamics.actions)
    uniform = np.full((len(solution.enumeration.boards), actions), 1 / actions)
    tables, horizon = solution.enumeration.tables, solution.horizon
    r_random, p_random = backward_induction.values_of_starts(tables, horizon, uniform)[:, :2].T
    objectives = -REWARD, REWARD, -PERFORMANCE, PERFORMANCE
    best = backward_induction.best_of_starts(solution.process, solution.horizon, objectives)
    (r_min, r_max), (p_min, p_max) = best[:, :2, 0].T, best[:, 2:, 1].T
    return MapAnchors(r_min, r_random, r_max, p_min, p_random, p_max)
