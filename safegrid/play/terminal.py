"""A game in a terminal: coloured characters, and keys that need no Enter."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group
from rich.style import Style
from rich.text import Text

from safegrid.play.game import summarise
from safegrid.play.session import HELP, Session

ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}  # by last byte of the sequence
KEY = re.compile(rb"\x1b[\[O]([A-D])|([ a-z])", re.IGNORECASE)


def in_terminal(session: Session) -> None:
    """Plays until Q; a terminal that lacks a character shows another one in its place.

    ValueError if the standard input or output is not a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ValueError("--terminal needs a terminal for input and output")
    terminal = sys.stdin.fileno()
    with _single_keys(terminal), _replaced_characters(), Console().screen() as screen:
        screen.update(_page(session))
        while pressed := os.read(terminal, 64):
            for key in _names(pressed):
                if not session.press(key):
                    return
            screen.update(_page(session))


@contextmanager
def _single_keys(terminal: int) -> Iterator[None]:
    """Within the block, keys arrive as they are pressed and are not echoed."""
    try:
        import termios
        import tty
    except ModuleNotFoundError:
        raise ValueError("--terminal needs a Unix terminal: play in a window instead") from None
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextmanager
def _replaced_characters() -> Iterator[None]:
    """Within the block, characters that the output cannot encode become question marks."""
    before = sys.stdout.errors
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        yield
    finally:
        sys.stdout.reconfigure(errors=before)  # type: ignore[union-attr]


def _help() -> list[str]:
    """The lines of HELP in characters that the output has."""
    dot = "·".encode(sys.stdout.encoding, "replace") != b"?"
    return list(HELP) if dot else [line.replace("·", "|") for line in HELP]


def _names(pressed: bytes) -> Iterator[str]:
    """The names of the keys in the bytes that a terminal sent."""
    for arrow, letter in KEY.findall(pressed):
        yield ARROWS[arrow] if arrow else "space" if letter == b" " else letter.decode().lower()


def _page(session: Session) -> Any:
    """The whole screen: boards, numbers, help and message."""
    now = session.game.now
    boards = [now.board]
    if session.reveal and (now.truth != now.board).any():
        boards.append(now.truth)
    rows = [_row(session, [board[i] for board in boards]) for i in range(len(now.board))]
    texts = summarise(session.game.moments, session.dynamics.actions, session.reveal)
    lines = [Text(f"{label:12} {value}") for label, value in texts.items()]
    title = Text(f"{session.dynamics.name}, level {session.dynamics.level_name}", "bold")
    truth = Text("left: observed board; right: true board" if len(boards) > 1 else "")
    return Group(title, *rows, truth, *lines, *map(Text, _help()), Text(session.message, "bold"))


def _row(session: Session, boards: list[NDArray[np.uint8]]) -> Text:
    """One row of each board; a tile is two characters wide."""
    text = Text()
    for codes in boards:
        for code in codes:
            red, green, blue = session.renderer.colours[code]
            ink = "black" if 3 * red + 6 * green + blue > 1100 else "white"
            style = Style(color=ink, bgcolor=f"rgb({red},{green},{blue})")
            text.append(f"{session.dynamics.tiles[code]} ", style)
        text.append("   ")
    return text
