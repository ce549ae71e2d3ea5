"""The course of a training as curves, written by the trainer and not by the agent."""

from pathlib import Path
from typing import Any

from safegrid.benchmark.export import writers
from safegrid.benchmark.results import Cell
from safegrid.engine.monitor import EpisodeLog

PARTS = 100  # points of a curve
# The episodes of a training are played with the agent's exploration; the performance is hidden
# from the agent.
SHOWN = {
    "return": "training_exploration/return",
    "length": "training_exploration/length",
    "cost": "training_exploration/cost",
    "performance": "training_exploration_hidden/performance",
}


def run_name(cell: Cell) -> str:
    """The name of a run's folder."""
    return f"{cell.agent}-{cell.environment}-{cell.level}-{cell.seed}"


class Curves:
    """Means over the episodes that ended in each of PARTS equal parts of a training.

    folder: of the run, made with the first point; where it exists, its name gets a number, so that
    every run has a folder of its own. log: of the training. steps: of the training. library: that
    shows the curves, one of `writers.WRITERS`.
    """

    def __init__(
        self, folder: Path, log: EpisodeLog, steps: int, library: str = writers.TENSORBOARD
    ):
        self.folder: Path | None = None  # None until there is a point
        self._wanted, self._library = folder, library
        self._writer: writers.Writer | None = None
        self._log, self._part, self._done = log, max(1, steps // PARTS), 0

    def write(self) -> None:
        """Writes the parts that have been trained since."""
        if self._log.steps < (self._done + 1) * self._part:
            return
        episodes = self._log.episodes()
        while (end := (self._done + 1) * self._part) <= self._log.steps:
            ended = episodes[(episodes.step > end - self._part) & (episodes.step <= end)]
            for column, tag in SHOWN.items():
                if len(ended):
                    self._add(tag, ended[column].mean(), end)
            self._done += 1
        if self._writer is not None:
            self._writer.flush()

    def write_evaluation(self, episodes: Any) -> None:
        """Writes what is left of the curves, and the means of the evaluation at the last step."""
        self.write()
        for column in SHOWN:
            self._add(f"evaluation/{column}", episodes[column].mean(), self._log.steps)

    def reason(self) -> str | None:
        """Why there are no curves; None where there are."""
        if self.folder is not None:
            return None
        if not self._log.steps:
            return "the agent has taken no step in an environment"
        return f"no episode has ended in the {self._log.steps:,} steps of the training"

    def __enter__(self) -> "Curves":
        return self

    def __exit__(self, *_: object) -> None:
        """Writes what is left to the file."""
        self.write()
        if self._writer is not None:
            self._writer.close()

    def _add(self, tag: str, value: float, step: int) -> None:
        if self._writer is None:
            self._writer = writers.make(self._library, self._wanted)
            self.folder = self._writer.folder
        self._writer.add_scalar(tag, value, step)
