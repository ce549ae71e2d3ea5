"""What surrounds the agent: features of a one-hot board, and networks that are played on them.

The cells around the agent are at the same place of every observation, wherever it stands: cropping
of Ye et al. 2020, Rotation, translation, and cropping for zero-shot generalization
(arXiv:2001.09908). The rows and columns in which tiles lie say where far things are.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from safegrid.training.mlp import Network

REACH = 3  # cells from the agent to the edge of the crop
SIDE = 2 * REACH + 1


def size(tiles: int, rows: int, columns: int) -> int:
    """How many numbers `features` makes of one board."""
    return tiles * (SIDE * SIDE + rows + columns)


def features(planes: NDArray[Any], agent: int) -> NDArray[np.float32]:
    """float32[n, numbers]: a crop around the agent, and which tiles are in which rows and columns.

    planes: one-hot boards [n, tiles, rows, columns]. agent: the code of the agent's tile. Beyond
    the edge of the board a crop has no tile. All numbers are 0 or 1.
    """
    count, _, _, columns = planes.shape
    cells = planes[:, agent].reshape(count, -1).argmax(axis=1)
    padded = np.pad(planes, ((0, 0), (0, 0), (REACH, REACH), (REACH, REACH)))
    crops = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(2, 3))
    near = crops[np.arange(count), :, cells // columns, cells % columns]
    parts = near, planes.max(axis=3), planes.max(axis=2)
    return np.concatenate([part.reshape(count, -1) for part in parts], axis=1).astype(np.float32)


class LocalNetwork(Network):
    """A network on `features` of one-hot boards that takes the action of the highest output.

    network: its layers. agent: the code of the agent's tile. shape: tiles, rows and columns.
    """

    extra = ("view",)

    def __init__(self, network: Network, agent: int, shape: tuple[int, ...]):
        super().__init__(network.layers)
        self.agent, self.shape = agent, shape

    @classmethod
    def load(cls, tensors: Mapping[str, NDArray[Any]], activation: Any = None) -> Self:
        """The network with the tensors that `tensors` returned; activation: not used."""
        agent, *shape = tensors["view"].tolist()
        layers = {name: tensor for name, tensor in tensors.items() if name != "view"}
        return cls(Network.load(layers), agent, tuple(shape))

    def outputs(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, actions]: of the last layer. ValueError for observations of another shape."""
        if observations.shape[1:] != self.shape:
            raise ValueError(
                f"the policy was trained on boards of shape {self.shape} and these observations "
                f"have shape {observations.shape[1:]}: choose a level of the same shape"
            )
        return super().outputs(features(observations, self.agent))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors of Network, and `view` int64[4]: the agent's code, tiles, rows, columns."""
        return {**super().tensors(), "view": np.array([self.agent, *self.shape])}
