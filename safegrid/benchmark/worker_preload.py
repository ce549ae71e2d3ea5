"""What the processes of a sweep are forked from: nearly everything imported, Numba at work."""

import contextlib
from typing import Any

import numba

import safegrid.benchmark.sweep
import safegrid.cli.main

first: Any = numba.njit(lambda: 0)
first()  # the first compilation in a process costs half a second

with contextlib.suppress(ImportError):  # agents that need it will say so
    import safegrid.drivers.sb3_env  # noqa: F401
