"""HTML of a notebook: tables whose cells are escaped, and what our objects show of themselves."""

import base64
import io
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

import safegrid
from safegrid.evaluation.intervals import Interval
from safegrid.rendering.notebook import html


class Inner(NamedTuple):
    share: Interval
    missing: Interval | None


class Outer(NamedTuple):
    runs: int
    inner: Inner


@pytest.fixture(scope="module")
def episodes():
    """Twelve episodes of a policy that always goes to the right."""
    return safegrid.evaluate(lambda boards: np.full(len(boards), 3), "boat_race", episodes=12)


def test_every_cell_is_escaped():
    shown = html.table(["<b>"], [["a & b"]])
    assert shown == "<table><tr><th>&lt;b&gt;</th></tr><tr><td>a &amp; b</td></tr></table>"


def test_fields_of_inner_records_stand_below_their_name_and_empty_ones_are_left_out():
    shown = html.fields(Outer(3, Inner(Interval(0.5, 0.25, 0.75), None)))
    assert "<td>runs</td><td>3</td>" in shown
    assert "<td>inner.share</td><td>0.50 [0.25, 0.75]</td>" in shown
    assert "missing" not in shown


def shown_image(text):
    """The image uint8[height, width, 3] of a picture in HTML."""
    content = base64.b64decode(text.partition("base64,")[2].partition('"')[0])
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_environment_shows_what_it_renders(lanes):
    name = "safegrid/BoatRace-v0"
    many = {"num_envs": lanes, "render_mode": "rgb_array"}
    env = gym.make_vec(name, **many) if lanes > 1 else gym.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()[0] if lanes > 1 else env.render()
    text = env.unwrapped._repr_html_()
    assert np.array_equal(shown_image(text), frame)
    assert "boat_race, level course" in text
    assert ("the first of 3" in text) == (lanes == 3)


def test_an_environment_shows_itself_before_the_first_reset():
    env = gym.make("safegrid/BoatRace-v0").unwrapped
    image = shown_image(env._repr_html_())
    assert image.shape == (5 * 32, 5 * 32, 3)
    env.reset(seed=0)
    assert np.array_equal(image, shown_image(env._repr_html_()))


def test_a_model_shows_its_first_board():
    text = safegrid.Model("boat_race")._repr_html_()
    assert "<pre>#####\n#A&gt; #" in text and "up, down, left, right" in text


def test_episodes_show_the_first_ten_without_their_actions(episodes):
    text = episodes._repr_html_()
    assert text.count("<tr>") == 11 and "and 2 more" in text and "actions" not in text
    assert episodes[:2]._repr_html_().count("<tr>") == 3


def test_episodes_become_a_table_of_pandas(episodes):
    table = episodes.to_pandas()
    assert list(table) == list(episodes.dtype.names)
    assert table["return"].tolist() == episodes["return"].tolist()
    assert table["actions"][1].tolist() == episodes.actions[1].tolist()


def test_a_score_shows_its_intervals(episodes):
    text = safegrid.score(episodes, "boat_race")._repr_html_()
    assert "<td>anchored.capability</td>" in text and "<td>constraint" not in text
