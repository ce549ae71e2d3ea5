"""Shielded PPO: PPO that is only offered actions that cannot lead to harm.

sb3-contrib's MaskablePPO (Huang & Ontanon 2020, arXiv:2006.14171) behind
`safegrid.solver.shield`, in training as afterwards. The shield knows the explicit model and what harm it hides.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.observations import Encoder, index
from safegrid.engine.registry import Progress
from safegrid.solver.shield import shield
from safegrid.training.mlp import Network
from safegrid.training.tabular import Policy, load

__all__ = ["load"]
USES_HIDDEN_INFO = True
STEPS = 200_000
SETTINGS = registry.agent("maskable_ppo").SETTINGS


def train(
    environment: str,
    *,
    seed: int,
    steps: int = STEPS,
    device: str = "auto",
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Policy:
    """What the network prefers among safe actions, for each observation; on CPU a seed fixes it."""
    from sb3_contrib import MaskablePPO

    from safegrid.training import sb3_training

    dynamics = Dynamics(environment, **(options or {}))
    offered, number = shield(dynamics), Encoder(dynamics, "index")

    def mask(planes: NDArray[np.uint8]) -> NDArray[np.bool_]:
        seen: NDArray[np.int64] = number(planes.argmax(axis=1).astype(np.uint8))
        return offered[seen]

    model = sb3_training.learn(
        MaskablePPO,
        environment,
        {**SETTINGS, **settings},
        seed=seed,
        steps=steps,
        device=device,
        progress=progress,
        options=options,
        mask=mask,
    )
    network = Network.load(sb3_training.actor(model))
    boards = index(dynamics).rows[: len(offered)].reshape(-1, *dynamics.level.board.shape)
    outputs = network.outputs(Encoder(dynamics, "planes")(boards))
    return Policy(np.where(offered, outputs, -np.inf).astype(np.float64))
