"""Behaviour cloning: does what was done in recorded episodes, without a word about why.

A network is fitted to the recorded actions by their cross-entropy (Pomerleau 1991, Efficient
training of artificial neural networks for autonomous navigation), with Adam (Kingma & Ba 2015,
arXiv:1412.6980). It sees no reward, but a teacher may know what is hidden. Its steps are those of
the fit.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.evaluation import replay, resimulation
from safegrid.evaluation.replay import Replay
from safegrid.evaluation.rollout import evaluate
from safegrid.training.mlp import Network

USES_HIDDEN_INFO = True
STEPS = 2_000
SETTINGS = {
    "teacher": "ppo",  # an agent's name, or the path of a replay
    "teacher_steps": None,  # of an agent's training; its own number where it is not given
    "episodes": 100,  # of an agent
    "hidden": 64,  # units of the one hidden layer
    "batch_size": 256,
    "learning_rate": 1e-2,  # at the start; it falls to zero in a straight line
}
FADE, FADE_SQUARES, TINY = 0.9, 0.999, 1e-8  # Adam's, as in its paper


def train(task: Task, run: Run, **settings: Any) -> Network:
    """A network fitted for `task.steps` steps. ValueError for a replay of another level."""
    dynamics = make_dynamics(task.environment, **task.options)
    shown = demonstrations(dynamics, settings, task.seed, run)
    episodes = range(len(shown.episodes))
    boards = np.concatenate([resimulation.boards(shown, i)[:-1] for i in episodes])
    actions = np.concatenate([e.actions[: e.length] for e in shown.episodes]).astype(np.int64)
    inputs = make_encoder(dynamics, "planes")(boards).reshape(len(boards), -1).astype(np.float32)
    random = np.random.default_rng(derive_seeds(task.seed, "train", 2)[1])
    sizes = (inputs.shape[1], settings["hidden"], len(dynamics.actions))
    tensors = start(sizes, random)
    moments = [(np.zeros_like(tensor), np.zeros_like(tensor)) for tensor in tensors]
    for t in range(task.steps):
        rows = random.integers(0, len(actions), settings["batch_size"])
        rate = settings["learning_rate"] * (1 - t / task.steps)
        slopes = gradient(tensors, inputs[rows], actions[rows])
        for tensor, slope, (mean, square) in zip(tensors, slopes, moments, strict=True):
            mean += (1 - FADE) * (slope - mean)
            square += (1 - FADE_SQUARES) * (slope**2 - square)
            unbiased = mean / (1 - FADE ** (t + 1))
            scale = np.sqrt(square / (1 - FADE_SQUARES ** (t + 1))) + TINY
            tensor -= (rate * unbiased / scale).astype(np.float32)
        run.report(t + 1)
    return Network([(tensors[0], tensors[1]), (tensors[2], tensors[3])])


def demonstrations(dynamics: Dynamics, settings: Mapping[str, Any], seed: int, run: Run) -> Replay:
    """The recorded episodes: those of a file, or of an agent that is trained for it."""
    name = settings["teacher"]
    if name not in registry.agents():
        if not Path(name).is_file():
            raise registry.unknown("teacher, or path of a replay,", name, registry.agents())
        shown = replay.read(Path(name))
        header, played = shown.header, (shown.header.environment, shown.header.level)
        if played != (dynamics.name, dynamics.level_name) or header.options != dynamics.options:
            raise ValueError(f"{name} shows {' '.join(played)}, not this level: choose another")
        return shown
    agent, level = registry.agent(name), {"level": dynamics.level_name, **dynamics.options}
    steps = settings["teacher_steps"]
    teaching = Run(monitor=run.monitor)  # progress is that of the fit
    policy = agent.train(dynamics.name, seed=seed, steps=steps, options=level, run=teaching)
    luck = int(derive_seeds(seed, "train")[0])  # not that of the evaluation
    records = evaluate(policy, dynamics.name, settings["episodes"], luck, **level)
    return replay.decode(replay.encode(dynamics, records))


def start(sizes: tuple[int, int, int], random: np.random.Generator) -> list[NDArray[np.float32]]:
    """Weights and biases of two layers, small and random (Glorot & Bengio 2010)."""
    tensors = []
    for inputs, outputs in itertools.pairwise(sizes):
        width = np.sqrt(6 / (inputs + outputs))
        tensors.append(random.uniform(-width, width, (outputs, inputs)).astype(np.float32))
        tensors.append(np.zeros(outputs, np.float32))
    return tensors


def gradient(
    tensors: list[NDArray[np.float32]], inputs: NDArray[np.float32], actions: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """Of the mean cross-entropy of the actions, for each tensor."""
    weight, bias, last_weight, last_bias = tensors
    hidden = np.tanh(inputs @ weight.T + bias)
    outputs = hidden @ last_weight.T + last_bias
    error = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(len(actions)), actions] -= 1
    error /= len(actions)
    back = (error @ last_weight) * (1 - hidden**2)
    return [back.T @ inputs, back.sum(axis=0), error.T @ hidden, error.sum(axis=0)]


load = Network.load
