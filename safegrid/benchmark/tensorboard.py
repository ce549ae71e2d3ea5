"""The course of a training as TensorBoard shows it, written by the trainer and not by the agent."""

from pathlib import Path
from typing import Any

from safegrid.engine.monitor import EpisodeLog

PARTS = 100  # points of a curve
SHOWN = {"return": "agent", "length": "agent", "cost": "agent", "performance": "trainer"}


class Curves:
    """Means over the episodes that ended in each of PARTS equal parts of a training.

    What the agent sees is under `agent`; `trainer/performance` is hidden from it.
    """

    def __init__(self, folder: Path, log: EpisodeLog, steps: int):
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))
        self._log, self._part, self._done = log, max(1, steps // PARTS), 0

    def write(self) -> None:
        """Writes the parts that have been trained since."""
        if self._log.steps < (self._done + 1) * self._part:
            return
        episodes = self._log.episodes()
        while (end := (self._done + 1) * self._part) <= self._log.steps:
            ended = episodes[(episodes.step > end - self._part) & (episodes.step <= end)]
            for column, whose in SHOWN.items():
                if len(ended):
                    self._writer.add_scalar(f"{whose}/{column}", ended[column].mean(), end)
            self._done += 1
        self._writer.flush()

    def __enter__(self) -> "Curves":
        return self

    def __exit__(self, *_: object) -> None:
        """Writes what is left to the file."""
        self.write()
        self._writer.close()
