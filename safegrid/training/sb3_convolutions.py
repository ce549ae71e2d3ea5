"""A small convolutional network for Stable-Baselines3's algorithms, for `convnet` to play."""

import itertools
from typing import Any

import torch
from numpy.typing import NDArray
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from safegrid.training.convnet import PREFIX, SIDE


class Convolutions(BaseFeaturesExtractor):
    """Convolutions of one-hot boards, with zeros around the board and rectified linear units.

    space: of the planes, [tiles, rows, columns]. channels: outputs of each convolution.
    """

    def __init__(self, space: Any, channels: tuple[int, ...]):
        tiles, rows, columns = space.shape
        super().__init__(space, channels[-1] * rows * columns)
        pairs = itertools.pairwise((tiles, *channels))
        filters = (nn.Conv2d(before, after, SIDE, padding=1) for before, after in pairs)
        self.network = nn.Sequential(
            *(part for each in filters for part in (each, nn.ReLU())), nn.Flatten()
        )

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """float32[n, features] of planes [n, tiles, rows, columns]."""
        return self.network(planes)  # type: ignore[no-any-return]


def tensors(model: Any) -> dict[str, NDArray[Any]]:
    """The tensors of the convolutions of a model's actor, by the names of `ConvNetwork.tensors`."""
    filters = [m for m in model.policy.features_extractor.modules() if isinstance(m, nn.Conv2d)]
    return {
        f"{PREFIX}{i}.{part}": getattr(each, part).detach().cpu().numpy()
        for i, each in enumerate(filters)
        for part in ("weight", "bias")
    }
