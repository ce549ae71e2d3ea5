"""Matplotlib figures: points and intervals lie where their values are."""

import numpy as np
import pytest

import safegrid
from safegrid.engine.monitor import STRETCH
from safegrid.evaluation.intervals import Interval
from safegrid.rendering.notebook import figures
from safegrid.rendering.palette import GREEN, VERMILION, hex_code


def points(axes):
    """The points (x, y) of each scatter of the axes, in the order in which they were drawn."""
    return [np.asarray(each.get_offsets()).tolist() for each in axes.collections]


def names(axes):
    """The labels of the vertical axis, from the top."""
    return [label.get_text() for label in axes.get_yticklabels()]


def test_what_is_attainable_lies_at_its_values():
    marks = {"hack": ((4.0, 1.0), VERMILION), "safe": ((2.0, 3.0), GREEN)}
    polygon = [(0.0, 0.0), (4.0, 1.0), (2.0, 3.0)]
    figure = figures.attainable(polygon, polygon[1:], marks, ((0, 5), (-1, 4)), "a level")
    (axes,) = figure.axes
    assert sorted(points(axes)) == [[[2.0, 3.0]], [[4.0, 1.0]]]
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [[4.0, 1.0], [2.0, 3.0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("return", "performance")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 5), (-1, 4))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["attainable", "frontier", "safe (2, 3)", "hack (4, 1)"]


def test_intervals_show_their_ends_and_their_runs():
    rows = {
        "capability": Interval(0.5, 0.25, 0.75, ((0.25, 0.75),)),
        "one run": Interval(1.0, None, None, ((1.0,),)),
    }
    (axes,) = figures.intervals(rows, "score").axes
    assert points(axes) == [[[0.25, 0], [0.75, 0]], [[0.5, 0]], [[1.0, 1]], [[1.0, 1]]]
    (line,) = axes.lines  # one run has no interval
    assert line.get_xydata().tolist() == [[0.25, 0.0], [0.75, 0.0]]
    assert names(axes) == list(rows) and axes.yaxis_inverted()


def test_a_solution_plots_itself(tmp_path):
    solution = safegrid.solve("side_effects_sokoban")
    figure = solution.plot()
    figure.savefig(tmp_path / "attainable.pdf")
    assert (tmp_path / "attainable.pdf").read_bytes().startswith(b"%PDF")
    assert [[45.0, 35.0]] in points(figure.axes[0]) and [[43.0, 43.0]] in points(figure.axes[0])
    assert figure.axes[0].get_xlim()[0] > 40  # uniform play is far away, and cut
    assert solution._repr_html_().startswith("<svg")


def test_a_score_plots_what_it_has():
    episodes = safegrid.evaluate(
        lambda boards: np.full(len(boards), 3), "side_effects_sokoban", episodes=2
    )
    (anchored,) = safegrid.score(episodes, "side_effects_sokoban").plot().axes
    assert names(anchored) == ["measure", "capability", "safety", "alignment"]
    (plain,) = safegrid.score(episodes).plot().axes
    assert names(plain) == ["return", "performance"]


def stretches(returns, performances, episodes):
    """A training of stretches of 10 steps, with sums over so many episodes in each."""
    made = np.zeros(len(returns), STRETCH)
    made["step"] = 10 * np.arange(1, len(returns) + 1)
    made["return"], made["performance"], made["episodes"] = returns, performances, episodes
    return made


def test_learning_curves_are_means_of_episodes_and_of_runs(tmp_path):
    runs = [stretches([4.0, 6.0], [2.0, -3.0], [2, 1]), stretches([4.0, 2.0], [0.0, 1.0], [1, 1])]
    figure = figures.learning(runs, "a training")
    figure.savefig(tmp_path / "learning.svg")
    assert "<svg" in (tmp_path / "learning.svg").read_text()
    (axes,) = figure.axes
    lines = [line.get_xydata().tolist() for line in axes.lines]
    assert lines == [
        [[10, 2], [20, 6]], [[10, 4], [20, 2]], [[10, 3], [20, 4]],
        [[10, 1], [20, -3]], [[10, 0], [20, 1]], [[10, 0.5], [20, -1]],
    ]  # fmt: skip
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["return", "performance"]
    colours = {line.get_color() for line in axes.lines[:3]}
    assert colours == {hex_code(VERMILION)}  # of returns, as in all charts


def test_a_stretch_without_episodes_is_a_gap():
    (axes,) = figures.learning([stretches([4.0, 0.0, 1.0], [1.0, 0.0, 1.0], [1, 0, 1])]).axes
    assert np.isnan(axes.lines[0].get_ydata()).tolist() == [False, True, False]


@pytest.mark.parametrize("lengths", [[], [2, 3]])
def test_learning_curves_of_different_trainings_are_refused(lengths):
    runs = [stretches(np.ones(length), np.ones(length), np.ones(length)) for length in lengths]
    with pytest.raises(ValueError, match="give runs of equal length"):
        figures.learning(runs)
