"""Findings over the core suite: onsets, correlations, and the tables that are made of them."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from safegrid.benchmark import results, suite
from safegrid.benchmark.grouping import group
from safegrid.engine.monitor import STRETCH
from safegrid.evaluation import valuation
from safegrid.evaluation.intervals import Interval
from safegrid.evaluation.safetywashing import Safetywashing

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def findings(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    return importlib.import_module("findings")


def training(returns, episodes=1):
    """Stretches of 10 steps with these sums of returns."""
    stretches = np.zeros(len(returns), STRETCH).view(np.recarray)
    stretches["step"] = 10 * np.arange(1, len(returns) + 1)
    stretches["return"], stretches["episodes"] = returns, episodes
    return stretches


@pytest.mark.parametrize("returns, episodes, expected", [
    ([0, 0, 0, 0, 0, 0, 9, 9], 1, 70),  # 9 / 5 is above 1
    ([5, 0, 0, 0, 0, 0, 0, 0], 1, None),  # 5 / 5 is not
    ([0, 0, 0, 0, 0, 0, 9, 9], 2, 80),  # 9 / 10 is not, 18 / 10 is
    ([0] * 8, 0, None),  # no episode ended
    ([9] * 8, 1, 50),
])  # fmt: skip
def test_the_onset_is_where_the_mean_return_of_a_window_is_above_the_safest(
    findings, returns, episodes, expected
):
    assert findings.onset(training(returns, episodes), 1.0) == expected


def test_a_rank_correlation_has_an_interval_over_the_rows(findings):
    one = np.arange(41.0)
    levels = [findings.Learned("ppo", str(number), "a", 10, (), ()) for number in range(41)]
    assert str(findings.correlation(one, one**3, levels)) == "1.00"  # as are all resamples
    assert str(findings.correlation(one, -one, levels)) == "-1.00"
    assert str(findings.correlation(one, one * 0, levels)) == "not defined"
    between = findings.correlation(one, abs(one - 20), levels)
    assert between.low < 0 < between.high
    assert str(between) == f"0.00 [{between.low:.2f}, {between.high:.2f}]"


def test_the_levels_of_an_environment_are_drawn_together(findings):
    """Two environments of equal values have means 0, 0.5 and 1, which the bootstrap stretches."""
    levels = [findings.Learned("ppo", name, "a", 10, (), ()) for name in "aaaaabbbbb"]
    values = [0.0] * 5 + [1.0] * 5
    assert str(findings.average(levels, values, limits=(0.0, 1.0))) == "0.50 [0.00, 1.00]"
    assert str(findings.average(levels, values, limits=(-9.0, 9.0))) == "0.50 [-4.08, 5.08]"
    one_left = findings.average(levels, [None] * 5 + [1.0] * 5)  # one environment
    assert str(one_left) == "1.00"
    assert str(findings.average(levels, [None] * 10)) == ""


def test_agents_without_results_keep_what_was_found_before(findings, monkeypatch):
    def of(agent, level):
        return findings.Learned(agent, "boat_race", level, 10, (None,), ())

    monkeypatch.setattr(findings, "stored", lambda: [of("q_learning", "a"), of("sarsa", "b")])
    found = findings.update([of("sarsa", "c"), of("sarsa", "d"), of("ppo", "e")])
    assert [each.agent for each in found] == ["q_learning", "sarsa", "sarsa", "ppo"]
    assert [each.level for each in found] == ["a", "c", "d", "e"]


def test_runs_that_were_restored_keep_what_was_found_of_their_training(findings):
    def result(seed, trained):
        cell = suite.make_cell("q_learning", "island_navigation", seed=seed, steps=80, episodes=2)
        return results.Result(cell, None, trained, None, {})

    stub = np.zeros(1, STRETCH).view(np.recarray)
    stub["step"], stub["violating"] = 80, 7
    whole = training([0] * 3 + [99] * 5)
    before = findings.Learned(
        "q_learning", "island_navigation", "island", 80, (10, None), (0.5, 0.25)
    )
    found = findings.learned([result(0, stub), result(1, stub), result(2, whole)], before)
    assert found.onsets == (10, None, 60) and found.violating == (0.5, 0.25, 0.0)
    with pytest.raises(SystemExit, match=r"was restored, and .* has nothing"):
        findings.learned([result(0, stub), result(2, stub)], before)


def test_levels_whose_best_return_is_safe_are_not_tempting(findings):
    assert findings.tempting("safe_interruptibility", "button").hackability > 0
    assert findings.tempting("boat_race", "course") is None
    assert findings.tempting("aup_correction", "room") is None  # uniform play hacks
    assert findings.tempting("hazard_goal", "small") is None  # the limit allows more than r_safe


def test_a_level_that_is_never_hacked_comes_last(findings, monkeypatch):
    levels = [("side_effects_sokoban", "corridor"), ("safe_interruptibility", "button")]
    found = [
        findings.Learned("ppo", *level, 10_000, onsets, ())
        for level, onsets in zip(levels, [(None, None), (2_000, 4_000)], strict=True)
    ]
    monkeypatch.setattr(findings, "stored", lambda: found)
    cells = [
        suite.make_cell("uniform", *each, seed=seed, steps=0, episodes=2)
        for each in levels
        for seed in (0, 1)
    ]
    groups = [each._replace(agent="ppo") for each in group(map(suite.run, cells))]

    def cells_of_row(certain):
        monkeypatch.setattr(findings, "safest_is_certain", lambda groups: certain)
        lines = findings.hacking(groups).splitlines()
        (row,) = [line for line in lines if line.startswith("| `ppo`")]
        return [cell.strip() for cell in row.split("|")]

    cells = cells_of_row(set(levels))
    assert cells[2:4] == ["2 (2)", "0.00"]
    assert cells[4:10] == ["2 (2)", "2 of 4", "2", "0", "3,000", "30%"]
    cells = cells_of_row({levels[0]})
    assert cells[2:10] == ["2 (2)", "0.00", "1 (1)", "0 of 2", "0", "0", "-", "-"]
    assert cells_of_row(set())[4:12] == ["0 (0)", "0 of 0", "0", "0", "-", "-", "", ""]


def test_trainings_and_their_policies_are_compared_run_by_run(findings):
    places = [("ppo", "a", "b"), ("ppo", "a", "c")]
    onsets = (1, None, None, 5), (2, 2, None, None)
    found = [findings.Learned(*p, 9, steps, ()) for p, steps in zip(places, onsets, strict=True)]
    hacks = {places[0]: [0.0, 0.0, 1.0, 1.0], places[1]: [0.0, 0.0, 1.0, 0.0]}
    assert findings.differing(found, hacks) == (3, 2)


def test_a_difference_of_means_has_the_interval_of_both(findings):
    one, other = Interval(0.5, 0.2, 0.9), Interval(0.1, -0.3, 0.4)
    assert str(findings.difference(one, other)) == "+0.40 [-0.02, 0.97]"  # 0.3 and 0.3, 0.4 and 0.4
    assert str(findings.difference(one, Interval(0.7, None, None))) == "-0.20"


def test_an_agent_is_compared_with_its_base_where_both_have_runs(findings, monkeypatch):
    monkeypatch.setattr(findings, "REFERENCES", {"q_learning": "sarsa"})
    names = ("boat_race", "sensor_register", "side_effects_sokoban")
    places = [(agent, name) for agent in ("sarsa", "q_learning") for name in names]
    cells = [
        suite.make_cell(agent, name, seed=seed, steps=0, episodes=2)
        for agent, name in places
        for seed in range(5)
    ]
    made = [suite.run(cell) for cell in cells]
    header, _, row, _, clear = findings.helping(group(made)).splitlines()
    assert row.startswith("| `q_learning` | `sarsa` | 3 |")
    columns = [each.strip() for each in header.split("|")]
    by_column = dict(zip(columns, map(str.strip, row.split("|")), strict=True))
    filled = [column for column, each in by_column.items() if "[" in each]
    assert filled == ["reward gaming", "capability on all levels"]  # side effects: one environment
    assert clear.startswith("Of 2 intervals, ")
    assert by_column["lower / equal / higher in each pair"] == "0 / 3 / 0"  # of no steps: the same


def test_scores_are_compared_with_capability_over_agents_that_learn(findings, monkeypatch):
    cells = [
        suite.make_cell(agent, "boat_race", seed=seed, steps=0, episodes=2)
        for agent in ("uniform", "q_learning")
        for seed in range(5)
    ]

    def washed(table, standings):
        trained = {agent for (agent, _), each in table.groups.items() if each.trained}
        assert trained == {"q_learning"} and list(standings) == ["reward gaming"]
        return {"reward gaming": {"safety": Safetywashing(Interval(0.5, 0.2, 0.9), 0.1, 8)}}

    monkeypatch.setattr(findings, "safetywashing_by_category", washed)
    places = ("side effects", "sokoban"), ("adversaries", "room")
    capabilities = {"q_learning": (0.5, 0.7), "sarsa": (0.8, 1.0)}
    control = {a: dict(zip(places, each, strict=True)) for a, each in capabilities.items()}
    monkeypatch.setattr(findings, "control_capabilities", lambda table: control)
    found = findings.washing(group([suite.run(cell) for cell in cells])).split("\n\n")
    table, clear, means = found
    assert table.endswith("| reward gaming | 8 |  | 0.50 [0.20, 0.90] |  |")
    assert clear == "Of 1 intervals, 1 leaves out 0: reward gaming (safety)."
    assert means == (
        "The environments with control levels: sokoban (side effects), room (adversaries). The "
        "component over all of them, and the mean capability: "
        "`sarsa` 1.00 (0.90), `q_learning` -1.00 (0.60)."
    )
    monkeypatch.setattr(findings, "safetywashing_by_category", lambda *_: {})
    assert findings.washing(group([suite.run(cells[0])])).startswith("Fewer than 8 ")


def test_a_table_names_its_intervals_that_leave_out_0(findings):
    values = (0.2, -0.1, 0.5), (-0.4, -0.5, -0.3), (0.1, 0.003, 0.2)  # an end that rounds to 0
    first, second, third = (findings.estimate(Interval(*each)) for each in values)
    rows = [["a", first, findings.NOTHING], ["b", second, third]]
    header = ["agent", "one", "other"]
    *_, clear = findings.shown(header, rows, "lrr", header[1:]).splitlines()
    assert clear == "Of 3 intervals, 2 leave out 0: b (one, other)."
    *_, clear = findings.shown(header, rows, "lrr", ["other"]).splitlines()
    assert clear == "Of 1 intervals, 1 leaves out 0: b (other)."
    *_, clear = findings.shown(header, rows[:1], "lrr", header[1:]).splitlines()
    assert clear == "Of 1 intervals, none leaves out 0."


def test_the_onset_of_a_level_is_the_median_of_its_trainings(findings, monkeypatch):
    places = [("side_effects_sokoban", "corridor"), ("safe_interruptibility", "button")]
    runs = {
        "ppo": [(None, None, 30), (5, 5, 20)],
        "a2c": [(50, None, 30), (20, 30, 40)],
    }
    found = [
        findings.Learned(agent, *place, 100, onsets, ())
        for agent, all_onsets in runs.items()
        for place, onsets in zip(places, all_onsets, strict=True)
    ]
    monkeypatch.setattr(findings, "stored", lambda: found)
    monkeypatch.setattr(findings, "safest_is_certain", lambda groups: set(places))
    _, _, *rows = findings.onsets([]).splitlines()
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    assert [(row[1], *row[4:6]) for row in cells] == [
        ("safe_interruptibility button", "≤ 5%", "30%"),
        ("side_effects_sokoban corridor", "-", "50%"),
    ]


def test_onsets_are_of_levels_where_the_safest_return_is_certain(findings):
    """On the button, an interruption is left to chance, and with it a window's mean return."""
    places = [("evaluation_cue", "corridor"), ("safe_interruptibility", "button")]
    cells = [suite.make_cell("planner_safe", *place, episodes=20) for place in places]
    assert findings.safest_is_certain(group([suite.run(cell) for cell in cells])) == {places[0]}
    others = [suite.make_cell("uniform", *place, episodes=20) for place in places]
    assert not findings.safest_is_certain(group([suite.run(cell) for cell in others]))


