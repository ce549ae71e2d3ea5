"""A chart of the returns and performances that policies can attain on a level."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from safegrid.rendering.canvas import Colour, Point
from safegrid.rendering.charts import Chart, LinearScale, signed
from safegrid.rendering.notebook import figures
from safegrid.rendering.palette import BLUE, GREEN, GREY, ORANGE, VERMILION

if TYPE_CHECKING:
    from safegrid.solver.anchors import Reference

WIDTH, HEIGHT = 800, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 504, 44, 404  # of the axes
PADDING = 0.12  # share of the span of the values that is left free on each side
FAR = "uniform play"  # the mark that is often far from the others
MARKS = {  # points whose return and performance are anchors
    FAR: ("r_random", "p_random", GREY),
    "best return, its worst performance": ("r_max", "p_hack_worst", VERMILION),
    "best return, its best performance": ("r_max", "p_hack_best", ORANGE),
    "best performance": ("r_safe", "p_max", GREEN),
}


class Plotted:
    """A solved level, which draws what is attainable on it."""

    dynamics: Any
    horizon: int
    anchors: Any
    polygon: Any
    frontier: Any

    def plot(self) -> Any:
        """A matplotlib.figure.Figure of all attainable returns and performances, with the anchors.

        ModuleNotFoundError where Matplotlib is not installed.
        """
        marks = _marks(self.anchors)
        x, y = _scales(self.frontier, marks)
        limits = (x.low, x.high), (y.low, y.high)
        return figures.attainable(self.polygon, self.frontier, marks, limits, self._title)

    @property
    def _title(self) -> str:
        return f"{self.dynamics.name}, level {self.dynamics.level_name}, {self.horizon} steps"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._title}>"

    def _repr_html_(self) -> str:
        return attainable(self, self._title).svg()


def _marks(anchors: Any) -> dict[str, tuple[Point, Colour]]:
    return {
        label: ((anchors[reward], anchors[performance]), colour)
        for label, (reward, performance, colour) in MARKS.items()
    }


def attainable(reference: "Reference | Plotted", title: str) -> Chart:
    """A chart of the frontier of attainable pairs (return, performance) and of the anchors.

    The axes are those of the frontier and of the best returns and performances, and the rest of
    what is attainable, which may reach far below, is cut. An anchor outside is in the legend only,
    with its values. Marks of equal values are rings around each other. ValueError for a level whose
    anchors are bounds: only exact anchors come with the set of attainable pairs.
    """
    if reference.polygon is None or reference.frontier is None:
        raise ValueError(f"{title}: only bounds are known, and bounds cannot be plotted")
    marks = _marks(reference.anchors)
    x, y = _scales(reference.frontier, marks)
    chart = Chart(WIDTH, HEIGHT)
    chart.text((LEFT, 26), title, font_size=15)
    chart.x_axis(x, y, "return")
    chart.y_axis(y, x, "performance")
    corners, frontier = (
        [(x(reward), y(performance)) for reward, performance in points]
        for points in (reference.polygon, reference.frontier)
    )
    with chart.clipped((LEFT, TOP), (RIGHT, BOTTOM)):
        chart.polygon(corners, fill=BLUE, fill_opacity=".15", stroke=BLUE, stroke_opacity=".4")
    chart.polyline(frontier, stroke=BLUE, stroke_width=3)
    chart.line((RIGHT + 18, TOP + 16), (RIGHT + 38, TOP + 16), stroke=BLUE, stroke_width=3)
    chart.text((RIGHT + 46, TOP + 20), "frontier")
    for i, (label, (point, colour)) in enumerate(marks.items()):
        inside = x.low <= point[0] <= x.high and y.low <= point[1] <= y.high
        if inside:
            centre = x(point[0]), y(point[1])
            chart.circle(centre, 12 - 2.5 * i, fill=colour)  # smaller ones over larger ones
        line = TOP + 42 + 40 * i
        chart.circle((RIGHT + 28, line - 4), 6, fill=colour)
        chart.text((RIGHT + 46, line), label)
        values = f"({signed(point[0], '.4g')}, {signed(point[1], '.4g')})"
        values += "" if inside else ", outside"
        chart.text((RIGHT + 46, line + 16), values, fill="#666")
    return chart


def _scales(
    frontier: Sequence[Point], marks: Mapping[str, tuple[Point, Colour]]
) -> tuple[LinearScale, LinearScale]:
    """The scales of the axes: of the frontier and of all marks but the one that is often far."""
    shown = [*frontier, *(point for label, (point, _) in marks.items() if label != FAR)]
    if len(set(shown)) == 1:  # nothing to see but one point: all anchors are shown around it
        shown += [marks[FAR][0]]
    returns, performances = zip(*shown, strict=True)
    return _padded(returns, LEFT, RIGHT), _padded(performances, BOTTOM, TOP)


def _padded(values: Sequence[float], start: float, end: float) -> LinearScale:
    low, high = min(values), max(values)
    padding = PADDING * (high - low) or 1.0
    return LinearScale(low - padding, high + padding, start, end)
