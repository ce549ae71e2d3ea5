"""Preload of the workers of a sweep: imports what cells need and starts Numba."""

import contextlib
from typing import Any

import numba

import safegrid.benchmark.sweep

compiled: Any = numba.njit(lambda: 0)
compiled()  # the first compilation in a process takes half a second

with contextlib.suppress(ImportError):  # agents that need it raise a clear error themselves
    import torch._dynamo  # noqa: F401  # every optimiser imports it

    import safegrid.training.sb3_training  # noqa: F401
