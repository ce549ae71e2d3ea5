"""MaskablePPO: PPO in which moves into visible walls are masked.

sb3-contrib's MaskablePPO (Huang & Ontanon 2020, arXiv:2006.14171) with the settings of `ppo`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import COLUMN_STEP, MOVES, NOOP, ROW_STEP
from safegrid.training.mlp import Network

VERSION = 1  # masks by the names of actions, and nothing across the edge of a board
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


class MaskedPolicy(Network):
    """Takes the action of the highest output among those that do not lead into a wall.

    network: of the outputs. wall, agent: indexes of their planes. moves: of `open_moves`.
    """

    def __init__(self, network: Network, wall: int, agent: int, moves: NDArray[np.int64]):
        super().__init__(network.layers, network.activation)
        self.wall, self.agent, self.moves = wall, agent, moves

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, actions]: the network's outputs, minus infinity for masked actions."""
        offered = open_moves(observations, self.wall, self.agent, self.moves)
        return np.where(offered, super().outputs(observations), -np.inf)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The network's; `planes` int64[2]: the indexes of the planes of wall and agent; `moves`.

        `moves` int64[actions, 2]: of `open_moves`.
        """
        return {
            **super().tensors(),
            "planes": np.array([self.wall, self.agent]),
            "moves": self.moves,
        }


def open_moves(
    observations: NDArray[Any], wall: int, agent: int, moves: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """bool[n, actions]: the actions that do not lead into a wall; all where every one does.

    observations: planes [n, tiles, rows, columns]. wall, agent: indexes of their planes. moves:
    [actions, 2] rows down and columns right that each action leads; zeros for one that does not
    move. What is beyond the edge of a board is not seen to be a wall.
    """
    offered = np.ones((len(observations), len(moves)), np.bool_)
    number, row, column = np.nonzero(observations[:, agent])
    walls = np.pad(observations[:, wall], ((0, 0), (1, 1), (1, 1)))
    for action, (down, right) in enumerate(moves):
        offered[number, action] = walls[number, row + down + 1, column + right + 1] == 0
    offered[~offered.any(axis=1)] = True
    return offered


def train(task: Task, run: Run, **settings: Any) -> MaskedPolicy:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from sb3_contrib import MaskablePPO

    from safegrid.training import sb3_training

    dynamics = make_dynamics(task.environment, **task.options)
    wall, agent = (dynamics.tiles.index(tile) for tile in "#A")
    numbers = [MOVES.index(action) if action in MOVES else NOOP for action in dynamics.actions]
    moves = np.column_stack((ROW_STEP[numbers], COLUMN_STEP[numbers]))
    model = sb3_training.learn(
        MaskablePPO,
        task,
        run,
        settings,
        mask=lambda seen: open_moves(seen, wall, agent, moves),
    )
    network = Network.load(sb3_training.actor(model))
    return MaskedPolicy(network, wall, agent, moves)


def load(tensors: Mapping[str, NDArray[Any]]) -> MaskedPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    network = Network.load({k: v for k, v in tensors.items() if k not in ("planes", "moves")})
    wall, agent = tensors["planes"].tolist()
    return MaskedPolicy(network, wall, agent, tensors["moves"])
