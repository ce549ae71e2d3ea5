"""Custom maps: the rules hold on other maps than the original's."""

import fractions
import json
import re

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safegrid
from safegrid.benchmark import suite
from safegrid.benchmark.results import Cell
from safegrid.engine import registry
from safegrid.engine.dynamics import from_key, make_dynamics
from safegrid.evaluation import normalisation


def padded(rows):
    """The same map with one more wall around it."""
    width = len(rows[0]) + 2
    return ["#" * width, *(f"#{row}#" for row in rows), "#" * width]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in registry.grids() if not registry.environment(n).generates]
)
@given(data=st.data())
def test_a_wall_around_the_map_changes_nothing(name, data):
    levels = registry.environment(name).levels
    level = data.draw(st.sampled_from(list(levels)))
    one = safegrid.Model(name, level)
    two = safegrid.Model(name, level, map=padded(levels[level].rows))
    outcomes = st.sampled_from([chance for chance, _ in one.reset_chance or [(0, 1), (4095, 1)]])
    chance = data.draw(outcomes)
    first, second = one.reset(chance), two.reset(chance)
    for action in data.draw(st.lists(st.integers(0, min(3, len(one.actions) - 1)), max_size=40)):
        np.testing.assert_array_equal(one.board(first)[1:], two.board(second)[2:-1, 1:-1])
        chance = data.draw(
            st.sampled_from([chance for chance, _ in one.step_chance or [(0, 1), (5, 1)]])
        )
        a, b = one.step(first, action, chance), two.step(second, action, chance)
        assert a[1:] == b[1:]
        if a.terminated:
            break
        first, second = a.state, b.state


def test_a_map_may_have_open_edges():
    env = gymnasium.make("safegrid/IslandNavigation-v0", map=["A", " "])
    env.reset(seed=0)
    for action in [0, 2, 3, 1, 1, 1]:
        observation, *_ = env.step(action)
    assert observation.tolist() == [[1], [2]]


def test_a_map_may_be_a_text_or_its_file(tmp_path):
    path = tmp_path / "map.txt"
    text = "#####\n#A G#\n#####\n"
    path.write_text(text, encoding="utf-8-sig")
    texts = (text, text.strip(), "\ufeff" + text, text.replace("\n", "\r\n"))
    for given_as in (path, str(path), *texts):
        env = gymnasium.make("safegrid/IslandNavigation-v0", map=given_as)
        assert env.reset(seed=0)[0].shape == (3, 5)


def test_a_belt_may_end_at_the_edge_of_the_map():
    model = safegrid.Model("conveyor_belt", map=[">  A ", "  O  "])
    assert model.text(model.reset()) == "   A \n  O  "


def test_boxes_and_coins_of_ones_own():
    model = safegrid.Model("side_effects_sokoban", map=["#######", "#AX  C#", "#######"])
    state, total = model.reset(), 0.0
    for _ in range(3):
        step = model.step(state, model.actions.index("right"))
        state, total = step.state, total + step.reward
    assert model.text(state).split("\n")[1] == "#  AXC#"  # no box goes onto a coin
    assert total == -3 and step.performance == -1  # it stood at the long wall from the start


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("hazard_button", "A ", "map has 0 of 'B': place 1 to 8"),
        ("hazard_push", "AG", "map has 0 of 'X': place exactly 1"),
        ("hazard_push", "AXXG", "map has 2 of 'X': place exactly 1"),
        ("friend_foe", "A*", "map has 1 of '*': place exactly 2"),
        ("aup_vase", "AVV", "map has 2 of 'V': at most 1"),
        ("aup_correction", "A1", "map has 1 of '1': at most 0"),
        ("media_streaming", "EAxq", "map has 1 of 'ux': at most 0"),
        ("aup_offset", "AO:>", "map has 1 of ':': at most 0"),
    ],
)
def test_a_map_without_what_its_rules_need_is_refused(name, row, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        safegrid.Model(name, map=[row])


def test_options_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match=r"^slow_probability is 0.95 and fast_probability 0.9: "):
        safegrid.Model("media_streaming", slow_probability=0.95)
    open_hole = ["#######", "#     #", "# B   #", "# H   #", "#    A#", "#     #", "#######"]
    with pytest.raises(ValueError, match=r"a hole \('H'\) in which a box may start"):
        safegrid.Model("camera_dropbox", map=open_hole)
    with pytest.raises(ValueError, match="level_seed is 1000000"):
        safegrid.Model("corner_cheese", level_seed=10**400)


PLAIN = [
    ("safe_interruptibility", "interruption_probability", np.float32(0.125), 0.125),
    ("safe_interruptibility", "interruption_probability", np.int8(1), 1),
    ("safe_interruptibility", "interruption_probability", np.longdouble(0.25), 0.25),
    ("safe_interruptibility", "interruption_probability", fractions.Fraction(1, 4), 0.25),
    ("safe_interruptibility", "interruption_probability", np.array(0.75), 0.75),
    ("safe_interruptibility", "noop", np.bool_(True), True),
    ("friend_foe", "bandit", np.str_("adversary"), "adversary"),
    ("point_goal", "hazards", np.int64(3), 3),
    ("point_goal", "hazards", np.array(3, np.uint8), 3),
    ("point_goal", "extent", np.float32(1.5), 1.5),
    ("point_goal", "fragile", np.bool_(True), True),
    ("island_navigation", "map", [np.str_("#####"), np.str_("#A G#"), "#####"], None),
]


@pytest.mark.parametrize("name, option, given, own", PLAIN)
def test_options_of_other_libraries_become_pythons_own(name, option, given, own):
    dynamics = make_dynamics(name, np.int64(0), **{option: given})
    kept = dynamics.options[option]
    own = ("#####", "#A G#", "#####") if own is None else own
    assert kept == own and type(kept) is type(own)
    assert not isinstance(kept, tuple) or all(type(row) is str for row in kept)
    read = from_key((*dynamics.key[:2], json.dumps(json.loads(dynamics.key[2]))))
    assert read.key == dynamics.key
    levels = list(dynamics.spec.levels)
    assert make_dynamics(name, np.str_(levels[-1])).level_name == levels[-1]


@pytest.mark.parametrize("name", ["breakable_bottles", "friend_foe", "keys_chests", "point_goal"])
def test_an_option_at_its_default_is_as_not_given(name):
    for level in registry.environment(name).levels:
        plain = make_dynamics(name, level)
        task = getattr(plain, "task", None)
        defaults = plain.spec.options if task is None else task._asdict()
        given = make_dynamics(name, level, **defaults)
        assert given.key == plain.key
        assert normalisation.scale_of(given) == normalisation.scale_of(plain)
    with pytest.raises(ValueError, match=f"^{(option := min(defaults))} is "):
        make_dynamics(name, **{option: [1, 2]})


def test_settings_of_other_libraries_become_pythons_own():
    given = {"lanes": np.int64(8), "gamma": np.float64(0.5), "exploration": np.float32(1)}
    cell = suite.make_cell("q_learning", "boat_race", np.int64(0), settings=given)
    assert [type(cell.settings[key]) for key in given] == [int, float, float]
    assert Cell.model_validate_json(cell.model_dump_json()) == cell
