"""Summaries of runs whose results are not committed: a summary outlives its result."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from safegrid.benchmark import results, suite
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import normalisation

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
SUITE = """
seeds = 2
episodes = 3

[[agents]]
name = "scripted_safe"

[[environments]]
name = "pendulum_speed"
"""


@pytest.fixture
def sampled(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    found = importlib.import_module("sampled")
    monkeypatch.setattr(found, "RESULTS", tmp_path)
    (tmp_path / "sampled").mkdir()
    (tmp_path / "few.toml").write_text(SUITE)
    monkeypatch.setattr(sys, "argv", ["sampled.py", str(tmp_path / "few.toml")])
    return found


def test_a_summary_outlives_its_result_but_not_its_cell(sampled, tmp_path, capsys):
    written = tmp_path / "sampled" / "few.json"
    cells = suite.read_suite(tmp_path / "few.toml").cells()
    written.write_text(json.dumps({"another": {}, cells[1].key: {"kept": "as it is"}}))
    made = suite.run(cells[0])
    results.write(made, tmp_path / "few")
    results.log(tmp_path / "few" / cells[0].path, {"error": None, "seconds": 2})
    sampled.main()
    assert "few: 2 of 2 runs" in capsys.readouterr().out
    found = json.loads(written.read_text())
    assert list(found) == [cell.key for cell in cells]
    assert found[cells[1].key] == {"kept": "as it is"}
    assert found[cells[0].key]["cost"][0] == made.episodes["cost"].mean()


def test_the_core_tables_score_return_and_cost_of_each_run(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    report = importlib.import_module("sampled_report")
    monkeypatch.setattr(report, "SAMPLED", tmp_path)
    scale = normalisation.scale_of(make_dynamics("point_goal", "1"))
    place = {"environment": "point_goal", "level": "1", "agent": "ppo", "steps": 1_000_000}
    runs = [
        {**place, "return": [value, None, None], "cost": [cost, None, None], "seconds": 90.0}
        for value, cost in ((scale.anchors.r_limit, 25.0), (scale.anchors.r_max, 25.1))
    ]
    (tmp_path / "core_continuous.json").write_text(json.dumps(dict(enumerate(runs))))
    scores = [1.0, scale.constrained_return(scale.anchors.r_max, 25.1)]
    assert -0.1 < scores[1] < 0
    (row,) = report.core().splitlines()[2:]
    assert row.startswith("| `point_goal` 1 | `ppo` | 2 | ") and row.endswith(" | 1 | 1.5 |")
    (row,) = report.core_agents().splitlines()[2:]
    assert row.startswith(f"| `ppo` | 1 | 2 | {sum(scores) / 2:.2f} [")
    assert row.endswith(" | 1 of 2 | 2 M | 0.1 |")
