"""States as pictures: boards drawn tile by tile, many of them as one wall, and where they go."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics, GridDynamics
from safegrid.engine.observations import text
from safegrid.engine.registry import unknown
from safegrid.rendering.canvas import SAMPLES, Canvas, Colour
from safegrid.rendering.items import OBJECTS
from safegrid.rendering.palette import DIRECTIONS, INK
from safegrid.rendering.plane_view import PlaneRenderer
from safegrid.rendering.terrain import GROUND

Frame = NDArray[np.uint8]  # [height, width, 3] red, green and blue

MODES = ("human", "rgb_array", "ansi")
THEMES = ("okabe_ito", "paper")
PICTURES = {**GROUND, **OBJECTS}
COMMON = {"#": "wall", " ": "floor", "A": "agent", "G": "goal"}
FPS = 10  # frames a second, where somebody is watching
LARGEST = 256  # pixels of a tile


class BoardRenderer:
    """Draws the boards of one level.

    `theme` is "okabe_ito", whose colours everybody can tell apart, or "paper", those of the paper.
    ValueError for another one, for a size out of range, and for a picture that does not exist.
    """

    def __init__(self, dynamics: GridDynamics, theme: str = THEMES[0], tile_size: int = 32):
        _check(theme, tile_size)
        self.dynamics, self.theme, self.tile_size = dynamics, theme, int(tile_size)
        self.shape: tuple[int, int] = dynamics.level.board.shape
        self._pictures = pictures(dynamics)
        self._agent = dynamics.tiles.index("A")

    @functools.cached_property
    def colours(self) -> list[Colour]:
        """The main colour of each tile."""
        own: list[Colour] = [tuple(colour) for colour in self.dynamics.colours.tolist()]
        if self.theme == "paper":
            return own
        names = map(self._pictures.get, self.dynamics.tiles)
        return [
            PICTURES[name][1] if name else colour for name, colour in zip(names, own, strict=True)
        ]

    @functools.cached_property
    def tiles(self) -> NDArray[np.uint8]:
        """[tiles + 4, tile_size, tile_size, 3]; the last show the agent facing each direction."""
        colours = dict(zip(self.dynamics.tiles, self.colours, strict=True))

        def draw(tile: str, facing: str | None = None) -> Frame:
            name = self._pictures.get(tile, tile)
            return _tile(name, colours[tile], colours[" "], self.tile_size, facing)

        return np.stack([*map(draw, colours), *(draw("A", facing) for facing in DIRECTIONS)])

    def __call__(self, board: NDArray[np.uint8], facing: str | None = None) -> Frame:
        """A board [rows, columns] as an image; the agent looks where it `facing`s."""
        codes = board.astype(np.intp)
        if facing in DIRECTIONS:
            codes[board == self._agent] = len(self.tiles) - 4 + list(DIRECTIONS).index(facing)
        rows, columns = board.shape
        image = self.tiles[codes].transpose(0, 2, 1, 3, 4)
        return image.reshape(rows * self.tile_size, columns * self.tile_size, 3)

    def frame(self, board: NDArray[np.uint8], action: Any = None) -> Frame:
        """A board [rows, columns] as an image; the agent faces where its last action led."""
        return self(board, None if action is None else self.dynamics.actions[action])

    def text(self, board: NDArray[np.uint8]) -> str:
        """A board as rows of characters."""
        return text(board, self.dynamics.tiles)


def make_renderer(
    dynamics: Dynamics, theme: str = THEMES[0], tile_size: int = 32
) -> BoardRenderer | PlaneRenderer:
    """What draws a level: its boards, or the states of a continuous task. ValueError as Painter."""
    _check(theme, tile_size)
    renderer: BoardRenderer | PlaneRenderer = RENDERERS[dynamics.spec.kind](
        dynamics, theme, int(tile_size)
    )
    return renderer


RENDERERS: dict[str, Any] = {"grid": BoardRenderer, "plane": PlaneRenderer}


def _check(theme: str, tile_size: int) -> None:
    if theme not in THEMES:
        raise unknown("theme", theme, THEMES)
    if not isinstance(tile_size, (int, np.integer)) or not 1 <= tile_size <= LARGEST:
        raise ValueError(
            f"tile_size is {tile_size!r}: choose a whole number of pixels from 1 to {LARGEST}"
        )


def pictures(dynamics: GridDynamics) -> dict[str, str]:
    """The name of each tile's picture, where it has one. ValueError for one that does not exist."""
    declared: Any = dynamics.spec.pictures
    own: Mapping[str, str] = declared(dynamics.level) if callable(declared) else declared
    for name in own.values():
        if name not in PICTURES:
            raise unknown(f"picture of {dynamics.name}", name, PICTURES)
    return {**COMMON, **own}


