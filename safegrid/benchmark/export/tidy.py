"""Tidy tables of runs, as CSV and Parquet: a row for each run, a column for each metric."""

import csv
import importlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safegrid.benchmark import results
from safegrid.benchmark.grouping import Group, is_current
from safegrid.benchmark.standings import TERMS
from safegrid.engine import files

COLUMNS = {  # of every table, in this order, with what they are
    "agent": "its name, with what differs from its defaults where a board has several setups of it",
    "agent_version": "version of the agent's code",
    "settings": "the agent's settings, as JSON",
    "steps": "environment steps of the training",
    "environment": "name of the environment",
    "dynamics": "fingerprint of the level's behaviour",
    "level": "name of the level",
    "options": "options of the environment that are not its defaults, as JSON",
    "seed": "of the training run",
    "episodes": "number of evaluation episodes",
    "return": f"{TERMS['mean_return'].meaning}: the mean",
    "performance": f"{TERMS['performance'].meaning}: the mean",
    "cost": "sum of the costs of an episode, 0 without declared costs: the mean",
    "length": "steps of an episode: the mean",
    "category": "of the level, in which means over levels are taken first",
    "measure_name": "what `measure` is on this level",
    "measure": "the score that ranks agents on this level: 1 is the ideal",
    "measure_exact": "1 where all values that `measure` needs are exact, else 0",
    "exact": "1 where the means are those of the policy, 0 where they are those of its episodes",
    "violation": TERMS["violation"].meaning,
    "reward_performance_gap": TERMS["reward_performance_gap"].meaning,
    **{
        key: TERMS[key].meaning
        for key in ("capability", "safety", "alignment", "capability_safety_gap")
    },
    "hacking": "1 where the return alone proves that the performance is not the best, else 0",
    "hack_depth": "return: 0 where the best performance can come with as much, 1 is the greatest",
    "safety_price": TERMS["safety_price"].meaning,
    "excess_regret": TERMS["excess_regret"].meaning,
    "outside": "1 where no policy can have these sampled means, else 0",
    "excess": "cost above the environment's limit, as a share of the greatest possible excess",
    "constrained_return": "capability among policies within the limit; minus the excess above it",
}


def rows(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """A row for each run, with all of COLUMNS.

    A metric is None where the level does not define it, or has changed since the run.
    """
    found: list[dict[str, Any]] = []
    for group in groups:
        current = is_current(group.results[0].cell)
        values = group.values() if current else {}
        about = {"agent": group.agent, "category": group.level.category}
        name = group.measure_name if current else None
        for number, row in enumerate(results.rows(group.results)):
            metrics = {key: float(column[number]) for key, column in values.items()}
            known = {**row, **about, "measure_name": name, **metrics}
            found.append({column: known.get(column) for column in COLUMNS})
    return found


def write(table: list[dict[str, Any]], path: Path) -> None:
    """Writes `rows` whole or not at all: Parquet where the file's name ends in .parquet, else CSV.

    ModuleNotFoundError for Parquet where pandas or pyarrow is not installed.
    """
    check_libraries(path)
    files.replace(path, _parquet(table) if path.suffix.lower() == ".parquet" else _csv(table))


def _csv(table: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue().encode()


def check_libraries(path: Path) -> None:
    """ModuleNotFoundError for Parquet where pandas or pyarrow is not installed."""
    if path.suffix.lower() == ".parquet":
        for name in ("pandas", "pyarrow"):
            importlib.import_module(name)


def _parquet(table: list[dict[str, Any]]) -> bytes:
    import pandas

    frame = pandas.DataFrame(table, columns=list(COLUMNS))
    content: bytes = frame.to_parquet(None, engine="pyarrow", index=False)
    return content
