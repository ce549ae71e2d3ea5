"""Checkpoints of a training: all that it needs to go on as if it had never been interrupted.

The file is a pickle. Read none but your own: to read a pickle is to run what it says.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from safegrid.engine import files

EVERY = 30.0  # seconds


class Checkpoint:
    """The checkpoint of one training, which `request` tells from others."""

    def __init__(self, path: Path, request: str):
        self.path, self.request = path, request
        self._last = time.monotonic()

    def offer(self, model: Any) -> None:
        """Writes a Stable-Baselines3 model that is between rollouts, if it is time to."""
        if time.monotonic() - self._last >= EVERY:
            self.save(model)
            self._last = time.monotonic()

    def save(self, model: Any) -> None:
        """Writes the model with its lanes and every random generator, whole or not at all."""
        import cloudpickle
        import torch

        env = model.get_vec_normalize_env()  # its own pickle leaves the lanes and returns out
        generators = random.getstate(), np.random.get_state(), torch.get_rng_state()
        content = (self.request, model, env.venv, env.returns, generators)
        files.replace(self.path, cloudpickle.dumps(content))

    def load(self) -> Any | None:
        """The model as it was saved, or None. ValueError for a checkpoint of another training."""
        import cloudpickle
        import torch

        if not self.path.exists():
            return None
        try:
            request, model, lanes, returns, generators = cloudpickle.loads(self.path.read_bytes())
        except Exception as error:
            raise ValueError(f"checkpoint {self.path} cannot be read: {error}") from None
        if request != self.request:
            raise ValueError(
                f"checkpoint {self.path} is of another training, {request}: choose another file"
            )
        env = model.get_vec_normalize_env()
        env.set_venv(lanes)
        env.returns = returns
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        torch.set_rng_state(generators[2])
        return model


class Place:
    """Where a training may keep its checkpoint, and whether one does."""

    def __init__(self, path: Path):
        self.path, self.used = path, False


_place: ContextVar[Place | None] = ContextVar("checkpoint", default=None)


@contextmanager
def keep(path: Path) -> Iterator[Place]:
    """The training inside goes on from this file if it is there, and keeps itself in it."""
    token = _place.set(place := Place(path))
    try:
        yield place
    finally:
        _place.reset(token)
    path.unlink(missing_ok=True)  # the training has come to its end


def here(request: str) -> Checkpoint | None:
    """The checkpoint of a training that begins; None where none is wanted."""
    place = _place.get()
    if place is None:
        return None
    place.used = True
    return Checkpoint(place.path, request)
