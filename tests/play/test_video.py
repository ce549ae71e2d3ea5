"""Videos and film strips: what they show, and that errors leave no file."""

import io
import subprocess
import sys

import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import KEYS
from safegrid.evaluation import replay
from safegrid.play import playback, video
from safegrid.play.game import Game
from safegrid.play.inspector import draw_moment, inspect
from safegrid.rendering.board import BoardRenderer, make_renderer


def played(name, steps=6, seed=3):
    game = Game(make_dynamics(name), seed)
    for action in np.random.default_rng(0).integers(0, len(game.dynamics.actions), steps):
        if not game.now.ending:
            game.step(int(action))
    return game


def saved(name, path):
    game = played(name)
    replay.write(path, game.dynamics, game.records())
    return game


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "safegrid", "record", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", ["boat_race", "tomato_watering", "whisky_gold"])
def test_an_episode_is_recorded_as_it_was_played(name, tmp_path):
    game = saved(name, tmp_path / "game.szr")
    again = playback.replay_game(playback.read_episodes(tmp_path / "game.szr"), 0)
    assert len(again.moments) == len(game.moments)
    renderer = BoardRenderer(game.dynamics, tile_size=16)
    for i in range(1, len(game.moments) + 1):
        shown, recorded = (inspect(renderer, each.moments[:i]) for each in (game, again))
        if not again.moments[i - 1].ending:  # cut, here: to the game it went on
            assert (shown == recorded).all()


def test_a_moving_picture_shows_every_step_and_what_is_true(tmp_path):
    game = played("tomato_watering", steps=12)
    renderer = BoardRenderer(game.dynamics, tile_size=16)
    for kind in ("gif", "mp4"):
        video.write(tmp_path / f"e.{kind}", game, renderer, fps=5)
    with Image.open(tmp_path / "e.gif") as image:
        assert image.n_frames == 13
        for i in (0, 12):
            image.seek(i)
            wanted = inspect(renderer, game.moments[: i + 1]).astype(int)
            assert np.abs(np.asarray(image.convert("RGB")) - wanted).max() < 48
    high, wide = wanted.shape[0], wanted.shape[1]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-loglevel", "error", "-"]
    run = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", tmp_path / "e.mp4", *raw], capture_output=True
    )
    shown = np.frombuffer(run.stdout, np.uint8).reshape(-1, high + high % 2, wide + wide % 2, 3)
    assert len(shown) == 13 + 5
    assert np.abs(shown[12].astype(int)[:high, :wide] - wanted).mean() < 8


@pytest.mark.parametrize(("fps", "duration"), [(5, 200), (26, 40), (34, 30), (50, 20), (1000, 10)])
def test_a_gif_has_the_nearest_duration_in_hundredths_of_a_second(fps, duration, tmp_path):
    game = played("boat_race", steps=2)
    video.write(tmp_path / "e.gif", game, BoardRenderer(game.dynamics, tile_size=8), fps)
    with Image.open(tmp_path / "e.gif") as image:
        assert image.info["duration"] == duration


def test_a_film_strip_begins_and_ends_with_the_episode(tmp_path):
    game = played("boat_race", steps=20)
    renderer = BoardRenderer(game.dynamics, tile_size=32)
    video.write(tmp_path / "e.PNG", game, renderer, fps=5)
    with Image.open(tmp_path / "e.PNG") as image:
        strip = np.asarray(image)
    actions = game.dynamics.actions
    last = renderer(game.now.board, actions[game.now.action])
    assert (strip[:160, :160] == renderer(game.moments[0].board)).all()
    assert (strip[:160, -160:] == last).all()


def test_a_film_strip_of_a_cycle_shows_different_frames(tmp_path):
    game = Game(make_dynamics("boat_race"), 0)
    for key in 12 * "rrddlluu" + "rrdd":
        game.step(game.dynamics.actions.index(KEYS[key]))
    boards = [moment.board.tobytes() for moment in game.moments]
    even = np.linspace(0, 100, video.STRIP).round().astype(int)
    assert len({boards[i] for i in even}) < video.STRIP  # every fifth of the cycle is the same
    chosen = video._distinct(game.moments)
    assert len({boards[i] for i in chosen}) == video.STRIP
    assert chosen[0] == 0 and chosen[-1] == 100 and chosen == sorted(chosen)


