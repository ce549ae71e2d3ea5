"""Draws boards tile by tile, many images as one, and what a driver's `render` returns."""

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
from safegrid.rendering.devices import DEVICES
from safegrid.rendering.garden import GARDEN
from safegrid.rendering.items import ITEMS
from safegrid.rendering.palette import DIRECTIONS, INK
from safegrid.rendering.tasks.control_view import ControlRenderer
from safegrid.rendering.tasks.plane_view import PlaneRenderer
from safegrid.rendering.terrain import TERRAIN

Frame = NDArray[np.uint8]  # [height, width, 3] red, green and blue

MODES = ("human", "rgb_array", "ansi")
THEMES = ("okabe_ito", "paper")
PICTURES = {**TERRAIN, **ITEMS, **DEVICES, **GARDEN}
COMMON = {"#": "wall", " ": "floor", "A": "agent", "G": "goal"}
MAX_TILE_SIZE = 256  # pixels


class BoardRenderer:
    """Draws the boards of one level.

    dynamics: of the level; theme: "okabe_ito", whose colours are distinct under every kind of
    colour vision, or "paper", the colours of Leike et al. 2017; tile_size: pixels, 1 to 256.
    ValueError for another theme or size, and for a level that declares an unknown picture.
    """

    def __init__(self, dynamics: GridDynamics, theme: str = THEMES[0], tile_size: int = 32):
        _check_options(theme, tile_size)
        self.dynamics, self.theme, self.tile_size = dynamics, theme, int(tile_size)
        self.shape: tuple[int, int] = dynamics.level.board.shape
        self._pictures = tile_pictures(dynamics)
        self._agent = dynamics.tiles.index("A")

    @functools.cached_property
    def colours(self) -> list[Colour]:
        """The main colour of each tile, in the order of the tile codes."""
        own: list[Colour] = [tuple(colour) for colour in self.dynamics.colours.tolist()]
        if self.theme == "paper":
            return own
        names = map(self._pictures.get, self.dynamics.tiles)
        return [
            PICTURES[name][1] if name else colour for name, colour in zip(names, own, strict=True)
        ]

    @functools.cached_property
    def tiles(self) -> NDArray[np.uint8]:
        """The images of all tiles, uint8[tiles + 4, tile_size, tile_size, 3].

        The last four show the agent facing up, down, left and right.
        """
        colours = dict(zip(self.dynamics.tiles, self.colours, strict=True))

        def draw(tile: str, facing: str | None = None) -> Frame:
            name = self._pictures.get(tile, tile)
            return _tile(name, colours[tile], colours[" "], self.tile_size, facing)

        return np.stack([*map(draw, colours), *(draw("A", facing) for facing in DIRECTIONS)])

    def __call__(self, board: NDArray[np.uint8], facing: str | None = None) -> Frame:
        """A board [rows, columns] as an image; `facing` is the direction of the agent's eyes.

        It may be the name of an action: there is no direction in any but moves and toggles.
        """
        codes = board.astype(np.intp)
        facing = facing and facing.removeprefix("toggle_")
        if facing in DIRECTIONS:
            codes[board == self._agent] = len(self.tiles) - 4 + list(DIRECTIONS).index(facing)
        rows, columns = board.shape
        image = self.tiles[codes].transpose(0, 2, 1, 3, 4)
        return image.reshape(rows * self.tile_size, columns * self.tile_size, 3)

    def frame(self, board: NDArray[np.uint8], action: Any = None) -> Frame:
        """A board [rows, columns] as an image; the agent faces the direction of its action."""
        return self(board, None if action is None else self.dynamics.actions[action])

    def text(self, board: NDArray[np.uint8]) -> str:
        """A board as rows of characters."""
        return text(board, self.dynamics.tiles)


Renderer = BoardRenderer | PlaneRenderer | ControlRenderer


def make_renderer(dynamics: Dynamics, theme: str = THEMES[0], tile_size: int = 32) -> Renderer:
    """The renderer of a level: of boards for a grid, of states for a continuous task.

    dynamics: of the level; theme: "okabe_ito" or "paper"; tile_size: pixels of a tile, or of half a
    metre. ValueError as `BoardRenderer`.
    """
    _check_options(theme, tile_size)
    renderer: Renderer = RENDERERS[dynamics.spec.kind](dynamics, theme, int(tile_size))
    return renderer


RENDERERS: dict[str, Any] = {
    "grid": BoardRenderer,
    "plane": PlaneRenderer,
    "control": ControlRenderer,
}


def _check_options(theme: str, tile_size: int) -> None:
    if theme not in THEMES:
        raise unknown("theme", theme, THEMES)
    if not isinstance(tile_size, (int, np.integer)) or not 1 <= tile_size <= MAX_TILE_SIZE:
        raise ValueError(
            f"tile_size is {tile_size!r}: choose a whole number of pixels from 1 to {MAX_TILE_SIZE}"
        )


