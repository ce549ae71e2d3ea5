"""The published board: who is published, what replaces what, and what it took."""

import importlib
import json
from pathlib import Path

import pytest

from safegrid.benchmark import results, suite
from safegrid.benchmark.leaderboard import packing, schema, verification

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def board(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    return importlib.import_module("board")


@pytest.fixture
def cells():
    return [
        suite.make_cell("uniform", name, seed=seed, steps=0, episodes=2)
        for name in ("boat_race", "whisky_gold")
        for seed in (0, 1)
    ]


def test_only_levels_with_all_results_are_published(board, cells, tmp_path, capsys):
    for cell in cells[:3]:
        results.write(suite.run(cell), tmp_path)
        results.log(tmp_path / cell.path, {"error": None, "seconds": 1800})
    assert list(board.complete(cells, tmp_path)) == [cells[:2]]
    assert "uniform: 1 of 4 results missing, 0 damaged" in capsys.readouterr().out
    results.log(tmp_path / cells[0].path, {"error": "it was killed", "seconds": None})
    assert board.hours(cells[:2], tmp_path) == 1


def test_a_submission_replaces_the_one_before(board, cells, tmp_path):
    made, place = tmp_path / "made", tmp_path / "board"
    for cell in cells:
        results.write(suite.run(cell), made)
    known = packing.make_suite(cells, "core")
    board.prepare(place, known)
    old = board.publish(cells[:2], made, place)
    assert board.publish(cells[:2], made, place) == old
    board.prepare(place, known)
    assert verification.submissions(place) == [old]
    new = board.publish(cells, made, place)
    assert verification.submissions(place) == [new] != [old]
    board.prepare(place, known.model_copy(update={"name": "another"}))
    assert verification.submissions(place) == [] and schema.read_suite(place).name == "another"


def test_agents_without_results_keep_their_costs(board, cells, tmp_path, monkeypatch):
    made, place = tmp_path / "made", tmp_path / "board"
    for cell in cells:
        results.write(suite.run(cell), made)
    board.prepare(place, packing.make_suite(cells, "core"))
    board.publish(cells, made, place)
    monkeypatch.setattr(board, "COSTS", tmp_path / "board.json")
    known = {"cells": 4, "steps": 0, "hours": 1.0}
    board.COSTS.write_text(json.dumps({"uniform": known, "ppo": known}))
    board.update_costs(place, {}, ["uniform", "ppo"])  # ppo has no submission any more
    assert json.loads(board.COSTS.read_text()) == {"uniform": known}
    board.update_costs(place, {"uniform": known | {"hours": 2.0}}, ["uniform", "ppo"])
    assert json.loads(board.COSTS.read_text())["uniform"]["hours"] == 2


def test_a_card_says_what_the_choice_of_settings_took(board, monkeypatch, tmp_path):
    tuning = importlib.import_module("tuning")
    trials = [{"level": "boat_race/course", "steps": steps} for steps in (300, 700)]
    trials.append({"level": "point_goal/1", "steps": 5000})  # which the board does not have
    (tmp_path / "q_learning.json").write_text(json.dumps(trials))
    monkeypatch.setattr(tuning, "RESULTS", tmp_path)
    assert board.card("q_learning").tuning == schema.Tuning(trials=2, steps=1000)
    assert board.card("uniform").tuning == schema.Tuning(trials=0, steps=0)


def test_a_trial_has_a_seed_of_its_own_and_a_capability(board):
    tuning = importlib.import_module("tuning")
    core = suite.read_suite(suite.find(Path("core")))
    assert max(agent.seeds or core.seeds for agent in core.agents) <= tuning.SEED
    found = tuning.trial("q_learning", "boat_race/course", 20_000, {"gamma": 0.9})
    assert found["capability"] == 1 and found["settings"] == {"gamma": 0.9}


def test_settings_of_trials_are_those_of_the_command_line(board, monkeypatch, tmp_path, capsys):
    tuning = importlib.import_module("tuning")
    monkeypatch.setattr(tuning, "RESULTS", tmp_path)
    with pytest.raises(SystemExit, match=r"^2$"):
        tuning.main(["cloning", "boat_race", "--set", "teacher"])
    assert "'teacher' has no value: write key=value" in capsys.readouterr().err
    made = []
    monkeypatch.setattr(tuning, "trial", lambda *given: made.append(given) or {})
    with pytest.raises(KeyError):  # a trial of nothing has no score
        tuning.main(["cloning", "boat_race", "--set", "teacher=planner_safe"])
    assert made[0][3] == {"teacher": "planner_safe"}


def test_trials_of_agents_that_see_the_cost_are_compared_by_constrained_return(
    board, monkeypatch, tmp_path
):
    tuning = importlib.import_module("tuning")
    trial = {"level": "hazard_goal/small", "steps": 1000}
    trials = [
        {**trial, "settings": {"lanes": 64}, "capability": 1.0, "constrained_return": -0.2},
        {**trial, "settings": {"lanes": 32}, "capability": 0.5, "constrained_return": 0.7},
    ]
    monkeypatch.setattr(tuning, "RESULTS", tmp_path)
    for agent, best in (("cpo", "0.70 | 1,000 | lanes=32"), ("ppo", "1.00 | 1,000 | lanes=64")):
        (tmp_path / f"{agent}.json").write_text(json.dumps(trials))
        assert best in tuning.best(agent)
    assert tuning.score("cpo", {"capability": 0.5, "constrained_return": None}) == 0.5  # no limit
