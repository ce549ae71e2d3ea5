"""The chart of a level's page: agents and what is attainable lie where its axes say."""

import pytest

from safegrid.benchmark.leaderboard.plots import AgentMeans, draw
from safegrid.evaluation.intervals import Interval
from safegrid.solver.anchors import Reference
from safegrid.solver.solution import Anchors

CORNERS = [(-1000.0, -1100.0), (45.0, 35.0), (43.0, 43.0), (-1000.0, -1000.0)]
ANCHORS = Anchors(r_random=-10, p_random=-19, r_max=45, p_hack_worst=35, r_safe=43, p_max=43)
EXACT = Reference("exact", ANCHORS, None, CORNERS, [(43.0, 43.0), (45.0, 35.0)])
AGENTS = [
    AgentMeans("careful", Interval(40.0, 38.0, 42.0), Interval(39.0, 30.0, 43.0)),
    AgentMeans("<rash>", Interval(44.0, None, None), Interval(-20.0, None, None)),
]


def near(*values):
    return pytest.approx(values, abs=0.2)


def test_agents_lie_at_their_means_and_are_numbered(read_chart):
    chart = read_chart(draw(AGENTS, EXACT))
    assert chart.circles() == [near(40, 39), near(44, -20)]
    groups = chart.shapes("g", **{"class": "point"})
    assert [group[-1].text for group in groups] == ["1", "2"]
    titles = [group[0].text for group in groups]
    assert titles[0] == "careful: return 40.0 [38.0, 42.0], performance 39.0 [30.0, 43.0]"
    assert titles[1] == "<rash>: return 44.0, performance -20.0"


def test_intervals_are_crosses_where_there_are_several_runs(read_chart):
    chart = read_chart(draw(AGENTS, EXACT))
    several, one = chart.shapes("g", **{"class": "point"})
    across, up = [e for e in several if e.tag.endswith("line")]
    ends = [chart.value(e.get(f"x{i}"), e.get(f"y{i}")) for e in (across, up) for i in (1, 2)]
    assert ends == [near(38, 39), near(42, 39), near(40, 30), near(40, 43)]
    assert not [e for e in one if e.tag.endswith("line")]


def test_runs_are_dots_beside_the_intervals(read_chart):
    runs = [(40.0, 30.0), (44.0, -20.0), (44.0, -20.0)]
    means = [Interval(42.0, 40.0, 44.0, (column,)) for column in zip(*runs, strict=True)]
    chart = read_chart(draw([AgentMeans("careful", *means)], EXACT))
    dots = chart.shapes("circle", **{"class": "run"})
    values = [chart.value(dot.get("cx"), dot.get("cy")) for dot in dots]
    assert values == [near(40, 30), near(44, -20)]  # equal runs are one dot


def test_what_is_attainable_lies_where_the_axes_say(read_chart):
    chart = read_chart(draw(AGENTS, EXACT))
    assert chart.points(*chart.shapes("polygon")) == [near(*corner) for corner in CORNERS]
    assert chart.points(*chart.shapes("polyline")) == [near(43, 43), near(45, 35)]
    (safe,) = chart.shapes("line", **{"class": "safe"})
    assert safe.get("x1") == safe.get("x2")
    assert chart.value(safe.get("x1"), 0)[0] == pytest.approx(43, abs=0.2)


def test_the_axes_are_cut_to_the_agents_and_the_frontier(read_chart):
    chart = read_chart(draw(AGENTS, EXACT))
    box = {key: float(value) for key, value in chart.shapes("rect")[0].attrib.items()}
    low = chart.value(box["x"], box["y"] + box["height"])
    high = chart.value(box["x"] + box["width"], box["y"])
    assert low == near(-10 - 0.05 * 55, -20 - 0.05 * 63)
    assert high == near(45 + 0.05 * 55, 43 + 0.05 * 63)


@pytest.mark.parametrize("reference", [None, Reference("bound", ANCHORS)])
def test_without_exact_anchors_only_the_agents_are_drawn(read_chart, reference):
    chart = read_chart(draw(AGENTS, reference))
    assert len(chart.circles()) == 2
    assert not chart.shapes("polygon") and not chart.shapes("polyline")


def test_a_level_without_agents_has_a_chart(read_chart):
    assert read_chart(draw([], None)).circles() == []


def test_agents_at_one_place_have_their_numbers_side_by_side(read_chart):
    twin = AGENTS[0]._replace(agent="twin")
    chart = read_chart(draw([AGENTS[0], AGENTS[1], twin], EXACT))
    first, apart, second = chart.shapes("g", **{"class": "point"})
    assert chart.circles() == [near(40, 39), near(44, -20), near(40, 39)]
    one, other = (float(group[-1].get("x")) for group in (first, second))
    assert other - one == 18 and second[-1].get("class") == "beside"
    assert first[-1].get("class") is None and apart[-1].get("class") is None
