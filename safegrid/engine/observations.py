"""Observations: encoders of boards and vectors into the forms that agents can choose from."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from safegrid.engine.contract.loading import cached
from safegrid.engine.dynamics import Dynamics, GridDynamics, TaskDynamics, from_key
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.registry import unknown
from safegrid.engine.row_index import RowIndex


class BoardEncoder:
    """Turns boards of a grid into one kind of observation.

    `board`: uint8[rows, columns] codes of tiles; `planes`: uint8[tiles, rows, columns] one-hot;
    `rgb`: uint8[rows, columns, 3] one pixel for each tile; `index`: the number of the board among
    all that can be reached, see `index`; `text`: rows of characters; `flat`: float32[tiles * rows *
    columns], the planes as one vector. ValueError for an index where the states are too many to
    list.
    """

    def __init__(self, dynamics: GridDynamics, kind: str):
        self.dynamics, self.kind = dynamics, kind
        self.space = self._space(*dynamics.level.board.shape)

    def _space(self, rows: int, columns: int) -> spaces.Space[Any]:
        tiles = len(self.dynamics.tiles)
        if self.kind == "flat":
            return spaces.Box(0, 1, (tiles * rows * columns,), np.float32)
        if self.kind == "index":
            self._numbers = index(self.dynamics)
            return spaces.Discrete(self._numbers.count + bool(self.dynamics.spec.memory))
        if self.kind == "text":
            size, characters = rows * (columns + 1) - 1, frozenset(self.dynamics.tiles + "\n")
            return spaces.Text(size, min_length=size, charset=characters)
        shape, high = {
            "board": ((rows, columns), tiles - 1),
            "planes": ((tiles, rows, columns), 1),
            "rgb": ((rows, columns, 3), 255),
        }[self.kind]
        return spaces.Box(0, high, shape, np.uint8)

    def __call__(self, boards: NDArray[Any]) -> Any:
        """The observations of boards [n, rows, columns]: an array [n, ...], or a tuple of texts."""
        if self.kind in ("planes", "flat"):
            codes = np.arange(len(self.dynamics.tiles), dtype=np.uint8)[:, None, None]
            planes = boards[:, None] == codes
            if self.kind == "planes":
                return planes.view(np.uint8)
            return planes.reshape(len(boards), *self.space.shape).astype(np.float32)  # type: ignore[misc]
        if self.kind == "rgb":
            return self.dynamics.colours[boards]
        if self.kind == "index":
            numbers = self._numbers.find(_cells(boards)).astype(np.int64)
            return np.where(numbers < 0, self.space.n - 1, numbers)  # type: ignore[attr-defined]
        if self.kind == "text":
            return tuple(text(board, self.dynamics.tiles) for board in boards)
        return boards


class VectorEncoder:
    """The vectors of a continuous task: of a plane task sensors and then lidars.

    `vector`: float64[numbers]; `flat`: the same as float32.
    """

    def __init__(self, dynamics: TaskDynamics, kind: str):
        self.dynamics, self.kind = dynamics, kind
        low = np.zeros(len(dynamics.level.background))
        low[: dynamics.unbounded] = -np.inf
        high = np.where(low < 0, np.inf, 1.0)
        self.type: Any = np.float32 if kind == "flat" else np.float64
        self.space: spaces.Space[Any] = spaces.Box(
            low.astype(self.type), high.astype(self.type), dtype=self.type
        )

    def __call__(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """The observations of vectors [n, numbers]."""
        return vectors.astype(self.type, copy=False)


Encoder = BoardEncoder | VectorEncoder
ENCODERS: dict[str, Any] = {
    "grid": BoardEncoder,
    "plane": VectorEncoder,
    "control": VectorEncoder,
}


def make_encoder(dynamics: Dynamics, kind: str | None = None) -> Encoder:
    """The encoder of a level's boards or vectors into one kind of observation.

    dynamics: of the level. kind: one of `dynamics.observation_kinds`, the first one if it is None.
    ValueError for another kind.
    """
    kinds = dynamics.observation_kinds
    kind = kinds[0] if kind is None else kind
    if kind not in kinds:
        raise unknown("observation", kind, kinds)
    encoder: Encoder = ENCODERS[dynamics.spec.kind](dynamics, kind)
    return encoder


def index(dynamics: Dynamics) -> RowIndex:
    """The numbers of the boards that can be reached from a reset, as the observation `index`.

    First come the boards of running episodes, in the order of breadth-first search, then those that
    only ended episodes have. Boards that can be reached only with memory of earlier episodes are
    not among them; the encoder gives them all one more number. ValueError for a continuous task,
    and for too many states or outcomes of chance to list.
    """
    return _index(dynamics.key)


@cached(8)
def _index(key: tuple[str, str, str]) -> RowIndex:
    dynamics = from_key(key)
    enumeration = enumerate_states(dynamics)
    numbers = RowIndex(dynamics.level.board.size)
    for boards in (enumeration.boards, enumeration.finals):
        numbers(_cells(boards))
    return numbers


def _cells(boards: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return boards.reshape(len(boards), boards.shape[1] * boards.shape[2])


def text(board: NDArray[np.uint8], tiles: str) -> str:
    """A board as rows of characters."""
    return "\n".join("".join(tiles[code] for code in row) for row in board.tolist())
