"""A person at the keyboard: what the keys do, and the game in a window on a virtual display."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from safegrid.cli import main
from safegrid.engine import examples, registry
from safegrid.evaluation import replay, resimulation
from safegrid.play.session import Session


def playing(session, keys):
    for key in keys:
        assert session.press(examples.KEYS[key])


@pytest.mark.parametrize("name", registry.grids())
def test_a_saved_game_simulates_to_what_was_shown(name, tmp_path):
    session = Session(name, seed=4, save=tmp_path / "game.szr")
    for action in np.random.default_rng(0).integers(0, len(session.dynamics.actions), 30):
        session.press(session.dynamics.actions[action])
    shown = session.game.now
    session.press("s")
    assert session.message == f"1 episode saved in {tmp_path / 'game.szr'}"
    again = resimulation.verify(replay.read(tmp_path / "game.szr"))
    assert again["return"][0] == shown.total and again["performance"][0] == shown.performance


def test_undo_brings_back_the_state_and_its_chance():
    session = Session("tomato_watering", seed=1)
    playing(session, "rur")
    before = session.game.now
    playing(session, "d")
    first = session.game.now
    session.press("u")
    assert session.game.now is before
    playing(session, "d")
    assert session.game.now.total == first.total and session.game.now.chance == first.chance
    assert (session.game.now.board == first.board).all()
    for _ in range(9):
        session.press("u")
    assert len(session.game.moments) == 1


def test_restart_and_the_next_level_start_anew():
    session = Session("safe_interruptibility", seed=2)
    playing(session, "dll")
    session.press("r")
    assert len(session.game.moments) == 1
    for level in ("button", "away", "detour"):
        session.press("n")
        assert (
            session.dynamics.level_name == level and session.renderer.dynamics.level_name == level
        )


def test_memory_goes_on_into_the_next_episode(tmp_path):
    session = Session("friend_foe", seed=7, save=tmp_path / "game.szr")
    session.press("e")
    assert session.message == "the episode has not ended: finish it, or restart it"
    for _ in range(3):
        playing(session, "uuul")
        assert session.message.startswith("terminated")
        session.press("e")
    session.press("s")
    again = resimulation.verify(replay.read(tmp_path / "game.szr"))
    assert list(again["episode"]) == [0, 1, 2]
    played = [moments[-1].total for moments in session.game.episodes[:3]]
    assert list(again["return"]) == played


def test_faults_are_said_and_the_game_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    session = Session("boat_race", save=tmp_path / "file" / "game.szr")
    session.press("s")
    assert session.message == "no step has been taken yet"
    playing(session, "r")
    session.press("s")
    assert "file" in session.message
    assert len(session.game.moments) == 2
    assert not session.press("q")


def test_a_saved_game_is_written_over_no_file(tmp_path):
    path = tmp_path / "game.szr"
    path.write_text("another game")
    session = Session("safe_interruptibility", save=path)
    for number, key in enumerate("rnn", 2):
        playing(session, "d")
        session.press("s")
        written = tmp_path / f"game-{number}.szr"
        assert session.message == f"1 episode saved in {written}"
        assert replay.read(written).header.level == session.dynamics.level_name
        session.press(key)
    assert path.read_text() == "another game"


def test_keys_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^point_goal has continuous actions.*boat_race") as error:
        Session("point_goal")
    assert "\n" not in str(error.value)


@pytest.fixture
def display():
    """The name of a virtual display with nothing else on it."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        pytest.skip("needs Xvfb and xdotool")
    ready, tell = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tell), "-nolisten", "tcp"],
        pass_fds=[tell],
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    with os.fdopen(ready) as number:
        yield f":{number.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_a_window_is_played_with_real_keys(tmp_path, display, play_command, check):
    path = tmp_path / "game.szr"
    env = {**os.environ, "DISPLAY": display, "SDL_VIDEODRIVER": "x11"}
    command = [*play_command, "--save", path]
    game = subprocess.Popen(command, env=env)

    def xdotool(*arguments):
        run = subprocess.run(["xdotool", *arguments], env=env, capture_output=True, text=True)
        return run.stdout

    try:
        while game.poll() is None and "SafeGrid" not in xdotool("getwindowfocus", "getwindowname"):
            time.sleep(0.1)
        time.sleep(1)  # SDL believes that it has the focus only after a while
        for key in ["Left", "Down", "Down", "u", "Down", "p", "s", "q"]:
            xdotool("key", key)
            time.sleep(0.1)
        assert game.wait(30) == 0
    finally:
        game.kill()
    check(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["boat_race", "--theme", "papr"], "unknown theme 'papr' (did you mean 'paper'?)"),
        (["boat_race", "--tile-size", "0"], "tile_size is 0: choose a whole number of pixels"),
        (["boat_race", "--level", "9"], "unknown level '9'"),
        (["boat_race", "--option", "speed=2"], "unknown option of boat_race 'speed'"),
        (["boat_race"], "pygame is not installed: pip install"),
    ],
)
def test_what_cannot_be_played_is_one_line(arguments, said, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pygame", None)
    monkeypatch.setattr(sys, "argv", ["safegrid", "play", *arguments])
    with pytest.raises(SystemExit) as stop:
        main.main()
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1
    assert error.startswith(f"safegrid: {said}")


def test_what_is_no_move_has_letters():
    session = Session("life_garden")
    assert session.message == "noop: space · toggle: I J K L"
    for key, action in zip("ikjl", ("up", "down", "left", "right"), strict=True):
        session.press(key)
        assert session.dynamics.actions[session.game.now.action] == f"toggle_{action}"
    session.press("space")
    assert session.dynamics.actions[session.game.now.action] == "noop"
