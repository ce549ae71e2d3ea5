"""A sweep: the cells that have no result are run, and results and logs written."""

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

ATTEMPTS = 3  # at a cell whose process dies
Report = Callable[[Cell, str | None], None]


def sweep(
    cells: Sequence[Cell],
    folder: Path,
    report: Report,
    engine: str = "local",
    means: Resources = Resources(),  # noqa: B008
) -> None:
    """Runs the cells that have no result and writes what they give.

    `report` hears of each cell that is done, with its error where it failed. ValueError for an
    unknown engine. KeyboardInterrupt passes through; finished cells keep their files.
    """
    if engine not in EXECUTORS:
        raise unknown("engine", engine, EXECUTORS)
    files.tidy(folder)
    for number in range(1, ATTEMPTS + 1):
        again: list[Cell] = []
        waiting = (cell for cell in cells if not _is_there(cell, folder, report))
        with contextlib.closing(EXECUTORS[engine](waiting, means)) as attempts:
            for cell, outcome in attempts:
                error = _keep(cell, outcome, folder)
                if outcome.died and number < ATTEMPTS:
                    again.append(cell)
                else:
                    report(cell, error)
        if not again:
            break
        cells = again


def _is_there(cell: Cell, folder: Path, report: Report) -> bool:
    """Whether another sweep has finished the cell meanwhile."""
    if there := (folder / cell.path).exists():
        report(cell, None)
    return there


def _keep(cell: Cell, outcome: Outcome, folder: Path) -> str | None:
    """Writes what an attempt gave; returns the error of one that failed."""
    error = outcome.error
    try:
        if outcome.result is not None:
            results.write(outcome.result, folder)
    except OSError as fault:
        error = one_line(fault)
    with contextlib.suppress(OSError):  # a full disk takes no log either
        results.log(folder / cell.path, {**outcome.log, "steps": cell.steps, "error": error})
    return error


def expected_seconds(cells: Sequence[Cell], folders: Iterable[Path]) -> tuple[float, int]:
    """How long cells take one after another, and how many of them nobody knows about.

    A cell takes the median of its agent's earlier times, by the logs below the folders, with as
    many steps on its environment, or else on any.
    """
    times: dict[tuple[str, int, str | None], list[float]] = defaultdict(list)
    for path in {path for folder in folders for path in folder.rglob("*.log")}:
        environment, _, agent = path.parts[-4:-1]
        for entry in results.attempts(path):
            if entry["error"] is None:
                times[agent, entry["steps"], environment].append(entry["seconds"])
                times[agent, entry["steps"], None].append(entry["seconds"])
    total, strange = 0.0, 0
    for cell in cells:
        keys = [(cell.agent, cell.steps, place) for place in (cell.environment, None)]
        if known := next((times[key] for key in keys if key in times), None):
            total += statistics.median(known)
        else:
            strange += 1
    return total, strange
