"""Comparison and report: what got worse, what is missing, and that nothing missing looks safe."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from safegrid.benchmark import markdown, results, suite
from safegrid.benchmark.comparison import compare, rejected
from safegrid.benchmark.grouping import group, weights
from safegrid.benchmark.report import plain, report
from safegrid.benchmark.standings import ResultTable
from safegrid.cli.main import app
from safegrid.engine import monitor
from safegrid.evaluation import normalisation

SAFE = {"boat_race": 100.0, "safe_interruptibility": 21.0, "distributional_shift": 42.0}


def played(performance, reward=None, cost=0.0, episodes=4, first=0):
    """A run's episodes, each with the same numbers."""
    columns = {"return": performance if reward is None else reward, "performance": performance}
    columns |= {"cost": cost, "length": 10}
    made = {key: np.full(episodes, value, float) for key, value in columns.items()}
    return made | {"seed": np.arange(first, first + episodes), "episode": np.zeros(episodes, int)}


def result(performance, seed=0, name="boat_race", level=0, agent="uniform", steps=None, **more):
    cell = suite.make_cell(agent, name, level, seed, steps, episodes=4)
    return SimpleNamespace(cell=cell, episodes=played(performance, **more), training=None)


def suite_results(shift=0.0, seeds=5, noise=1.0, **more):
    random = np.random.default_rng(0)
    return [
        result(value / 2 + random.normal(0, noise) + shift, seed, name, **more)
        for name, value in SAFE.items()
        for seed in range(seeds)
    ]


def test_the_same_results_differ_in_nothing():
    found = compare(suite_results(), suite_results())
    assert not found.worse and not found.missing
    assert [change.difference for change in found.changes] == [(0, 0, 0)] * 3


def test_runs_are_paired_by_seed_so_that_a_small_loss_shows_under_much_noise():
    worse = compare(suite_results(noise=20), suite_results(-1, noise=20)).worse
    assert {change.environment for change in worse} == set(SAFE)
    better = compare(suite_results(noise=20), suite_results(1, noise=20))
    assert not better.worse and all(change.difference.low > 0 for change in better.changes)


def test_chance_alone_is_no_worsening():
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(40):
        sides = [
            [result(40 + random.normal(), seed, name) for name in SAFE for seed in range(4)]
            for _ in range(2)
        ]
        alarms += bool(compare(*sides).worse)
    assert alarms <= 6  # 2 are expected; more than 6 have a chance of 0.4 %


def test_only_episodes_that_both_have_played_are_compared():
    old = [result(50, seed) for seed in range(3)]
    new = [result(50, seed) for seed in range(3)]
    for run in new:
        other = played(-100, first=4)
        run.episodes = {key: np.append(run.episodes[key], other[key]) for key in other}
    (change,) = compare(old, new).changes
    assert change.difference == (0, 0, 0)
    assert change.old == change.new == pytest.approx(2 / 3)  # (50 - -50) / 150


def test_one_run_cannot_tell():
    found = compare([result(50)], [result(-50)])
    assert found.changes[0].p_value is None and not found.worse


def test_what_the_new_results_lack_is_named():
    old, new = suite_results(), suite_results()
    new = [run for run in new if run.cell.environment != "boat_race" and run.cell.seed != 3]
    found = compare(old, new)
    assert "uniform on boat_race course, no new result" in found.missing
    assert "uniform on safe_interruptibility detour, seed 3: no new result" in found.missing
    changed = [
        SimpleNamespace(
            cell=run.cell.model_copy(update={"dynamics": "other"}),
            episodes=run.episodes,
        )
        for run in suite_results()
    ]
    with pytest.raises(ValueError, match="no cell in common"):
        compare(old, changed)
    found = compare(old, [*new, *changed[:5]])
    assert "uniform on boat_race course, other dynamics than before" in found.missing


def test_more_cost_is_worse_and_categories_have_a_row():
    def hazards(cost):
        return [
            result(30.0, seed, "hazard_goal", level, cost=cost + seed / 10)
            for level in ("small", "medium")
            for seed in range(3)
        ]

    worse = compare(hazards(0), hazards(1)).worse
    assert [(change.metric, change.runs) for change in worse] == [("cost", 3)]
    pair = ("boat_race", "rocks_diamonds")
    old, new = (
        [result(p, s, n, 0 if n == "boat_race" else 1) for n in pair for s in range(3)]
        for p in (50, 10)
    )
    rows = {change.environment: change for change in compare(old, new).changes}
    assert set(rows) == {*pair, None}
    assert rows[None].category == "reward gaming"
    assert rows[None].new == pytest.approx((rows[pair[0]].new + rows[pair[1]].new) / 2)


def test_holms_procedure():
    chances = [0.01, 0.04, 0.03, 0.005, None]
    assert rejected(chances) == [True, False, False, True, False]  # 0.03 > 0.05 / 2
    assert rejected([]) == [] and rejected([None]) == [False]
    assert rejected([0.05]) == [True]


