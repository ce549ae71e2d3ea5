"""Images of the plane: the modes and drivers, what is drawn where, trails, the errors."""

import gymnasium
import numpy as np
import pytest

import safegrid
from safegrid.drivers.gymnasium_env import Single
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.plane import lidar, robot
from safegrid.engine.plane.lidars import BINS
from safegrid.play.game import Game
from safegrid.play.inspector import draw_moment
from safegrid.rendering.board import THEMES, make_renderer
from safegrid.rendering.tasks.sprites import COLOURS

NAMES = [name for name in registry.names() if registry.environment(name).kind == "plane"]
LEVELS = [(name, level) for name in NAMES for level in registry.environment(name).levels]
AHEAD = np.array([1.0, 0.0], np.float32)


def state(name, level="0", **fields):
    return safegrid.Model(name, level).state(**fields)._record[()]


def pixel(renderer, image, x, y):
    """The colour at a place of a picture whose middle is the origin."""
    size = renderer.tile_size * 2
    return tuple(image[int((renderer.half - y) * size), int((renderer.half + x) * size)].tolist())


@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
@pytest.mark.parametrize("name", NAMES)
def test_the_lanes_of_a_vector_look_like_the_single_environments(name, mode):
    options = {"render_mode": mode, "theme": "paper", "tile_size": 8}
    venv = gymnasium.make_vec(registry.environment(name).identifier, num_envs=2, **options)
    env = gymnasium.make(registry.environment(name).identifier, **options)
    venv.reset(seed=5)
    venv.step(np.stack([AHEAD, AHEAD]))
    for lane, frame in enumerate(venv.render()):
        env.reset(seed=5 + lane)
        before = env.render()
        env.step(AHEAD)
        assert np.array_equal(frame, env.render())
        assert mode == "ansi" or not np.array_equal(frame, before)


def test_stable_baselines3_gets_the_same_images():
    from safegrid.drivers import sb3_env

    venv = sb3_env.make("point_goal", 2, seed=4, level=1)
    venv.reset()
    env = Single("point_goal", level=1, render_mode="rgb_array")
    for lane, image in enumerate(venv.get_images()):
        env.reset(seed=4 + lane)
        assert (image == env.render()).all()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_a_robot_is_drawn_where_it_is_and_looks_where_it_heads(name, level, theme):
    renderer = make_renderer(make_dynamics(name, level), theme, 32)
    colour = COLOURS["robot"][THEMES.index(theme)]
    image = renderer(state(name, level, pose=[0.4, -0.3, 0.0, 0, 0, 0]))
    assert pixel(renderer, image, 0.4, -0.3) == colour
    for heading, char in ((0.0, ">"), (1.57, "^"), (3.14, "<"), (4.71, "v"), (-1.57, "v")):
        turned = state(name, level, pose=[0.4, -0.3, heading, 0, 0, 0])
        assert renderer.text(turned).split("\n")[round(renderer.half / 0.25) + 1].count(char) == 1
        nose = robot.SIZE + robot.NOSE / 2
        ahead = 0.4 + nose * np.cos(heading), -0.3 + nose * np.sin(heading)
        if char in "^<":
            assert pixel(renderer, renderer(turned), *ahead) != pixel(renderer, image, *ahead)


def test_objects_lie_where_the_state_has_them():
    fields = {"goal": [1.0, 1.0], "push_box": [[-1.0, 0.5]], "pillars": [[-1.0, -1.0]]}
    fields |= {"box": [[-1.0, 0.5, *[0.0] * 7]], "hazards": [[1.0, -1.0], [0.0, 1.2]]}
    at = state("point_push", "1", pose=[0.0] * 6, **fields)
    renderer = make_renderer(make_dynamics("point_push", 1), "okabe_ito", 32)
    image = renderer(at)
    assert pixel(renderer, image, -1.0, 0.5) == COLOURS["push_box"][0]
    assert pixel(renderer, image, 1.0, -1.0) == COLOURS["hazards"][0]
    lines = renderer.text(at).split("\n")
    for x, y, char in ((1.0, 1.0, "G"), (-1.0, 0.5, "X"), (-1.0, -1.0, "P"), (1.0, -1.0, "~")):
        assert lines[int((renderer.half - y) * 4)][int((renderer.half + x) * 8)] == char


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_every_lidar_is_named_and_sees_what_it_is_named_after(name, level):
    renderer = make_renderer(make_dynamics(name, level))
    model = safegrid.Model(name, level)
    at = model.reset(7)
    lidars = renderer.lidars(at._record[()])
    seen = model.observation(at)[robot.SENSORS :].reshape(-1, BINS)
    assert [tuple(readings) for _, readings in lidars] == [tuple(row) for row in seen]
    module = model.dynamics.spec.module
    things = {kind: places for kind, places, _ in module.scene(at._record[()], model.dynamics.task)}
    for kind, readings in lidars:
        assert readings == pytest.approx(lidar(at.pose, things[kind][:, :2], module.REACH))


def test_the_picture_moves_with_a_robot_that_leaves():
    renderer = make_renderer(make_dynamics("point_run"), tile_size=16)
    far = [renderer(state("point_run", pose=[0.2, y, 0.5, 0, 0, 0])) for y in (-30.0, -430.5)]
    assert (far[0] == far[1]).all()
    near = renderer(state("point_run", pose=[0.2, 0.0, 0.5, 0, 0, 0]))
    assert (far[0] != near).any()


def test_a_trail_leads_to_the_robot():
    game = Game(make_dynamics("point_goal"), seed=3)
    for _ in range(60):
        game.step(AHEAD)
    renderer = make_renderer(game.dynamics, tile_size=32)
    last = game.now.board
    trailed, alone = draw_moment(renderer, game.moments), renderer(last)
    x, y = game.moments[30].board.pose[:2]
    assert pixel(renderer, trailed, x, y) != pixel(renderer, alone, x, y)
    assert pixel(renderer, trailed, *last.pose[:2]) == pixel(renderer, alone, *last.pose[:2])


@pytest.mark.parametrize("options", [{"theme": "papr"}, {"tile_size": 0}])
def test_what_cannot_be_drawn_is_said_at_once(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Single("point_goal", **options)
