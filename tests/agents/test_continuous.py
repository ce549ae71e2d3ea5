"""Agents for continuous tasks: what they learn is what Stable-Baselines3 plays."""

import numpy as np
import pytest
from scipy.special import ndtri

import safegrid
from safegrid.engine import registry
from safegrid.training import sb3_training

SMALL = {
    "a2c": {"lanes": 8, "n_steps": 8},
    "trpo": {"lanes": 8, "n_steps": 32, "batch_size": 64},
    "ppo": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1},
    "ppo_lagrangian": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1},
    "ppo_pid": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1},
    "focops": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1},
    "p3o": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1},
    "cpo": {"lanes": 8, "n_steps": 32, "batch_size": 64},
    "trpo_lagrangian": {"lanes": 8, "n_steps": 32, "batch_size": 64},
    "sac": {"learning_starts": 100, "gradient_steps": 1, "hidden": 16},
    "td3": {"learning_starts": 100, "gradient_steps": 1, "hidden": 16},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_policy_acts_as_the_librarys_model_does(name, monkeypatch):
    models = []
    learn = sb3_training.learn
    monkeypatch.setattr(
        sb3_training, "learn", lambda *a, **k: models.append(learn(*a, **k)) or models[0]
    )
    policy = registry.agent(name).train("point_circle", seed=1, steps=600, **SMALL[name])
    (model,) = models
    env = model.get_vec_normalize_env()
    env.training = False
    seen = env.reset()
    raw = env.get_original_obs()
    wanted, _ = model.predict(seen, deterministic=True)
    middle = np.full((len(seen), 2), 0.5)
    np.testing.assert_allclose(policy.act(raw, middle), wanted, atol=1e-5)
    if policy.mode == "stochastic":
        chance = np.linspace(0.3, 0.7, middle.size).reshape(middle.shape)
        drawn = policy.act(raw, middle) + policy.extra_tensors["deviation"] * ndtri(chance)
        np.testing.assert_allclose(policy.act(raw, chance), np.clip(drawn, -1, 1), atol=1e-6)
    again = registry.agent(name).load(policy.tensors())
    assert (again.act(raw, middle) == policy.act(raw, middle)).all()


@pytest.mark.parametrize("name", SMALL)
def test_the_seed_decides_every_byte(name):
    one, other = (
        registry.agent(name).train("point_circle", seed=3, steps=300, device="cpu", **SMALL[name])
        for _ in range(2)
    )
    for key, tensor in one.tensors().items():
        assert tensor.tobytes() == other.tensors()[key].tobytes()


@pytest.mark.slow
def test_ppo_learns_to_drive():
    """Uniform play comes to about 0; 100 steps at full speed would come to some 120."""
    settings = {"lanes": 32, "n_steps": 64, "batch_size": 512, "n_epochs": 4, "ent_coef": 0.0}
    policy = registry.agent("ppo").train("point_run", seed=0, steps=40_000, **settings)
    records = safegrid.evaluate(policy, "point_run", episodes=20, max_episode_steps=100)
    uniform = registry.agent("uniform").train("point_run", seed=0)
    base = safegrid.evaluate(uniform, "point_run", episodes=20, max_episode_steps=100)
    assert records["return"].mean() > base["return"].mean() + 15


@pytest.mark.parametrize("name", ["sac", "td3"])
def test_a_grid_is_refused_in_one_line(name):
    message = f"^{name} is for continuous actions, and those of boat_race are discrete$"
    with pytest.raises(ValueError, match=message):
        registry.agent(name).train("boat_race", seed=0, steps=10)


def test_a_policy_of_the_other_kind_is_refused():
    grid = registry.agent("uniform").train("boat_race", seed=0)
    grid.observation = "vector"
    with pytest.raises(ValueError, match="gives actions of shape"):
        grid.act = lambda observations, chance: chance[:, 0]
        safegrid.evaluate(grid, "point_run", episodes=1)