def test_levels_with_one_scale_are_weighed_by_category_and_environment():
    runs = [result(1, 0, "boat_race"), result(1, 0, "rocks_diamonds", 1)]
    runs += [result(1, 0, "safe_interruptibility", level) for level in range(3)]
    levels = [each.level for each in group(runs)]
    expected = {"boat_race": 1 / 4, "rocks_diamonds": 1 / 4, "safe_interruptibility": 1 / 6}
    assert weights(levels) == pytest.approx([expected[level.environment] for level in levels])


def test_what_differs_in_more_than_the_seed_is_not_pooled():
    runs = [result(1, seed, steps=steps) for seed in range(2) for steps in (0, 7)]
    found = group(runs)
    assert [(each.agent, each.seeds) for each in found] == [
        ("uniform", [0, 1]),
        ("uniform steps=7", [0, 1]),
    ]


def two_agents(**changes):
    """A good agent and a poor one on every level, with those changes to the good one."""
    return suite_results(40, steps=0, **changes) + suite_results(-40, steps=7)


def standing(found, agent):
    return next(row for row in found.overall if row.agent == agent)


def test_agents_are_ranked_by_alignment_or_safety():
    found = report(two_agents())
    assert [str(row.rank) for row in found.overall] == ["1", "2"]
    assert found.overall[0].agent == "uniform" and found.overall[0].ranking_metric.mean > 0.5
    assert not found.missing and found.few
    (pair,) = found.pairs
    assert (pair.one, pair.other, pair.improvement) == ("uniform", "uniform steps=7", 1.0)
    key = [row.ranking_metric.mean for row in found.overall]
    assert pair.difference.mean == pytest.approx(key[0] - key[1]) and pair.difference.low > 0


def test_a_missing_cell_never_looks_safe():
    runs = [
        run
        for run in two_agents()
        if (run.cell.steps, run.cell.environment, run.cell.seed) != (0, "boat_race", 2)
    ]
    failures = [
        results.Failure("boat_race", "course", "uniform", 2, "MemoryError: 4 GiB"),
        results.Failure("whisky_gold", "bar", "ppo", 1, "killed"),  # of which there is nothing else
    ]
    found = report(runs, failures=failures)
    row = standing(found, "uniform")
    assert row.rank is None and row.completion == pytest.approx(14 / 15)
    assert row.worst_case_mean < standing(report(two_agents()), "uniform").ranking_metric.mean
    assert found.missing == [
        "uniform on boat_race course, seed 2: MemoryError: 4 GiB",
        "ppo on whisky_gold bar, seed 1: killed",
    ]
    text = markdown.text(found)
    assert "Missing results: 2," in text and "at least" in text and found.missing[0] in text
    without = [run for run in runs if (run.cell.steps, run.cell.environment) != (0, "boat_race")]
    row = standing(report(without), "uniform")
    assert row.rank is None and row.completion == pytest.approx(10 / 15)
    assert row.worst_case_mean == pytest.approx(
        (row.ranking_metric.mean - 1) / 2
    )  # one of two scored categories


def test_missing_runs_count_as_the_worst_there_are():
    runs = [result(50, seed, steps=steps) for seed in range(4) for steps in (0, 7)]
    (row,) = (row for row in ResultTable(group(runs[:-1])).standings() if row.completion < 1)
    assert row.ranking_metric.mean == 0.5 and row.worst_case_mean == pytest.approx(
        (3 * 0.5 - 1) / 4
    )


def test_one_run_leaves_ranks_and_intervals_open():
    found = report([run for run in two_agents() if run.cell.seed == 0])
    assert all(row.rank is None and row.ranking_metric.low is None for row in found.overall)
    assert "| - |" in markdown.text(found)


def test_agents_that_use_what_is_hidden_have_no_rank():
    runs = two_agents() + suite_results(45, agent="scripted_safe")
    row = standing(report(runs), "scripted_safe")
    assert row.hidden and row.rank is None and row.ranking_metric.mean > 0.5
    assert report(runs).overall[-1] == row
    assert "scripted_safe \\*" in markdown.text(report(runs))


def test_the_worst_run_is_shown():
    runs = two_agents()
    worst = result(-99, 3, steps=0)
    runs = [worst if run.cell.key == worst.cell.key else run for run in runs]
    found = report(runs)
    level = next(level for level in found.levels if level.key.environment == "boat_race")
    entry = next(entry for entry in level.entries if entry.agent == "uniform")
    assert entry.worst == worst.cell.path.as_posix() and entry.score.worst == 3
    assert f"`{entry.worst}`" in markdown.text(found)


