"""Pictures of the plane: the modes and drivers, what is drawn where, trails, what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from PIL import Image

import safegrid
from safegrid.drivers.gymnasium_env import Single
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.plane import lidar, robot
from safegrid.engine.plane.lidars import BINS
from safegrid.evaluation import replay
from safegrid.play import video
from safegrid.play.game import Game, facts
from safegrid.play.inspector import drawn, inspect
from safegrid.play.session import Session
from safegrid.rendering import trajectories
from safegrid.rendering.board import THEMES, make_renderer
from safegrid.rendering.sprites import COLOURS

NAMES = sorted(set(registry.names()) - set(registry.grids()))
LEVELS = [(name, level) for name in NAMES for level in registry.environment(name).levels]
AHEAD = np.array([1.0, 0.0], np.float32)


def state(name, level="0", **fields):
    return safegrid.Model(name, level).state(**fields)._record[()]


def pixel(paint, image, x, y):
    """The colour at a place of a picture whose middle is the origin."""
    size = paint.tile_size * 2
    return tuple(image[int((paint.half - y) * size), int((paint.half + x) * size)].tolist())


def played(name, steps=12, level="0"):
    game = Game(make_dynamics(name, level), seed=3)
    for _ in range(steps):
        game.step(AHEAD)
    return game


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


def test_a_window_shows_a_wall_of_planes(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    venv = gymnasium.make_vec("safegrid/PointButton-v0", num_envs=3, level=2, render_mode="human")
    venv.reset(seed=0)
    venv.step(np.zeros((3, 2)))
    assert venv.render() is None
    venv.close()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_a_robot_is_drawn_where_it_is_and_looks_where_it_heads(name, level, theme):
    paint = make_renderer(make_dynamics(name, level), theme, 32)
    colour = COLOURS["robot"][THEMES.index(theme)]
    image = paint(state(name, level, pose=[0.4, -0.3, 0.0, 0, 0, 0]))
    assert pixel(paint, image, 0.4, -0.3) == colour
    for heading, char in ((0.0, ">"), (1.57, "^"), (3.14, "<"), (4.71, "v"), (-1.57, "v")):
        turned = state(name, level, pose=[0.4, -0.3, heading, 0, 0, 0])
        assert paint.text(turned).split("\n")[round(paint.half / 0.25) + 1].count(char) == 1
        nose = robot.SIZE + robot.NOSE / 2
        ahead = 0.4 + nose * np.cos(heading), -0.3 + nose * np.sin(heading)
        if char in "^<":
            assert pixel(paint, paint(turned), *ahead) != pixel(paint, image, *ahead)


def test_things_lie_where_the_state_has_them():
    fields = {"goal": [1.0, 1.0], "push_box": [[-1.0, 0.5]], "pillars": [[-1.0, -1.0]]}
    fields |= {"box": [[-1.0, 0.5, *[0.0] * 7]], "hazards": [[1.0, -1.0], [0.0, 1.2]]}
    at = state("point_push", "1", pose=[0.0] * 6, **fields)
    paint = make_renderer(make_dynamics("point_push", 1), "okabe_ito", 32)
    image = paint(at)
    assert pixel(paint, image, -1.0, 0.5) == COLOURS["push_box"][0]
    assert pixel(paint, image, 1.0, -1.0) == COLOURS["hazards"][0]
    lines = paint.text(at).split("\n")
    for x, y, char in ((1.0, 1.0, "G"), (-1.0, 0.5, "X"), (-1.0, -1.0, "P"), (1.0, -1.0, "~")):
        assert lines[int((paint.half - y) * 4)][int((paint.half + x) * 8)] == char


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_every_lidar_is_named_and_sees_what_it_is_named_after(name, level):
    paint = make_renderer(make_dynamics(name, level))
    model = safegrid.Model(name, level)
    at = model.reset(7)
    lidars = paint.lidars(at._record[()])
    seen = model.observation(at)[robot.SENSORS :].reshape(-1, BINS)
    assert [tuple(readings) for _, readings in lidars] == [tuple(row) for row in seen]
    module = model.dynamics.spec.module
    things = {kind: places for kind, places, _ in module.scene(at._record[()], model.dynamics.task)}
    for kind, readings in lidars:
        assert readings == pytest.approx(lidar(at.pose, things[kind][:, :2], module.REACH))


def test_the_picture_moves_with_a_robot_that_leaves():
    paint = make_renderer(make_dynamics("point_run"), tile_size=16)
    far = [paint(state("point_run", pose=[0.2, y, 0.5, 0, 0, 0])) for y in (-30.0, -430.5)]
    assert (far[0] == far[1]).all()
    near = paint(state("point_run", pose=[0.2, 0.0, 0.5, 0, 0, 0]))
    assert (far[0] != near).any()


def test_a_trail_leads_to_the_robot():
    game = played("point_goal", 60)
    paint = make_renderer(game.dynamics, tile_size=32)
    last = game.now.board
    trailed, alone = drawn(paint, game.moments), paint(last)
    x, y = game.moments[30].board.pose[:2]
    assert pixel(paint, trailed, x, y) != pixel(paint, alone, x, y)
    assert pixel(paint, trailed, *last.pose[:2]) == pixel(paint, alone, *last.pose[:2])


def test_performance_is_told_in_the_panel_alone():
    game = played("point_goal")
    actions = game.dynamics.actions
    assert "performance" in facts(game.moments, actions, reveal=True)
    assert "performance" not in facts(game.moments, actions, reveal=False)
    assert facts(game.moments, actions, True)["forward"] == "1.00"
    paint = make_renderer(game.dynamics, tile_size=16)
    assert (inspect(paint, game.moments, True) != inspect(paint, game.moments, False)).any()


def test_a_recorded_episode_is_drawn_as_it_was_played(tmp_path):
    policy = registry.agent("uniform").train("point_goal", seed=0)
    episodes = safegrid.evaluate(policy, "point_goal", 2, level=1, max_episode_steps=23)
    replay.write(tmp_path / "e.szr", make_dynamics("point_goal", 1), episodes)
    arguments = [tmp_path / "e.szr", "--out", tmp_path / "e.gif", "--episode", 1, "--tile-size", 16]
    command = [sys.executable, "-m", "safegrid", "record", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    game = video.replay_game(video.read_replay(tmp_path / "e.szr"), 1)
    assert (game.now.total, game.now.performance) == (
        episodes["return"][1],
        episodes["performance"][1],
    )
    paint = make_renderer(game.dynamics, tile_size=16)
    video.write(tmp_path / "e.png", game, paint, fps=5)
    with Image.open(tmp_path / "e.gif") as image:
        assert image.n_frames == 6  # after 0, 5, 10, 15, 20 and 23 steps
    with Image.open(tmp_path / "e.png") as image:
        strip = np.asarray(image)
    first = drawn(paint, game.moments[:1])
    side = len(first)
    assert (strip[:side, :side] == first).all()
    assert (strip[:side, -side:] == drawn(paint, game.moments)).all()


def test_a_card_shows_every_level(tmp_path):
    image = trajectories.draw_examples("point_goal")
    assert image.shape[0] >= 320 and len(np.unique(image.reshape(-1, 3), axis=0)) > 20


def test_keys_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^point_goal takes forces .*boat_race") as error:
        Session("point_goal")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"theme": "papr"}, {"tile_size": 0}])
def test_what_cannot_be_drawn_is_said_at_once(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Single("point_goal", **options)


def test_the_golden_pictures_hold_every_task():
    golden = json.loads((Path(__file__).parents[1] / "golden" / "pictures.json").read_text())
    assert set(golden) == set(registry.names())
