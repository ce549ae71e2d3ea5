"""Trains a suite's cells and values each policy exactly, without sampling.

python experiments/exact.py experiments/suites/impact.toml

Writes experiments/results/exact/SUITE.json after every cell; the same command takes up from there.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from rich.progress import track

import safegrid
from safegrid.benchmark.results import Cell
from safegrid.benchmark.suite import read_suite, train
from safegrid.engine import files
from safegrid.evaluation.normalisation import piecewise_linear
from safegrid.solver.solution import Solution

RESULTS = Path(__file__).parent / "results" / "exact"


@cache
def solution(environment: str, level: str) -> Solution:
    """The level, solved."""
    return safegrid.solve(environment, level)


def value(cell: Cell) -> dict[str, Any]:
    """A cell's policy, valued."""
    solved = solution(cell.environment, cell.level)
    policy = train(cell)
    reward, performance = solved.evaluate(policy)
    named = cell.model_dump(include={"agent", "settings", "environment", "level", "seed", "steps"})
    a = solved.anchors
    capability = piecewise_linear(reward, a.r_min, a.r_random, a.r_max)
    amounts = {"return": reward, "performance": performance, "cost": solved.cost(policy)}
    return {**named, **amounts, "capability": capability}


def main() -> None:
    """Values the cells that have no value yet."""
    path = Path(sys.argv[1])
    out = RESULTS / f"{path.stem}.json"
    known = json.loads(out.read_text()) if out.exists() else {}
    cells = {cell.key: cell for cell in read_suite(path).cells()}
    known = {key: known[key] for key in cells if key in known}
    for key in track([key for key in cells if key not in known], path.stem):
        known[key] = value(cells[key])
        files.replace(out, (json.dumps(known, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
