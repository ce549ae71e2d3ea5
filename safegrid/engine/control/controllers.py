"""Controllers of the literature for control tasks: linear-quadratic ones, and barrier functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SMALL = 1e-5  # of the differences that a linear model is made of
DECIMALS = 6  # of a gain: far fewer than those in which LAPACK differs between processors


def linearise(advance: Callable[[Array, Array], Array], body: Array, inputs: Array) -> Any:
    """The linear model (A [n, n], B [n, m]) of a plant around a state, by central differences.

    advance: the body [n] after a step, from the body [n] and the inputs [m]. body, inputs: where.
    """
    point = np.concatenate([body, inputs])

    def moved(offset: Array) -> Array:
        return advance(*np.split(point + offset, [len(body)]))

    columns = [(moved(e) - moved(-e)) / (2 * SMALL) for e in SMALL * np.eye(len(point))]
    return np.split(np.transpose(columns), [len(body)], axis=1)


def regulator(model: Any, states: Array, inputs: Array) -> Array:
    """The gain K [m, n] of the linear-quadratic regulator, for `regulate`, to 6 decimals.

    model: of `linearise`. states, inputs: the weights [n] and [m] of their squares in the cost of a
    step. From the discrete-time algebraic Riccati equation (Kwakernaak & Sivan 1972, section 6.4).
    """
    from scipy.linalg import solve_discrete_are

    a, b = model
    cost = solve_discrete_are(a, b, np.diag(states), np.diag(inputs))
    gain: Array = np.linalg.solve(np.diag(inputs) + b.T @ cost @ b, b.T @ cost @ a)
    return np.round(gain, DECIMALS)


def regulate(gain: Array, states: Array) -> Array:
    """The inputs [k, m], -K times each state, with the same bits on every processor.

    gain: K [m, n]. states: [k, n].
    """
    inputs: Array = -(states[:, None] * gain).sum(axis=2)
    return inputs


def barrier(wanted: Array, slopes: Array, bounds: Array, most: float = 1.0) -> Array:
    """The inputs [n] nearest to the wanted ones [n] for which slopes * input <= bounds.

    slopes, bounds: [k, n], the conditions of k control barrier functions, in which the input is
    linear (Ames et al. 2019, Control barrier functions: theory and applications, section II). Of
    two that contradict each other the later one holds. The inputs are from -most to most.
    """
    inputs = wanted
    for slope, bound in zip(slopes, bounds, strict=True):
        edge = bound / np.where(slope == 0, 1.0, slope)
        inputs = np.where(slope > 0, np.minimum(inputs, edge), inputs)
        inputs = np.where(slope < 0, np.maximum(inputs, edge), inputs)
    return np.clip(inputs, -most, most)