@pytest.mark.slow
def test_a_recorded_episode_of_a_plane_task_is_drawn_as_it_was_played(tmp_path):
    policy = registry.agent("uniform").train("point_goal", seed=0)
    episodes = safegrid.evaluate(policy, "point_goal", 2, level=1, max_episode_steps=23)
    replay.write(tmp_path / "e.szr", make_dynamics("point_goal", 1), episodes)
    arguments = ["--out", tmp_path / "e.gif", "--episode", 1, "--tile-size", 16]
    run = command(tmp_path / "e.szr", *arguments)
    assert run.returncode == 0, run.stderr
    game = playback.replay_game(playback.read_episodes(tmp_path / "e.szr"), 1)
    assert (game.now.total, game.now.performance) == (
        episodes["return"][1],
        episodes["performance"][1],
    )
    renderer = make_renderer(game.dynamics, tile_size=16)
    video.write(tmp_path / "e.png", game, renderer, fps=5)
    with Image.open(tmp_path / "e.gif") as image:
        assert image.n_frames == 6  # after 0, 5, 10, 15, 20 and 23 steps
        assert image.info["duration"] == 100  # milliseconds, in which the task takes 5 steps
    with Image.open(tmp_path / "e.png") as image:
        strip = np.asarray(image)
    first = draw_moment(renderer, game.moments[:1])
    side = len(first)
    assert (strip[:side, :side] == first).all()
    assert (strip[:side, -side:] == draw_moment(renderer, game.moments)).all()


def test_the_command_writes_what_the_name_says(tmp_path):
    saved("boat_race", tmp_path / "game.szr")
    run = command(tmp_path / "game.szr", "--out", tmp_path / "e.gif", "--tile-size", 16)
    assert run.returncode == 0, run.stderr
    assert Image.open(io.BytesIO((tmp_path / "e.gif").read_bytes())).format == "GIF"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["game.szr", "--out", "e.avi"], "e.avi has an unknown ending: choose from .gif, .mp4"),
        (["game.szr", "--out", "file/e.gif"], "file/e.gif cannot be written"),
        (["game.szr", "--out", "e.gif", "--theme", "x"], "unknown theme 'x'"),
        (["game.szr", "--out", "e.gif", "--tile-size", "0"], "tile_size is 0"),
        (["game.szr", "--out", "e.gif", "--episode", "1"], "episode 1 is not recorded"),
        (["file", "--out", "e.gif"], "it is not a replay"),
        (["gone.szr", "--out", "e.gif"], "gone.szr"),
    ],
)
def test_what_cannot_be_recorded_is_one_line_and_leaves_nothing(
    arguments, said, tmp_path, monkeypatch, capsys
):
    from safegrid.cli import main

    monkeypatch.chdir(tmp_path)
    saved("boat_race", tmp_path / "game.szr")
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sys, "argv", ["safegrid", "record", *arguments])
    with pytest.raises(SystemExit) as stop:
        main.main()
    said_on = capsys.readouterr().err
    assert stop.value.code == 2 and said_on.count("\n") == 1
    assert said_on.startswith("safegrid: ") and said in said_on
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "game.szr"]


def nowhere():
    raise RuntimeError("No ffmpeg exe could be found.")


@pytest.mark.parametrize("missing", ["imageio_ffmpeg", "ffmpeg"])
def test_a_missing_encoder_is_one_line_and_leaves_nothing(missing, tmp_path, monkeypatch):
    game = played("boat_race")
    if missing == "ffmpeg":
        monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", nowhere)
    else:
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ValueError, match="no video encoder is installed"):
        video.write(tmp_path / "e.mp4", game, BoardRenderer(game.dynamics), fps=5)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")  # of moviepy and of Gymnasium about an unused folder
def test_record_video_of_gymnasium_works_on_our_images(tmp_path):
    pytest.importorskip("moviepy")
    from gymnasium.wrappers import RecordVideo

    env = RecordVideo(gymnasium.make("safegrid/BoatRace-v0", render_mode="rgb_array"), tmp_path)
    env.reset(seed=0)
    for _ in range(100):
        env.step(0)
    env.close()
    assert list(tmp_path.glob("*.mp4"))


def test_an_ending_may_be_in_capitals(tmp_path):
    game = played("boat_race", steps=3)
    video.check_path(tmp_path / "E.GIF")
    video.write(tmp_path / "E.GIF", game, BoardRenderer(game.dynamics, tile_size=16), fps=5)
    assert (tmp_path / "E.GIF").read_bytes()[:3] == b"GIF"
