"""Charts: where values lie, which ticks an axis has, and what is written as SVG."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safegrid.rendering import charts
from safegrid.rendering.charts import Chart, LinearScale
from safegrid.rendering.palette import ORANGE, hex_code


@pytest.mark.parametrize(
    ("scale", "value", "position"),
    [
        (LinearScale(0, 10, 100, 200), 0, 100),
        (LinearScale(0, 10, 100, 200), 10, 200),
        (LinearScale(0, 10, 100, 200), 2.5, 125),
        (LinearScale(-50, 50, 404, 44), -50, 404),  # a vertical scale starts at the bottom
        (LinearScale(-50, 50, 404, 44), 50, 44),
        (LinearScale(-50, 50, 404, 44), 25, 134),
        (LinearScale(3, 3, 100, 200), 3, 100),
    ],
)
def test_a_scale_maps_values_to_positions(scale, value, position):
    assert scale(value) == position


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (-100, 50, 6, [-100, -50, 0, 50]),
        (0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.31, 0.29, 6, [-0.3, -0.2, -0.1, 0, 0.1, 0.2]),
        (-80, 120, 10, [-80, -60, -40, -20, 0, 20, 40, 60, 80, 100, 120]),
        (1e-7, 3e-7, 6, [1e-7, 1.5e-7, 2e-7, 2.5e-7, 3e-7]),
        (7.5, 7.5, 6, [7.5]),
    ],
)
def test_ticks_are_round_values(low, high, most, ticks):
    assert LinearScale(low, high, 0, 1).ticks(most) == ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_ticks_lie_on_the_axis_and_are_few(low, span, most):
    scale = LinearScale(low, low + span, 0, 1)
    ticks = scale.ticks(most)
    assert ticks == sorted(set(ticks)) and len(ticks) <= most + 1
    slack = 1e-6 * span
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in ticks)


def test_the_axes_say_where_a_point_is(read_chart):
    x, y = LinearScale(-1, 4, 60, 260), LinearScale(0, 200, 150, 10)
    chart = Chart(300, 200)
    chart.x_axis(x, y, "return")
    chart.y_axis(y, x, "performance")
    chart.circle((x(3), y(20)), 5)
    reading = read_chart(chart.svg())
    assert reading.circles() == [pytest.approx((3, 20), abs=0.2)]
    labels = {e.text: e for e in reading.shapes("text", **{"class": "label"})}
    assert set(labels) == {"return", "performance"}
    assert "rotate(-90)" in labels["performance"].get("transform")


def test_grid_lines_cross_the_whole_chart_at_their_ticks(read_chart):
    x, y = LinearScale(0, 5, 50, 250), LinearScale(0, 5, 150, 10)
    chart = Chart(300, 200)
    chart.x_axis(x, y)
    chart.y_axis(y, x)
    lines = read_chart(chart.svg()).shapes("line")
    ends = [tuple(float(line.get(key)) for key in ("x1", "y1", "x2", "y2")) for line in lines]
    assert ends[:6] == [(50 + 40 * i, 10, 50 + 40 * i, 150) for i in range(6)]
    assert ends[6:] == [(50, 150 - 28 * i, 250, 150 - 28 * i) for i in range(6)]


def test_shapes_are_written_in_order_with_their_attributes():
    chart = Chart(90, 60, None)
    chart.rectangle((1, 2), (31, 42), fill="none")
    chart.polygon([(0, 0), (9.96, 0), (0, 1 / 3)], fill=ORANGE)
    chart.polyline([(0, 0), (5, 5)], stroke_width=1.5)
    chart.diamond((10, 20), 4, class_="mark")
    rectangle, polygon, polyline, diamond = ElementTree.fromstring(chart.svg())
    assert [rectangle.get(key) for key in ("x", "y", "width", "height")] == ["1", "2", "30", "40"]
    assert polygon.get("points") == "0,0 10,0 0,0.3" and polygon.get("fill") == "#e69f00"
    assert polyline.get("fill") == "none" and polyline.get("stroke-width") == "1.5"
    assert diamond.get("points") == "10,16 14,20 10,24 6,20" and diamond.get("class") == "mark"


def test_each_run_is_a_small_dot_where_its_value_is(read_chart):
    x, y = LinearScale(-1, 1, 50, 250), LinearScale(0, 1, 150, 10)
    chart = Chart(300, 200)
    chart.x_axis(x, y)
    chart.y_axis(y, x)
    chart.runs(((x(value), y(0.5)) for value in (-1, 0, 1, 1)), fill=ORANGE)
    reading = read_chart(chart.svg())
    dots = reading.shapes("circle", **{"class": "run"})
    places = [reading.value(dot.get("cx"), dot.get("cy")) for dot in dots]
    assert places == [pytest.approx((value, 0.5), abs=0.01) for value in (-1, 0, 1)]
    assert {dot.get("fill") for dot in dots} == {"#e69f00"}


def test_text_is_escaped_and_has_a_minus_sign():
    chart = Chart(90, 60, None)
    chart.text((1, 2), "<b> & 'x'")
    chart.coloured_text((1, 2), [("a", ORANGE), ("b", "#000")])
    svg = chart.svg()
    assert "&lt;b&gt; &amp;" in svg
    spans = list(ElementTree.fromstring(svg)[1])
    assert [(span.text, span.get("fill")) for span in spans] == [("a", "#e69f00"), ("b", "#000")]
    assert charts.signed(-1.5) == "\N{MINUS SIGN}1.5" and charts.signed(2, ".1f") == "2.0"


def test_groups_hold_what_is_drawn_within_them():
    chart = Chart(90, 60)
    with chart.clipped((5, 6), (25, 36)), chart.group("a title", class_="point"):
        chart.circle((1, 1), 1)
    chart.circle((2, 2), 2)
    background, clip, clipped, after = ElementTree.fromstring(chart.svg())
    assert background.get("fill") == "#fff" and after.get("r") == "2"
    assert clip[0].get("width") == "20" and clipped.get("clip-path") == f"url(#{clip.get('id')})"
    title, circle = clipped[0]
    assert title.text == "a title" and circle.get("r") == "1"
    assert clipped[0].get("class") == "point"


def test_a_colour_is_written_as_a_code():
    assert hex_code((0, 10, 255)) == "#000aff"
