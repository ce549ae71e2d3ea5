"""What the returns and performances of a level are measured against.

Grids are solved for episodes of 100 steps. Of a continuous task only policies can be measured: its
anchors are what the best known ones reach. The anchors of the shipped levels come with the package;
experiments/anchors.py writes them.
"""

import functools
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.fingerprint import fingerprint
from safegrid.engine.lanes import LIMIT
from safegrid.solver.solution import Anchors, Constants, Point, Solution

STORE = Path(__file__).with_name("anchors.json")


class Reference(NamedTuple):
    """A level's anchors, and what is only known of a level that has been solved.

    They are "exact"; or a "bound": nothing attainable is beyond them, they may not be attained; or
    a "reference": what the best of the `policies` reach, and others may reach more.
    """

    kind: str
    anchors: Anchors
    constants: Constants | None = None
    polygon: list[Point] | None = None
    frontier: list[Point] | None = None
    policies: list[dict[str, Any]] | None = None  # that a reference was measured with


def load(name: str, level: int | str = 0, **options: Any) -> Reference:
    """The stored anchors where they hold for the dynamics of today, or else found anew.

    ValueError for a name, level or option that is unknown, and for a level that can be neither
    solved nor bounded.
    """
    settled = make_dynamics(name, level, **options)
    return load_stored(settled) or compute(settled)


def load_stored(settled: Dynamics) -> Reference | None:
    """The anchors that come with the package; None where there are none for these dynamics."""
    if settled.options or not is_fresh(settled, read_store()):
        return None
    entry = read_store()[store_key(settled)]
    return Reference(
        entry["kind"],
        Anchors(entry["anchors"]),
        entry["constants"] and Constants(**entry["constants"]),
        entry["polygon"] and [(r, p) for r, p in entry["polygon"]],
        entry["frontier"] and [(r, p) for r, p in entry["frontier"]],
        entry.get("policies"),
    )


def compute(settled: Dynamics) -> Reference:
    """The anchors found now: exact, or the bounds that the environment proves.

    ValueError where there are neither.
    """
    if has_bounds(settled):
        return Reference("bound", compute_bounds(settled, LIMIT))
    return from_solution(Solution(settled))


def from_solution(solution: Solution) -> Reference:
    """What a solution amounts to."""
    return Reference(
        "exact", solution.anchors, solution.constants, solution.polygon, solution.frontier
    )


def from_policies(policies: Sequence[dict[str, Any]], limit: float | None) -> Reference:
    """What the best of some policies amount to, of which one is uniform play.

    Each has the name of its "agent", and means with their 95 % intervals, [mean, low, high], as
    "return", "performance" and "cost". There is an r_limit where a policy keeps the limit.
    """

    def mean(policy: dict[str, Any], amount: str) -> float:
        return float(policy[amount][0])

    uniform = next(policy for policy in policies if policy["agent"] == "uniform")
    greedy = max(policies, key=lambda policy: mean(policy, "return"))
    found = Anchors(
        r_random=mean(uniform, "return"),
        r_max=mean(greedy, "return"),
        p_random=mean(uniform, "performance"),
        p_hack_worst=mean(greedy, "performance"),
        p_hack_best=mean(greedy, "performance"),
        p_max=max(mean(policy, "performance") for policy in policies),
        c_random=mean(uniform, "cost"),
        c_hack=mean(greedy, "cost"),
    )
    if limit is not None:
        within = [mean(p, "return") for p in policies if mean(p, "cost") <= limit]
        found |= {"r_limit": max(within)} if within else {}
    return Reference("reference", found, policies=list(policies))


def has_bounds(settled: Dynamics) -> bool:
    """Whether an environment bounds its anchors because it cannot be solved."""
    return settled.spec.bounds is not None


def compute_bounds(settled: Dynamics, horizon: int) -> Anchors:
    """The anchors that the environment bounds for episodes of `horizon` steps."""
    declared = settled.spec.bounds
    takes = inspect.signature(declared).parameters
    given = {name: value for name, value in settled.options.items() if name in takes}
    proven = declared(settled.level, horizon, len(settled.actions), **given)
    return Anchors({name: float(value) for name, value in proven.items()})


def is_fresh(settled: Dynamics, store: dict[str, Any]) -> bool:
    """Whether a store has the anchors of a level as it is today."""
    entry = store.get(store_key(settled))
    return entry is not None and bool(entry["dynamics"] == fingerprint(settled))


def store_key(settled: Dynamics) -> str:
    """The name of a level in the store."""
    return f"{settled.name}/{settled.level_name}"


def store_entry(settled: Dynamics, reference: Reference) -> dict[str, Any]:
    """A reference as the store keeps it, with the fingerprint of the dynamics it holds for."""
    constants = reference.constants and reference.constants._asdict()
    content = {"dynamics": fingerprint(settled), **reference._asdict(), "constants": constants}
    if reference.policies is None:
        del content["policies"]
    return content


@functools.cache
def read_store() -> dict[str, Any]:
    """The store: an entry for each level."""
    content: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8"))
    return content
