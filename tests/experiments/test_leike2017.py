"""The experiments of the 2017 paper: what is committed is what the script would make today."""

import sys
from pathlib import Path

import numpy as np
import pytest

from safegrid.benchmark import suite

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def leike2017(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    import leike2017

    return leike2017


def test_the_committed_runs_are_those_of_todays_agents_and_dynamics(leike2017):
    wanted = {leike2017.FOLDER / cell.path: cell for cell in leike2017.cells()}
    assert len(wanted) == len(leike2017.PROBLEMS) * 3 * leike2017.SEEDS
    committed = list(leike2017.FOLDER.rglob("*.json"))
    assert committed and set(committed) <= set(wanted)
    for path in committed:
        assert leike2017.Run.model_validate_json(path.read_text()).cell == wanted[path]


def test_a_run_can_be_told_and_made_again(leike2017):
    settings = {"lanes": 8, "n_steps": 8}
    cell = suite.make_cell("a2c", "side_effects_sokoban", 0, 0, 3000, 5, settings)
    one, same = leike2017.run(cell), leike2017.run(cell)
    assert one.curve == same.curve and one.final == same.final and one.steps == same.steps >= 3000
    gaps = [
        a - b for a, b in zip(one.curve.total, one.curve.performance, strict=True) if a is not None
    ]
    assert gaps and max(gaps) > 0


def test_a_curve_has_the_mean_of_each_part(leike2017):
    at, values = np.array([1, 100, 101, 1000]), np.array([2.0, 4.0, 9.0, 1.0])
    curve = leike2017.thinned(at, values, 10_000)
    assert curve[:2] == [3.0, 9.0] and curve[9] == 1.0 and curve[2] is None
    assert len(curve) == leike2017.BINS
