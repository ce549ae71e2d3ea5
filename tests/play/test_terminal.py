"""The game in a terminal, played with real keys."""

import os
import pty
import re
import select
import subprocess

import pytest

from safegrid.play import terminal


def test_a_terminal_is_played_with_real_keys(tmp_path, play_command, check):
    path = tmp_path / "game.szr"
    person, terminal = pty.openpty()
    game = subprocess.Popen(
        [*play_command, "--terminal", "--save", str(path)],
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


def test_a_terminal_without_unicode_is_played_in_too(play_command):
    person, terminal = pty.openpty()
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TERM": "xterm"}
    game = subprocess.Popen(
        [*play_command, "--terminal"],
        stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "PYTHONIOENCODING": "ascii", **ascii_only},
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while b"quit" not in seen:
        assert select.select([person], [], [], 60)[0], seen.decode()
        seen += os.read(person, 65536)
    os.write(person, b"q")
    assert game.wait(60) == 0, seen.decode()
    os.close(person)
    assert b"U undo | R restart" in seen


def test_a_terminal_is_asked_for(play_command):
    run = subprocess.run([*play_command, "--terminal"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "safegrid: --terminal needs a terminal for input and output\n"


@pytest.mark.parametrize("sent, names", [
    (b"\x1b[A", ["up"]),
    (b"\x1bOCq ", ["right", "q", "space"]),
    (b"Q", ["q"]),
    (b"\x1b[a", []),  # shift and up in some terminals
    (b"\x1bOQ\x1bOS\x1b[H\x1b[15~\x1b[1;5C", []),  # F2, F4, home, F5, control and right
])  # fmt: skip
def test_keys_that_mean_nothing_do_nothing(sent, names):
    assert list(terminal._names(sent)) == names
