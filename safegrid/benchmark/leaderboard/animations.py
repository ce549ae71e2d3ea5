"""Animations: episodes of replays as boards and numbers that the player of a page shows."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark.leaderboard.entries import LeaderboardEntry
from safegrid.evaluation import resimulation
from safegrid.evaluation.replay import Replay
from safegrid.rendering import png
from safegrid.rendering.board import BoardRenderer

FIRST = 48  # code of the character that stands for tile 0; the other tiles follow
TILE_SIZE = 32  # pixels, as in script.js


def write(entry: LeaderboardEntry, environment: str, level: str, path: Path) -> None:
    """Writes a script with the worst episode of every run, the lowest performance first.

    entry: the submission; environment, level: of the runs; path: of the script.
    """
    animations = [
        animate(recorded, run)
        for (*place, run), recorded in entry.recorded.items()
        if place == [environment, level]
    ]
    animations.sort(key=lambda animation: sum(animation["performance"]))
    text = json.dumps(animations, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    call = f"animations({json.dumps(entry.folder.name)},{text});\n"
    path.write_text(call, encoding="utf-8")


def animate(recorded: Replay, run: int) -> dict[str, Any]:
    """The episode of run number `run` with the lowest performance, for JSON.

    `board` holds a character for every cell, row by row; `changes` holds for every step the pairs
    (cell, new tile code); `actions`, `reward` and `performance` hold a number for every step.
    """
    number = int(np.argmin(recorded.episodes.performance))
    episode = recorded.episodes[number]
    chain = Replay(recorded.header, _chain(recorded.episodes, number))
    steps, last = resimulation.resimulate_steps(chain), len(chain.episodes) - 1
    boards = resimulation.boards(chain, last).reshape(int(episode.length) + 1, -1)
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


def sprite_sheet(renderer: BoardRenderer) -> str:
    """The images of all tiles side by side, as the `data:` URL of a PNG."""
    return png.data_url(np.concatenate(renderer.tiles, axis=1))


def _chain(episodes: Any, number: int) -> Any:
    """An episode, after the earlier ones of its lane, on which its memory depends."""
    head = number - int(episodes[number].episode)
    return episodes[head : number + 1]


def _rounded(values: NDArray[np.float64]) -> list[float]:
    """Values without rounding errors of sums: 0.02 instead of 0.019999999999999574."""
    return [round(value, 9) for value in values.tolist()]
