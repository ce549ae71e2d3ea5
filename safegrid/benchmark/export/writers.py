"""Where the curves of a training are written: TensorBoard, Weights & Biases or MLflow.

All of them write into a folder, and send nothing over a network unless they are told to.
"""

import importlib.util
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from safegrid.engine import files

TENSORBOARD = "tensorboard"
PROJECT = "safegrid"  # of Weights & Biases; the experiment of MLflow


class Target(NamedTuple):
    """A library, and the folder that it writes into."""

    library: str  # of WRITERS
    folder: Path


class Writer(Protocol):
    """A run to which numbers are added."""

    folder: Path  # where it writes

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Adds the point (step, value) to the curve of a tag; steps never decrease."""

    def flush(self) -> None:
        """Writes what was added to the files."""

    def close(self) -> None:
        """Ends the run."""


def target(text: str) -> Target:
    """The target `FOLDER` (TensorBoard), `wandb:FOLDER` or `mlflow:FOLDER`.

    ValueError where the library is not installed and where the folder cannot be written.
    """
    library, colon, folder = text.partition(":")
    if not colon or library not in WRITERS:
        library, folder = TENSORBOARD, text
    for needed in (library, "torch") if library == TENSORBOARD else (library,):
        if importlib.util.find_spec(needed) is None:
            raise ValueError(f"--log {text} needs {needed}: pip install {needed}")
    files.check_folder(Path(folder))
    return Target(library, Path(folder))


class TensorBoard:
    """Event files in a folder of the run's name; where it exists, the name gets a number."""

    def __init__(self, run: Path):
        from torch.utils.tensorboard import SummaryWriter

        for number in itertools.count(1):
            self.folder = run.with_name(run.name + (f"-{number}" if number > 1 else ""))
            try:
                self.folder.mkdir(parents=True)
                break
            except FileExistsError:
                pass
        self._writer: Any = SummaryWriter(str(self.folder))
        self.add_scalar, self.flush = self._writer.add_scalar, self._writer.flush
        self.close = self._writer.close


class WeightsAndBiases:
    """A run of Weights & Biases, which `wandb sync` sends; WANDB_MODE=online sends it at once."""

    def __init__(self, run: Path):
        import wandb

        run.parent.mkdir(parents=True, exist_ok=True)
        mode: Any = os.environ.get("WANDB_MODE", "offline")
        self._run = wandb.init(
            project=PROJECT, name=run.name, dir=run.parent, mode=mode, settings={"silent": True}
        )
        self.folder = Path(self._run.dir).parent

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Adds a point to the curve of a tag."""
        self._run.log({tag: float(value)}, step=step)

    def flush(self) -> None:
        """Does nothing: the library writes in a process of its own."""

    def close(self) -> None:
        """Ends the run."""
        self._run.finish()


class MLflow:
    """A run in a file store of MLflow, in which processes may write side by side.

    MLflow 3.17 refuses such a store unless MLFLOW_ALLOW_FILE_STORE is true.
    """

    def __init__(self, run: Path):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        self.folder = run.parent
        self._client = MlflowClient(run.parent.resolve().as_uri())
        try:
            experiment = self._client.create_experiment(PROJECT)
        except MlflowException:  # it exists
            experiment = self._client.get_experiment_by_name(PROJECT).experiment_id
        self._run = self._client.create_run(experiment, run_name=run.name).info.run_id

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Adds a point to the curve of a tag."""
        self._client.log_metric(self._run, tag, float(value), step=step)

    def flush(self) -> None:
        """Does nothing: every point is written at once."""

    def close(self) -> None:
        """Ends the run."""
        self._client.set_terminated(self._run)


WRITERS: dict[str, Callable[[Path], Writer]] = {
    TENSORBOARD: TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


def make(library: str, run: Path) -> Writer:
    """A new run of a library.

    library: one of WRITERS. run: the folder that it is for, whose last part is the run's name.
    """
    return WRITERS[library](run)
