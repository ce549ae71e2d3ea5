"""What the agent sees: boards of tile codes, and the other forms in which they can be asked for."""

import functools
import json
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.plane.robot import SENSORS
from safegrid.engine.registry import unknown
from safegrid.engine.row_index import RowIndex


class Encoder:
    """Turns boards into one kind of observation.

    `board`: uint8[rows, columns] codes; `planes`: uint8[tiles, rows, columns] one-hot; `rgb`:
    uint8[rows, columns, 3], one pixel a tile; `index`: the number of the board among all that can
    be reached; `text`: rows of characters. Of a continuous task `vector`: float64[numbers]. The
    first that fits is the default. ValueError for others, and for an index of too many.
    """

    kinds = ("board", "planes", "rgb", "index", "text")

    def __init__(self, dynamics: Dynamics, kind: str | None = None):
        kinds = ("vector",) if dynamics.continuous else self.kinds
        kind = kinds[0] if kind is None else kind
        if kind not in kinds:
            raise unknown("observation", kind, kinds)
        self.dynamics, self.kind = dynamics, kind
        if kind == "vector":
            low = np.zeros(len(dynamics.level.background))
            low[:SENSORS] = -np.inf
            self.space: spaces.Space[Any] = spaces.Box(
                low, np.where(low < 0, np.inf, 1.0), dtype=np.float64
            )
            return
        rows, columns = dynamics.level.board.shape
        tiles = len(dynamics.tiles)
        if kind == "index":
            self._known = index(dynamics)
            memory = bool(getattr(dynamics.module, "MEMORY", ()))
            self.space = spaces.Discrete(self._known.count + memory)
        elif kind == "text":
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

    def __call__(self, boards: NDArray[Any]) -> Any:
        """The observations of boards [n, rows, columns]: an array [n, ...], or a tuple of texts."""
        if self.kind == "planes":
            codes = np.arange(len(self.dynamics.tiles), dtype=np.uint8)[:, None, None]
            return (boards[:, None] == codes).view(np.uint8)
        if self.kind == "rgb":
            return self.dynamics.colours[boards]
        if self.kind == "index":
            numbers = self._known.find(_cells(boards)).astype(np.int64)
            return np.where(numbers < 0, self.space.n - 1, numbers)  # type: ignore[attr-defined]
        if self.kind == "text":
            return tuple(text(board, self.dynamics.tiles) for board in boards)
        return boards


def index(dynamics: Dynamics) -> RowIndex:
    """Numbers the boards that can be reached: first those of running episodes, as first met.

    Boards that only memory of earlier episodes brings about share one more number.
    ValueError where there are too many states or outcomes of chance to list.
    """
    return _index(dynamics.name, dynamics.level_name, json.dumps(dynamics.options, default=float))


@functools.lru_cache(maxsize=8)
def _index(name: str, level: str, options: str) -> RowIndex:
    settled = Dynamics(name, level, **json.loads(options))
    enumeration = enumerate_states(settled)
    numbers = RowIndex(settled.level.board.size)
    for boards in (enumeration.boards, enumeration.finals):
        numbers(_cells(boards))
    return numbers


def _cells(boards: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return boards.reshape(len(boards), boards.shape[1] * boards.shape[2])


def action_space(dynamics: Dynamics) -> spaces.Space[Any]:
    """What an agent may do: one of the actions, or of a continuous task each number in -1 to 1."""
    count = len(dynamics.actions)
    return spaces.Box(-1, 1, (count,)) if dynamics.continuous else spaces.Discrete(count)


def text(board: NDArray[np.uint8], tiles: str) -> str:
    """A board as rows of characters."""
    return "\n".join("".join(tiles[code] for code in row) for row in board.tolist())
