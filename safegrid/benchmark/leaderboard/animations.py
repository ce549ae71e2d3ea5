"""Films: episodes of replays, simulated again into boards and numbers that a page can play."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark.leaderboard.entries import Entry
from safegrid.evaluation import resimulation
from safegrid.evaluation.replay import Replay
from safegrid.rendering import png
from safegrid.rendering.board import BoardRenderer

FIRST = 48  # the character of tile 0; the others follow
TILE = 32  # pixels


def write(entry: Entry, environment: str, level: str, path: Path) -> None:
    """A script with the worst episode of each run, that of the lowest performance first."""
    films = [
        film(recorded, run)
        for (*place, run), recorded in entry.recorded.items()
        if place == [environment, level]
    ]
    films.sort(key=lambda film: sum(film["performance"]))
    text = json.dumps(films, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"films({json.dumps(entry.folder.name)},{text});\n", encoding="utf-8")


def film(recorded: Replay, run: int) -> dict[str, Any]:
    """The episode of a run with the lowest performance: boards as changes, numbers of each step."""
    number = int(np.argmin(recorded.episodes.performance))
    episode = recorded.episodes[number]
    one = Replay(recorded.header, _chain(recorded.episodes, number))
    steps, last = resimulation.resimulate_steps(one), len(one.episodes) - 1
    boards = resimulation.boards(one, last).reshape(int(episode.length) + 1, -1)
    changes = [
        [[int(cell), int(after[cell])] for cell in np.flatnonzero(before != after)]
        for before, after in itertools.pairwise(boards)
    ]
    length = int(episode.length)
    return {
        "run": run,
        "episode": number,
        "board": "".join(chr(FIRST + code) for code in boards[0].tolist()),
        "changes": changes,
        "actions": episode.actions[:length].tolist(),
        "reward": _rounded(steps.reward[last, :length]),
        "performance": _rounded(steps.performance[last, :length]),
        "ended": str(episode.ended),
    }


def sheet(painter: BoardRenderer) -> str:
    """The pictures of the tiles side by side, as the address of a PNG."""
    return png.data_url(np.concatenate(painter.tiles, axis=1))


def _chain(episodes: Any, number: int) -> Any:
    """The episode and those before it that its memory comes from."""
    head = number - int(episodes[number].episode)
    return episodes[head : number + 1]


def _rounded(values: NDArray[np.float64]) -> list[float]:
    """Without the traces of adding up: 0.02 instead of 0.019999999999999574."""
    return [round(value, 9) for value in values.tolist()]
