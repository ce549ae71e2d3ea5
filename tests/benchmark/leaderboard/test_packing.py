"""Packing: what a submission has, that it is the same again, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from safegrid.benchmark import results, suite
from safegrid.benchmark.grouping import group
from safegrid.benchmark.leaderboard import entries, packing, schema, verification
from safegrid.engine import registry
from safegrid.engine.files import sha256
from safegrid.evaluation import replay


def test_the_same_results_give_the_same_submissions(small_results, small_board, board_copy):
    folders = packing.submit(small_results, board_copy)
    assert sorted(folder.name for folder in folders) == sorted(
        path.name for path in verification.submissions(small_board)
    )
    assert not list(board_copy.glob(".part-*"))


def test_a_submission_has_the_sums_replays_and_policies_of_its_runs(small_board, submission_of):
    folder = submission_of(small_board, "ppo")
    submission = schema.read(folder)
    rows = schema.read_rows(folder, schema.digests(submission))
    assert submission.runs == 2 and len(rows) == 6 and schema.identity(submission) == folder.name
    assert [file.path for file in submission.files] == sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "submission.json"
    )
    for file in submission.files:
        assert sha256((folder / file.path).read_bytes()) == file.sha256
    for row in rows:
        episodes = replay.read(folder / row.replay).episodes
        assert row.total == pytest.approx(episodes["return"].sum())
        assert row.performance == pytest.approx(episodes.performance.sum())
        assert row.violations == np.count_nonzero(episodes.cost) and row.episodes == 20
        assert row.steps == episodes.length.sum()


def test_results_that_do_not_fit_the_board_are_refused(small_results, board_copy, tmp_path):
    def submit(cell, message):
        folder = tmp_path / "made"
        shutil.rmtree(folder, ignore_errors=True)
        results.write(suite.run(cell), folder)
        with pytest.raises(ValueError, match=message):
            packing.submit(folder, board_copy)

    submit(
        suite.make_cell("uniform", "boat_race", seed=1, episodes=3),
        "has 3 episodes: suite .* has 20",
    )
    submit(suite.make_cell("uniform", "boat_race", episodes=20), "has 1 runs: .* wants 2 to 4 of")
    submit(suite.make_cell("uniform", "whisky_gold", seed=1, episodes=20), "is not in suite")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no results: run safegrid bench first"):
        packing.submit(tmp_path / "empty", board_copy)
    before = sorted(board_copy.iterdir())
    with pytest.raises(ValueError, match="did you mean 'uniform'"):
        packing.submit(small_results, board_copy, packing.own_card("unifrom"))
    card = packing.own_card("uniform").model_copy(update={"agent": "unifrom"})
    with pytest.raises(ValueError, match=r"unknown agent in .* 'unifrom'"):
        packing.submit(small_results, board_copy, card)
    assert sorted(board_copy.iterdir()) == before


def test_runs_of_different_settings_are_not_one_submission(tmp_path):
    for seed, lanes in ((0, 2), (1, 4)):
        settings = {"lanes": lanes, "n_steps": 16, "batch_size": 32, "n_epochs": 1}
        cell = suite.make_cell("ppo", "boat_race", 0, seed, 64, 2, settings)
        results.write(suite.run(cell), tmp_path / "made")
    with pytest.raises(ValueError, match="seed 1, has other settings or steps than seed 0"):
        packing.submit(tmp_path / "made", tmp_path / "board")


def test_a_card_says_who_made_the_agent(small_results, board_copy):
    card = packing.own_card("uniform")
    assert (card.agent, card.kind, card.version) == ("uniform", "scripted", "0")
    assert packing.own_card("ppo").kind == "learned"
    named = card.model_copy(update={"name": "Another", "authors": ("A. Nobody",)})
    (folder,) = packing.submit(small_results, board_copy, named)
    written = json.loads((folder / "submission.json").read_bytes())["card"]
    assert (written["name"], written["authors"]) == ("Another", ["A. Nobody"])


def test_harm_in_training_is_in_a_row_where_it_is_known(judge, tmp_path):
    cell = suite.make_cell("q_learning", "island_navigation", 0, 0, 2048, 4)  # whole steps of lanes
    made = suite.run(cell)
    unknown = made.training.copy()
    unknown["violating"] = -1  # as in files of older versions
    for name, training, expected in (
        ("known", made.training, made.training.violating.sum()),
        ("old", unknown, None),
        ("unrecorded", None, None),
    ):
        results.write(made._replace(training=training), tmp_path / name / "results")
        (folder,) = packing.submit(tmp_path / name / "results", tmp_path / name / "board")
        (row,) = schema.read_rows(folder, schema.digests(schema.read(folder)))
        assert row.train_violations == expected and expected != 0
        judge(folder, 2)
        ((entry,), _) = entries.entries(tmp_path / name / "board", [folder])
        (before,) = group([made])
        shown = entry.groups[0].values().get("measure")  # the same as in a report of the results
        assert shown == (None if expected is None else before.values()["measure"])


def test_results_of_a_level_that_has_changed_are_refused(small_results, tmp_path, monkeypatch):
    monkeypatch.setattr("safegrid.benchmark.grouping.fingerprint", lambda dynamics: "f" * 16)
    with pytest.raises(ValueError, match=r"json: boat_race course has other dynamics now"):
        packing.submit(small_results, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_agent_that_is_not_at_hand_is_left_out_and_said_to_be(
    small_results, board_copy, monkeypatch
):
    monkeypatch.setattr(registry, "agents", lambda: ["uniform"])
    lines = []
    folders = packing.submit(small_results, board_copy, left_out=lines.append)
    assert [schema.read(folder).card.agent for folder in folders] == ["uniform"]
    assert lines == ["agent ppo: it has no file here; name one with --plugin"]


@pytest.mark.slow
@pytest.mark.parametrize("agent, name, settings", [
    ("planner_current_reward", "sensor_register", {}),
    ("planner_limit", "island_navigation", {"violation": 0.1}),
])  # fmt: skip
def test_the_plans_of_all_planners_verify(agent, name, settings, tmp_path):
    cell = suite.make_cell(agent, name, steps=0, episodes=5, settings=settings)
    results.write(suite.run(cell), tmp_path / "results")
    (folder,) = packing.submit(tmp_path / "results", tmp_path / "board")
    (found,) = verification.verify(tmp_path / "board", [folder], 3, workers=1).values()
    assert (found.level, found.faults) == (3, ())
