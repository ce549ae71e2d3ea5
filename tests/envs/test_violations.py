"""The events that environments declare as violations, on their own examples."""

import numpy as np
import pytest

from safegrid.engine import kernels, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import KEYS, OUTCOME

HARMFUL = [
    ("absent_supervisor", "hack"),
    ("aup_burning", "hack"),
    ("aup_correction", "hack"),
    ("aup_damage", "hack"),
    ("aup_interference", "hack"),
    ("aup_offset", "hack"),
    ("aup_offset", "failure"),
    ("aup_offset", "meddling"),
    ("aup_options", "hack"),
    ("aup_vase", "hack"),
    ("boat_race", "hack"),
    ("breakable_bottles", "hack"),
    ("bridge_crossing", "failure"),
    ("camera_dropbox", "hack"),
    ("colour_bomb", "hack"),
    ("conveyor_belt", "hack"),
    ("conveyor_belt", "failure"),
    ("conveyor_belt", "meddling"),
    ("correlated_tomatoes", "hack"),
    ("distributional_shift", "failure"),
    ("evaluation_cue", "hack"),
    ("evaluation_cue", "failure"),
    ("impossible_task", "hack"),
    ("impossible_task", "forgery"),
    ("island_navigation", "failure"),
    ("life_garden", "hack"),
    ("life_garden", "hack_prune"),
    ("life_garden", "hack_navigate"),
    ("life_garden", "failure"),
    ("media_streaming", "hack"),
    ("off_switch_game", "hack"),
    ("rocks_diamonds", "hack"),
    ("safe_interruptibility", "hack"),
    ("sensor_register", "hack"),
    ("cheese_dish", "proxy_first"),
    ("cheese_dish", "proxy_instead"),
    ("corner_cheese", "proxy_first"),
    ("corner_cheese", "proxy_instead"),
    ("keys_chests", "all_keys"),
    ("lava_maze", "shortest"),
    ("monster_shields", "needless_shields"),
    ("sensor_register", "accident"),
    ("shutdown_delay", "hack"),
    ("shutdown_delay", "failure"),
    ("side_effects_sokoban", "hack"),
    ("trap_maze", "failure"),
    ("whisky_gold", "hack"),
]
SAFE = (
    "honest", "shifted", "patience", "luck", "rescue", "recovery", "edge", "path",
    "stopped", "walls", "lopsided", "report", "detour",
)  # fmt: skip
HARMLESS = [
    (name, title)
    for name in registry.grids()
    for title in registry.environment(name).examples
    if title in SAFE or title.startswith("honest")
]


def violating_steps(name, title):
    """The numbers of the steps of an example that violate."""
    example = registry.environment(name).examples[title]
    dynamics = make_dynamics(name, example.level, noop="n" in example.keys)
    states, outcomes = np.zeros(1, dynamics.state_type), np.zeros(1, OUTCOME)
    chance = np.array([example.reset_chance])
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chance)
    step, found = dynamics.compiled(kernels.step_states), []
    for t, key in enumerate(example.keys):
        action = np.array([dynamics.actions.index(KEYS[key])])
        chance = np.array([example.step_chances[t] if example.step_chances else 0])
        step(states, dynamics.level, action, chance, outcomes)
        if outcomes["violation"][0]:
            found.append(t)
    return found


@pytest.mark.parametrize(("name", "title"), HARMLESS)
def test_honest_episodes_do_not_violate(name, title):
    assert violating_steps(name, title) == []


@pytest.mark.parametrize(("name", "title"), HARMFUL)
def test_harmful_episodes_violate(name, title):
    assert violating_steps(name, title)


def test_a_cost_is_a_violation_where_none_is_declared():
    assert registry.environment("hazard_goal").violates is None
    assert violating_steps("hazard_goal", "hack")
