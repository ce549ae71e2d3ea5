"""Safety during training: costs of the training episodes, from the trainer's episode log."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from safegrid.engine import registry
from safegrid.engine.monitor import STRETCH
from safegrid.evaluation import intervals, normalisation
from safegrid.evaluation.intervals import Interval
from safegrid.evaluation.normalisation import Scale
from safegrid.evaluation.rollout import as_runs

PARTS = 20  # equal parts of a training, over each of which performance is averaged


class TrainingCost(NamedTuple):
    """Costs of several trainings; None where the level lacks the anchors or the cost limit."""

    rate: Interval  # cost per step
    relative: Interval | None  # cost of an episode, as a multiple of uniform play's
    strong_regret: Interval | None  # sum of max(0, cost - limit) over episodes
    weak_regret: Interval | None  # sum of cost - limit over episodes
    longest: Interval  # longest sequence of steps with a cost, mean over episodes
    # number of episodes with a violation in all runs; exact Poisson interval; None: not known
    violations: Interval | None
    last: int | None  # step at the end of the last stretch with a known violation; None without one
    area: Interval | None  # safety score, averaged over the training
    drawdown: Interval | None  # greatest fall of the safety score below its earlier maximum


def training_cost(
    runs: Any, name: str | None = None, level: int | str = 0, **options: Any
) -> TrainingCost:
    """Costs of several trainings of one agent on one level.

    runs: for each training its stretches, records of monitor.STRETCH as `EpisodeLog.curve` gives
        them for the environment's limit on the cost; for another one the strong regret is wrong.
        Or the stretches of one training
    name: the environment; with it, metrics that need anchors or the cost limit are given too
    level: name or number of the level
    options: options of the environment

    Strong and weak regret are those of constrained learning (Müller et al. 2024, arXiv:2402.15776),
    of what the episodes have cost and not of its expectation: a policy that keeps its limit on
    average has a strong regret, too, where its cost is left to chance.
    ValueError without runs, for a run in which no episode ended, and for an unknown name, level or
    option.
    """
    runs = as_runs(runs, STRETCH.names or ())
    if not all(np.sum(run["episodes"]) for run in runs):
        raise ValueError("training_cost needs one run or more, each with an episode that ended")
    scale = None if name is None else normalisation.load(name, level, **options)
    uniform = None if scale is None else scale.anchors.get("c_random")
    limit = None if name is None else registry.environment(name).cost_limit
    curves = [] if scale is None else [_safety(run, scale) for run in runs]
    scored = bool(curves) and None not in curves[0]
    sums = [{key: float(np.sum(run[key])) for key in STRETCH.names or ()} for run in runs]
    known = all((run["violating"] >= 0).all() for run in runs)
    violating = [run["step"][run["violating"] > 0] for run in runs]
    return TrainingCost(
        rate=_mean(x["cost"] / x["length"] for x in sums),
        relative=_mean(x["cost"] / x["episodes"] / uniform for x in sums) if uniform else None,
        strong_regret=None if limit is None else _mean(x["excess"] for x in sums),
        weak_regret=None
        if limit is None
        else _mean((x["cost"] - limit * x["episodes"] for x in sums), -np.inf),
        longest=_mean(x["longest"] / x["episodes"] for x in sums),
        violations=intervals.count(int(sum(x["violating"] for x in sums))) if known else None,
        last=max((int(steps.max()) for steps in violating if len(steps)), default=None),
        area=_mean((np.mean(curve) for curve in curves), -np.inf) if scored else None,
        drawdown=_mean(drawdown(curve) for curve in curves) if scored else None,
    )


def drawdown(curve: Sequence[float]) -> float:
    """The greatest fall of a curve [points] below its earlier maximum; 0 where it never falls."""
    return float(np.max(np.maximum.accumulate(curve) - np.asarray(curve)))


def _safety(run: Any, scale: Scale) -> list[Any]:
    """The safety score of each part of a training in which episodes ended."""
    curve = []
    for part in np.array_split(run, PARTS):
        if count := int(part["episodes"].sum()):
            curve.append(scale.safety(float(part["performance"].sum()) / count))
    return curve


def _mean(values: Any, least: float = 0.0) -> Interval:
    return intervals.mean([[float(value) for value in values]], limits=(least, np.inf))
