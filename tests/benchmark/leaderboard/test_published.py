"""The published entries can be done again."""

import json
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
    chains = [path.read_text().splitlines() for path in board.glob("*/verdict.jsonl")]
    assert len(chains) == 3
    assert all(json.loads(chain[-1])["level"] == 3 for chain in chains)
