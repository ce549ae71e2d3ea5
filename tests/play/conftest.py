"""What the tests of the window and of the terminal share."""

import sys

import pytest

from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation


@pytest.fixture
def play_command():
    """The command that plays side_effects_sokoban, without its options."""
    return [sys.executable, "-m", "safegrid", "play", "side_effects_sokoban"]


@pytest.fixture
def check():
    """Checks that the game at a path has the three moves that were not taken back."""

    def check(path):
        episode = resimulation.verify(replay.read(path))[0]
        actions = make_dynamics("side_effects_sokoban").actions
        assert [actions[action] for action in episode.actions] == ["left", "down", "down"]
        assert (episode["return"], episode.performance) == (-3, -3)

    return check
