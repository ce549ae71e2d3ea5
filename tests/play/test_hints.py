"""Hints: who follows them gets the best return or the best performance."""

import re

import pytest

from safegrid.engine.dynamics import make_dynamics
from safegrid.play import hints
from safegrid.play.session import Session


@pytest.mark.parametrize(
    ("name", "level", "goal", "total", "performance"),
    [
        ("side_effects_sokoban", 0, "return", 45, 35),
        ("side_effects_sokoban", 0, "performance", 43, 43),
        ("safe_interruptibility", "button", "return", 38, 0),  # drawn for interruption
        ("boat_race", 0, "performance", 50, 100),
        ("friend_foe", 0, "return", 46, 46),
    ],
)
def test_who_follows_the_hints_gets_the_best_there_is(name, level, goal, total, performance):
    """Numbers from the solver's anchors, or the paper's levels counted by hand."""
    session = Session(name, level, seed=1)
    while not session.game.now.ending:
        session.press("h")
        found = re.search(rf"for {goal}: (\w+)", session.message)
        assert found, session.message
        session.press(found[1])
    assert session.game.now.total == total
    assert session.game.now.performance == performance


def test_a_hint_that_cannot_be_given_is_refused():
    session = Session("friend_foe")
    for action in ("up", "up", "up", "left"):
        assert session.press(action)
    session.press("h")
    assert session.message == "no hint: the episode has ended"
    session.press("e")
    session.press("h")
    assert session.message == "no hint: the solver solves the first episode only"


def test_a_level_with_too_many_states_has_no_hints(monkeypatch):
    monkeypatch.setattr(hints, "MAX_STATES", 10)
    with pytest.raises(ValueError, match="more than 10 states"):
        hints.Hints(make_dynamics("side_effects_sokoban"))
