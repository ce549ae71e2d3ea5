"""A safety shield computed from the explicit model: it blocks the actions that can lead to harm.

Alshiekh et al. 2018, Safe reinforcement learning via shielding (arXiv:1708.08611). An action is
safe if, under every outcome of chance, it does no harm in this step and leads to a state from which
harm can be avoided for ever. Harm is a step with a cost, or with a negative performance that is
below its reward, such as a broken vase. Few actions are safe where chance alone can do harm.
"""

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_all
from safegrid.engine.observations import index


def shield(dynamics: Dynamics) -> NDArray[np.bool_]:
    """bool[indexed observations, actions]: the safe actions; all of them where none is safe.

    An action is safe in an observation if it is safe in every state with this observation.
    ValueError for a continuous task, for memory of earlier episodes, and for too many states or
    outcomes of chance to list.
    """
    tables = enumerate_all(dynamics).tables
    harmful = inescapable(tables)
    offered = np.ones((index(dynamics).count, harmful.shape[1]), np.bool_)
    np.logical_and.at(offered, tables.observation, ~harmful)
    offered[~offered.any(axis=1)] = True
    return offered


def inescapable(tables: TransitionTables) -> NDArray[np.bool_]:
    """bool[states, actions]: whether an action can do harm, now or unavoidably later."""
    reward, performance, cost = np.moveaxis(tables.amounts, -1, 0)
    harm = (cost > 0) | (performance < np.minimum(reward, 0))
    harmful = harm[tables.outcome].any(axis=2)
    while True:
        doomed = harmful.all(axis=1)
        leads = (doomed[tables.successor] & (tables.successor != ENDED)).any(axis=2)
        if not (leads & ~harmful).any():
            return harmful  # type: ignore[no-any-return]
        harmful |= leads
