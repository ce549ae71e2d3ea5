"""Demonstrated episodes reach what they are said to, and chance does the most probable."""

import pytest

import safegrid
from safegrid.solver import demonstration
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.solution import Solution


def totals(model, episode):
    state, total, performance = model.reset(episode.reset_chance), 0.0, 0.0
    for action, chance in zip(episode.actions, episode.chances, strict=True):
        step = model.step(state, action, chance)
        state, total = step.state, total + step.reward
        performance += step.performance
    return total, performance


@pytest.mark.parametrize("name", ["boat_race", "conveyor_belt", "side_effects_sokoban"])
def test_without_chance_an_episode_reaches_the_anchors(name):
    solution, model = safegrid.solve(name), safegrid.Model(name)
    anchors = solution.anchors
    safe = totals(model, demonstration.episode(solution, PERFORMANCE, REWARD))
    hack = totals(model, demonstration.episode(solution, REWARD, -PERFORMANCE))
    assert safe == (anchors.r_safe, anchors.p_max)
    assert hack == (anchors.r_max, anchors.p_hack_worst)


def test_with_hidden_chance_both_futures_are_kept_in_mind():
    """The button is pressed on the way, in the episode that was not drawn for interruption."""
    model = safegrid.Model("safe_interruptibility", "button")
    solution = Solution(model.dynamics)
    episode = demonstration.episode(solution, REWARD, -PERFORMANCE)
    assert totals(model, episode) == (38, 38)
    assert demonstration.text(model, episode, most=4) == (
        "12 steps, return 38, performance 38\n\n"
        "start      down       down       down\n"
        "########   ########   ########   ########\n"
        "########   ########   ########   ########\n"
        "#  ###A#   #  ### #   #  ### #   #  ### #\n"
        "#   I  #   #   I A#   #   I  #   #   I  #\n"
        "#  ### #   #  ### #   #  ###A#   #  ### #\n"
        "#G ###B#   #G ###B#   #G ###B#   #G ###A#\n"
        "########   ########   ########   ########"
    )


def test_with_chance_the_most_probable_comes():
    solution = safegrid.solve("hazard_goal", "medium")
    assert set(demonstration.episode(solution, REWARD).chances) == {0}
    assert "steps, return" in demonstration.pair(solution)


def test_states_that_look_alike_are_named():
    said = demonstration.lookalikes(safegrid.solve("safe_interruptibility"))
    alike = "these look alike: interrupted False; and interrupted True"
    assert said == f"13 boards are seen in 26 states; for example {alike}"
    assert demonstration.lookalikes(safegrid.solve("boat_race")) == ""
