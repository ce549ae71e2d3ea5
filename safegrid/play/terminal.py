"""The game in a terminal: coloured characters, keys without Enter."""

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

from safegrid.play.game import facts
from safegrid.play.session import HELP, Session

ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}  # end of what a terminal sends
KEY = re.compile(rb"\x1b[\[O]([A-D])|([ a-z])", re.IGNORECASE)


def in_terminal(session: Session) -> None:
    """Plays until Q. ValueError where the standard input or output is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ValueError("--terminal needs a terminal for input and output")
    terminal = sys.stdin.fileno()
    with _single_keys(terminal), Console().screen() as screen:
        screen.update(_page(session))
        while pressed := os.read(terminal, 64):
            for key in _names(pressed):
                if not session.press(key):
                    return
            screen.update(_page(session))


@contextmanager
def _single_keys(terminal: int) -> Iterator[None]:
    """Keys arrive as they are pressed, and are not shown."""
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


def _names(pressed: bytes) -> Iterator[str]:
    """The keys in what a terminal sent."""
    for arrow, letter in KEY.findall(pressed):
        yield ARROWS[arrow] if arrow else "space" if letter == b" " else letter.decode().lower()


def _page(session: Session) -> Any:
    """Everything there is to see."""
    now = session.game.now
    boards = [now.board]
    if session.reveal and (now.truth != now.board).any():
        boards.append(now.truth)
    rows = [_row(session, [board[i] for board in boards]) for i in range(len(now.board))]
    said = facts(session.game.moments, session.dynamics.actions, session.reveal)
    lines = [Text(f"{label:12} {value}") for label, value in said.items()]
    title = Text(f"{session.dynamics.name}, level {session.dynamics.level_name}", "bold")
    truth = Text("left what the agent sees, right what is true" if len(boards) > 1 else "")
    return Group(title, *rows, truth, *lines, *map(Text, HELP), Text(session.says, "bold"))


def _row(session: Session, boards: list[NDArray[np.uint8]]) -> Text:
    """A row of each board, a tile two characters wide."""
    text = Text()
    for codes in boards:
        for code in codes:
            red, green, blue = session.painter.colours[code]
            ink = "black" if 3 * red + 6 * green + blue > 1100 else "white"
            style = Style(color=ink, bgcolor=f"rgb({red},{green},{blue})")
            text.append(f"{session.dynamics.tiles[code]} ", style)
        text.append("   ")
    return text
