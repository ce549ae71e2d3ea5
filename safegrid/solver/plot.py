"""A chart, as SVG, of the returns and performances that policies can attain on a level."""

from safegrid.rendering.charts import Chart, LinearScale
from safegrid.rendering.palette import BLUE, GREEN, GREY, ORANGE, VERMILION
from safegrid.solver.anchors import Reference

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 504, 44, 404  # of the axes
MARKS = {  # points whose return and performance are anchors
    "uniform play": ("r_random", "p_random", GREY),
    "best return, its worst performance": ("r_max", "p_hack_worst", VERMILION),
    "best return, its best performance": ("r_max", "p_hack_best", ORANGE),
    "best performance": ("r_safe", "p_max", GREEN),
}


def attainable(reference: Reference, title: str) -> str:
    """A chart of all attainable pairs (return, performance), their frontier and the anchors.

    The text of an SVG file. ValueError for a level whose anchors are bounds: only exact anchors
    come with the set of attainable pairs.
    """
    if reference.polygon is None or reference.frontier is None:
        raise ValueError(f"{title}: only bounds are known, and bounds cannot be plotted")
    returns, performances = zip(*reference.polygon, strict=True)
    x = LinearScale(min(returns), max(returns), LEFT, RIGHT)
    y = LinearScale(min(performances), max(performances), BOTTOM, TOP)
    chart = Chart(WIDTH, HEIGHT)
    chart.text((LEFT, 26), title, font_size=15)
    chart.x_axis(x, y, "return")
    chart.y_axis(y, x, "performance")
    corners, frontier = (
        [(x(reward), y(performance)) for reward, performance in points]
        for points in (reference.polygon, reference.frontier)
    )
    chart.polygon(corners, fill=BLUE, fill_opacity=".15", stroke=BLUE, stroke_opacity=".4")
    chart.polyline(frontier, stroke=BLUE, stroke_width=3)
    chart.line((RIGHT + 18, TOP + 16), (RIGHT + 38, TOP + 16), stroke=BLUE, stroke_width=3)
    chart.text((RIGHT + 46, TOP + 20), "frontier")
    for i, (label, (reward, performance, colour)) in enumerate(MARKS.items()):
        point = x(reference.anchors[reward]), y(reference.anchors[performance])
        chart.circle(point, 9 - 2 * i, fill=colour)  # smaller ones over larger ones
        line = TOP + 42 + 22 * i
        chart.circle((RIGHT + 28, line - 4), 6, fill=colour)
        chart.text((RIGHT + 46, line), label)
    return chart.svg()
