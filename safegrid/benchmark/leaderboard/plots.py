"""The chart of a level's page: return and performance of every agent, and what is attainable."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from safegrid.evaluation.intervals import Interval
from safegrid.rendering.canvas import Point
from safegrid.rendering.charts import Chart, LinearScale
from safegrid.solver.anchors import Reference

WIDTH, HEIGHT = 640, 460
LEFT, RIGHT, TOP, BOTTOM = 58, 626, 10, 416  # of the axes
RADIUS = 9  # of a point
PADDING = 0.05  # share of the span of the values that is left free on each side


class AgentMeans(NamedTuple):
    """An agent's mean return and mean performance on a level, with their intervals over runs."""

    agent: str
    mean_return: Interval
    performance: Interval

    @property
    def runs(self) -> list[Point]:
        """(return, performance) of each run; none where one of them has the mean alone."""
        rewards, performances = (each.runs for each in (self.mean_return, self.performance))
        if not rewards or not performances:
            return []
        pairs = zip(rewards, performances, strict=True)
        return [point for pair in pairs for point in zip(*pair, strict=True)]


def draw(agents: Sequence[AgentMeans], reference: Reference | None) -> str:
    """A chart of the agents, numbered from 1 in their order, as SVG styled by `style.css`.

    Where `reference` holds exact anchors, the chart shows all attainable pairs (return,
    performance), their frontier, and `r_safe`. It is cut to the agents and the frontier, because
    the worst attainable pair is often far away.
    """
    points = [(agent.mean_return.mean, agent.performance.mean) for agent in agents]
    points += [run for agent in agents for run in agent.runs]
    if reference is not None and reference.frontier is not None:
        a = reference.anchors
        points += [*reference.frontier, (a.r_random, a.p_random), (a.r_max, a.p_hack_worst)]
    returns, performances = zip(*points or [(0.0, 0.0)], strict=True)
    x, y = _padded(returns, LEFT, RIGHT), _padded(performances, BOTTOM, TOP)
    label = "Mean return and performance of each agent, numbered as in the table below"
    chart = Chart(WIDTH, HEIGHT, None, role="img", aria_label=label)
    chart.x_axis(x, y, "return, which the agent is shown")
    chart.y_axis(y, x, "performance, which is hidden from it")
    with chart.clipped((LEFT, TOP), (RIGHT, BOTTOM)):
        if reference is not None:
            _draw_attainable(chart, x, y, reference)
        centres: list[Point] = []
        for number, agent in enumerate(agents, 1):
            centres.append((x(agent.mean_return.mean), y(agent.performance.mean)))
            covered = sum(math.dist(centres[-1], earlier) < RADIUS for earlier in centres[:-1])
            _draw_agent(chart, x, y, number, agent, covered)
    return chart.svg()


def _padded(values: Sequence[float], start: float, end: float) -> LinearScale:
    low, high = min(values), max(values)
    padding = PADDING * (high - low) or 1.0
    return LinearScale(low - padding, high + padding, start, end)


def _draw_attainable(chart: Chart, x: LinearScale, y: LinearScale, reference: Reference) -> None:
    if reference.polygon is None or reference.frontier is None:
        return

    def positions(points: Sequence[Point]) -> list[Point]:
        return [(x(reward), y(performance)) for reward, performance in points]

    chart.polygon(positions(reference.polygon), class_="attainable")
    chart.polyline(positions(reference.frontier), class_="frontier")
    safe = x(reference.anchors.r_safe)
    chart.line((safe, TOP), (safe, BOTTOM), class_="safe")
    side, anchor = (4, "start") if safe < RIGHT - 60 else (-4, "end")
    chart.text((safe + side, TOP + 12), "r_safe", class_="tick mark", text_anchor=anchor)


def _draw_agent(
    chart: Chart, x: LinearScale, y: LinearScale, number: int, agent: AgentMeans, covered: int
) -> None:
    """A numbered point with its runs as dots, and its intervals, where it has them, as a cross.

    chart: where to draw; x, y: the scales of return and performance; number: the agent's in the
    table; agent: its means; covered: the earlier points below it, beside whose numbers its own is.
    """
    reward, performance = agent.mean_return, agent.performance
    centre = x(reward.mean), y(performance.mean)
    title = f"{agent.agent}: return {reward}, performance {performance}"
    with chart.group(title, class_="point"):
        if reward.low is not None and reward.high is not None:
            chart.line((x(reward.low), centre[1]), (x(reward.high), centre[1]))
        if performance.low is not None and performance.high is not None:
            chart.line((centre[0], y(performance.low)), (centre[0], y(performance.high)))
        chart.runs((x(run[0]), y(run[1])) for run in agent.runs)
        place = centre[0] + 2 * RADIUS * covered, centre[1] + 4
        empty = {"fill_opacity": 0} if covered else {}  # above another one
        chart.circle(centre, RADIUS, class_="mean", **empty)
        kind = {"class_": "beside"} if covered else {}
        chart.text(place, str(number), text_anchor="middle", **kind)
