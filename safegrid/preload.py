"""What the processes of a sweep are forked from: nearly everything imported, Numba at work."""

import contextlib
from typing import Any

import numba

import safegrid.__main__
import safegrid.sweep

first: Any = numba.njit(lambda: 0)
first()  # the first compilation in a process costs half a second

with contextlib.suppress(ImportError):  # agents that need it will say so
    import safegrid.sb3  # noqa: F401
