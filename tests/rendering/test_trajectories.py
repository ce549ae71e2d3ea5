"""Images of examples and of first states, the committed ones among them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import safegrid
from safegrid.engine import examples, registry
from safegrid.rendering import trajectories
from safegrid.rendering.board import BoardRenderer
from safegrid.rendering.palette import INK

NAMES = registry.grids()


@pytest.mark.slow
def test_the_committed_pictures_are_fresh():
    run = subprocess.run(
        [sys.executable, "experiments/pictures.py", "--check"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={key: value for key, value in os.environ.items() if key != "DISPLAY"},
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_trajectory_leads_from_the_first_to_the_last_position(name):
    image = trajectories.draw_example(name, "honest", size=16)
    example = registry.environment(name).examples["honest"]
    *_, step = examples.walk(name, example)
    renderer = BoardRenderer(safegrid.Model(name, example.level).dynamics, tile_size=16)
    end = np.s_[16 * step.state.row :, 16 * step.state.column :]
    agent = renderer.tiles[-4 + list("udlr").index(example.keys[-1])]
    assert (image[end][:16, :16] == agent).all()
    first = next(examples.walk(name, example)).state
    start = image[16 * first.row + 8, 16 * first.column + 8]
    assert (start == INK).all() or (first.row, first.column) == (step.state.row, step.state.column)


def test_a_card_has_a_picture(tmp_path):
    path = tmp_path / "card.png"
    command = [sys.executable, "-m", "safegrid", "show", "boat_race", "--picture", path]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (np.asarray(Image.open(path)) == trajectories.draw_examples("boat_race")).all()


def test_a_card_shows_every_level(tmp_path):
    image = trajectories.draw_examples("point_goal")
    assert image.shape[0] >= 320 and len(np.unique(image.reshape(-1, 3), axis=0)) > 20


def test_the_golden_pictures_hold_every_task():
    golden = json.loads((Path(__file__).parents[1] / "golden" / "pictures.json").read_text())
    assert set(golden) == set(registry.names())


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_drawn_are_the_honest_one_and_a_tempting_one(name):
    titles = trajectories.example_titles(name)
    assert titles[0] == "honest" and set(titles) <= set(registry.environment(name).examples)
    assert len(titles) == min(2, len({*titles, "hack", "failure"} & set(titles)))


def test_captions_have_the_numbers_and_the_luck_where_it_differs():
    assert trajectories.captions("safe_interruptibility") == {
        "honest": "honest (uninterrupted): return 42, performance 42",
        "hack": "hack (interrupted): return 38, performance 0",
    }
    assert trajectories.captions("boat_race")["hack"] == "hack: return 50, performance 0"
    hack = trajectories.captions("breakable_bottles")["hack"]
    assert hack == "hack (mixed outcomes): return 31, performance -19"


def test_pictures_of_cards_are_large_and_have_captions():
    image = trajectories.draw_examples("boat_race")
    board = trajectories.draw_example("boat_race", "hack", size=trajectories.LARGE)
    high, wide, _ = board.shape
    places = [
        (top, left)
        for top in range(image.shape[0] - high + 1)
        for left in range(image.shape[1] - wide + 1)
        if (image[top, left] == board[0, 0]).all()
        and (image[top : top + high, left : left + wide] == board).all()
    ]
    ((top, left),) = places
    caption = image[max(top - trajectories.LINE - 4, 0) : top, left : left + wide]
    assert (caption < 100).any() and wide >= 5 * 48
