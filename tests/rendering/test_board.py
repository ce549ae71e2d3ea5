"""Pictures of boards: the modes, what is drawn and for whom, the committed ones, the errors."""

import os
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from PIL import Image

import safegrid
from safegrid.drivers.gymnasium_env import Single, Vector
from safegrid.engine import examples, registry
from safegrid.rendering import trajectories
from safegrid.rendering.board import THEMES, BoardRenderer, pictures, wall
from safegrid.rendering.palette import INK

NAMES = registry.grids()


def make(name="boat_race", **keywords):
    return gymnasium.make(registry.environment(name).identifier, **keywords)


def make_vec(name="boat_race", **keywords):
    return gymnasium.make_vec(registry.environment(name).identifier, **keywords)


@pytest.mark.parametrize("name", NAMES)
def test_every_tile_has_a_picture(name):
    dynamics = safegrid.Model(name).dynamics
    named = pictures(dynamics)
    assert set(dynamics.tiles) <= set(named)


# Machado, Oliveira & Fernandes 2009, table 1, severity 1: what dichromats see of linear red,
# green and blue
VISION = {
    "protan": "0.152286 1.052583 -0.204868 0.114503 0.786281 0.099216 -0.003882 -0.048116 1.051998",
    "deutan": "0.367322 0.860646 -0.227968 0.280085 0.672501 0.047413 -0.011820 0.042940 0.968881",
    "tritan": "1.255528 -0.076749 -0.178779 -0.078411 0.930809 0.147602 0.004733 0.691367 0.303900",
    "grey": "0.2126 0.7152 0.0722 " * 3,
}
LOOKS = [(theme, None) for theme in THEMES] + [("okabe_ito", vision) for vision in VISION]


def seen(tiles, vision):
    """Tiles [n, size, size, 3] as somebody with this vision sees them, 0 to 255."""
    linear = (tiles / 255) ** 2.2
    return 255 * np.clip(
        linear @ np.array(VISION[vision].split(), float).reshape(3, 3).T, 0, 1
    ) ** (1 / 2.2)


@pytest.mark.parametrize(("theme", "vision"), LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_no_two_tiles_look_alike_to_anybody(name, theme, vision):
    for size in (16, 32, 64):
        tiles = BoardRenderer(safegrid.Model(name).dynamics, theme, size).tiles.astype(float)
        tiles = tiles if vision is None else seen(tiles, vision)
        for i, tile in enumerate(tiles):
            for other in tiles[:i]:
                differ = np.abs(tile - other).max(axis=2) > 40
                assert differ.mean() > 0.02


@pytest.mark.parametrize("name", NAMES)
def test_the_agent_faces_where_it_went(name):
    env = make(name, render_mode="rgb_array", tile_size=16)
    env.reset(seed=0)
    first = env.render()
    paint = BoardRenderer(env.unwrapped.dynamics, tile_size=16)
    board = env.unwrapped._board
    assert (first == paint(board)).all()
    env.step(3)
    assert (env.render() == paint(env.unwrapped._board, "right")).all()
    for facing in ("up", "down", "left", "right"):
        assert (paint(board, facing) != first).any()


def test_the_lanes_of_a_vector_look_like_the_single_environments():
    venv = make_vec("tomato_watering", num_envs=3, render_mode="rgb_array", theme="paper")
    venv.reset(seed=5)
    env = make("tomato_watering", render_mode="rgb_array", theme="paper")
    for lane in range(3):
        env.reset(seed=5 + lane)
        assert (venv.render()[lane] == env.render()).all()


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
def test_a_lane_that_was_reset_faces_nowhere(mode):
    options = {"render_mode": "rgb_array", "max_episode_steps": 2}
    venv = make_vec(num_envs=2, autoreset_mode=mode, **options)
    venv.reset(seed=0)
    first = venv.render()
    for _ in range(2 if mode == "same_step" else 3):
        venv.step(np.array([3, 2]))
    assert all((now == then).all() for now, then in zip(venv.render(), first, strict=True))


def test_a_wall_holds_every_frame_once():
    frames = [np.full((40, 60, 3), shade, np.uint8) for shade in range(5)]
    image = wall(frames)
    for shade in range(5):
        assert (image == shade).all(axis=2).sum() == 40 * 60


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"theme": "papr"}, "unknown theme 'papr' (did you mean 'paper'?)"),
        ({"tile_size": 0}, "tile_size is 0: choose a whole number of pixels from 1 to 256"),
        ({"tile_size": 2.5}, "tile_size is 2.5"),
        ({"render_mode": "rgb_aray"}, "unknown render_mode 'rgb_aray' (did you mean 'rgb_array'?)"),
    ],
)
@pytest.mark.parametrize("made", [Single, Vector])
def test_what_cannot_be_drawn_is_said_at_once(made, options, said):
    with pytest.raises(ValueError) as error:
        made("boat_race", **options)
    assert said in str(error.value)


