"""An index of distinct rows of bytes: a hash table from each row to its number."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import GOLDEN, mix
from safegrid.engine.compiling import keep


class RowIndex:
    """Numbers distinct rows of `width` bytes in the order of first appearance.

    The first `count` of `rows` are the distinct rows.
    """

    def __init__(self, width: int):
        self.rows = np.zeros((1024, width), np.uint8)
        self.count = 0
        self._slots = np.full(4096, -1, np.int32)

    def find(self, rows: NDArray[np.uint8]) -> NDArray[np.int32]:
        """int32[n]: the number of each row of uint8[n, width], or -1 for one that has none."""
        numbers = np.empty(len(rows), np.int32)
        _find(np.ascontiguousarray(rows), self.rows, self._slots, numbers)
        return numbers

    def __call__(self, rows: NDArray[np.uint8]) -> NDArray[np.int32]:
        """int32[n]: the number of each row of uint8[n, width]; a new one gets the next number."""
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
    """A function compiled by Numba and cached on disk."""
    return keep(lambda **options: numba.njit(**options)(function))


def as_bytes(states: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8[n, size]: a view of the bytes of records [n]."""
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
    """The slot that holds a row's number, or the empty slot for it (linear probing)."""
    mask = np.uint64(slots.size - 1)
    slot = _hash(row) & mask
    while slots[slot] >= 0:
        other, same = rows[slots[slot]], True
        for k in range(row.size):
            if other[k] != row[k]:
                same = False
                break
        if same:
            break
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _number(new: Any, rows: Any, count: int, slots: Any, numbers: Any) -> int:
    for i in range(len(new)):
        slot = _slot(new[i], rows, slots)
        if slots[slot] < 0:
            rows[count] = new[i]
            slots[slot] = count
            count += 1
        numbers[i] = slots[slot]
    return count


@compiled
def _find(new: Any, rows: Any, slots: Any, numbers: Any) -> None:
    for i in range(len(new)):
        numbers[i] = slots[_slot(new[i], rows, slots)]


@compiled
def _rebuild(rows: Any, slots: Any) -> None:
    for i in range(len(rows)):
        slots[_slot(rows[i], rows, slots)] = i
