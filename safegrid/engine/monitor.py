"""The log of every episode of a training; the trainer keeps it, and no agent reads it."""

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
        ("violating", np.bool_),  # whether any step was a violation
    ]
)

STRETCH = np.dtype(
    [
        ("step", np.int64),  # environment steps, of all lanes, at the end of the stretch
        ("episodes", np.int64),  # that ended in the stretch; the other fields are sums over them
        ("return", np.float64),
        ("performance", np.float64),
        ("cost", np.float64),
        ("length", np.int64),
        ("longest", np.int64),  # longest run of steps with a cost
        ("violating", np.int64),  # episodes with a violation
        ("excess", np.float64),  # cost beyond the limit of an episode
    ]
)


class EpisodeLog:
    """The episodes that ended in the monitored lanes, and the steps of these lanes.

    An episode that a reset of its lane cuts off has ended.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._parts: list[NDArray[Any]] = []

    def episodes(self) -> np.recarray[Any, Any]:
        """One record of EPISODE for each episode, in the order in which they ended."""
        parts = self._parts or [np.zeros(0, EPISODE)]
        return np.concatenate(parts).view(np.recarray)

    def curve(self, cost_limit: float = 0.0, parts: int = 100) -> np.recarray[Any, Any]:
        """The training in `parts` stretches of equally many steps: one record of STRETCH for each.

        Empty where no episode ended. cost_limit: of an episode, for `excess`.
        """
        episodes = self.episodes()
        stretches = np.zeros(parts if len(episodes) else 0, STRETCH).view(np.recarray)
        if len(episodes):
            stretches["step"] = self.steps * np.arange(1, parts + 1) // parts
            within = np.searchsorted(stretches["step"], episodes["step"])
            sums = {name: episodes[name] for name in EPISODE.names[1:]}  # type: ignore[index]
            sums["episodes"] = np.ones(len(episodes))
            sums["excess"] = np.maximum(episodes["cost"] - cost_limit, 0)
            for name, values in sums.items():
                stretches[name] = np.bincount(within, values, parts)
        return stretches

    def add(self, records: NDArray[Any], longest: NDArray[np.int64]) -> None:
        """Adds the episodes that ended in the present step.

        records: [n] of their lanes, see `kernels.LANE`. longest: [n] the longest run of steps with
        a cost of each.
        """
        part = np.zeros(len(records), EPISODE)
        part["step"], part["return"], part["longest"] = self.steps, records["total"], longest
        for column in ("performance", "cost", "length"):
            part[column] = records[column]
        part["violating"] = records["violated"]
        self._parts.append(part)


class LaneMonitor:
    """Monitors lanes that step together: counts their steps and runs of steps with a cost."""

    def __init__(self, log: EpisodeLog, count: int):
        self._log = log
        self._run, self._longest = np.zeros((2, count), np.int64)

    def step(
        self,
        records: NDArray[Any],
        cost: NDArray[np.float64],
        stepped: NDArray[np.bool_],
        ended: NDArray[np.bool_],
    ) -> None:
        """Logs one step of the lanes.

        records: [lanes] after the step. cost: [lanes] of the step. stepped: [lanes] whether each
        took a step. ended: [lanes] whether its episode ended with it.
        """
        self._log.steps += int(stepped.sum())
        self._run = np.where(cost > 0, self._run + 1, 0)
        self._longest = np.maximum(self._longest, self._run)
        self.end(records, ended)

    def end(self, records: NDArray[Any], ended: NDArray[np.bool_]) -> None:
        """Logs the episodes that end, of themselves or by a reset.

        records: [lanes] after their last step. ended: [lanes] whether each one's episode ends.
        """
        if ended.any():
            self._log.add(records[ended], self._longest[ended])
            self._run[ended] = self._longest[ended] = 0

    def rejoin(self, log: EpisodeLog) -> None:
        """Continues with another log, which takes over the content of the present one."""
        vars(log).update(vars(self._log))
        self._log = log
