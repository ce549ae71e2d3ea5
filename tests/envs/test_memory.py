"""Memory that outlives an episode: friend_foe's bandits learn where the agent goes."""

import gymnasium
import numpy as np
import pytest

import safegrid

LEFT = [0, 0, 0, 2]  # up to the row of the boxes, and into the left one


def venv(mode, lanes=3, **options):
    environment = gymnasium.make_vec(
        "safegrid/FriendFoe-v0", num_envs=lanes, autoreset_mode=mode, **options
    )
    environment.reset(seed=0)
    return environment


def go_left(environment, lane, mode):
    """One lane's whole episode into the left box, while the others bump into the wall."""
    for action in LEFT:
        actions = np.full(environment.num_envs, 1)
        actions[lane] = action
        _, rewards, terminated, _, _ = environment.step(actions)
    assert terminated[lane]
    if mode == "next_step":
        environment.step(np.full(environment.num_envs, 1))
    if mode == "disabled":
        environment.reset(options={"reset_mask": terminated})
    return rewards[lane]


def estimates(environment):
    return environment.unwrapped._lanes.states["estimates"].copy()


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_memory_is_the_lanes_own_and_survives_a_new_episode(mode):
    environment = venv(mode, bandit="adversary")
    before = estimates(environment)
    rewards = [go_left(environment, 1, mode) for _ in range(3)]
    assert rewards == [49, -1, -1]  # at first it guesses left; then it knows better
    after = estimates(environment)
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert after[1, 2, 0] == 0.75 * (0.75 * 0.625 + 0.25) + 0.25
    environment.reset()  # without a seed memory goes on
    np.testing.assert_array_equal(estimates(environment), after)
    environment.reset(seed=0)
    np.testing.assert_array_equal(estimates(environment), before)


def test_memory_is_part_of_a_states_equality_and_hash():
    model = safegrid.Model("friend_foe", bandit="friend")
    fresh = state = model.reset()
    for action in LEFT:
        state = model.step(state, action).state
    again = model.reset(state=state)
    assert again != fresh and model.text(again) == model.text(fresh)
    assert len({again, fresh, model.reset()}) == 2


def test_two_environments_in_one_process_have_memories_of_their_own():
    one, two = venv("same_step", bandit="friend"), venv("same_step", bandit="friend")
    go_left(one, 0, "same_step")
    assert estimates(one).any() and not estimates(two).any()


def test_an_unknown_bandit_is_refused():
    with pytest.raises(ValueError, match="bandit is 'foe': choose from friend, neutral, adversary"):
        safegrid.Model("friend_foe", bandit="foe")