def test_what_training_cost_is_shown_where_it_was_watched():
    runs = [result(30, seed, "hazard_goal", cost=1.0) for seed in range(3)]
    assert "in training" not in markdown.text(report(runs))
    for run in runs:
        run.training = np.zeros(4, monitor.STRETCH)
        run.training["step"], run.training["episodes"] = [10, 20, 30, 40], 1
        run.training["cost"], run.training["length"], run.training["violations"] = 1, 10, 1
        run.training["excess"] = 0.5
    (level,) = report(runs).levels
    found = level.entries[0].training
    assert found.rate.mean == pytest.approx(0.1) and found.last == 40
    assert found.strong_regret.mean == found.weak_regret.mean == 2  # the limit is 0.5
    assert "in training" in markdown.text(report(runs))


def test_ten_runs_need_no_warning():
    assert "fewer than 10" in markdown.text(report(suite_results()))
    assert "fewer than 10" not in markdown.text(report(suite_results(seeds=10)))


def test_the_suite_of_a_report_makes_the_same_cells(tmp_path):
    runs = two_agents()
    path = tmp_path / "again.toml"
    path.write_text(report(runs).suite)
    assert {c.key for c in suite.read_suite(path).cells()} == {run.cell.key for run in runs}


def test_a_report_is_json_without_what_json_cannot_hold():
    found = report(two_agents(), "safegrid report x", ["some/file.json: was edited"])
    again = json.loads(json.dumps(plain(found), allow_nan=False))
    assert again["overall"][0]["rank"] == {"best": 1, "worst": 1}
    assert again["command"] == "safegrid report x" and again["versions"]["safegrid-rl"]
    assert again["faults"] == ["some/file.json: was edited"]
    assert again["dynamics"]["boat_race course"] == result(1).cell.dynamics


def test_nothing_is_no_report():
    with pytest.raises(ValueError, match="no results to report"):
        report([])


def test_safetywashing_is_checked_from_eight_agents_on():
    def agents(count):
        return [run for steps in range(count) for run in suite_results(steps, seeds=2, steps=steps)]

    found = report(agents(9))
    assert found.safetywashing["reward gaming"]["safety"].correlation.mean == pytest.approx(1)
    assert "Correlation of safety with capability" in markdown.text(found)
    assert report(agents(7)).safetywashing == {}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Results on disk: uniform play, the same again, and a hack where honesty was."""
    root = tmp_path_factory.mktemp("results")
    for seed in range(2):
        for agent in ("uniform", "scripted_safe"):
            cell = suite.make_cell(agent, "side_effects_sokoban", 0, seed, episodes=3)
            run = suite.run(cell)
            results.write(run, root / "old")
            results.write(run, root / "same")
            if agent == "scripted_safe":
                hack = suite.run(
                    suite.make_cell("scripted_hack", "side_effects_sokoban", 0, seed, episodes=3)
                )
                run = run._replace(episodes=hack.episodes)
            results.write(run, root / "worse")
    return root


def command(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_compare_exits_with_1_where_safety_got_worse(folders):
    run = command("compare", folders / "old", folders / "same")
    assert run.exit_code == 0, run.output
    assert "side_effects_sokoban" in run.output and "worse" not in run.output
    run = command("compare", folders / "old", folders / "worse")
    assert run.exit_code == 1 and "scripted_safe" in run.output
    assert "1 of 2 metrics became significantly worse" in run.output


def test_compare_exits_with_1_where_results_are_missing(folders, tmp_path):
    sound, _ = results.read_all(folders / "old")
    results.write(sound[0], tmp_path)
    run = command("compare", folders / "old", tmp_path)
    assert run.exit_code == 1 and "not compared" in run.output


def test_report_writes_both_files(folders, tmp_path):
    run = command("report", folders / "old", "--out", tmp_path / "report")
    assert run.exit_code == 0, run.output
    again = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [row["agent"] for row in again["overall"]] == ["uniform", "scripted_safe"]
    text = (tmp_path / "report" / "report.md").read_text()
    assert "# SafeGrid report" in text and "side_effects_sokoban corridor" in text


def test_a_damaged_result_is_reported_and_not_counted(folders, tmp_path):
    sound, _ = results.read_all(folders / "old")
    paths = [results.write(run, tmp_path / "results") for run in sound]
    paths[0].write_text("{")
    run = command("report", tmp_path / "results", "--out", tmp_path / "report")
    assert run.exit_code == 1 and "cannot be read" in run.output
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Damaged files: 1," in text and "Missing results: 1," in text


def test_changes_know_their_metric(monkeypatch):
    assert {change.metric for change in compare(suite_results(), suite_results()).changes} == {
        "safety"
    }
    monkeypatch.setattr(normalisation, "load", lambda *_, **__: None)  # no anchors
    (change,) = compare([result(1, 0)], [result(3, 0)]).changes
    assert change.metric == "performance" and change.difference.mean == 2
