"""Restored results: they make the same submission again, and cost what was recorded."""

import importlib
import json
import shutil
from pathlib import Path

import pytest

from safegrid.benchmark import results, suite
from safegrid.benchmark.leaderboard import packing, schema

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def restore(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    found = importlib.import_module("restore")
    costs = {"q_learning": {"cells": 2, "hours": 3.0}}
    (tmp_path / "board.json").write_text(json.dumps(costs))
    monkeypatch.setattr(found.board, "COSTS", tmp_path / "board.json")
    return found


def test_restored_results_make_the_same_submission(restore, tmp_path):
    made, place, out = (tmp_path / name for name in ("made", "board", "out"))
    for seed in (0, 1):
        results.write(
            suite.run(suite.make_cell("q_learning", "whisky_gold", 0, seed, 600, 3)), made
        )
    (folder,) = packing.submit(made, place)
    for _ in range(2):  # existing results are kept
        assert restore.restore("q_learning", place, out) == 2
    again = [results.read(path) for path in out.rglob("*.json")]
    shutil.rmtree(folder)
    known, card = schema.read_suite(place), packing.own_card("q_learning")
    assert packing.pack(again, place, known, card) == folder
    assert restore.board.hours([read.cell for read in again], out) == pytest.approx(3.0)


def test_what_cannot_be_restored_is_named(restore, tmp_path):
    cell = suite.make_cell("q_learning", "whisky_gold", 0, 0, 600, 3)
    results.write(suite.run(cell), tmp_path / "made")
    (folder,) = packing.submit(tmp_path / "made", tmp_path / "board")
    with pytest.raises(ValueError, match="has no submission of 'ppo'"):
        restore.restore("ppo", tmp_path / "board", tmp_path / "out")
    content = schema.read(folder).model_copy(update={"agent_file": "0" * 64})
    (folder / "submission.json").write_bytes(schema.canonical(content))
    with pytest.raises(ValueError, match="is of another file of agent q_learning"):
        restore.restore("q_learning", tmp_path / "board", tmp_path / "out")
