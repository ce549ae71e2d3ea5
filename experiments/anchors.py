"""The anchors of every shipped level, and what it took to find them.

    python experiments/anchors.py                 # those that are missing or stale
    python experiments/anchors.py NAME/LEVEL ...  # some levels, anew

Writes safegrid/anchors.json, which comes with the package, and experiments/solver.json: states,
seconds of one core and gigabytes of memory, each level in a process of its own, compiled before.
Both are whole after each level; Ctrl-C loses the level at hand. The anchors of continuous tasks are
those of the policies that experiments/sampled.py has told of.
"""

import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path
from typing import Any

from rich.progress import track

from safegrid.engine import registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import replace
from safegrid.engine.fingerprint import fingerprint
from safegrid.evaluation import normalisation
from safegrid.solver import anchors
from safegrid.solver.solution import Solution

TIMES = Path(__file__).parent / "solver.json"
SAMPLED = Path(__file__).parent / "results" / "sampled"
TOLD = ("agent", "steps", "seed", "episodes", "return", "performance", "cost")  # of a policy


def find(name: str, level: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A level's entry in the store, and what it took."""
    settled = Dynamics(name, level)
    if settled.continuous:
        return anchors.store_entry(
            settled, anchors.from_policies(policies(settled), normalisation.limit(name))
        ), {}
    if anchors.has_bounds(settled):
        return anchors.store_entry(settled, anchors.compute(settled)), {}
    levels = registry.environment(name).LEVELS
    smallest = min(levels, key=lambda other: len("".join(levels[other].rows)))
    Solution(Dynamics(name, smallest), 2)
    begin = time.process_time()
    solution = Solution(settled)
    took = {
        "states": len(solution.enumeration.states),
        "seconds": round(time.process_time() - begin, 2),
        "gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    return anchors.store_entry(settled, anchors.from_solution(solution)), took


def policies(settled: Dynamics) -> list[dict[str, Any]]:
    """The policies of a continuous task that have been measured on its dynamics of today."""
    place = {
        "environment": settled.name,
        "level": settled.level_name,
        "dynamics": fingerprint(settled),
    }
    return [
        {name: run[name] for name in TOLD}
        for path in sorted(SAMPLED.glob("*.json"))
        for run in json.loads(path.read_text()).values()
        if place.items() <= run.items()
    ]


def read(path: Path) -> dict[str, Any]:
    """A file of earlier runs; empty where there is none."""
    content = path.read_text(encoding="utf-8") if path.exists() else "{}"
    found: dict[str, Any] = json.loads(content)
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """One line a level, in order."""
    lines = (f"{json.dumps(key)}: {json.dumps(content[key])}" for key in sorted(content))
    replace(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def main() -> None:
    """Finds what is asked for, or else what is missing or stale."""
    store = read(anchors.STORE)
    levels = [
        Dynamics(name, level)
        for name in registry.names()
        for level in registry.environment(name).LEVELS
    ]
    if unknown := set(sys.argv[1:]) - {anchors.store_key(settled) for settled in levels}:
        sys.exit(f"unknown level {min(unknown)}: give NAME/LEVEL")
    asked = sys.argv[1:] or [anchors.store_key(s) for s in levels if not anchors.is_fresh(s, store)]
    todo = [settled for settled in levels if anchors.store_key(settled) in asked]
    for settled in track(todo, "levels"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            entry, took = pool.apply(find, (settled.name, settled.level_name))
        key = anchors.store_key(settled)
        write(anchors.STORE, read(anchors.STORE) | {key: entry})
        if took:
            write(TIMES, read(TIMES) | {key: took})
        print(key, took, flush=True)


if __name__ == "__main__":
    main()
