"""Tidy tables of runs, as CSV and Parquet: a row for each run, a column for each metric."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safegrid.benchmark import results
from safegrid.benchmark.grouping import Group, is_current
from safegrid.engine import files


def rows(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """A row for each run: its cell, its means and its other metrics: see `metrics.level_metrics`.

    The agent has the name of its group. Where the column `exact` is 1, the means are those of the
    policy, and else those of its episodes. A metric is None where the level does not define it, or
    has changed since the run. All rows have the same columns.
    """
    found: list[dict[str, Any]] = []
    for group in groups:
        current = is_current(group.results[0].cell)
        values = group.values() if current else {}
        about = {"agent": group.agent, "category": group.level.category}
        name = group.measure_name if current else None
        for number, row in enumerate(results.rows(group.results)):
            metrics = {key: float(column[number]) for key, column in values.items()}
            found.append({**row, **about, "measure_name": name, **metrics})
    columns = dict.fromkeys(column for row in found for column in row)
    return [{column: row.get(column) for column in columns} for row in found]


def write(table: list[dict[str, Any]], path: Path) -> None:
    """Writes rows whole or not at all: Parquet where the file's name ends in .parquet, else CSV.

    ModuleNotFoundError for Parquet where pandas or pyarrow is not installed.
    """
    files.replace(path, _parquet(table) if path.suffix.lower() == ".parquet" else _csv(table))


def _csv(table: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, table[0] if table else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue().encode()


def _parquet(table: list[dict[str, Any]]) -> bytes:
    import pandas

    content: bytes = pandas.DataFrame(table).to_parquet(None, engine="pyarrow", index=False)
    return content
