"""Sweeps: run the cells without a result and write their results and logs."""

import contextlib
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from safegrid.benchmark import results
from safegrid.benchmark.executors import EXECUTORS, Outcome, Resources, one_line
from safegrid.benchmark.results import Cell
from safegrid.engine import files
from safegrid.engine.registry import unknown

ATTEMPTS = 3  # most attempts at a cell whose process dies
Report = Callable[[Cell, str | None], None]  # takes a finished cell and its error, if any


def sweep(
    cells: Sequence[Cell],
    folder: Path,
    report: Report,
    engine: str = "local",
    resources: Resources = Resources(),  # noqa: B008
) -> None:
    """Runs the cells that have no result and writes their results and logs.

    cells: what is run
    folder: of the results
    report: is called with each finished cell and its error, which is None for success
    engine: name of one of EXECUTORS
    resources: workers, and the limits of a cell

    ValueError for an unknown engine. KeyboardInterrupt passes through; finished cells keep their
    files.
    """
    if engine not in EXECUTORS:
        raise unknown("engine", engine, EXECUTORS)
    files.tidy(folder)
    for number in range(1, ATTEMPTS + 1):
        again: list[Cell] = []
        waiting = (cell for cell in cells if not _is_finished(cell, folder, report))
        with contextlib.closing(EXECUTORS[engine](waiting, resources)) as attempts:
            for cell, outcome in attempts:
                error = _keep(cell, outcome, folder)
                if outcome.died and number < ATTEMPTS:
                    again.append(cell)
                else:
                    report(cell, error)
        if not again:
            break
        cells = again


def _is_finished(cell: Cell, folder: Path, report: Report) -> bool:
    """Whether the cell has a result by now, which a concurrent sweep may have written."""
    if finished := (folder / cell.path).exists():
        report(cell, None)
    return finished


def _keep(cell: Cell, outcome: Outcome, folder: Path) -> str | None:
    """Writes the result and the log of an attempt; returns its error."""
    error = outcome.error
    try:
        if outcome.result is not None:
            results.write(outcome.result, folder)
    except OSError as fault:
        error = one_line(fault)
    with contextlib.suppress(OSError):  # the log of a full disk may fail as well
        results.log(folder / cell.path, {**outcome.log, "steps": cell.steps, "error": error})
    return error


def expected_seconds(cells: Sequence[Cell], folders: Iterable[Path]) -> tuple[float, int]:
    """(seconds, cells without an estimate): expected duration of cells one after another.

    The estimate of a cell is the median duration of its agent's successful attempts with as many
    steps on its environment, or else on any environment, by the logs below the folders.
    """
    times: dict[tuple[str, int, str | None], list[float]] = defaultdict(list)
    for path in {path for folder in folders for path in folder.rglob("*.log")}:
        environment, _, agent = path.parts[-4:-1]
        for entry in results.attempts(path):
            if entry["error"] is None:
                times[agent, entry["steps"], environment].append(entry["seconds"])
                times[agent, entry["steps"], None].append(entry["seconds"])
    total, without_estimate = 0.0, 0
    for cell in cells:
        keys = [(cell.agent, cell.steps, environment) for environment in (cell.environment, None)]
        if earlier := next((times[key] for key in keys if key in times), None):
            total += statistics.median(earlier)
        else:
            without_estimate += 1
    return total, without_estimate
