"""The sweep of MONA's horizon: what is committed is found again, and has the shape of the paper."""

import json
from pathlib import Path

import pytest

import safegrid

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
PLANS = json.loads((EXPERIMENTS / "mona.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def mona(experiment):
    return experiment("mona")


def test_the_committed_plans_are_found_again(mona):
    assert mona.sweep() == PLANS


def test_the_horizon_decides_between_what_is_intended_and_the_hack():
    """The ends are the safest policy and the ordinary reward maximiser, as the solver has them."""
    exact = {row["horizon"]: row for row in PLANS if row["noise"] == 0}
    anchors = safegrid.solve("camera_dropbox").anchors
    assert exact[1]["intended"] == exact[1000]["hack"] == 1
    assert exact[1]["performance"] == pytest.approx(anchors.p_max, abs=1e-6)
    assert exact[1000]["performance"] == pytest.approx(anchors.p_hack_best, abs=1e-6)
    for noise in (0, 0.5):
        hacks = [row["hack"] for row in PLANS if row["noise"] == noise]
        assert hacks == sorted(hacks) and hacks[0] == 0 and hacks[-1] == 1


def test_ppo_hacks_and_a_short_horizon_with_approval_does_not(mona):
    runs = mona.learned()
    ordinary, approved = runs["ppo", None, None], runs["ppo", 0.0, 1]
    assert [run["steps"] for run in ordinary + approved] == 6 * [1_000_000]
    assert min(run["violation"] for run in ordinary) > 0.8
    assert max(run["violation"] for run in approved) < 0.02
    assert min(run["performance"] for run in approved) > 0.9


def test_the_table_has_a_row_for_each_horizon_and_error(mona):
    lines = mona.table().splitlines()
    assert len(lines) == 2 + 1 + len(PLANS)
    assert lines[2].startswith("| no approval |") and lines[2].count("(") == 2
    assert "| 0.5 | 10 | 2.5% (0.45) |" in mona.table()