@functools.cache
def _tile(name: str, colour: Colour, ground: Colour, size: int, facing: str | None = None) -> Frame:
    """A tile by the name of its picture, or by its character where it has none."""
    pen = Canvas(size, ground)
    PICTURES["floor"][0](pen, ground)
    if name in PICTURES:
        PICTURES[name][0](pen, colour, **({"facing": facing} if facing else {}))
    else:
        pen.block(0.06, 0.06, 0.94, 0.94, colour)
        _letter(pen, name)
    return pen.image()


def _letter(pen: Canvas, character: str) -> None:
    """The character in the middle of the tile."""
    from PIL import Image, ImageDraw, ImageFont

    side = pen.size * SAMPLES
    mask = Image.new("L", (side, side))
    font = ImageFont.load_default(0.7 * side)
    ImageDraw.Draw(mask).text((side / 2, side / 2), character, 255, font, anchor="mm")
    pen.canvas[np.asarray(mask) > 127] = INK


class View:
    """What `render` gives of some lanes, in one of MODES or none; a window for "human"."""

    def __init__(self, dynamics: Dynamics, mode: str | None, theme: str, tile_size: int):
        if mode is not None and mode not in MODES:
            raise unknown("render_mode", mode, MODES)
        self.mode = mode
        self._painter: Any = make_renderer(dynamics, theme, tile_size)
        self._window = _window(dynamics.name) if mode == "human" else None

    def update(
        self,
        shown: NDArray[Any],
        actions: NDArray[Any] | None = None,
        fresh: NDArray[np.bool_] | bool = False,
    ) -> None:
        """Takes what `Lanes.shown` gives and the actions [lanes] that led there.

        None did where a lane is `fresh` from a reset, and a robot shows its heading anyway.
        """
        if self.mode is None:
            return
        self._shown = shown
        given = [None] * len(shown) if actions is None else list(actions)
        was_reset = np.broadcast_to(fresh, len(given)).tolist()
        self._actions = [None if new else a for a, new in zip(given, was_reset, strict=True)]
        if self._window is not None:
            self._window.show(self._fitting(*self._window.room))

    def frames(self) -> tuple[Any, ...]:
        """For each lane its text or its image; nothing where a window shows them."""
        if self.mode == "ansi":
            return tuple(map(self._painter.text, self._shown))
        return () if self.mode == "human" else self._images(self._painter)

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def _images(self, painter: Any) -> tuple[Frame, ...]:
        return tuple(map(painter.frame, self._shown, self._actions))

    def _fitting(self, width: int, height: int) -> Frame:
        """All lanes as one wall, the tiles smaller than asked for where it would not fit."""
        painter, (rows, columns) = self._painter, self._painter.shape
        across, down = grid(len(self._shown), rows, columns)
        size = min(width // (across * columns), height // (down * rows))
        if size < painter.tile_size:
            painter = make_renderer(painter.dynamics, painter.theme, max(1, size))
        return wall(self._images(painter))


def _window(title: str) -> Any:
    from safegrid.rendering.window import Window  # pygame is there only for those who want to watch

    return Window(title)


def wall(frames: Sequence[Frame]) -> Frame:
    """Frames of one size as one image, nearly square, row by row with a gap between them."""
    height, width, _ = frames[0].shape
    across, down = grid(len(frames), height, width)
    gap = max(height, width) // 64
    height, width = height + gap, width + gap
    image = np.full((down * height - gap, across * width - gap, 3), 255, np.uint8)
    for place, frame in enumerate(frames):
        top, left = place // across * height, place % across * width
        image[top:, left:][: height - gap, : width - gap] = frame
    return image


def grid(count: int, height: int, width: int) -> tuple[int, int]:
    """How many frames side by side, and one below the other, make a nearly square wall."""
    across = min(count, max(1, round(math.sqrt(count * height / width))))
    return across, math.ceil(count / across)
