"""Images of control tasks: the drivers, what is drawn where, trails."""

import gymnasium
import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.play.game import Game
from safegrid.play.inspector import draw_moment
from safegrid.rendering.board import THEMES, make_renderer
from safegrid.rendering.tasks.control_view import COLOURS, ControlRenderer

NAMES = [name for name in registry.names() if registry.environment(name).kind == "control"]
SIZE = 32


def pixel(renderer, image, x, y):
    """The colour at a place, m, of a picture."""
    left, top = renderer.corner
    return tuple(image[int((-y - top) * 2 * SIZE), int((x - left) * 2 * SIZE)].tolist())


@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
@pytest.mark.parametrize("name", NAMES)
def test_the_lanes_of_a_vector_look_like_the_single_environments(name, mode):
    options = {"render_mode": mode, "theme": "paper", "tile_size": 8}
    identifier = registry.environment(name).identifier
    venv = gymnasium.make_vec(identifier, num_envs=2, **options)
    env = gymnasium.make(identifier, **options)
    action = np.ones(len(venv.unwrapped.dynamics.actions), np.float32)
    venv.reset(seed=5)
    for _ in range(20):
        venv.step(np.stack([action, action]))
    for lane, frame in enumerate(venv.render()):
        env.reset(seed=5 + lane)
        before = env.render()
        for _ in range(20):
            env.step(action)
        assert np.array_equal(frame, env.render())
        assert mode == "ansi" or not np.array_equal(frame, before)


@pytest.mark.parametrize("theme", THEMES)
def test_cart_and_pole_are_drawn_where_they_are(theme):
    renderer = make_renderer(make_dynamics("cart_pole"), theme, SIZE)
    assert isinstance(renderer, ControlRenderer)
    state = safegrid.Model("cart_pole").state(body=[0.5, np.pi / 2, 0.0, 0.0])._record[()]
    image = renderer(state)
    colours = {name: both[THEMES.index(theme)] for name, both in COLOURS.items()}
    assert image.shape == (5 * SIZE, 10 * SIZE, 3)
    assert pixel(renderer, image, 1.2, 0.0) == colours["pole"]  # it lies to the right
    assert pixel(renderer, image, 0.35, 0.06) == colours["cart"]
    for side in (-0.3, 0.3):  # its line is little wider than a pixel
        assert pixel(renderer, image, side, 0.2) == pytest.approx(colours["limit"], abs=60)
    lines = renderer.text(state).split("\n")
    assert len(lines) == 10 and {len(line) for line in lines} == {40}
    row = lines[5]
    assert row[int((2.5 + 1.2) * 8)] == "|" and row[int((2.5 - 1.5) * 8)] == "-"


@pytest.mark.parametrize("name", NAMES)
def test_a_trail_follows_the_end_of_the_body(name):
    game = Game(make_dynamics(name), seed=3)
    for _ in range(15):
        game.step(np.ones(len(game.dynamics.actions)))
    renderer = make_renderer(game.dynamics, tile_size=SIZE)
    alone = renderer(game.now.board)
    trailed = draw_moment(renderer, game.moments)
    end = game.dynamics.spec.scene(game.now.board, game.dynamics.task)[-1][1][-1]
    assert (trailed != alone).any()
    assert pixel(renderer, trailed, *end) == pixel(renderer, alone, *end)
