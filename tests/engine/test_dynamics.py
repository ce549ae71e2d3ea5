"""Custom maps: the rules hold on other maps than the original's."""

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safegrid
from safegrid.engine import registry


def padded(rows):
    """The same map with one more wall around it."""
    width = len(rows[0]) + 2
    return ["#" * width, *(f"#{row}#" for row in rows), "#" * width]


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.grids())
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


def test_a_map_without_a_button_is_refused():
    with pytest.raises(ValueError, match="no button"):
        safegrid.Model("hazard_button", map=["####", "#A #", "####"])
