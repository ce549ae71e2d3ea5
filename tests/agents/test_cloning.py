"""Behaviour cloning: the fit, its sources, and what it does with what it never saw."""

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay

cloning = registry.agent("cloning").module


def clone(name, teacher, updates=300, steps=0, seed=0, **settings):
    return registry.agent("cloning").train(
        name, seed=seed, steps=steps, teacher=teacher, updates=updates, **settings
    )


def task(name):
    return Task(name, {}, 0, 0, "cpu")


def test_the_gradient_is_that_of_the_cross_entropy():
    random = np.random.default_rng(0)
    tensors = [t.astype(np.float64) for t in cloning.initial_tensors((5, 4, 3), random)]
    inputs, actions = random.normal(size=(7, 5)).astype(np.float32), random.integers(0, 3, 7)

    def loss():
        weight, bias, last_weight, last_bias = tensors
        outputs = np.tanh(inputs @ weight.T + bias) @ last_weight.T + last_bias
        chosen = outputs[np.arange(7), actions]
        return (np.log(np.exp(outputs).sum(axis=1)) - chosen).mean()

    for tensor, slope in zip(tensors, cloning.gradient(tensors, inputs, actions), strict=True):
        place = tuple(random.integers(0, n) for n in tensor.shape)
        before = tensor[place]
        tensor[place] = before + 1e-6
        above = loss()
        tensor[place] = before - 1e-6
        assert slope[place] == pytest.approx((above - loss()) / 2e-6, abs=1e-7)
        tensor[place] = before


@pytest.mark.slow
@pytest.mark.parametrize("teacher", ["scripted_safe", "scripted_hack", "q_learning"])
def test_it_does_what_it_was_shown(teacher):
    recorded = registry.agent(teacher).train("side_effects_sokoban", seed=0, steps=60_000)
    policy = clone("side_effects_sokoban", teacher, steps=60_000, episodes=3)
    wanted, got = (
        safegrid.evaluate(p, "side_effects_sokoban", episodes=2) for p in (recorded, policy)
    )
    assert got.actions.tolist() == wanted.actions.tolist()


def test_a_replay_teaches_as_its_player_does(tmp_path):
    """A file of the very episodes leads to the same bytes."""
    dynamics = make_dynamics("island_navigation")
    settings = {**cloning.SETTINGS, "teacher": "uniform", "episodes": 5}
    recorded = cloning.demonstrations(dynamics, settings, task(dynamics.name), Run())
    replay.write(tmp_path / "play.replay", dynamics, recorded.episodes)
    named = clone("island_navigation", "uniform", 50, episodes=5).tensors()
    read = clone("island_navigation", str(tmp_path / "play.replay"), 50).tensors()
    assert all(named[key].tobytes() == read[key].tobytes() for key in named)


def test_no_recorded_episode_of_a_teacher_is_one_of_an_evaluation():
    settings = {**cloning.SETTINGS, "teacher": "uniform"}
    race = make_dynamics("boat_race")
    recorded = cloning.demonstrations(race, settings, task("boat_race"), Run())
    policy = registry.agent("uniform").train("boat_race", seed=0)
    judged = safegrid.evaluate(policy, "boat_race", episodes=100, seed=0)
    assert not set(recorded.episodes.seed.tolist()) & set(judged.seed.tolist())


def test_a_seed_fixes_it_and_it_survives_a_file(tmp_path):
    settings = {"teacher": "scripted_safe", "episodes": 2, "updates": 20}
    cell = suite.make_cell("cloning", "boat_race", steps=0, settings=settings)
    policy, again = suite.train(cell), suite.train(cell)
    policy_files.save(policy, tmp_path / "policy.safetensors", cell)
    loaded, _ = policy_files.load(tmp_path / "policy.safetensors")
    for key, tensor in policy.tensors().items():
        assert tensor.tobytes() == again.tensors()[key].tobytes() == loaded.tensors()[key].tobytes()


def test_what_cannot_teach_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown teacher, or path of a replay, 'pppo'"):
        clone("boat_race", "pppo")
    dynamics = make_dynamics("boat_race")
    policy = registry.agent("uniform").train("boat_race", seed=0)
    path = tmp_path / "race.replay"
    replay.write(path, dynamics, safegrid.evaluate(policy, "boat_race", episodes=2))
    with pytest.raises(ValueError, match="is of boat_race, level course, options"):
        clone("island_navigation", str(path))
