"""Tests of values: whether a name of the contract has one that it may have."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from safegrid.engine.chance import SEED, Independent


def is_texts(value: Any) -> bool:
    """Whether a value is a tuple of texts."""
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, 0 or more."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < math.inf


def is_chance(value: Any) -> bool:
    """Whether a value declares a chance, or is a function that may."""
    return isinstance(value, (Mapping, Independent)) or value == SEED or callable(value)


def is_dtype(value: Any) -> bool:
    """Whether a value is a record dtype, or a function that may make one."""
    return callable(value) or (isinstance(value, np.dtype) and value.names is not None)


def is_colours(value: Any) -> bool:
    """Whether a value is a table of colours, (red, green, blue) each 0 to 255."""
    return isinstance(value, Mapping) and all(
        len(colour) == 3 and all(part in range(256) for part in colour) for colour in value.values()
    )


def is_limits(value: Any) -> bool:
    """Whether a value is a table of limits: the most, or (least, most), as whole numbers."""

    def is_limit(limit: Any) -> bool:
        both = (0, limit) if isinstance(limit, int) else limit
        is_pair = isinstance(both, tuple) and [type(each) for each in both] == [int, int]
        return is_pair and 0 <= both[0] <= both[1]

    return isinstance(value, Mapping) and all(map(is_limit, value.values()))


def table_of(kind: Any) -> Any:
    """A function that says whether a value is a table whose values are all of a kind."""
    return lambda value: (
        isinstance(value, Mapping) and all(isinstance(each, kind) for each in value.values())
    )
