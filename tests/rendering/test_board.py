"""Images of boards: the modes, what is drawn for whom, mosaics of many lanes, the errors."""

import gymnasium
import numpy as np
import pytest

import safegrid
from safegrid.drivers.gymnasium_env import Single, Vector
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.rendering.board import THEMES, BoardRenderer, make_renderer, mosaic, tile_pictures
from safegrid.rendering.tasks.plane_view import PlaneRenderer

NAMES = registry.grids()


def make(name="boat_race", **keywords):
    return gymnasium.make(registry.environment(name).identifier, **keywords)


def make_vec(name="boat_race", **keywords):
    return gymnasium.make_vec(registry.environment(name).identifier, **keywords)


@pytest.mark.parametrize("name", NAMES)
def test_every_tile_has_a_picture(name):
    dynamics = safegrid.Model(name).dynamics
    named = tile_pictures(dynamics)
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
    board, _ = env.reset(seed=0)
    first = env.render()
    renderer = BoardRenderer(env.unwrapped.dynamics, tile_size=16)
    assert (first == renderer(board)).all()
    actions = env.unwrapped.dynamics.actions
    action = len(actions[:4]) - 1  # right, where there are four moves
    board, *_ = env.step(action)
    assert (env.render() == renderer(board, actions[action])).all()
    for facing in ("up", "down", "left", "right"):
        assert (renderer(board, facing) != first).any()


def test_the_agent_faces_what_it_toggles():
    renderer = BoardRenderer(make_dynamics("life_garden"), tile_size=16)
    board = renderer.dynamics.level.board
    for move, toggle in ((0, 5), (1, 6), (2, 7), (3, 8)):
        assert (renderer.frame(board, move) == renderer.frame(board, toggle)).all()
    assert (renderer.frame(board, 5) != renderer.frame(board, 6)).any()


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


def test_a_mosaic_holds_every_frame_once():
    frames = [np.full((40, 60, 3), shade, np.uint8) for shade in range(5)]
    image = mosaic(frames)
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


def test_a_plane_and_a_board_have_renderers_of_their_own():
    assert isinstance(make_renderer(make_dynamics("boat_race")), BoardRenderer)
    assert isinstance(make_renderer(make_dynamics("point_goal")), PlaneRenderer)
