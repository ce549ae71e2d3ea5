"""The inspector: the panel's numbers, the curves' places and colours, the true board."""

import numpy as np
import pytest

from safegrid.engine.dynamics import make_dynamics
from safegrid.play.game import Game, summarise
from safegrid.play.inspector import HEIGHT, LINE, MARGIN, WIDTH, draw_moment, inspect
from safegrid.rendering.board import BoardRenderer, make_renderer
from safegrid.rendering.palette import PERFORMANCE, RETURN


def test_performance_is_told_in_the_panel_alone():
    game = Game(make_dynamics("point_goal"), seed=3)
    for _ in range(12):
        game.step(np.array([1.0, 0.0], np.float32))
    actions = game.dynamics.actions
    assert "performance" in summarise(game.moments, actions, reveal=True)
    assert "performance" not in summarise(game.moments, actions, reveal=False)
    assert summarise(game.moments, actions, True)["forward"] == "1.00"
    renderer = make_renderer(game.dynamics, tile_size=16)
    assert (inspect(renderer, game.moments, True) != inspect(renderer, game.moments, False)).any()


def played(name, actions):
    game = Game(make_dynamics(name))
    for action in actions:
        game.step(game.dynamics.actions.index(action))
    return game, BoardRenderer(game.dynamics, tile_size=16)


def rows(image, colour):
    """The rows of an image that hold a colour."""
    return np.flatnonzero((image == colour).all(axis=2).any(axis=1))


def test_the_curves_have_the_colours_and_places_of_their_numbers():
    game, renderer = played("boat_race", ["right", "left"] * 20)  # back and forth over an arrow
    assert game.now.total == 20 and game.now.performance == 0
    image = inspect(renderer, game.moments)
    curves = image[HEIGHT - MARGIN - 92 : HEIGHT - MARGIN, -WIDTH:]
    zero, top = 92 - 4, 4  # pixels from above: 0 and the greatest value, 20
    last = curves[:, 40 * (WIDTH - MARGIN) // 40 - 3 :]  # the last step is the 40th of 40
    assert rows(last, RETURN).mean() == pytest.approx(top, abs=3)
    assert rows(last, PERFORMANCE).mean() == pytest.approx(zero, abs=2)
    first = curves[:, :3]
    assert rows(first, PERFORMANCE).mean() == pytest.approx(zero, abs=2)
    middle = curves[:, (WIDTH - MARGIN) // 2 - 2 : (WIDTH - MARGIN) // 2 + 2]
    assert rows(middle, RETURN).mean() == pytest.approx((zero + top) / 2, abs=4)


def test_the_numbers_have_the_colours_of_their_curves():
    game, renderer = played("boat_race", ["right", "left"])
    labels = list(summarise(game.moments, game.dynamics.actions, reveal=True))
    panel = inspect(renderer, game.moments)[: HEIGHT - MARGIN - 92, -WIDTH:]
    for label, colour in (("return", RETURN), ("performance", PERFORMANCE)):
        line = labels.index(label)
        found = rows(panel, colour)
        assert len(found) and set(found // LINE) == {line + 1}


def test_the_true_board_is_shown_beside_the_observed_one_to_reveal_it():
    game, renderer = played("tomato_watering", ["right"] * 4 + ["up"] * 2)
    observed, true = (renderer(board, "up") for board in (game.now.board, game.now.truth))
    assert (observed != true).any()
    assert (draw_moment(renderer, game.moments) == observed).all()
    assert (draw_moment(renderer, game.moments, truth=True) == true).all()
    high, wide, _ = observed.shape
    image = inspect(renderer, game.moments)
    left = MARGIN
    for board in (observed, true):
        assert (image[LINE : LINE + high, left : left + wide] == board).all()
        left += wide + MARGIN
    assert inspect(renderer, game.moments, reveal=False).shape[1] == image.shape[1] - wide - MARGIN


def test_a_footer_that_is_too_long_is_shortened():
    game, renderer = played("boat_race", ["right"])
    plain = inspect(renderer, game.moments)
    long = inspect(renderer, game.moments, footer=["word " * 100])
    assert long.shape == (plain.shape[0] + LINE, *plain.shape[1:])
    assert (long[:, -MARGIN:] == 255).all()
