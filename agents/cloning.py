"""Behaviour cloning: imitates recorded episodes by supervised learning.

A network is fitted to the recorded actions by minimising their cross-entropy (Pomerleau 1991,
Efficient training of artificial neural networks for autonomous navigation) with Adam (Kingma & Ba
2015, arXiv:1412.6980). It uses no reward, but its teacher may use hidden information. The steps of
training are those of its teacher.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task, check_setting
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.evaluation import replay, resimulation
from safegrid.evaluation.replay import Replay
from safegrid.evaluation.rollout import evaluate
from safegrid.training.arithmetic import Affine, softmax, tanh
from safegrid.training.mlp import Network

VERSION = 2  # its arithmetic is the same on every processor
USES_HIDDEN_INFO = True
STEPS = 200_000
SETTINGS = {
    "teacher": "ppo",  # the name of an agent, or the path of a replay
    "episodes": 100,  # that the agent is recorded in
    "updates": 2_000,  # of the network
    "hidden": 64,  # units of the one hidden layer
    "batch_size": 256,
    "learning_rate": 1e-2,  # at the start; falls linearly to zero
}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Adam's, as in its paper


def train(task: Task, run: Run, **settings: Any) -> Network:
    """A network fitted to what its teacher does. ValueError as for `demonstrations`."""
    dynamics, updates = make_dynamics(task.environment, **task.options), settings["updates"]
    check_setting("updates", updates, 1)
    recorded = demonstrations(dynamics, settings, task, run)
    episodes = range(len(recorded.episodes))
    boards = np.concatenate([resimulation.boards(recorded, i)[:-1] for i in episodes])
    actions = np.concatenate([e.actions[: e.length] for e in recorded.episodes]).astype(np.int64)
    inputs = make_encoder(dynamics, "planes")(boards).reshape(len(boards), -1).astype(np.float32)
    random = np.random.default_rng(derive_seeds(task.seed, "train", 2)[1])
    sizes = (inputs.shape[1], settings["hidden"], len(dynamics.actions))
    tensors = initial_tensors(sizes, random)
    moments = [(np.zeros_like(tensor), np.zeros_like(tensor)) for tensor in tensors]
    for t in range(updates):
        rows = random.integers(0, len(actions), settings["batch_size"])
        rate = settings["learning_rate"] * (1 - t / updates)
        gradients = gradient(tensors, inputs[rows], actions[rows])
        for tensor, slope, (mean, square) in zip(tensors, gradients, moments, strict=True):
            mean += (1 - BETA_1) * (slope - mean)
            square += (1 - BETA_2) * (slope**2 - square)
            unbiased = mean / (1 - BETA_1 ** (t + 1))
            scale = np.sqrt(square / (1 - BETA_2 ** (t + 1))) + EPSILON
            tensor -= (rate * unbiased / scale).astype(np.float32)
    return Network([(tensors[0], tensors[1]), (tensors[2], tensors[3])])


def demonstrations(dynamics: Dynamics, settings: Mapping[str, Any], task: Task, run: Run) -> Replay:
    """The episodes to imitate: those of a replay, or of an agent that is trained here.

    dynamics: of the level. settings: those of SETTINGS. task: with the seed of the agent's training
    and episodes, and the steps of its training if it learns. run: whose monitor logs this training.
    ValueError for a teacher that is neither an agent nor a file, and for a replay that is damaged
    or of another level.
    """
    name = settings["teacher"]
    if name not in registry.agents():
        if not Path(name).is_file():
            raise registry.unknown("teacher, or path of a replay,", name, registry.agents())
        recorded = replay.read(Path(name))
        header = recorded.header
        level = header.environment, header.level, header.options
        if level != (dynamics.name, dynamics.level_name, dynamics.options):
            raise ValueError(
                f"{name} is of {header.environment}, level {header.level}, options "
                f"{header.options}, and not of this level: choose another replay"
            )
        return recorded
    agent, seed, options = registry.agent(name), task.seed, dynamics.level_options
    steps = task.steps if agent.steps else 0
    own = dataclasses.replace(run, checkpoint=None, penalty=None)
    policy = agent.train(dynamics.name, seed=seed, steps=steps, options=options, run=own)
    episode_seed = int(derive_seeds(seed, "train")[0])  # no episode is one of an evaluation
    records = evaluate(policy, dynamics.name, settings["episodes"], episode_seed, **options)
    return replay.decode(replay.encode(dynamics, records))


def initial_tensors(
    sizes: tuple[int, int, int], random: np.random.Generator
) -> list[NDArray[np.float32]]:
    """Weights and biases of two layers, uniform as in Glorot & Bengio 2010, equation 16."""
    tensors = []
    for inputs, outputs in itertools.pairwise(sizes):
        width = np.sqrt(6 / (inputs + outputs))
        tensors.append(random.uniform(-width, width, (outputs, inputs)).astype(np.float32))
        tensors.append(np.zeros(outputs, np.float32))
    return tensors


def gradient(
    tensors: list[NDArray[np.float32]], inputs: NDArray[np.float32], actions: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """The gradient of the actions' mean cross-entropy for each tensor.

    tensors: weights and biases of two layers. inputs: [n, numbers]. actions: [n].
    """
    weight, bias, last_weight, last_bias = tensors
    hidden = tanh(Affine(weight, bias)(inputs))
    error = softmax(Affine(last_weight, last_bias)(hidden)).astype(np.float32)
    error[np.arange(len(actions)), actions] -= 1
    error /= len(actions)
    back = product(error, last_weight) * (1 - hidden**2)
    slope, last_slope = product(inputs.T, back).T, product(hidden.T, error).T
    return [slope, back.sum(axis=0), last_slope, error.sum(axis=0)]


def product(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """`one @ other`, with the same bits on every processor."""
    return Affine(other.T, np.zeros(other.shape[1]))(one)


load = Network.load
