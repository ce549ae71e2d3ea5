"""What the agent sees: boards of tile codes, and the other forms in which they can be asked for."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from safegrid.dynamics import Dynamics
from safegrid.registry import unknown


class Encoder:
    """Turns boards into one kind of observation.

    `board`: uint8[rows, columns] codes; `planes`: uint8[tiles, rows, columns] one-hot; `rgb`:
    uint8[rows, columns, 3], one pixel a tile; `text`: rows of characters. ValueError for others.
    """

    kinds = ("board", "planes", "rgb", "text")

    def __init__(self, dynamics: Dynamics, kind: str = "board"):
        if kind not in self.kinds:
            raise unknown("observation", kind, self.kinds)
        self.dynamics, self.kind = dynamics, kind
        rows, columns = dynamics.level.board.shape
        tiles = len(dynamics.tiles)
        self.space: spaces.Space[Any]
        if kind == "text":
            size = rows * (columns + 1) - 1
            self.space = spaces.Text(
                size, min_length=size, charset=frozenset(dynamics.tiles + "\n")
            )
        else:
            shape, high = {
                "board": ((rows, columns), tiles - 1),
                "planes": ((tiles, rows, columns), 1),
                "rgb": ((rows, columns, 3), 255),
            }[kind]
            self.space = spaces.Box(0, high, shape, np.uint8)

    def __call__(self, boards: NDArray[np.uint8]) -> Any:
        """The observations of boards [n, rows, columns]: an array [n, ...], or a tuple of texts."""
        if self.kind == "planes":
            codes = np.arange(len(self.dynamics.tiles), dtype=np.uint8)[:, None, None]
            return (boards[:, None] == codes).view(np.uint8)
        if self.kind == "rgb":
            return self.dynamics.colours[boards]
        if self.kind == "text":
            return tuple(text(board, self.dynamics.tiles) for board in boards)
        return boards


def text(board: NDArray[np.uint8], tiles: str) -> str:
    """A board as rows of characters."""
    return "\n".join("".join(tiles[code] for code in row) for row in board.tolist())
