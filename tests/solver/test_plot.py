"""The chart of `solve --plot`: what is attainable lies where its axes say."""

import pytest

from safegrid.solver import anchors, plot
from safegrid.solver.anchors import Reference
from safegrid.solver.solution import Anchors

CORNERS = [(-100.0, -110.0), (45.0, 35.0), (43.0, 43.0), (-100.0, -100.0)]  # counter-clockwise
FRONTIER = [(43.0, 43.0), (45.0, 35.0)]
ANCHORS = Anchors(
    r_random=-10, p_random=-19, r_max=45, p_hack_worst=35, p_hack_best=36, r_safe=43, p_max=43
)


def chart(read_chart, reference):
    return read_chart(plot.attainable(reference, "a level"))


def points(values):
    return [pytest.approx(value, abs=0.3) for value in values]


def test_the_attainable_set_and_its_frontier_lie_where_the_axes_say(read_chart):
    drawn = chart(read_chart, Reference("exact", ANCHORS, None, CORNERS, FRONTIER))
    (polygon,), (frontier,) = drawn.shapes("polygon"), drawn.shapes("polyline")
    assert drawn.points(polygon) == points(CORNERS)
    assert drawn.points(frontier) == points(FRONTIER)


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("uniform play", (-10, -19)),
        ("best return, its worst performance", (45, 35)),
        ("best return, its best performance", (45, 36)),
        ("best performance", (43, 43)),
    ],
)
def test_the_marks_of_the_legend_are_the_anchors(read_chart, label, values):
    drawn = chart(read_chart, Reference("exact", ANCHORS, None, CORNERS, FRONTIER))
    (text,) = [e for e in drawn.shapes("text") if e.text == label]
    circles = drawn.shapes("circle")
    (legend,) = [e for e in circles if float(e.get("cy")) == float(text.get("y")) - 4]
    (mark,) = [e for e in circles if e is not legend and e.get("fill") == legend.get("fill")]
    assert drawn.value(mark.get("cx"), mark.get("cy")) == pytest.approx(values, abs=0.3)


def test_the_labels_name_the_axes(read_chart):
    drawn = chart(read_chart, Reference("exact", ANCHORS, None, CORNERS, FRONTIER))
    across, up = drawn.shapes("text", **{"class": "label"})
    assert (across.text, up.text) == ("return", "performance")
    assert "rotate" in up.get("transform") and "transform" not in across.attrib


def test_a_solved_level_is_drawn_as_it_was_solved(read_chart):
    reference = anchors.load("boat_race")
    drawn = chart(read_chart, reference)
    assert drawn.points(*drawn.shapes("polygon")) == points(reference.polygon)


def test_bounds_are_refused():
    with pytest.raises(ValueError, match="a level: only bounds are known"):
        plot.attainable(Reference("bound", ANCHORS), "a level")
