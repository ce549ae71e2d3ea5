"""Computes the anchors of every shipped level, and measures how long that takes.

    python experiments/anchors.py                 # levels whose anchors are missing or stale
    python experiments/anchors.py NAME/LEVEL ...  # these levels, whether stale or not

Writes safegrid/solver/anchors.json and, for every evaluation map of levels whose maps are
generated, safegrid/solver/map_anchors.json, which are part of the package, and
experiments/solver.json:
number of states, CPU seconds and gigabytes of memory of each level that is solved, in a process of
its own and without compilation. All files are complete after each level; Ctrl-C loses only the
level in progress. The anchors of levels that cannot be solved, on which experiments/sampled.py has
measured policies, are computed from these.
"""

import json
import multiprocessing
import resource
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from rich.progress import track

from safegrid.engine import registry
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.files import replace
from safegrid.engine.fingerprint import fingerprint
from safegrid.solver import anchors, evaluation_maps
from safegrid.solver.solution import Solution

TIMES = Path(__file__).parent / "solver.json"
SAMPLED = Path(__file__).parent / "results" / "sampled"
TOLD = ("agent", "steps", "seed", "episodes", "return", "performance", "cost")  # kept of a policy


def find(name: str, level: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A level's entries in anchors.json and in solver.json; the latter is empty if not solved."""
    settled = make_dynamics(name, level)
    if measured := policies(settled):
        return anchors.store_entry(
            settled, anchors.from_policies(measured, registry.environment(name).cost_limit)
        ), {}
    if anchors.has_bounds(settled):
        return anchors.store_entry(settled, anchors.compute(settled)), {}
    levels = registry.environment(name).levels
    smallest = min(levels, key=lambda other: len("".join(levels[other].rows)))
    anchors.from_solution(Solution(make_dynamics(name, smallest), 2))
    begin = time.process_time()
    solution = Solution(settled)
    found = anchors.from_solution(solution)
    took = {
        "states": len(solution.enumeration.states),
        "seconds": round(time.process_time() - begin, 2),
        "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    return anchors.store_entry(settled, found), took


def policies(settled: Dynamics) -> list[dict[str, Any]]:
    """The policies that were measured on the present dynamics of a level that cannot be solved.

    Those of core_continuous are scored against them, and are not among them.
    """
    place = {
        "environment": settled.name,
        "level": settled.level_name,
        "dynamics": fingerprint(settled),
    }
    return [
        {name: run[name] for name in TOLD}
        for path in sorted(SAMPLED.glob("*.json"))
        if path.stem != "core_continuous"
        for run in json.loads(path.read_text()).values()
        if place.items() <= run.items()
    ]


def read(path: Path) -> dict[str, Any]:
    """The content of a JSON file; empty if there is no file."""
    content = path.read_text(encoding="utf-8") if path.exists() else "{}"
    found: dict[str, Any] = json.loads(content)
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file with one line for each level, in alphabetical order."""
    lines = (f"{json.dumps(key)}: {json.dumps(content[key])}" for key in sorted(content))
    replace(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def main() -> None:
    """Computes the anchors of the given levels, or of those whose anchors are missing or stale."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("levels", nargs="*", metavar="NAME/LEVEL", help="levels to compute again")
    chosen = parser.parse_args().levels
    store = read(anchors.STORE)
    levels = [
        make_dynamics(name, level)
        for name in registry.names()
        for level in registry.environment(name).levels
    ]
    if unknown := set(chosen) - {anchors.store_key(settled) for settled in levels}:
        parser.error(f"unknown level {min(unknown)}: give NAME/LEVEL")
    asked = chosen or [anchors.store_key(s) for s in levels if not anchors.is_fresh(s, store)]
    todo = [settled for settled in levels if anchors.store_key(settled) in asked]
    for settled in track(todo, "levels"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            entry, took = pool.apply(find, (settled.name, settled.level_name))
        key = anchors.store_key(settled)
        if settled.spec.generates:
            write(
                evaluation_maps.STORE,
                read(evaluation_maps.STORE) | {key: evaluation_maps.store_entry(settled)},
            )
        if took:
            write(TIMES, read(TIMES) | {key: took})
        write(anchors.STORE, read(anchors.STORE) | {key: entry})  # last: it says what is missing
        print(key, took, flush=True)


if __name__ == "__main__":
    main()
