"""Networks: the formulas, and the same episodes on every processor and in every batch."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__
from scipy.special import ndtri

import safegrid
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.training import mlp

PLAY = """
import hashlib, itertools, numpy as np, safegrid
from safegrid.engine import registry
from safegrid.training import mlp

random = np.random.default_rng(5)

def tensors(*sizes):
    named = {}
    for i, (before, after) in enumerate(itertools.pairwise(sizes)):
        named[f"{i}.weight"] = np.float32(random.normal(size=(after, before)) / before**0.5)
        named[f"{i}.bias"] = np.float32(random.normal(size=after) / 4)
    return named

norm = {"mean": random.normal(size=60), "scale": 1 + random.random(60)}
normal = mlp.Gaussian.load({**tensors(60, 64, 64, 2), **norm, "deviation": np.float32([0.3, 0.5])})
squashed = mlp.Squashed.load({**tensors(60, 64, 64, 2), **norm}, mlp.relu)
drawn = mlp.Stochastic.load(tensors(175, 64, 64, 4))
memory = {
    "weight_ih_l0": (32, 175), "weight_hh_l0": (32, 8), "bias_ih_l0": 32, "bias_hh_l0": 32
}
memory = {key: random.normal(size=size).astype(np.float32) for key, size in memory.items()}
recurrent = registry.agent("recurrent_ppo").load({**memory, **tensors(8, 64, 4)})
played = (normal, "point_goal", 1), (squashed, "point_goal", 1), (drawn, "boat_race", 0)
controlled = [
    (registry.agent(agent).train(name), name, 0)
    for name in ("pendulum_speed", "cart_pole", "quadrotor_2d")
    for agent in ("scripted_safe", "scripted_hack")
]
for policy, name, level in (*played, (recurrent, "boat_race", 0), *controlled):
    episodes = safegrid.evaluate(policy, name, 6, 3, level, max_episode_steps=100)
    print(hashlib.sha256(episodes.tobytes()).hexdigest())
clone = registry.agent("cloning").train("boat_race", teacher="planner_safe", updates=300)
for key, tensor in clone.tensors().items():
    print(hashlib.sha256(tensor.tobytes()).hexdigest())
solution = safegrid.solve("boat_race")
values = *solution.evaluate(drawn), solution.length(drawn), solution.violation(drawn).probability
print(*(float(value).hex() for value in values))
"""
PROCESSORS = [
    *({"OPENBLAS_CORETYPE": name} for name in ("Haswell", "SkylakeX", "Prescott")),
    {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)},
    {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F"},
]


def random_layers(*sizes, seed=0):
    random = np.random.default_rng(seed)
    pairs = itertools.pairwise(sizes)
    return [
        (
            random.normal(size=(b, a)).astype(np.float32) / a**0.5,
            random.normal(size=b).astype(np.float32),
        )
        for a, b in pairs
    ]


def reference(layers, values, activation):
    """The outputs in float64, by NumPy."""
    for number, (weight, bias) in enumerate(layers):
        values = values @ weight.T.astype(float) + bias
        values = activation(values) if number < len(layers) - 1 else values
    return values


@pytest.mark.parametrize(("activation", "other"), [(mlp.tanh, np.tanh), (mlp.relu, mlp.relu)])
def test_outputs_are_those_of_the_formula(activation, other):
    layers = random_layers(60, 64, 64, 3)
    values = np.random.default_rng(1).normal(size=(33, 60))
    expected = reference(layers, values.astype(np.float32).astype(float), other)
    found = mlp.Network(layers, activation).outputs(values)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    chosen = mlp.Network(layers, activation).probabilities(values)
    np.testing.assert_array_equal(chosen.argmax(axis=1), expected.argmax(axis=1))
    weights = np.exp(expected)
    likely = mlp.Stochastic(layers, activation).probabilities(values)
    np.testing.assert_allclose(likely, weights / weights.sum(axis=1, keepdims=True), rtol=1e-5)


def test_actions_are_those_of_the_formula():
    layers, random = random_layers(12, 16, 2), np.random.default_rng(2)
    norm = {"mean": random.normal(size=12), "scale": 1 + random.random(12)}
    values, chance = random.normal(size=(40, 12)), random.random((40, 2))
    expected = reference(layers, (values - norm["mean"]) / norm["scale"], np.tanh)
    squashed = mlp.Squashed(layers, mlp.tanh, **norm).act(values, chance)
    np.testing.assert_allclose(squashed, np.tanh(expected), rtol=1e-5, atol=1e-6)
    deviation = np.array([0.2, 0.4], np.float32)
    normal = mlp.Gaussian(layers, mlp.tanh, **norm, deviation=deviation).act(values, chance)
    drawn = np.clip(expected + deviation * ndtri(chance), -1, 1)
    np.testing.assert_allclose(normal, drawn, rtol=1e-5, atol=1e-6)


def test_an_action_does_not_depend_on_the_batch():
    random = np.random.default_rng(3)
    norm = {"mean": np.zeros(60), "scale": np.ones(60), "deviation": np.ones(2, np.float32)}
    policy = mlp.Gaussian(random_layers(60, 64, 64, 2), mlp.tanh, **norm)
    values, chance = random.normal(size=(50, 60)), random.random((50, 2))
    together = policy.act(values, chance)
    for size in (1, 3, 16):
        parts = [policy.act(values[i : i + size], chance[i : i + size]) for i in range(0, 50, size)]
        np.testing.assert_array_equal(np.concatenate(parts), together)


def test_episodes_do_not_depend_on_their_number():
    dynamics = make_dynamics("boat_race")
    inputs = make_encoder(dynamics, "planes").space.shape
    policy = mlp.Stochastic(random_layers(int(np.prod(inputs)), 64, 64, 4))
    many, few = (safegrid.evaluate(policy, "boat_race", count, 5) for count in (40, 3))
    np.testing.assert_array_equal(many[:3], few)


@pytest.mark.slow
def test_episodes_clones_and_exact_values_are_the_same_on_every_processor():
    printed = []
    for variables in ({}, *PROCESSORS):
        one_thread = {"OPENBLAS_NUM_THREADS": "1", **variables}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PLAY],
            env={**os.environ, **one_thread},
            check=True,
            capture_output=True,
            text=True,
        )
        printed.append(done.stdout)
    assert len(printed[0].split()) == 18
    assert len(set(printed)) == 1
