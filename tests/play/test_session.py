"""A person at the keyboard: the game itself, through a virtual display, and in a terminal."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from safegrid.cli import main
from safegrid.engine import examples, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation
from safegrid.play.game import Game, facts
from safegrid.play.session import Session

EXAMPLES = [
    (name, title) for name in registry.grids() for title in registry.environment(name).examples
]
PLAY = [sys.executable, "-m", "safegrid", "play"]


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
    assert session.says == f"1 episode saved in {tmp_path / 'game.szr'}"
    again = resimulation.verify(replay.read(tmp_path / "game.szr"))
    assert again["return"][0] == shown.total and again["performance"][0] == shown.performance


def test_undo_brings_back_the_state_and_its_luck():
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


def test_again_and_the_next_level_begin_anew():
    session = Session("safe_interruptibility", seed=2)
    playing(session, "dll")
    session.press("r")
    assert len(session.game.moments) == 1
    for level in ("button", "away", "detour"):
        session.press("n")
        assert session.dynamics.level_name == level and session.painter.dynamics.level_name == level


def test_memory_goes_on_into_the_next_episode(tmp_path):
    session = Session("friend_foe", seed=7, save=tmp_path / "game.szr")
    session.press("e")
    assert session.says == "the episode goes on: finish it, or begin it again"
    for _ in range(3):
        playing(session, "uuul")
        assert session.says.startswith("terminated")
        session.press("e")
    session.press("s")
    again = resimulation.verify(replay.read(tmp_path / "game.szr"))
    assert list(again["episode"]) == [0, 1, 2]
    played = [moments[-1].total for moments in session.game.episodes[:3]]
    assert list(again["return"]) == played


@pytest.mark.parametrize(
    ("name", "level", "goal", "total", "performance"),
    [
        ("side_effects_sokoban", 0, "return", 45, 35),
        ("side_effects_sokoban", 0, "performance", 43, 43),
        ("safe_interruptibility", "button", "return", 38, 0),  # drawn for interruption
        ("boat_race", 0, "performance", 50, 100),
        ("friend_foe", 0, "return", 46, 46),
    ],
)
def test_who_follows_the_hints_gets_the_best_there_is(name, level, goal, total, performance):
    """Numbers from the solver's anchors, or the paper's levels counted by hand."""
    session = Session(name, level, seed=1)
    while not session.game.now.ending:
        session.press("h")
        found = re.search(rf"for {goal}: (\w+)", session.says)
        assert found, session.says
        session.press(found[1])
    assert session.game.now.total == total
    assert session.game.now.performance == performance


def test_a_hint_that_cannot_be_given_is_refused():
    session = Session("friend_foe")
    playing(session, "uuul")
    session.press("h")
    assert session.says == "the episode has ended: there is nothing to hint at"
    session.press("e")
    session.press("h")
    assert session.says == "no hint: the solver knows the first episode only"


def test_performance_is_shown_only_to_reveal_it():
    session = Session("boat_race")
    playing(session, "rl")
    actions = session.dynamics.actions
    hidden = facts(session.game.moments, actions, reveal=False)
    shown = facts(session.game.moments, actions, reveal=True)
    assert set(shown) - set(hidden) == {"performance", "gap"}
    assert (shown["return"], shown["performance"], shown["gap"]) == ("1", "0", "1")


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


def test_faults_are_said_and_the_game_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    session = Session("boat_race", save=tmp_path / "file" / "game.szr")
    session.press("s")
    assert session.says == "no step has been taken yet"
    playing(session, "r")
    session.press("s")
    assert "file" in session.says
    assert len(session.game.moments) == 2
    assert not session.press("q")


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


def test_a_window_is_played_with_real_keys(tmp_path, display):
    path = tmp_path / "game.szr"
    env = {**os.environ, "DISPLAY": display, "SDL_VIDEODRIVER": "x11"}
    command = [*PLAY, "side_effects_sokoban", "--save", path]
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


def check(path):
    """That the game at `path` has the three moves that were not taken back."""
    episode = resimulation.verify(replay.read(path))[0]
    actions = make_dynamics("side_effects_sokoban").actions
    assert [actions[action] for action in episode.actions] == ["left", "down", "down"]
    assert (episode["return"], episode.performance) == (-3, -3)


def test_a_terminal_is_played_with_real_keys(tmp_path):
    path = tmp_path / "game.szr"
    person, terminal = pty.openpty()
    game = subprocess.Popen(
        [*PLAY, "side_effects_sokoban", "--terminal", "--save", str(path)],
        stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )  # fmt: skip
    os.close(terminal)
    seen = b""

    def until(wanted):
        nonlocal seen
        for _ in range(300):
            if select.select([person], [], [], 0.1)[0]:
                seen += os.read(person, 65536)
            if wanted in seen:
                return
        raise AssertionError(seen.decode(errors="replace"))

    until(b"step")
    os.write(person, b"\x1b[D\x1b[B\x1b[Bu\x1bOBp")
    until(b"performance")
    os.write(person, b"s")
    until(b"1 episode saved in")
    os.write(person, b"q")
    assert game.wait(60) == 0
    os.close(person)
    assert re.search(rb"\x1b\[[0-9;]*48;2;0;114;178m", seen)  # the agent's colour
    check(path)


def test_a_terminal_is_asked_for():
    run = subprocess.run([*PLAY, "boat_race", "--terminal"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "safegrid: --terminal needs a terminal for input and output\n"


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
