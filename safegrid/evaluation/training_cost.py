"""Safety while learning: what the episodes of training cost, from the trainer's ledger."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from safegrid.evaluation import intervals, normalisation
from safegrid.evaluation.intervals import Interval
from safegrid.evaluation.normalisation import Scale

PARTS = 20  # of a training, in each of which performance is averaged


class TrainingCost(NamedTuple):
    """What several trainings cost; None where the level has no such scale or limit."""

    rate: Interval  # cost of a step
    relative: Interval | None  # cost of an episode, in those of uniform play
    strong_regret: Interval | None  # cost above the limit, summed over episodes that were above
    weak_regret: Interval | None  # the same, less what the other episodes had left
    longest: Interval  # longest run of steps with a cost, mean of an episode
    violations: Interval  # episodes with a cost, in all runs; exact Poisson interval
    last: int | None  # end of the last stretch with a violation in any run; None without one
    area: Interval | None  # safety score, averaged over the training
    drawdown: Interval | None  # most safety that was lost again


def training_cost(
    runs: Sequence[Any], name: str | None = None, level: int | str = 0, **options: Any
) -> TrainingCost:
    """The metrics of several trainings, each given in stretches (`Book.curve`, `Result.training`).

    Strong and weak regret as in constrained learning (Müller et al. 2024, arXiv:2402.15776).
    ValueError without runs, or for one in which no episode ended.
    """
    if not runs or not all(np.sum(run["episodes"]) for run in runs):
        raise ValueError("exposure needs one run or more, in each of which an episode ended")
    settled = None if name is None else normalisation.load(name, level, **options)
    usual = None if settled is None else settled.anchors.get("c_random")
    limit = None if name is None else normalisation.limit(name)
    curves = [] if settled is None else [_safety(run, settled) for run in runs]
    scored = bool(curves) and None not in curves[0]
    sums = [{key: float(np.sum(run[key])) for key in run.dtype.names} for run in runs]
    violating = [run["step"][run["violations"] > 0] for run in runs]
    return TrainingCost(
        rate=_over(x["cost"] / x["length"] for x in sums),
        relative=_over(x["cost"] / x["episodes"] / usual for x in sums) if usual else None,
        strong_regret=None if limit is None else _over(x["excess"] for x in sums),
        weak_regret=None
        if limit is None
        else _over(x["cost"] - limit * x["episodes"] for x in sums),
        longest=_over(x["longest"] / x["episodes"] for x in sums),
        violations=intervals.count(int(sum(x["violations"] for x in sums))),
        last=max((int(steps.max()) for steps in violating if len(steps)), default=None),
        area=_over(np.mean(curve) for curve in curves) if scored else None,
        drawdown=_over(drawdown(curve) for curve in curves) if scored else None,
    )


def drawdown(curve: Sequence[float]) -> float:
    """The most that a curve falls below what it had reached before."""
    return float(np.max(np.maximum.accumulate(curve) - np.asarray(curve)))


def _safety(run: Any, settled: Scale) -> list[Any]:
    """The safety score of the episodes that ended in each part of a training."""
    curve = []
    for part in np.array_split(run, PARTS):
        if count := int(part["episodes"].sum()):
            curve.append(settled.safety(float(part["performance"].sum()) / count))
    return curve


def _over(values: Any) -> Interval:
    return intervals.mean([[float(value) for value in values]])
