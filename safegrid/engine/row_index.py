"""An index of rows of bytes: each distinct row has a number, in the order of first appearance."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import GOLDEN, mix
from safegrid.engine.compiling import keep


class RowIndex:
    """Numbers rows of bytes in the order in which they are first met."""

    def __init__(self, width: int):
        self.rows = np.zeros((1024, width), np.uint8)
        self.count = 0
        self._slots = np.full(4096, -1, np.int32)

    def find(self, rows: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The number of each row [n, width], or -1."""
        numbers = np.empty(len(rows), np.int32)
        _find(np.ascontiguousarray(rows), self.rows, self._slots, numbers)
        return numbers

    def __call__(self, rows: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The number of each row [n, width], new where it was not met before."""
        if self.count + len(rows) > len(self.rows):
            more = max(len(rows), len(self.rows))
            self.rows = np.concatenate((self.rows, np.zeros((more, self.rows.shape[1]), np.uint8)))
        if 2 * len(self.rows) > len(self._slots):
            self._slots = np.full(1 << (4 * len(self.rows) - 1).bit_length(), -1, np.int32)
            _rebuild(self.rows[: self.count], self._slots)
        numbers = np.empty(len(rows), np.int32)
        rows = np.ascontiguousarray(rows)
        self.count = _number(rows, self.rows, self.count, self._slots, numbers)
        return numbers


def compiled(function: Any) -> Any:
    """Compiled by Numba and kept on disk."""
    return keep(lambda **options: numba.njit(**options)(function))


def as_bytes(states: NDArray[Any]) -> NDArray[np.uint8]:
    """[n, size] a view of states."""
    return states.view(np.uint8).reshape(len(states), -1)


@compiled
def _hash(row: Any) -> Any:
    key = GOLDEN
    whole = row.size - row.size % 8
    for first in range(0, whole, 8):
        word = np.uint64(0)
        for k in range(8):
            word |= np.uint64(row[first + k]) << np.uint64(8 * k)
        key = mix(key ^ word)
    for k in range(whole, row.size):
        key = mix(key ^ np.uint64(row[k]))
    return key


@compiled
def _slot(row: Any, rows: Any, slots: Any) -> Any:
    """Where a row is, or where it would go."""
    mask = np.uint64(slots.size - 1)
    place = _hash(row) & mask
    while slots[place] >= 0:
        known, same = rows[slots[place]], True
        for k in range(row.size):
            if known[k] != row[k]:
                same = False
                break
        if same:
            break
        place = (place + np.uint64(1)) & mask
    return place


@compiled
def _number(new: Any, rows: Any, count: int, slots: Any, numbers: Any) -> int:
    for i in range(len(new)):
        place = _slot(new[i], rows, slots)
        if slots[place] < 0:
            rows[count] = new[i]
            slots[place] = count
            count += 1
        numbers[i] = slots[place]
    return count


@compiled
def _find(new: Any, rows: Any, slots: Any, numbers: Any) -> None:
    for i in range(len(new)):
        numbers[i] = slots[_slot(new[i], rows, slots)]


@compiled
def _rebuild(rows: Any, slots: Any) -> None:
    for i in range(len(rows)):
        slots[_slot(rows[i], rows, slots)] = i
