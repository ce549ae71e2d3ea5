"""What becomes of every episode of a training: the trainer's side, which no agent sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPISODE = np.dtype(
    [
        ("step", np.int64),  # environment steps, of all lanes, when the episode ended
        ("return", np.float64),
        ("performance", np.float64),
        ("cost", np.float64),
        ("length", np.int64),
        ("longest", np.int64),  # longest run of steps with a cost
    ]
)

STRETCH = np.dtype(
    [
        ("step", np.int64),  # environment steps at its end
        ("episodes", np.int64),  # that ended in it; what follows are sums over them
        ("return", np.float64),
        ("performance", np.float64),
        ("cost", np.float64),
        ("length", np.int64),
        ("longest", np.int64),  # longest run of steps with a cost
        ("violations", np.int64),  # episodes with a cost
        ("excess", np.float64),  # cost beyond the limit of an episode
    ]
)


class EpisodeLog:
    """The episodes that end in lanes made while it is watched."""

    def __init__(self) -> None:
        self.steps = 0
        self._parts: list[NDArray[Any]] = []

    def episodes(self) -> np.recarray[Any, Any]:
        """One record an episode (see EPISODE), in the order in which they ended."""
        parts = self._parts or [np.zeros(0, EPISODE)]
        return np.concatenate(parts).view(np.recarray)

    def curve(self, cost_limit: float = 0.0, parts: int = 100) -> np.recarray[Any, Any]:
        """The training in stretches of as many steps each (see STRETCH)."""
        episodes = self.episodes()
        stretches = np.zeros(parts if len(episodes) else 0, STRETCH).view(np.recarray)
        if len(episodes):
            stretches["step"] = self.steps * np.arange(1, parts + 1) // parts
            within = np.searchsorted(stretches["step"], episodes["step"])
            sums = {name: episodes[name] for name in EPISODE.names[1:]}  # type: ignore[index]
            sums["episodes"] = np.ones(len(episodes))
            sums["violations"] = episodes["cost"] > 0
            sums["excess"] = np.maximum(episodes["cost"] - cost_limit, 0)
            for name, values in sums.items():
                stretches[name] = np.bincount(within, values, parts)
        return stretches

    def add(self, lanes: NDArray[Any], longest: NDArray[np.int64]) -> None:
        """Enters the episodes that have just ended, as the engine holds them."""
        part = np.zeros(len(lanes), EPISODE)
        part["step"], part["return"], part["longest"] = self.steps, lanes["total"], longest
        for column in ("performance", "cost", "length"):
            part[column] = lanes[column]
        self._parts.append(part)


class LaneMonitor:
    """One vector of lanes in a book: counts its steps and its runs of steps with a cost."""

    def __init__(self, book: EpisodeLog, count: int):
        self._book = book
        self._run, self._longest = np.zeros((2, count), np.int64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a checkpoint: the book watched now takes over what was entered until then."""
        vars(self).update(state)
        if (book := _book.get()) is not None:
            vars(book).update(vars(self._book))
            self._book = book

    def step(
        self, lanes: NDArray[Any], cost: NDArray[Any], stepped: NDArray[Any], ended: NDArray[Any]
    ) -> None:
        """Enters one step of the lanes."""
        self._book.steps += int(stepped.sum())
        self._run = np.where(cost > 0, self._run + 1, 0)
        self._longest = np.maximum(self._longest, self._run)
        if ended.any():
            self._book.add(lanes[ended], self._longest[ended])
            self._run[ended] = self._longest[ended] = 0


_book: ContextVar[EpisodeLog | None] = ContextVar("book", default=None)


def lane_monitor(count: int) -> LaneMonitor | None:
    """Where new lanes enter their steps; None where nobody watches."""
    book = _book.get()
    return None if book is None else LaneMonitor(book, count)


@contextmanager
def monitor() -> Iterator[EpisodeLog]:
    """Watches every environment made inside, whoever makes it."""
    token = _book.set(book := EpisodeLog())
    try:
        yield book
    finally:
        _book.reset(token)
