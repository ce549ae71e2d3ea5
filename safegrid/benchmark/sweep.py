"""Sweeps: run the cells without a result and write their results and logs.

Sweeps on one folder share its cells by leases, also from several machines.
"""

import contextlib
import itertools
import math
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from safegrid.benchmark import executors, results
from safegrid.benchmark.executors import Executor, Outcome, Resources
from safegrid.benchmark.processes import one_line
from safegrid.benchmark.results import Cell
from safegrid.engine import files

ATTEMPTS = 3  # most attempts at a cell whose process is killed
RENEW = 15.0  # seconds between renewals of a lease
STALE = 120.0  # seconds; a network file system may show the time of a renewal a minute late
POLL = 1.0  # seconds between two looks at cells that other sweeps run
Report = Callable[[Cell, str | None], None]  # takes a finished cell and its error, if any


def sweep(
    cells: Sequence[Cell],
    folder: Path,
    report: Report,
    engine: str = "local",
    resources: Resources = Resources(),  # noqa: B008
    waiting: Callable[[int], None] = lambda count: None,
) -> None:
    """Runs the cells that have no result and writes their results and logs.

    cells: what is run
    folder: of the results; other sweeps may write to it at the same time, and share the cells
    report: is called with each finished cell and its error, which is None for success
    engine: name of one of `executors.EXECUTORS`
    resources: workers, and the limits of a cell
    waiting: is called while other sweeps run all cells that are left, with their number

    ValueError for an unknown engine, FileNotFoundError where the folder is deleted meanwhile.
    KeyboardInterrupt passes through; finished cells keep their files.
    """
    execute = executors.find(engine)
    folder.mkdir(parents=True, exist_ok=True)
    files.tidy(folder)
    with Leases(folder) as leases:
        leases.tidy()
        _Sweep(folder, report, leases).run(
            list(cells), execute, resources._replace(beat=leases.renew), waiting
        )


class _Sweep:
    """One sweep: what it has finished, and what it has yet to run."""

    def __init__(self, folder: Path, report: Report, leases: "Leases"):
        self.folder, self.leases, self._report = folder, leases, report
        self._left: list[Cell] = []  # run by other sweeps, or to be tried again
        self._attempts: Counter[str] = Counter()  # at a cell, by its key
        self._logged: dict[str, int] = {}  # attempts in the log of a cell that another sweep runs
        self._finished: list[Cell] = []  # with a result

    def run(
        self,
        cells: list[Cell],
        execute: Executor,
        resources: Resources,
        waiting: Callable[[int], None],
    ) -> None:
        """Runs the cells until each has a result or has failed."""
        while cells:
            mine = self._mine(cells)
            if first := next(mine, None):
                todo = itertools.chain([first], mine)
                with contextlib.closing(execute(todo, resources)) as attempts:
                    for cell, outcome in attempts:
                        self._keep(cell, outcome)
            elif self._left:
                waiting(len(self._left))
                time.sleep(POLL)
            cells, self._left = self._left, []
        self.leases.check()
        if lost := [cell for cell in self._finished if not self._path(cell).exists()]:
            raise FileNotFoundError(
                f"{len(lost)} results in {self.folder} were deleted while the sweep ran: "
                "the same command makes them again"
            )

    def report(self, cell: Cell, error: str | None) -> None:
        """Reports a cell that has a result or has failed, and gives its lease back."""
        self.leases.release(cell)
        if error is None:
            self._finished.append(cell)
        self._report(cell, error)

    def _path(self, cell: Cell) -> Path:
        return self.folder / cell.path

    def _entries(self, cell: Cell) -> list[dict[str, Any]]:
        return results.attempts(self._path(cell).with_suffix(".log"))

    def _mine(self, cells: Iterable[Cell]) -> Iterator[Cell]:
        """The cells that this sweep is to run now, each when its lease was taken."""
        for cell in cells:
            is_mine = not self._path(cell).exists() and self.leases.take(cell)
            if self._path(cell).exists():
                self.report(cell, None)
            elif not is_mine:
                self._logged.setdefault(cell.key, len(self._entries(cell)))
                self._left.append(cell)
            elif error := self._failed_elsewhere(cell):
                self.report(cell, error)
            else:
                yield cell

    def _failed_elsewhere(self, cell: Cell) -> str | None:
        """The error of a cell that another sweep ran meanwhile, if it has failed there."""
        if (before := self._logged.pop(cell.key, None)) is None:
            return None
        entries = self._entries(cell)[before:]
        return entries[-1]["error"] if entries and not entries[-1].get("died") else None

    def _keep(self, cell: Cell, outcome: Outcome) -> None:
        """Writes the result and the log of an attempt, and reports it unless it is repeated."""
        self.leases.check()
        error = outcome.error
        try:
            if outcome.result is not None:
                results.write(outcome.result, self.folder)
        except OSError as fault:
            error = one_line(fault)
        entry = {**outcome.log, "steps": cell.steps, "error": error, "died": outcome.died}
        with contextlib.suppress(OSError):  # the log of a full disk may fail as well
            results.log(self._path(cell), entry)
        self._attempts[cell.key] += 1
        if outcome.died and self._attempts[cell.key] < ATTEMPTS:
            self._left.append(cell)
        else:
            self.report(cell, error)


