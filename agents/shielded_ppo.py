"""Shielded PPO: PPO in which actions that can lead to harm are masked.

sb3-contrib's MaskablePPO (Huang & Ontanon 2020, arXiv:2006.14171) with the mask of
`safegrid.solver.shield`, in training and afterwards. The shield uses the explicit model and the
hidden performance.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import index, make_encoder
from safegrid.engine.policies import TablePolicy
from safegrid.solver.shield import shield
from safegrid.training.mlp import Network
from safegrid.training.tabular import load

__all__ = ["load"]
VERSION = 1  # its shield offers the least harmful actions where none is safe
USES_HIDDEN_INFO = True
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = registry.agent("maskable_ppo").settings


def train(task: Task, run: Run, **settings: Any) -> TablePolicy:
    """A table of the network's outputs, minus infinity for actions that the shield blocks."""
    from sb3_contrib import MaskablePPO

    from safegrid.training import sb3_training

    dynamics = make_dynamics(task.environment, **task.options)
    offered, number = shield(dynamics), make_encoder(dynamics, "index")

    def mask(planes: NDArray[np.uint8]) -> NDArray[np.bool_]:
        indexes: NDArray[np.int64] = number(planes.argmax(axis=1).astype(np.uint8))
        return offered[indexes]

    model = sb3_training.learn(MaskablePPO, task, run, settings, mask=mask)
    network = Network.load(sb3_training.actor(model))
    boards = index(dynamics).rows[: len(offered)].reshape(-1, *dynamics.level.board.shape)
    outputs = network.outputs(make_encoder(dynamics, "planes")(boards))
    return TablePolicy(np.where(offered, outputs, -np.inf).astype(np.float64))