def test_a_tile_without_a_picture_shows_its_character(change_contract):
    change_contract("boat_race", PICTURES=None)
    tiles = BoardRenderer(safegrid.Model("boat_race").dynamics, tile_size=32).tiles
    assert (tiles[3] != tiles[4]).any()
    change_contract("boat_race", PICTURES={"^": "arow_up"})
    with pytest.raises(ValueError, match=r"unknown picture of boat_race 'arow_up'.*'arrow_up'"):
        BoardRenderer(safegrid.Model("boat_race").dynamics)


def test_pictures_need_no_pygame_and_a_window_says_what_is_missing():
    code = """
import sys
sys.modules["pygame"] = None
import gymnasium, safegrid
env = gymnasium.make("safegrid/BoatRace-v0", render_mode="rgb_array")
env.reset(seed=0)
assert env.render().shape == (160, 160, 3)
try:
    gymnasium.make("safegrid/BoatRace-v0", render_mode="human")
except ModuleNotFoundError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "pygame is not installed: pip install 'safegrid-rl[render]'\n", run.stderr


HUMAN = """
import gymnasium, numpy, safegrid
env = gymnasium.make("safegrid/BoatRace-v0", render_mode="human")
env.reset(seed=0); env.step(1); assert env.render() is None
venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=5, render_mode="human")
venv.reset(seed=0); venv.step(numpy.ones(5, int)); assert venv.render() is None
env.close(); env.close(); venv.close()
print("closed")
"""


def test_a_window_opens_for_one_and_for_many():
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", HUMAN],
        capture_output=True,
        text=True,
        env={**os.environ, "SDL_VIDEODRIVER": "dummy"},
    )
    assert run.stdout == "closed\n", run.stderr


def test_human_rendering_of_gymnasium_works_on_our_images(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    from gymnasium.wrappers import HumanRendering

    env = HumanRendering(make(render_mode="rgb_array"))
    env.reset(seed=0)
    env.step(1)
    assert env.window.get_size() == (160, 160)
    env.close()


def test_the_committed_pictures_are_fresh():
    run = subprocess.run(
        [sys.executable, "experiments/pictures.py", "--check"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={key: value for key, value in os.environ.items() if key != "DISPLAY"},
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_way_leads_from_where_the_agent_began_to_where_it_stands(name):
    image = trajectories.draw_example(name, "honest", size=16)
    example = registry.environment(name).examples["honest"]
    *_, step = examples.walk(name, example)
    paint = BoardRenderer(safegrid.Model(name, example.level).dynamics, tile_size=16)
    end = np.s_[16 * step.state.row :, 16 * step.state.column :]
    agent = paint.tiles[-4 + list("udlr").index(example.keys[-1])]
    assert (image[end][:16, :16] == agent).all()
    first = next(examples.walk(name, example)).state
    start = image[16 * first.row + 8, 16 * first.column + 8]
    assert (start == INK).all() or (first.row, first.column) == (step.state.row, step.state.column)


def test_a_card_has_a_picture(tmp_path):
    path = tmp_path / "card.png"
    command = [sys.executable, "-m", "safegrid", "show", "boat_race", "--picture", path]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (np.asarray(Image.open(path)) == trajectories.draw_examples("boat_race")).all()
