"""The published entries can be done again."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safegrid.cli.main import app

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_every_published_policy_chooses_its_recorded_actions_again(tmp_path):
    board = tmp_path / "board"
    shutil.copytree(ROOT / "submissions", board)
    run = CliRunner().invoke(app, ["leaderboard", "verify", "--board", str(board)])
    assert run.exit_code == 0, run.output
    found = [line.split()[1] for line in run.output.splitlines() if line[:1].isalnum()][:3]
    assert found == ["V3"] * 3
    assert "no verdict was recorded" in run.output  # by others than the board's verifier
