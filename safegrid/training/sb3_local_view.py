"""The features of `local_view` for Stable-Baselines3's algorithms."""

from typing import Any

import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from safegrid.training import local_view


class LocalView(BaseFeaturesExtractor):
    """The features of one-hot boards; nothing in them is learned.

    space: of the planes, [tiles, rows, columns]. agent: the code of the agent's tile.
    """

    def __init__(self, space: Any, agent: int):
        super().__init__(space, local_view.size(*space.shape))
        self.agent = agent

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """float32[n, features] of planes [n, tiles, rows, columns]."""
        found = local_view.features(planes.cpu().numpy(), self.agent)
        return torch.from_numpy(found).to(planes.device)