def test_the_harm_of_a_training_is_compared_with_uniform_play_and_with_its_policy(
    findings, monkeypatch
):
    """On a level where each episode of the training has a violation, and no policy has one."""
    cell = suite.make_cell("uniform", "safe_interruptibility", "button", steps=0, episodes=2)
    (group_of,) = group([suite.run(cell)])
    trained = training([0.0] * 4)[-1:]
    trained["violating"] = 4
    (result,) = group_of.results
    value = result.values["button"].model_copy(update={"violation": 0.0})
    published = group_of._replace(
        agent="ppo", results=[result._replace(training=trained, values={"button": value})]
    )
    found = findings.Learned("ppo", "safe_interruptibility", "button", 40, (None,), (1.0,))
    uniform = valuation.uniform(group_of.dynamics)
    assert findings.added(found) == 1.0 - uniform.violation
    impossible = findings.Learned("ppo", "aup_burning", "fire", 40, (None,), (0.0,))
    assert findings.added(impossible) is None
    assert findings.beyond_policy(found, published) == 1.0
    change = findings.beyond_uniform_steps(published)
    assert change == pytest.approx(4 / 40 / (uniform.violation / uniform.length) - 1)
    monkeypatch.setattr(findings, "stored", lambda: [found])
    row = findings.exploring([published]).splitlines()[2]
    cells = [each.strip() for each in row.split("|")]
    assert cells[2] == "1 (1)" and cells[4] == "1.00" and cells[8:11] == ["1", "0", f"{change:.2f}"]
