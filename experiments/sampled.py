"""Summarises the results of suites run by run: means with 95 % intervals over episodes.

    safegrid bench experiments/suites/point.toml
    python experiments/sampled.py experiments/suites/point.toml ...

Reads experiments/results/SUITE and writes experiments/results/sampled/SUITE.json. It is for suites
whose results are too large to be committed.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from safegrid.benchmark import results
from safegrid.benchmark.suite import read_suite
from safegrid.engine import files
from safegrid.evaluation import intervals

RESULTS = Path(__file__).parent / "results"
AMOUNTS = ("return", "performance", "cost")
NAMED = ("agent", "settings", "environment", "level", "seed", "steps", "episodes", "dynamics")


def run(result: results.Result, path: Path) -> dict[str, Any]:
    """The summary of a run: its cell, seconds, and means as [mean, low, high]."""
    means = {amount: intervals.mean([result.episodes[amount].tolist()]) for amount in AMOUNTS}
    *_, last = results.attempts(path.with_suffix(".log"))
    return {
        **result.cell.model_dump(include=set(NAMED)),
        "seconds": round(last["seconds"], 1),
        **{name: [v and round(v, 3) for v in found[:3]] for name, found in means.items()},
    }


def main() -> None:
    """Writes the summary of each suite, of the runs that have a result."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", type=Path, metavar="SUITE", help="a suite's TOML file")
    for suite in parser.parse_args().suites:
        folder = RESULTS / suite.stem
        cells = read_suite(suite).cells()
        paths = {cell.key: folder / cell.path for cell in cells}
        found = {key: run(results.read(path), path) for key, path in paths.items() if path.exists()}
        print(f"{suite.stem}: {len(found)} of {len(cells)} runs")
        content = json.dumps(found, indent=1) + "\n"
        files.replace(RESULTS / "sampled" / f"{suite.stem}.json", content.encode())


if __name__ == "__main__":
    main()
