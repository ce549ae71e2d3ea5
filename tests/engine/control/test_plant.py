"""Plants: delays, noise, options that make no sense, actions that do not exist."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics

TASKS = [name for name in registry.names() if registry.environment(name).kind == "control"]
each_task = pytest.mark.parametrize("name", TASKS)


def play(model, actions, chance=5):
    """The states of an episode, from its reset on."""
    states = [model.reset(chance)]
    for step, action in enumerate(actions):
        states.append(model.step(states[-1], action, 100 + step).state)
    return states


def actions(model, steps):
    random = np.random.default_rng(1)
    return random.uniform(-1, 1, (steps, len(model.actions)))


@each_task
def test_a_delayed_action_acts_some_steps_later(name):
    prompt, late = safegrid.Model(name), safegrid.Model(name, action_delay=3)
    played = actions(prompt, 9)
    shifted = np.concatenate([np.zeros((3, played.shape[1])), played[:6]])
    for one, other in zip(play(late, played), play(prompt, shifted), strict=True):
        assert (one.body == other.body).all()


@each_task
def test_a_delayed_observation_is_that_of_some_steps_before(name):
    prompt, late = safegrid.Model(name), safegrid.Model(name, observation_delay=2)
    played = actions(prompt, 7)
    fresh = [prompt.observation(state) for state in play(prompt, played)]
    delayed = [late.observation(state) for state in play(late, played)]
    assert np.array_equal(delayed, [fresh[0], fresh[0], *fresh[:-2]])


@each_task
def test_noise_has_its_standard_deviation_and_leaves_the_plant_alone(name):
    clean, noisy = safegrid.Model(name), safegrid.Model(name, observation_noise=0.5)
    still = np.zeros(len(clean.actions))
    gaps = []
    for chance in range(100):
        first, second = clean.reset(chance), noisy.reset(chance)
        assert (first.body == second.body).all()
        gaps.append(noisy.observation(second) - clean.observation(first))
    assert np.std(gaps) == pytest.approx(0.5, rel=0.15)
    pushed = safegrid.Model(name, action_noise=0.1)
    state, inputs = pushed.reset(3), []
    for chance in range(300):
        inputs.append(pushed.step(state, still, chance).state.inputs[0])
    assert np.std(inputs) == pytest.approx(0.1, rel=0.15)
    full = [pushed.step(state, still + 1, chance).state.inputs[0] for chance in range(9)]
    assert np.max(full) == 1 and np.min(full) < 1


@each_task
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.nan, r"^action \[.*nan.*\] is not a number: give numbers of shape .* from -1 to 1"),
        (np.inf, r"^action \[.*inf.*\] is not a number: give numbers of shape .* from -1 to 1"),
        (1.5, r"^action \[.*1.5.*\] is out of range: give numbers of shape .* from -1 to 1"),
    ],
)
def test_an_action_that_does_not_exist_is_refused_in_one_line(name, action, message):
    model = safegrid.Model(name)
    with pytest.raises(ValueError, match=message) as caught:
        model.step(model.reset(), np.full(len(model.actions), action))
    assert "\n" not in str(caught.value)


@each_task
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action_delay": 11}, "action_delay is 11: choose a whole number of steps from 0 to"),
        ({"action_noise": 1e-300}, "action_noise is 1e-300: choose 0 or a number from 1e-09 to"),
        ({"action_delay": 1.5}, "action_delay is 1.5: choose a whole number from 0 to"),
        ({"observation_noise": -1}, "observation_noise is -1: choose 0 or a number from 1e-09 to"),
        (
            {"action_noise": np.nan},
            "action_noise is nan: choose 0 or a number from 1e-09 to 1,000,000,000$",
        ),
        ({"observation_noise": 10**400}, "choose 0 or a number from 1e-09 to"),
        ({"observation_delay": True}, "observation_delay is True: choose a whole number from"),
        ({"action_nois": 1}, "did you mean 'action_noise'"),
        ({"noop": True}, "is not a grid"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_one_line(name, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_dynamics(name, **options)
    assert "\n" not in str(caught.value)


@each_task
def test_no_limit_is_negative_and_no_mass_or_length_is_zero(name):
    for option in registry.environment(name).options:
        if option.endswith("_limit"):
            with pytest.raises(
                ValueError, match=f"^{option} is -1: choose 0 or a number from 1e-09 to"
            ):
                make_dynamics(name, **{option: -1})
        if option.endswith(("mass", "length", "inertia")):
            with pytest.raises(ValueError, match=f"^{option} is 0: choose a number above 0$"):
                make_dynamics(name, **{option: 0})
