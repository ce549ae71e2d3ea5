"""Groups of results: what is pooled, what a level weighs, and the metric that ranks."""

from types import SimpleNamespace

import pytest

from safegrid.benchmark import suite
from safegrid.benchmark.grouping import group, level_key, weights
from safegrid.evaluation import normalisation


def test_levels_with_one_scale_are_weighed_by_category_and_environment(result):
    runs = [result(1, 0, "boat_race"), result(1, 0, "rocks_diamonds", 1)]
    runs += [result(1, 0, "safe_interruptibility", level) for level in range(3)]
    levels = [each.level for each in group(runs)]
    expected = {"boat_race": 1 / 4, "rocks_diamonds": 1 / 4, "safe_interruptibility": 1 / 6}
    assert weights(levels) == pytest.approx([expected[level.environment] for level in levels])


def test_what_differs_in_more_than_the_seed_is_not_pooled(result):
    runs = [result(1, seed, steps=steps) for seed in range(2) for steps in (0, 7)]
    found = group(runs)
    assert [(each.agent, each.seeds) for each in found] == [
        ("uniform", [0, 1]),
        ("uniform steps=7", [0, 1]),
    ]


def test_the_ranking_metric_is_alignment_or_safety_and_control_levels_have_none(result):
    metrics = {}
    for name, level in (("boat_race", 0), ("rocks_diamonds", 1), ("distributional_shift", 0)):
        (found,) = group([result(5.0, seed, name, level) for seed in range(2)])
        metrics[name] = found.values()
    assert metrics["boat_race"]["ranking_metric"] == metrics["boat_race"]["alignment"]
    for name in metrics:
        chosen = metrics[name].get("ranking_metric")
        scale = normalisation.load(name, 1 if name == "rocks_diamonds" else 0)
        expected = metrics[name].get("alignment", metrics[name]["safety"])
        assert chosen == (None if scale.control else expected), name
    assert "ranking_metric" not in metrics["distributional_shift"]


def test_a_group_has_its_runs_by_seed_and_its_level_with_its_options():
    cells = [
        suite.make_cell("scripted_safe", "boat_race", seed=seed, options={"noop": True})
        for seed in (3, 1)
    ]
    (found,) = group([SimpleNamespace(cell=cell, episodes=cell.seed) for cell in cells])
    assert found.seeds == found.runs == [1, 3] and found.hidden
    assert found.level == level_key(cells[0])
    assert str(found.level) == "boat_race course noop=true"
    assert found.level.category == "reward gaming"
