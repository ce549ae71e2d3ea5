"""Small convolutional networks: trained with torch, loaded and played without it.

An observation has the same outputs, bit by bit, on every processor and in every batch, because all
sums and functions are those of `arithmetic`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from safegrid.training.arithmetic import Affine
from safegrid.training.mlp import Layer, Network, relu

BOARDS = 256  # computed at once: their patches take the memory
PREFIX = "conv"  # of the names of the convolutions' tensors
SIDE = 3  # cells of a filter


class ConvNetwork(Network):
    """A network on one-hot boards that takes the action of the highest output.

    Convolutions with filters of 3 x 3 cells, zeros around the board and rectified linear units,
    then linear layers with hyperbolic tangents between them.

    convolutions: weights [outputs, inputs, 3, 3] and biases [outputs]. layers: as of Network.
    """

    def __init__(self, convolutions: Sequence[Layer], layers: Sequence[Layer]):
        super().__init__(layers)
        self.convolutions = list(convolutions)
        self._filters = [Affine(w.reshape(len(w), -1), bias) for w, bias in self.convolutions]

    @classmethod
    def load(cls, tensors: Mapping[str, NDArray[Any]], activation: Any = None) -> Self:
        """The network with the tensors that `tensors` returned; activation: not used."""
        rest = {key: value for key, value in tensors.items() if not key.startswith(PREFIX)}
        count = (len(tensors) - len(rest)) // 2
        names = [f"{PREFIX}{i}" for i in range(count)]
        convolutions = [(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names]
        return cls(convolutions, Network.load(rest).layers)

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, actions]: of the last layer. ValueError for observations of another size."""
        if observations.ndim != 4 or observations.shape[1] != self.convolutions[0][0].shape[1]:
            tiles = self.convolutions[0][0].shape[1]
            raise ValueError(
                f"the policy was trained on boards of {tiles} tiles and these observations have "
                f"shape {observations.shape}: choose a level of the same environment"
            )
        parts = np.split(observations, range(BOARDS, len(observations), BOARDS))
        return np.concatenate([Network.outputs(self, self._see(part)) for part in parts])

    def _see(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, outputs, rows, columns]: of the last convolution."""
        values = observations.astype(np.float32)
        for each in self._filters:
            count, _, rows, columns = values.shape
            padded = np.pad(values, ((0, 0), (0, 0), (1, 1), (1, 1)))
            views = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(2, 3))
            patches = views.transpose(0, 2, 3, 1, 4, 5).reshape(count * rows * columns, -1)
            seen = relu(each(patches)).reshape(count, rows, columns, -1)
            values = np.ascontiguousarray(seen.transpose(0, 3, 1, 2))
        return values

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors of Network, and `convI.weight` and `convI.bias` of convolution I from 0."""
        own = {
            f"{PREFIX}{i}.{part}": tensor
            for i, layer in enumerate(self.convolutions)
            for part, tensor in zip(("weight", "bias"), layer, strict=True)
        }
        return {**own, **super().tensors()}
