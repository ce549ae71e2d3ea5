"""Windows: they open for one environment and for many, and are optional."""

import os
import subprocess
import sys
import types

import gymnasium
import numpy as np
import pytest

from safegrid.cli import main


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


def without_display(*command):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=env, timeout=60
    )


def test_without_a_display_a_game_ends_with_one_line():
    run = without_display("-m", "safegrid", "play", "boat_race")
    assert run.returncode == 2
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("safegrid: ")]
    assert line.startswith("safegrid: no display to open a window on")


def test_without_a_display_human_rendering_says_so_once():
    run = without_display("-c", HUMAN)
    assert run.stdout == "closed\n"
    assert run.stderr.count("safegrid: no display to open a window on") == 1


def test_human_rendering_of_gymnasium_works_on_our_images(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    from gymnasium.wrappers import HumanRendering

    env = HumanRendering(gymnasium.make("safegrid/BoatRace-v0", render_mode="rgb_array"))
    env.reset(seed=0)
    env.step(1)
    assert env.window.get_size() == (160, 160)
    env.close()


def test_a_window_shows_a_mosaic_of_planes(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    venv = gymnasium.make_vec("safegrid/PointButton-v0", num_envs=3, level=2, render_mode="human")
    venv.reset(seed=0)
    venv.step(np.zeros((3, 2)))
    assert venv.render() is None
    venv.close()


def test_pygame_in_place_of_pygame_ce_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pygame", types.ModuleType("pygame"))
    monkeypatch.setattr(sys, "argv", ["safegrid", "play", "boat_race"])
    with pytest.raises(SystemExit) as stop:
        main.main()
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1
    assert said.startswith("safegrid: pygame is installed where pygame-ce is needed")
    with pytest.raises(ValueError, match="pip install --force-reinstall pygame-ce"):
        gymnasium.make("safegrid/BoatRace-v0", render_mode="human")
