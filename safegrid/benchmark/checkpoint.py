"""Checkpoints: all that a training needs to go on as if it had never been interrupted.

The file is a pickle, and to read a pickle is to run what it says: read only your own.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from safegrid.benchmark.results import Cell
from safegrid.engine import chance, files

EVERY = 30.0  # seconds


class Checkpoint:
    """The file in which one training keeps itself; agents that keep none never ask for it.

    cell: the training, whose steps may be more when it is continued. device: of torch. ValueError
    where the file cannot be written.
    """

    def __init__(self, path: Path, cell: Cell, device: str = "auto"):
        files.check_writable(path)
        self.path = path
        training = {**cell.model_dump(exclude={"steps", "episodes"}), "device": device}
        self.training = ", ".join(f"{key} {value}" for key, value in training.items())
        self._is_asked = False  # whether the agent has resumed
        self._last = time.monotonic()
        self._is_ours = False  # whether the file is of this training
        self._interrupted = False

    def resume(self) -> Any | None:
        """The model of this training as it was saved, or None where there is no file.

        ValueError for a file that is no checkpoint, or that of another training.
        """
        import cloudpickle

        self._is_asked = True
        if not self.path.exists():
            return None
        try:
            content = cloudpickle.loads(self.path.read_bytes())
            kept, model, lanes, returns, python_state, numpy_state, torch_state = content
        except Exception as error:
            reason = f"it is no checkpoint of a training ({type(error).__name__})"
            raise ValueError(f"checkpoint {self.path} cannot be read: {reason}") from None
        if kept != self.training:
            raise ValueError(
                f"checkpoint {self.path} is of another training: choose another file, or {kept}"
            )
        env = model.get_vec_normalize_env()
        env.set_venv(lanes)
        env.returns = returns
        chance.set_generator_states((python_state, numpy_state, torch_state))
        self._is_ours = True
        return model

    def offer(self, model: Any) -> None:
        """Saves a Stable-Baselines3 model that is between rollouts, if EVERY seconds are over.

        Also after an interruption, with KeyboardInterrupt: see `interruptible`.
        """
        if self._interrupted or time.monotonic() - self._last >= EVERY:
            self.save(model)
            self._last = time.monotonic()
        if self._interrupted:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def interruptible(self, notify: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Lets Ctrl-C end a training after its present rollout, with a checkpoint.

        A second Ctrl-C ends it at once. Only in the main thread, where Python has its signals.

        notify: is called at the first Ctrl-C
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def interrupt(*_: object) -> None:
            signal.signal(signal.SIGINT, before)
            if not self._is_asked:
                raise KeyboardInterrupt
            self._interrupted = True
            notify()

        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def save(self, model: Any) -> None:
        """Writes the model with its lanes and every random generator, whole or not at all."""
        import cloudpickle

        env = model.get_vec_normalize_env()  # its own pickle leaves the lanes and returns out
        content = (self.training, model, env.venv, env.returns, *chance.generator_states())
        files.replace(self.path, cloudpickle.dumps(content))
        self._is_ours = True

    def finish(self) -> None:
        """Removes the file of a training that has come to its end; no other file."""
        if self._is_ours:
            self.path.unlink(missing_ok=True)
