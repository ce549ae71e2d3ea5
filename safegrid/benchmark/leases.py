"""Leases: sweeps on one folder share its cells, also from several machines.

A lease is a file `SEED-KEY.lease` beside a result. It names the process that runs the cell, which
renews it. A lease is stale when that process has ended or has not renewed it for STALE seconds.
Leases only save work: of two sweeps that run one cell, the first writes its result.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

from safegrid.benchmark.results import Cell
from safegrid.engine import files

RENEW = 15.0  # seconds between renewals
STALE = 120.0  # seconds; a network file system may show the time of a renewal a minute late


class Leases:
    """The leases of one sweep in its folder of results; the end of the block releases them."""

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
