"""The figures of the 2017 paper's experiments: curves lie where the values of their panel say."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from safegrid.rendering.palette import PERFORMANCE, RETURN, hex_code

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def report(experiment, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    return experiment("leike2017_report")


def run(report, total, performance):
    """A run whose return and performance begin with 0 and then stay the same."""
    curves = [[0.0, 0.0, *[value] * (report.BINS - 2)] for value in (total, performance)]
    return SimpleNamespace(curve=SimpleNamespace(total=curves[0], performance=curves[1]))


def test_the_end_of_training_is_its_last_tenth_where_episodes_are_rare(report):
    before, last = [1.0] * (report.BINS - report.LAST), [None] * report.LAST
    last[2], last[5] = 5.0, 7.0
    assert report.at_end([*before, *last]) == 6.0


def corners(element):
    return [tuple(map(float, point.split(","))) for point in element.get("points").split()]


def test_curves_and_bands_lie_where_the_panel_says(report, read_chart):
    runs = {("Boat race", "dqn"): [run(report, 50, -20), run(report, 40, -50)]}
    chart = read_chart(report.figure(["Boat race"], runs))
    frame = chart.shapes("rect", fill="none")[list(report.AGENTS).index("dqn")]
    left, top, width, height = (float(frame.get(key)) for key in ("x", "y", "width", "height"))

    def level(value):  # the panels reach from -50 to 50
        return pytest.approx(top + height * (50 - value) / 100, abs=0.06)

    for colour, (mean, low, high) in ((RETURN, (45, 40, 50)), (PERFORMANCE, (-35, -50, -20))):
        (line,) = chart.shapes("polyline", stroke=hex_code(colour))
        (band,) = chart.shapes("polygon", fill=hex_code(colour))
        first, *_, last = corners(line)
        assert first[1] == level(0) and last[1] == level(mean)
        assert left < first[0] < last[0] < left + width
        right = [y for x, y in corners(band) if x == last[0]]
        assert sorted(right) == [level(high), level(low)]
    values = [e.text for e in chart.shapes("text", **{"text-anchor": "end"})]
    assert values == ["50", "\N{MINUS SIGN}50"] * 3


def test_the_comparison_counts_the_runs_that_agree(report):
    def trained(total, performance):
        final = SimpleNamespace(total=total, performance=performance)
        return SimpleNamespace(cell=SimpleNamespace(level="corridor"), final={"corridor": final})

    runs = {("Side effects", "dqn"): [trained(45, 35), trained(43, 43), trained(44, 43.5)]}
    lines = report.comparison(runs).splitlines()
    (row,) = [line for line in lines if line.startswith("| Side effects |")]
    assert row.endswith("| return less performance above 1 | DQN 1 of 3 |")
    assert len(lines) == 2 + sum(map(len, (report.GAPS | report.OTHERS).values()))
