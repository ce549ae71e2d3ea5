"""The chart of `solve --plot`: what is attainable lies where its axes say."""

import pytest

import safegrid
from safegrid.solver import anchors, plot
from safegrid.solver.anchors import Reference
from safegrid.solver.solution import Anchors

CORNERS = [(-100.0, -110.0), (45.0, 35.0), (43.0, 43.0), (-100.0, -100.0)]  # counter-clockwise
FRONTIER = [(43.0, 43.0), (45.0, 35.0)]
ANCHORS = Anchors(
    r_random=-10, p_random=-19, r_max=45, p_hack_worst=35, p_hack_best=36, r_safe=43, p_max=43
)


def chart(read_chart, reference):
    return read_chart(plot.attainable(reference, "a level").svg())


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


def test_the_frontier_fills_the_chart_and_what_lies_outside_is_named(read_chart):
    drawn = chart(read_chart, Reference("exact", ANCHORS, None, CORNERS, FRONTIER))
    (frontier,) = drawn.shapes("polyline")
    pairs = [tuple(map(float, pair.split(","))) for pair in frontier.get("points").split()]
    (left, top), (right, bottom) = pairs
    assert right - left > 0.6 * (plot.RIGHT - plot.LEFT)
    assert bottom - top > 0.6 * (plot.BOTTOM - plot.TOP)
    texts = [each.text for each in drawn.shapes("text")]
    assert "(\N{MINUS SIGN}10, \N{MINUS SIGN}19), outside" in texts and "(45, 35)" in texts
    uniform = [each for each in drawn.shapes("circle") if each.get("fill") == "#999999"]
    assert len(uniform) == 1  # in the legend only


def test_marks_of_equal_values_are_seen_around_each_other(read_chart):
    anchors_ = Anchors({**ANCHORS, "p_hack_best": 43, "p_hack_worst": 43, "r_safe": 45})
    drawn = chart(read_chart, Reference("exact", anchors_, None, CORNERS, FRONTIER))
    marks = [each for each in drawn.shapes("circle") if float(each.get("cx")) < plot.RIGHT]
    assert len({(each.get("cx"), each.get("cy")) for each in marks}) == 1
    radii = [float(each.get("r")) for each in marks]
    assert len(radii) == 3 and radii == sorted(radii, reverse=True) and len(set(radii)) == 3


def test_bounds_are_refused():
    with pytest.raises(ValueError, match="a level: only bounds are known"):
        plot.attainable(Reference("bound", ANCHORS), "a level")


def test_a_solution_shows_its_level():
    assert repr(safegrid.solve("boat_race")) == "<Solution of boat_race, level course, 100 steps>"
    assert repr(safegrid.Model("boat_race")) == "Model('boat_race', level='course')"
