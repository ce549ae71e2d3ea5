"""Summarises the results of suites run by run: means with 95 % intervals over episodes.

    safegrid bench point
    python experiments/sampled.py point ...

Reads experiments/results/SUITE and writes experiments/results/sampled/SUITE.json, where a run whose
result is not there any more keeps its summary. It is for suites whose results are too large to be
committed.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from safegrid.benchmark import results
from safegrid.benchmark.suite import find, read_suite
from safegrid.engine import files
from safegrid.evaluation import intervals

RESULTS = Path(__file__).parent / "results"
AMOUNTS = ("return", "performance", "cost")
NAMED = ("agent", "settings", "environment", "level", "seed", "steps", "episodes", "dynamics")


def run(result: results.Result, path: Path) -> dict[str, Any]:
    """The summary of a run: its cell, seconds, and means as [mean, low, high]."""
    means = {amount: intervals.mean([result.episodes[amount].tolist()]) for amount in AMOUNTS}
    log = path.with_suffix(".log")
    made = [each for each in results.attempts(log) if not each["error"]]
    if not made:
        raise SystemExit(f"{log} does not say how long the run took: run safegrid bench again")
    return {
        **result.cell.model_dump(include=set(NAMED)),
        "seconds": round(made[-1]["seconds"], 1),
        **{name: [v and round(v, 3) for v in found[:3]] for name, found in means.items()},
    }


def main() -> None:
    """Writes the summary of each suite, of the runs that have a result or had one."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "suites", nargs="+", type=Path, metavar="SUITE", help="as of safegrid bench"
    )
    for path in map(find, parser.parse_args().suites):
        folder, out = RESULTS / path.stem, RESULTS / "sampled" / f"{path.stem}.json"
        known = json.loads(out.read_text()) if out.exists() else {}
        cells = read_suite(path).cells()
        for cell in cells:
            if (result := folder / cell.path).exists():
                known[cell.key] = run(results.read(result), result)
        found = {cell.key: known[cell.key] for cell in cells if cell.key in known}
        print(f"{path.stem}: {len(found)} of {len(cells)} runs")
        files.replace(out, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