def tile_pictures(dynamics: GridDynamics) -> dict[str, str]:
    """Picture names by tile, for the tiles that have one. ValueError for an unknown picture."""
    declared: Any = dynamics.spec.pictures
    own: Mapping[str, str] = declared(dynamics.level) if callable(declared) else declared
    for name in own.values():
        if name not in PICTURES:
            raise unknown(f"picture of {dynamics.name}", name, PICTURES)
    return {**COMMON, **own}


@functools.cache
def _tile(name: str, colour: Colour, floor: Colour, size: int, facing: str | None = None) -> Frame:
    """The image of a tile.

    name: of its picture, or its character if it has no picture; colour: its main colour; floor: the
    colour of the floor under it; size: pixels; facing: the direction of an agent's eyes.
    """
    canvas = Canvas(size, floor)
    PICTURES["floor"][0](canvas, floor)
    if name in PICTURES:
        PICTURES[name][0](canvas, colour, **({"facing": facing} if facing else {}))
    else:
        canvas.rectangle(0.06, 0.06, 0.94, 0.94, colour)
        _letter(canvas, name)
    return canvas.image()


def _letter(canvas: Canvas, character: str) -> None:
    """Draws a character in the middle of a tile."""
    from PIL import Image, ImageDraw, ImageFont

    side = canvas.size * SAMPLES
    mask = Image.new("L", (side, side))
    font = ImageFont.load_default(0.7 * side)
    ImageDraw.Draw(mask).text((side / 2, side / 2), character, 255, font, anchor="mm")
    canvas.samples[np.asarray(mask) > 127] = INK


class View:
    """What a driver's `render` returns for its lanes; with mode "human", a window that shows them.

    dynamics: of the level; mode: one of MODES, or None to draw nothing; theme, tile_size: as in
    `make_renderer`. ValueError for another mode, theme or size; errors of `Window`.
    """

    def __init__(self, dynamics: Dynamics, mode: str | None, theme: str, tile_size: int):
        if mode is not None and mode not in MODES:
            raise unknown("render_mode", mode, MODES)
        self.mode, self._fps = mode, dynamics.render_fps
        self._renderer: Any = make_renderer(dynamics, theme, tile_size)
        self._window = _window(dynamics.name) if mode == "human" else None

    def update(
        self,
        shown: NDArray[Any],
        actions: NDArray[Any] | None = None,
        was_reset: NDArray[np.bool_] | bool = False,
    ) -> None:
        """Takes the current state of every lane, and shows it in the window if there is one.

        shown: what `Lanes.drawable` returns; actions: [lanes] of the last step, or None after a
        reset of all lanes; was_reset: [lanes] whether the last step reset the lane instead, so that
        it has no action.
        """
        if self.mode is None:
            return
        self._shown = shown
        given = [None] * len(shown) if actions is None else list(actions)
        resets = np.broadcast_to(was_reset, len(given)).tolist()
        self._actions = [None if reset else a for a, reset in zip(given, resets, strict=True)]
        if self._window is not None:
            self._window.show(self._mosaic(*self._window.available), self._fps)

    def frames(self) -> tuple[Any, ...]:
        """The text or the image of each lane; empty in mode "human", where a window shows them."""
        if self.mode == "ansi":
            return tuple(map(self._renderer.text, self._shown))
        return () if self.mode == "human" else self._images(self._renderer)

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def _images(self, renderer: Any) -> tuple[Frame, ...]:
        return tuple(map(renderer.frame, self._shown, self._actions))

    def _mosaic(self, width: int, height: int) -> Frame:
        """All lanes as one image, with smaller tiles if it would exceed width x height pixels."""
        renderer, (rows, columns) = self._renderer, self._renderer.shape
        across, down = mosaic_shape(len(self._shown), rows, columns)
        size = min(width // (across * columns), height // (down * rows))
        if size < renderer.tile_size:
            renderer = make_renderer(renderer.dynamics, renderer.theme, max(1, size))
        return mosaic(self._images(renderer))


def _window(title: str) -> Any:
    from safegrid.rendering.window import Window  # needs pygame, which is optional

    return Window(title)


def mosaic(frames: Sequence[Frame]) -> Frame:
    """Frames of one size as one nearly square image, row by row with a white gap between them."""
    height, width, _ = frames[0].shape
    across, down = mosaic_shape(len(frames), height, width)
    gap = max(height, width) // 64
    height, width = height + gap, width + gap
    image = np.full((down * height - gap, across * width - gap, 3), 255, np.uint8)
    for i, frame in enumerate(frames):
        top, left = i // across * height, i % across * width
        image[top:, left:][: height - gap, : width - gap] = frame
    return image


def mosaic_shape(count: int, height: int, width: int) -> tuple[int, int]:
    """Columns and rows of a nearly square mosaic of `count` frames of height x width pixels."""
    across = min(count, max(1, round(math.sqrt(count * height / width))))
    return across, math.ceil(count / across)