class Leases:
    """The leases of one sweep in its folder of results; the end of the block releases them.

    A lease is a file `SEED-KEY.lease` beside a result. It names the process that runs the cell,
    which renews it. It is stale when that process has ended or has not renewed it for STALE
    seconds. Leases only save work: of two sweeps that run one cell, the first writes its result.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._held: set[Path] = set()
        self._renewed, self._ahead = time.monotonic(), 0.0  # seconds that the file server is ahead
        with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as probe:
            self._ahead = os.fstat(probe.fileno()).st_mtime - time.time()

    def __enter__(self) -> "Leases":
        return self

    def __exit__(self, *_: object) -> None:
        for path in list(self._held):
            self._release(path)

    def take(self, cell: Cell) -> bool:
        """Whether this sweep may run a cell: it holds the lease from now on.

        Where the file system refuses to write a lease, the cell is run without one.
        """
        self.check()
        path = self._path(cell)
        if path in self._held:
            return True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_stale(path):
                path.unlink(missing_ok=True)
        except OSError:
            return True
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(files.owner())
        except OSError as error:
            return not isinstance(error, FileExistsError)
        self._held.add(path)
        return True

    def release(self, cell: Cell) -> None:
        """Gives the lease of a cell back."""
        self._release(self._path(cell))

    def renew(self) -> None:
        """Renews the leases that are due. FileNotFoundError as `check`."""
        self.check()
        if time.monotonic() - self._renewed >= RENEW:
            self._renewed = time.monotonic()
            for path in self._held:
                with contextlib.suppress(OSError):
                    os.utime(path)

    def check(self) -> None:
        """FileNotFoundError where the folder of results was deleted."""
        try:
            self.folder.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(
                f"results folder {self.folder} was deleted while the sweep ran: "
                "the same command starts again"
            ) from None
        except OSError:  # of a network, which may work again
            pass

    def tidy(self) -> None:
        """Removes the stale leases below the folder."""
        for path in self.folder.rglob("*.lease"):
            with contextlib.suppress(OSError):
                if self._is_stale(path):
                    path.unlink()

    def _path(self, cell: Cell) -> Path:
        return (self.folder / cell.path).with_suffix(".lease")

    def _is_stale(self, path: Path) -> bool:
        """Whether nobody runs the cell of a lease any longer. OSError where it cannot be read."""
        try:
            age = time.time() + self._ahead - path.stat().st_mtime
            holder = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False
        return abs(age) > STALE or files.has_ended(holder)

    def _release(self, path: Path) -> None:
        """Removes a lease, unless another sweep has found it stale and holds it now."""
        if path in self._held:
            self._held.remove(path)
            with contextlib.suppress(OSError):
                if path.read_text(encoding="utf-8") == files.owner():
                    path.unlink()


def expected_seconds(cells: Sequence[Cell], folders: Iterable[Path]) -> tuple[float, int]:
    """(seconds, cells without an estimate): expected duration of cells one after another.

    The estimate of a cell is the median duration of its agent's successful attempts with as many
    steps on its environment, or else on any environment, by the logs below the folders.
    """
    times: dict[tuple[str, int, str | None], list[float]] = defaultdict(list)
    for path in {path for folder in folders for path in results.logs(folder)}:
        environment, _, agent = path.absolute().parts[-4:-1]
        for entry in results.attempts(path):
            steps, seconds = entry.get("steps"), entry.get("seconds")
            if entry["error"] is None and isinstance(steps, int) and _is_duration(seconds):
                times[agent, steps, environment].append(seconds)
                times[agent, steps, None].append(seconds)
    total, without_estimate = 0.0, 0
    for cell in cells:
        keys = [(cell.agent, cell.steps, environment) for environment in (cell.environment, None)]
        if earlier := next((times[key] for key in keys if key in times), None):
            total += statistics.median(earlier)
        else:
            without_estimate += 1
    return total, without_estimate


def _is_duration(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 <= value < math.inf
