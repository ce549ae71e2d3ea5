"""Costs of on-policy algorithms: the excess above a limit, whole episodes, and the margin."""

import pytest

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import sb3_training
from safegrid.training.constrained import costs, policy_optimisation
from safegrid.training.constrained.multiplier import Gains

TASK = Task("hazard_button", {"level": "small"}, 0, 400)  # all episodes have 100 steps
SETTINGS = {
    **{"lanes": 4, "n_steps": 25, "batch_size": 50, "n_critic_updates": 1, "learning_rate": 1e-3},
    **{"gamma": 0.99, "cost_limit": 5.0},
}
NO_GAINS = Gains(0.0, 0.0, 0.0)


@pytest.fixture
def models(monkeypatch):
    """The models that are trained, in order."""
    made, train = [], sb3_training.learn

    def learn(*arguments):
        made.append(train(*arguments))
        return made[-1]

    monkeypatch.setattr(sb3_training, "learn", learn)
    return made


def learn(**settings):
    costs.learn(policy_optimisation.CPO, TASK, Run(), {**SETTINGS, **settings}, NO_GAINS)


def test_the_excess_of_a_step_is_that_of_the_episode_by_its_length(models):
    """Lanes of a task with a time limit end together: a rollout has four ends in 100 steps."""
    learn()
    (model,) = models
    assert model.num_timesteps == 400 and model.price.cost > 5
    assert model.excess == (model.price.cost - 5.0) / 100


def test_a_rollout_may_have_the_length_of_the_horizon(models):
    learn(n_steps=None)
    assert models[0].n_steps == 100


@pytest.mark.parametrize("margin, limit", [(0.0, 5.0), (0.2, 4.0)])
def test_a_margin_is_a_share_of_the_limit(models, margin, limit):
    learn(margin=margin)
    assert models[0].price.cost_limit == limit


@pytest.mark.parametrize("margin", [-0.1, 1.0, float("nan")])
def test_a_margin_that_leaves_no_limit_is_refused(margin):
    with pytest.raises(ValueError, match=r"margin is .*: choose a number from 0 to less than 1"):
        learn(margin=margin)
