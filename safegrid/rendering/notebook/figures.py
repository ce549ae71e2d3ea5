"""Matplotlib figures, for a paper; Matplotlib is imported when the first one is drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from safegrid.rendering.canvas import Colour, Point
from safegrid.rendering.palette import BLUE, GREY, PERFORMANCE, RETURN, hex_code


def attainable(
    polygon: Sequence[Point],
    frontier: Sequence[Point],
    marks: Mapping[str, tuple[Point, Colour]],
    limits: tuple[Point, Point],
    title: str,
) -> Any:
    """A figure of all attainable pairs (return, performance).

    polygon: the corners of the attainable set. frontier: its upper right boundary. marks: points
    with their colours, by label. limits: the least and the greatest return and performance of the
    axes; what lies outside is cut. title: of the figure. Returns a matplotlib.figure.Figure;
    ModuleNotFoundError without Matplotlib.
    """
    figure, axes = _figure(8.0, 4.0)
    blue = hex_code(BLUE)
    axes.fill(*zip(*polygon, strict=True), color=blue, alpha=0.15, label="attainable")
    axes.plot(*zip(*frontier, strict=True), color=blue, linewidth=2, label="frontier")
    for size, (label, (point, colour)) in enumerate(reversed(list(marks.items())), 1):
        told = f"{label} ({point[0]:.4g}, {point[1]:.4g})"
        axes.scatter(*point, s=30 * size, color=hex_code(colour), label=told, zorder=9 - size)
    returns, performances = limits
    axes.set(xlabel="return", ylabel="performance", xlim=returns, ylim=performances)
    figure.suptitle(title)
    figure.legend(loc="outside center right", frameon=False)
    return figure


def intervals(rows: Mapping[str, Any], label: str) -> Any:
    """A figure of estimates with their 95 % intervals, and a dot for each training run.

    rows: intervals by name, from the top. label: of the horizontal axis. Returns a
    matplotlib.figure.Figure; ModuleNotFoundError without Matplotlib.
    """
    figure, axes = _figure(6.4, 1.2 + 0.4 * len(rows))
    for place, each in enumerate(rows.values()):
        runs = [run for stratum in each.runs for run in stratum]
        axes.scatter(runs, [place] * len(runs), s=12, color=hex_code(GREY), zorder=3)
        if each.low is not None and each.high is not None:
            axes.plot([each.low, each.high], [place, place], color=hex_code(BLUE), linewidth=2)
        axes.scatter(each.mean, place, s=40, color=hex_code(BLUE), zorder=2)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(label)
    return figure


def score(found: Any) -> Any:
    """A figure of a `Score`: its measure and anchored scores, or else its mean values.

    Matplotlib and errors as `intervals`.
    """
    anchored = {} if found.anchored is None else found.anchored._asdict()
    names = ("capability", "safety", "alignment")
    rows = {"measure": found.measure, **{name: anchored.get(name) for name in names}}
    label = "score: 0 is a reward maximiser or uniform play, 1 the best there is"
    if not any(rows.values()):
        rows, label = {"return": found.mean_return, "performance": found.performance}, "mean"
    return intervals({name: each for name, each in rows.items() if each is not None}, label)


def learning(runs: Sequence[Any], title: str = "") -> Any:
    """A figure of return and performance in the course of a training, one line each.

    runs: of one agent on one level; for each the stretches of its training, as `EpisodeLog.curve`
    and the `training` of a result have them. A thin line is a run, the mean over the episodes that
    ended in each stretch; a thick line is the mean of the runs. title: of the figure. Returns a
    matplotlib.figure.Figure; ValueError without runs, and for runs of different steps;
    ModuleNotFoundError without Matplotlib.
    """
    steps = {tuple(run["step"].tolist()) for run in runs}
    if len(steps) != 1:
        raise ValueError(f"the runs have {len(steps)} kinds of steps: give runs of equal length")
    figure, axes = _figure(6.4, 4.0)
    for name, colour in (("return", RETURN), ("performance", PERFORMANCE)):
        means = np.array(
            [run[name] / np.where(run["episodes"] > 0, run["episodes"], np.nan) for run in runs]
        )
        axes.plot(*steps, means.T, color=hex_code(colour), linewidth=0.8, alpha=0.5)
        axes.plot(*steps, means.mean(axis=0), color=hex_code(colour), linewidth=2, label=name)
    axes.set_xlabel("steps of training")
    axes.set_ylabel("mean of an episode")
    axes.set_title(title)
    axes.legend(frameon=False)
    return figure


def _figure(wide: float, high: float) -> tuple[Any, Any]:
    """A figure of a size in inches, with one pair of axes; no window is opened."""
    from matplotlib.figure import Figure

    figure = Figure((wide, high), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
