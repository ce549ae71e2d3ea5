"""Checks of actions that come from outside: their shape, type and range."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_numbered(actions: Any, count: int, names: Sequence[str]) -> NDArray[np.int64]:
    """int64[count]: numbers of actions. ValueError for another shape or type, or no such action.

    names: of all actions, in order.
    """
    given = as_array(actions)
    choice = f"choose from 0 to {len(names) - 1} ({', '.join(names)})"
    if given.shape != (count,):
        raise ValueError(
            f"actions have shape {given.shape}: give whole numbers of shape {(count,)}, {choice}"
        )
    if given.dtype.kind not in "iu":
        raise ValueError(f"action {given[0]} has type {given.dtype}: give whole numbers, {choice}")
    whole = np.ascontiguousarray(given, np.int64)
    unsigned = whole.view(np.uint64)  # negative numbers become huge
    if unsigned.max(initial=0) >= len(names):
        bad = given[unsigned >= len(names)][0]
        raise ValueError(f"action {bad} is out of range: {choice}")
    return whole


def check_vectors(
    actions: Any, count: int, names: Sequence[str], clips: bool
) -> NDArray[np.float64]:
    """float64[count, numbers]: the actions of a continuous task, from -1 to 1.

    names: of the numbers of an action. clips: whether numbers beyond -1 and 1 are clipped.
    ValueError for another shape or type, for NaN and infinity, and for numbers out of range that
    are not clipped.
    """
    given, shape = as_array(actions), (count, len(names))
    if given.shape != shape:
        fault = f"actions have shape {given.shape}"
    elif given.dtype.kind not in "fiu":
        fault = f"action {given[0]} has type {given.dtype}"
    elif not np.isfinite(given).all():
        fault = f"action {given[~np.isfinite(given).all(axis=1)][0]} is not a number"
    elif not clips and (abs(given) > 1).any():
        fault = f"action {given[(abs(given) > 1).any(axis=1)][0]} is out of range"
    else:
        clipped: NDArray[np.float64] = np.clip(given, -1, 1, dtype=np.float64)
        return clipped
    raise ValueError(f"{fault}: give numbers of shape {shape} from -1 to 1 ({', '.join(names)})")


def as_array(actions: Any) -> NDArray[Any]:
    """Actions as an array. ValueError for what is none."""
    try:
        return np.asarray(actions)
    except ValueError:
        raise ValueError(f"actions {actions!r} are no array: give numbers") from None
