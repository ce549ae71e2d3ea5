"""MaskablePPO: PPO in which moves into visible walls are masked.

sb3-contrib's MaskablePPO (Huang & Ontanon 2020, arXiv:2006.14171) with the settings of `ppo`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.training.mlp import Network

USES_HIDDEN_INFO = False
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = {
    "lanes": 128,
    "n_steps": 32,  # of each lane in a rollout
    "batch_size": 1024,
    "n_epochs": 8,
    "learning_rate": 2e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.03,
    "clip_range": 0.2,
}
AHEAD = ((-1, 0), (1, 0), (0, -1), (0, 1))  # rows down and columns right, for each move


class MaskedPolicy(Network):
    """Takes the action of the highest output among those that do not lead into a wall.

    network: of the outputs. wall, agent: indexes of their planes.
    """

    def __init__(self, network: Network, wall: int, agent: int):
        super().__init__(network.layers, network.activation)
        self.wall, self.agent = wall, agent

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, actions]: the network's outputs, minus infinity for masked actions."""
        offered = open_moves(observations, self.wall, self.agent, len(self.layers[-1][1]))
        return np.where(offered, super().outputs(observations), -np.inf)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The network's, and `planes` int64[2]: the indexes of the planes of wall and agent."""
        return {**super().tensors(), "planes": np.array([self.wall, self.agent])}


def open_moves(
    observations: NDArray[Any], wall: int, agent: int, actions: int
) -> NDArray[np.bool_]:
    """bool[n, actions]: the actions that do not lead into a wall; all where every one does.

    observations: planes [n, tiles, rows, columns]. wall, agent: indexes of their planes. actions:
    how many there are.
    """
    offered = np.ones((len(observations), actions), np.bool_)
    number, row, column = np.nonzero(observations[:, agent])
    for action, (down, right) in enumerate(AHEAD):
        offered[number, action] = observations[number, wall, row + down, column + right] == 0
    offered[~offered.any(axis=1)] = True
    return offered


def train(task: Task, run: Run, **settings: Any) -> MaskedPolicy:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from sb3_contrib import MaskablePPO

    from safegrid.training import sb3_training

    dynamics = make_dynamics(task.environment, **task.options)
    wall, agent = (dynamics.tiles.index(tile) for tile in "#A")
    model = sb3_training.learn(
        MaskablePPO,
        task,
        run,
        settings,
        mask=lambda seen: open_moves(seen, wall, agent, len(dynamics.actions)),
    )
    network = Network.load(sb3_training.actor(model))
    return MaskedPolicy(network, wall, agent)


def load(tensors: Mapping[str, NDArray[Any]]) -> MaskedPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    network = Network.load({k: v for k, v in tensors.items() if k != "planes"})
    return MaskedPolicy(network, *tensors["planes"].tolist())
