"""A game or a playback in a terminal: coloured characters, and keys that need no Enter."""

import os
import re
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group
from rich.style import Style
from rich.text import Text

from safegrid.play.game import summarise
from safegrid.play.screen import Show
from safegrid.rendering.board import BoardRenderer

ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}  # by last byte of the sequence
KEY = re.compile(rb"\x1b[\[O](?:([A-D])|[0-9;]*[A-Za-z~])|([ A-Za-z])")  # other sequences: no key


def in_terminal(show: Show) -> None:
    """Shows something until Q; a terminal that lacks a character shows another one in its place.

    ValueError if the standard input or output is not a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ValueError("--terminal needs a terminal for input and output")
    terminal = sys.stdin.fileno()
    with _single_keys(terminal), _replaced_characters(), Console().screen() as screen:
        screen.update(_page(show))
        for key in _keys(terminal, show.tick):
            if not show.press(key):
                return
            screen.update(_page(show))


def _keys(terminal: int, tick: int | None) -> Iterator[str]:
    """The keys that a terminal sends until it is closed, and "" after each `tick` milliseconds."""
    seconds = None if tick is None else tick / 1000
    due = time.monotonic() + (seconds or 0)
    while True:
        left = None if seconds is None else max(due - time.monotonic(), 0)
        if select.select([terminal], [], [], left)[0]:
            if not (pressed := os.read(terminal, 64)):
                return
            yield from _names(pressed)
        if seconds is not None and time.monotonic() >= due:
            due = max(due + seconds, time.monotonic())
            yield ""


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


def _encodable(lines: Sequence[str]) -> list[str]:
    """Lines of help in characters that the output has."""
    dot = "·".encode(sys.stdout.encoding, "replace") != b"?"
    return list(lines) if dot else [line.replace("·", "|") for line in lines]


def _names(pressed: bytes) -> Iterator[str]:
    """The names of the keys in the bytes that a terminal sent."""
    for arrow, letter in filter(any, KEY.findall(pressed)):
        yield ARROWS[arrow] if arrow else "space" if letter == b" " else letter.decode().lower()


def _page(show: Show) -> Any:
    """The whole screen: boards or a map, numbers, help and message."""
    texts = summarise(show.moments, show.dynamics.actions, show.reveal)
    lines = [Text(f"{label:12} {value}") for label, value in texts.items()]
    title = Text(f"{show.dynamics.name}, level {show.dynamics.level_name}", "bold")
    helped = map(Text, _encodable(show.help))
    return Group(title, *_picture(show), *lines, *helped, Text(show.message, "bold"))


def _picture(show: Show) -> list[Text]:
    """The map of a continuous task, or the boards of a grid, the true one where it is revealed."""
    now = show.moments[-1]
    if not isinstance(show.renderer, BoardRenderer):
        return [Text(show.renderer.text(now.board))]
    boards = [now.board]
    if show.reveal and (now.truth != now.board).any():
        boards.append(now.truth)
    rows = [_row(show.renderer, [board[i] for board in boards]) for i in range(len(now.board))]
    return [*rows, Text("left: observed board; right: true board" if len(boards) > 1 else "")]


def _row(renderer: BoardRenderer, boards: list[NDArray[np.uint8]]) -> Text:
    """One row of each board; a tile is two characters wide."""
    text = Text()
    for codes in boards:
        for code in codes:
            red, green, blue = renderer.colours[code]
            ink = "black" if 3 * red + 6 * green + blue > 1100 else "white"
            style = Style(color=ink, bgcolor=f"rgb({red},{green},{blue})")
            text.append(f"{renderer.dynamics.tiles[code]} ", style)
        text.append("   ")
    return text
