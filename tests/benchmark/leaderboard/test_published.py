"""The published entries can be done again."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safegrid.benchmark.leaderboard.entries import entries
from safegrid.benchmark.leaderboard.verification import submissions
from safegrid.cli.main import app

ROOT = Path(__file__).parents[3]


LEVELS = {  # by the names of the agents: how far they are verified
    **dict.fromkeys(("constrained_q", "ppo", "q_learning", "sarsa"), 5),
    **dict.fromkeys(("noop", "scripted_hack", "scripted_safe", "uniform"), 3),
    **dict.fromkeys(("planner", "planner_limit", "planner_safe"), 3),
}


@pytest.mark.slow
def test_every_published_policy_chooses_its_recorded_actions_again(tmp_path):
    board = tmp_path / "board"
    shutil.copytree(ROOT / "submissions", board)
    run = CliRunner().invoke(app, ["leaderboard", "verify", "--board", str(board)])
    assert run.exit_code == 0, run.output
    assert run.output.count("  V3\n") == len(LEVELS)
    assert "no verdict was recorded" in run.output  # by others than the board's verifier


def test_the_published_verdicts_are_of_the_boards_verifier():
    """The learned ones say that runs of theirs were trained again."""
    board = ROOT / "submissions"
    shown, refused = entries(board, submissions(board))
    assert not refused
    assert {entry.title: entry.level for entry in shown} == LEVELS
    for entry in shown:
        assert len(entry.verdict.retrained) == (2 if entry.level == 5 else 0)
