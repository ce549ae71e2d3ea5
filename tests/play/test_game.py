"""Games: what is known of each step, what is hidden, undo, episodes and records."""

import numpy as np
import pytest

from safegrid.engine import examples, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.play.game import Game, summarise


def test_performance_is_shown_only_to_reveal_it():
    game = Game(make_dynamics("boat_race"))
    actions = game.dynamics.actions
    for action in ("right", "left"):
        game.step(actions.index(action))
    hidden = summarise(game.moments, actions, reveal=False)
    shown = summarise(game.moments, actions, reveal=True)
    assert set(shown) - set(hidden) == {"performance", "gap"}
    assert (shown["return"], shown["performance"], shown["gap"]) == ("1", "0", "1")


def test_what_chance_did_is_shown_only_to_reveal_it():
    """Agents do not see whether an episode is one in which they may be interrupted."""
    game = Game(make_dynamics("safe_interruptibility", "button"), seed=1)
    hidden, shown = (summarise(game.moments, game.dynamics.actions, each) for each in (False, True))
    assert "chance" in shown and "chance" not in hidden


def test_what_is_true_differs_where_the_agent_is_deceived():
    game = Game(make_dynamics("tomato_watering"))
    for key in "rrrruu":
        game.step(game.dynamics.actions.index(examples.KEYS[key]))
    tiles = game.dynamics.tiles
    assert (game.now.board == tiles.index("T")).sum() > (game.now.truth == tiles.index("T")).sum()
    game = Game(make_dynamics("island_navigation"))
    for _ in range(3):
        game.step(game.dynamics.actions.index("right"))
    agent = game.dynamics.tiles.index("A")
    assert game.now.ending == "terminated"
    assert agent not in game.now.board and agent in game.now.truth


@pytest.mark.parametrize("name", registry.grids())
def test_truth_is_what_is_seen_wherever_nothing_is_declared_hidden(name):
    game = Game(make_dynamics(name), seed=3)
    for action in np.random.default_rng(1).integers(0, len(game.dynamics.actions), 40):
        if not game.now.ending:
            game.step(int(action))
    same = all((moment.board == moment.truth).all() for moment in game.moments)
    assert same or (game.dynamics.spec.truth is not None)


def test_rewinding_restores_the_state_and_the_chance():
    game = Game(make_dynamics("tomato_watering"), seed=1)
    for action in (3, 0, 3, 1):
        game.step(action)
    played = list(game.moments)
    game.rewind(1)
    assert game.moments == played[:2]
    for action in (0, 3, 1):
        game.step(action)
    for first, again in zip(played, game.moments, strict=True):
        assert (first.board == again.board).all()
        assert (first.chance, first.total) == (again.chance, again.total)


def test_after_the_end_there_is_a_next_episode_but_no_step():
    game = Game(make_dynamics("boat_race"), limit=2)
    with pytest.raises(ValueError, match="the episode has not ended"):
        game.next_episode()
    game.step(0)
    game.step(0)
    assert game.now.ending == "truncated"
    with pytest.raises(ValueError, match="the episode has ended"):
        game.step(0)
    game.next_episode()
    assert len(game.episodes) == 2 and len(game.moments) == 1


def test_records_hold_ended_episodes_or_else_the_current_one():
    game = Game(make_dynamics("boat_race"), seed=5, limit=3)
    with pytest.raises(ValueError, match="no step has been taken yet"):
        game.records()
    game.step(3)
    (record,) = game.records()
    assert (record.length, record.ended, record.seed) == (1, "truncated", 5)
    game.step(1)
    game.step(2)
    total = game.now.total
    game.next_episode()
    game.step(0)
    (record,) = game.records()
    assert record.actions.tolist() == [3, 1, 2] and record["return"] == total


def test_a_game_has_the_steps_of_its_environment():
    played = Game(make_dynamics("aup_vase"))
    for _ in range(20):
        assert played.now.ending == ""
        played.step(4)
    assert played.now.ending == "truncated"
