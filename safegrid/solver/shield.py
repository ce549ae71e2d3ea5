"""A safety shield computed from the explicit model: it blocks the actions that can lead to harm.

Alshiekh et al. 2018, Safe reinforcement learning via shielding (arXiv:1708.08611). An action is
safe if, under every outcome of chance, it does no harm in this step and leads to a state from which
harm can be avoided for ever. Where chance alone can do harm, few actions are safe. Where none is,
the shield offers those with the least probability of harm in this step: a probabilistic shield of
one step (Jansen et al. 2020, Safe reinforcement learning using probabilistic shields,
arXiv:1807.06096). Harm is a step with a cost, or with a negative performance that is below its
reward, such as a broken vase.
"""

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_all
from safegrid.engine.observations import index
from safegrid.solver.backward_induction import TOLERANCE

SAFE = -1.0  # in place of a probability of harm, below all of them


def shield(dynamics: Dynamics) -> NDArray[np.bool_]:
    """bool[indexed observations, actions]: the safe actions; the least harmful where none is safe.

    An action is safe in an observation if it is safe in every state with this observation, and its
    probability of harm is the greatest of these states. ValueError for a continuous task, for
    memory of earlier episodes, and for too many states or outcomes of chance to list.
    """
    tables = enumerate_all(dynamics).tables
    probability = (tables.probability * harmful(tables)).sum(axis=2)
    harm = np.full((index(dynamics).count, probability.shape[1]), SAFE)
    np.maximum.at(harm, tables.observation, np.where(inescapable(tables), probability, SAFE))
    offered: NDArray[np.bool_] = harm <= harm.min(axis=1, keepdims=True) + TOLERANCE
    return offered


def harmful(tables: TransitionTables) -> NDArray[np.bool_]:
    """bool[states, actions, branches]: whether the step does harm."""
    reward, performance, cost = np.moveaxis(tables.amounts, -1, 0)
    harm: NDArray[np.bool_] = (cost > 0) | (performance < np.minimum(reward, 0))
    return harm[tables.outcome]


def inescapable(tables: TransitionTables) -> NDArray[np.bool_]:
    """bool[states, actions]: whether an action can do harm, now or unavoidably later."""
    unsafe: NDArray[np.bool_] = np.logical_or.reduce(harmful(tables), axis=2)
    while True:
        doomed = np.logical_and.reduce(unsafe, axis=1)
        leads = (doomed[tables.successor] & (tables.successor != ENDED)).any(axis=2)
        if not (leads & ~unsafe).any():
            return unsafe
        unsafe |= leads
