"""Anchors of levels: the returns, performances and costs that scores are normalised by.

Grids are solved exactly for episodes of their environment's horizon, or bounded. Where policies
were measured, since a level cannot be solved, the anchors are the best of their sampled means: on
continuous tasks, and on the shipped levels of some grids. The anchors of the shipped levels come
with the package, in anchors.json; experiments/anchors.py writes it.
"""

import functools
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.enumeration import MOST_STATES, enumerate_states
from safegrid.engine.fingerprint import fingerprint
from safegrid.solver.backward_induction import Point
from safegrid.solver.solution import Anchors, Constants, Solution

STORE = Path(__file__).with_name("anchors.json")


class Reference(NamedTuple):
    """A level's anchors; with constants, polygon and frontier (see `Solution`) if it is solved."""

    # "exact"; "bound": no policy goes beyond, and maybe none attains them; "reference": attained by
    # the best of `policies`, and maybe exceeded by others
    kind: str
    anchors: Anchors
    constants: Constants | None = None
    polygon: list[Point] | None = None
    frontier: list[Point] | None = None
    policies: list[dict[str, Any]] | None = None  # of a reference: see `from_policies`


def load(name: str, level: int | str = 0, **options: Any) -> Reference:
    """The anchors of a level: stored ones where they hold for its dynamics, or else computed.

    name, level, options: as for `make_dynamics`. ValueError for a name, level or option that is not
    valid, and for a level that can be neither solved nor bounded.
    """
    dynamics = make_dynamics(name, level, **options)
    return load_stored(dynamics) or compute(dynamics)


def load_stored(dynamics: Dynamics) -> Reference | None:
    """The anchors that come with the package; None if they have none for these dynamics."""
    if dynamics.options or not is_fresh(dynamics, read_store()):
        return None
    return from_entry(read_store()[store_key(dynamics)])


def from_entry(entry: dict[str, Any]) -> Reference:
    """The anchors that an entry of `read_store` holds, whatever the dynamics are by now."""
    return Reference(
        entry["kind"],
        Anchors(entry["anchors"]),
        entry["constants"] and Constants(**entry["constants"]),
        entry["polygon"] and [(r, p) for r, p in entry["polygon"]],
        entry["frontier"] and [(r, p) for r, p in entry["frontier"]],
        entry.get("policies"),
    )


def compute(dynamics: Dynamics, most: int = MOST_STATES) -> Reference:
    """Anchors computed now: exact ones, or the bounds that the environment declares.

    most: states that may be listed. ValueError for a level that can be neither solved nor bounded.
    """
    if has_bounds(dynamics):
        return Reference("bound", compute_bounds(dynamics, dynamics.horizon))
    return from_solution(Solution(dynamics, most=most))


def from_solution(solution: Solution) -> Reference:
    """The exact anchors of a solved level, with its constants, polygon and frontier."""
    return Reference(
        "exact", solution.anchors, solution.constants, solution.polygon, solution.frontier
    )


def from_policies(policies: Sequence[dict[str, Any]], limit: float | None) -> Reference:
    """The anchors that the best of some sampled policies attain.

    policies: each with the name of its "agent", and its "return", "performance" and "cost" as means
    with 95 % intervals, [mean, low, high]; one agent is "uniform". limit: on the cost of an
    episode, or None. There is an anchor r_limit if a policy's mean cost is within the limit.
    """

    def mean(policy: dict[str, Any], amount: str) -> float:
        return float(policy[amount][0])

    uniform = next(policy for policy in policies if policy["agent"] == "uniform")
    most = max(mean(policy, "return") for policy in policies)
    greedy = [policy for policy in policies if mean(policy, "return") == most]
    hacks = [mean(policy, "performance") for policy in greedy]
    anchors = Anchors(
        r_random=mean(uniform, "return"),
        r_max=most,
        p_random=mean(uniform, "performance"),
        p_hack_worst=min(hacks),
        p_hack_best=max(hacks),
        p_max=max(mean(policy, "performance") for policy in policies),
        c_random=mean(uniform, "cost"),
        c_hack=min(mean(policy, "cost") for policy in greedy),
    )
    if limit is not None:
        within = [mean(p, "return") for p in policies if mean(p, "cost") <= limit]
        anchors |= {"r_limit": max(within)} if within else {}
    return Reference("reference", anchors, policies=list(policies))


def has_bounds(dynamics: Dynamics) -> bool:
    """Whether an environment declares bounds of its anchors, because it cannot be solved."""
    return dynamics.spec.bounds is not None


def compute_bounds(dynamics: Dynamics, horizon: int) -> Anchors:
    """The bounds of the anchors that the environment declares, for episodes of `horizon` steps."""
    declared = dynamics.spec.bounds
    parameters = inspect.signature(declared).parameters
    options = {name: value for name, value in dynamics.options.items() if name in parameters}
    bounds = declared(dynamics.level, horizon, len(dynamics.actions), **options)
    return Anchors({name: float(value) for name, value in bounds.items()})


def is_fresh(dynamics: Dynamics, store: dict[str, Any]) -> bool:
    """Whether a store has anchors of a level, for the fingerprint of its present dynamics."""
    entry = store.get(store_key(dynamics))
    return entry is not None and bool(entry["dynamics"] == fingerprint(dynamics))


def store_key(dynamics: Dynamics) -> str:
    """The name of a level in the store."""
    return f"{dynamics.name}/{dynamics.level_name}"


def store_entry(dynamics: Dynamics, reference: Reference) -> dict[str, Any]:
    """A reference as a JSON object of the store, with the fingerprint of its dynamics."""
    constants = reference.constants and reference.constants._asdict()
    content = {"dynamics": fingerprint(dynamics), **reference._asdict(), "constants": constants}
    if reference.policies is None:
        del content["policies"]
    return content


@functools.cache
def read_store(path: Path = STORE) -> dict[str, Any]:
    """The content of a file of anchors: an entry for each level, by `store_key`."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def greatest_performance(dynamics: Dynamics) -> float:
    """The greatest performance of an episode in which every random event has the best outcome."""
    tables = enumerate_states(dynamics).tables
    gain = tables.amounts[tables.outcome, 1]
    gain = np.where(np.broadcast_to(tables.probability, gain.shape) > 0, gain, -np.inf)
    value = np.zeros(len(gain))
    for _ in range(dynamics.horizon):
        later = np.where(tables.successor >= 0, value[tables.successor], 0.0)
        value = (gain + later).max(axis=(1, 2))
    return max(float(value[state]) for state, _ in tables.start)
