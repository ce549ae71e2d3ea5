"""Checkpoints: all that a training needs to go on as if it had never been interrupted.

The file is a pickle, and to read a pickle is to run what it says: read only your own.
"""

import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from safegrid.engine import files

EVERY = 30.0  # seconds


class Checkpoint:
    """The file in which one training keeps itself; agents that keep none never ask for it."""

    def __init__(self, path: Path):
        self.path = path
        self.request: str | None = None  # what was asked for; None until an agent has resumed
        self._last = time.monotonic()

    def resume(self, request: str) -> Any | None:
        """The model of this request as it was saved, or None where there is no file.

        ValueError for a file that is no checkpoint, or that of another request.
        """
        import cloudpickle
        import torch

        self.request = request
        if not self.path.exists():
            return None
        try:
            kept, model, lanes, returns, generators = cloudpickle.loads(self.path.read_bytes())
        except Exception as error:
            raise ValueError(f"checkpoint {self.path} cannot be read: {error}") from None
        if kept != request:
            raise ValueError(
                f"checkpoint {self.path} is of another training, {kept}: choose another file"
            )
        env = model.get_vec_normalize_env()
        env.set_venv(lanes)
        env.returns = returns
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        torch.set_rng_state(generators[2])
        return model

    def offer(self, model: Any) -> None:
        """Saves a Stable-Baselines3 model that is between rollouts, if EVERY seconds are over."""
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

    def finish(self) -> None:
        """Removes the file of a training that has come to its end."""
        if self.request is not None:
            self.path.unlink(missing_ok=True)
