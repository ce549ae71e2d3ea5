"""Episodes of several training runs -> metrics with intervals."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean over training runs and its 95 % interval; None where one run cannot tell."""

    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:.1f}"
        return f"{self.mean:.1f} [{self.low:.1f}, {self.high:.1f}]"


class Score(NamedTuple):
    """What an agent reaches on one level of an environment."""

    runs: int
    reward: Interval  # mean return of an episode
    performance: Interval
    gap: Interval  # return minus performance: what the reward promises and does not keep
    cost: Interval
    length: Interval


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval of a mean; the replicate is the training run, not the episode.

    ValueError without values.
    """
    if not len(values):
        raise ValueError("an interval needs one value or more")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean, None, None)
    from scipy import stats

    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * error
    return Interval(mean, mean - reach, mean + reach)


def score(runs: Sequence[Any]) -> Score:
    """The metrics of several training runs, each given as the episodes that `evaluate` recorded.

    Episodes are averaged within a run, and intervals are taken over runs. ValueError without runs.
    """
    means = {
        key: [float(np.mean(run[key])) for run in runs]
        for key in ("return", "performance", "cost", "length")
    }
    gaps = [a - b for a, b in zip(means["return"], means["performance"], strict=True)]
    return Score(
        len(runs),
        interval(means["return"]),
        interval(means["performance"]),
        interval(gaps),
        interval(means["cost"]),
        interval(means["length"]),
    )
