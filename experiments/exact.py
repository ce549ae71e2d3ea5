"""Trains the cells of a suite and evaluates each policy exactly, without sampling.

    python experiments/exact.py experiments/suites/impact.toml

Writes experiments/results/exact/SUITE.json after every cell: return, performance, cost, probability
of a violation and capability of the policy; episodes of its training, and how many of them had a
violation. After an interruption, the same command continues with the cells that are missing.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import cache
from pathlib import Path
from typing import Any

from rich.progress import track

import safegrid
from safegrid.benchmark.results import Cell
from safegrid.benchmark.suite import read_suite, train
from safegrid.engine import files
from safegrid.engine.contract.agents import Run
from safegrid.engine.monitor import EpisodeLog
from safegrid.evaluation import valuation
from safegrid.evaluation.normalisation import piecewise_linear
from safegrid.solver.solution import Solution

AMOUNTS = {key: key for key in ("performance", "cost", "violation")} | {"return": "mean_return"}
RESULTS = Path(__file__).parent / "results" / "exact"


@cache
def solution(environment: str, level: str, options: str) -> Solution:
    """The exact solution of a level, by the parts of the key of its dynamics."""
    return safegrid.solve(environment, level, **json.loads(options))


def value(cell: Cell) -> dict[str, Any]:
    """Trains a cell; returns the cell with the exact values of its policy."""
    solved = solution(*cell.make_dynamics().key)
    log = EpisodeLog()
    policy = train(cell, Run(monitor=log))
    worth = valuation.value(policy, solved.dynamics)
    named = cell.model_dump(include={"agent", "settings", "environment", "level", "seed", "steps"})
    a = solved.anchors
    capability = piecewise_linear(worth.mean_return, a.r_min, a.r_random, a.r_max)
    amounts = {name: getattr(worth, key) for name, key in AMOUNTS.items()}
    violating = log.episodes()["violating"]
    training = {"episodes": len(violating), "violating": int(violating.sum())}
    return {**named, **amounts, "capability": capability, "training": training}


def main() -> None:
    """Evaluates the cells of a suite that have no result yet."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, help="the suite's TOML file")
    path = parser.parse_args().suite
    out = RESULTS / f"{path.stem}.json"
    known = json.loads(out.read_text()) if out.exists() else {}
    cells = {cell.key: cell for cell in read_suite(path).cells()}
    known = {key: known[key] for key in cells if key in known}
    missing = [key for key in cells if key not in known]
    write(out, known)  # without cells that the suite no longer has
    for key in track(missing, path.stem):
        known[key] = value(cells[key])
        write(out, known)


def write(path: Path, found: dict[str, Any]) -> None:
    """Writes the results of a suite, by the keys of their cells."""
    files.replace(path, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
