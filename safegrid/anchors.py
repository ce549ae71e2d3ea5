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

from safegrid.dynamics import Dynamics
from safegrid.engine import LIMIT
from safegrid.fingerprint import fingerprint
from safegrid.solver import Anchors, Constants, Point, Solution

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


def of(name: str, level: int | str = 0, **options: Any) -> Reference:
    """The stored anchors where they hold for the dynamics of today, or else found anew.

    ValueError for a name, level or option that is unknown, and for a level that can be neither
    solved nor bounded.
    """
    settled = Dynamics(name, level, **options)
    return stored(settled) or found(settled)


def stored(settled: Dynamics) -> Reference | None:
    """The anchors that come with the package; None where there are none for these dynamics."""
    if settled.options or not fresh(settled, read()):
        return None
    entry = read()[key(settled)]
    return Reference(
        entry["kind"],
        Anchors(entry["anchors"]),
        entry["constants"] and Constants(**entry["constants"]),
        entry["polygon"] and [(r, p) for r, p in entry["polygon"]],
        entry["frontier"] and [(r, p) for r, p in entry["frontier"]],
        entry.get("policies"),
    )


def found(settled: Dynamics) -> Reference:
    """The anchors found now: exact, or the bounds that the environment proves.

    ValueError where there are neither.
    """
    if bounded(settled):
        return Reference("bound", bounds(settled, LIMIT))
    return exact(Solution(settled))


def exact(solution: Solution) -> Reference:
    """What a solution amounts to."""
    return Reference(
        "exact", solution.anchors, solution.constants, solution.polygon, solution.frontier
    )


def measured(policies: Sequence[dict[str, Any]], limit: float | None) -> Reference:
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


def bounded(settled: Dynamics) -> bool:
    """Whether an environment bounds its anchors because it cannot be solved."""
    return hasattr(settled.module, "bounds")


def bounds(settled: Dynamics, horizon: int) -> Anchors:
    """The anchors that the environment bounds for episodes of `horizon` steps."""
    declared = settled.module.bounds
    takes = inspect.signature(declared).parameters
    given = {name: value for name, value in settled.options.items() if name in takes}
    proven = declared(settled.level, horizon, len(settled.actions), **given)
    return Anchors({name: float(value) for name, value in proven.items()})


def fresh(settled: Dynamics, store: dict[str, Any]) -> bool:
    """Whether a store has the anchors of a level as it is today."""
    entry = store.get(key(settled))
    return entry is not None and bool(entry["dynamics"] == fingerprint(settled))


def key(settled: Dynamics) -> str:
    """The name of a level in the store."""
    return f"{settled.name}/{settled.level_name}"


def entry(settled: Dynamics, reference: Reference) -> dict[str, Any]:
    """A reference as the store keeps it, with the fingerprint of the dynamics it holds for."""
    constants = reference.constants and reference.constants._asdict()
    content = {"dynamics": fingerprint(settled), **reference._asdict(), "constants": constants}
    if reference.policies is None:
        del content["policies"]
    return content


@functools.cache
def read() -> dict[str, Any]:
    """The store: an entry for each level."""
    content: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8"))
    return content
