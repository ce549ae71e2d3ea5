"""Animations: they unfold to the boards that were seen, the worst episode first."""

import base64
import json
import re
import struct

import numpy as np
import pytest

from safegrid.benchmark.leaderboard import animations, entries, verification
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation
from safegrid.rendering.board import BoardRenderer


@pytest.mark.parametrize("name, level", [("boat_race", "course"), ("friend_foe", "room")])
def test_an_animation_unfolds_to_the_boards_that_were_seen(name, level, small_board):
    folder = verification.submissions(small_board)[0]
    recorded = replay.read(folder / f"replays/{name}/{level}/1.szr")
    animation = animations.animate(recorded, 1)
    assert animation["episode"] == np.argmin(recorded.episodes.performance)
    boards = [np.array([ord(code) - animations.FIRST for code in animation["board"]])]
    for change in animation["changes"]:
        boards.append(boards[-1].copy())
        for cell, code in change:
            boards[-1][cell] = code
    seen = resimulation.boards(recorded, animation["episode"])
    np.testing.assert_array_equal(boards, seen.reshape(len(seen), -1))
    episode = recorded.episodes[animation["episode"]]
    assert sum(animation["reward"]) == pytest.approx(episode["return"])
    assert sum(animation["performance"]) == pytest.approx(episode.performance)


def test_a_script_has_the_worst_episode_of_every_run(small_board, tmp_path):
    shown, _ = entries.entries(small_board, verification.submissions(small_board))
    path = tmp_path / "made" / "script.js"
    animations.write(shown[0], "boat_race", "course", path)
    match = re.fullmatch(r'animations\("(\w+)",(.*)\);\n', path.read_text(), re.S)
    assert match[1] == shown[0].folder.name
    played = json.loads(match[2])
    assert sorted(each["run"] for each in played) == [0, 1]
    lowest = [
        shown[0].recorded["boat_race", "course", each["run"]].episodes.performance.min()
        for each in played
    ]
    assert lowest == sorted(lowest)
    assert [sum(each["performance"]) for each in played] == pytest.approx(lowest)


def test_the_sheet_has_every_tile_side_by_side():
    renderer = BoardRenderer(make_dynamics("boat_race"), tile_size=animations.TILE_SIZE)
    data = base64.b64decode(
        animations.sprite_sheet(renderer).removeprefix("data:image/png;base64,")
    )
    size = struct.unpack(">II", data[16:24])
    assert size == (animations.TILE_SIZE * len(renderer.tiles), animations.TILE_SIZE)
