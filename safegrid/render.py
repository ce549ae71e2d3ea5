"""Boards as images."""

import numpy as np
from numpy.typing import NDArray


def frame(
    board: NDArray[np.uint8], colours: NDArray[np.uint8], size: int = 32
) -> NDArray[np.uint8]:
    """An image uint8[rows * size, columns * size, 3] of a board, with a line between the tiles."""
    image = colours[board].repeat(size, axis=0).repeat(size, axis=1)
    lines = np.arange(max(image.shape[:2])) % size == 0
    image[lines[: image.shape[0]]] //= 2
    image[:, lines[: image.shape[1]]] //= 2
    return image
