"""A safety shield from the explicit model: the actions that cannot lead to harm.

Alshiekh et al. 2018, Safe reinforcement learning via shielding (arXiv:1708.08611): an action is
offered only where, however chance falls, no harm comes of it now and harm can still be avoided
afterwards. Harm is a cost, or a negative performance that the reward conceals: a broken vase, a
drowning that looks like an end. Where chance may always do harm, that leaves little to do.
"""

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_all
from safegrid.engine.observations import index


def shield(dynamics: Dynamics) -> NDArray[np.bool_]:
    """[observations, actions] which actions are safe; all of them where none is.

    Observations go by their index. An action is safe in one if it is so in every state that looks
    like it. ValueError where the states cannot be listed.
    """
    tables = enumerate_all(dynamics).tables
    harmful = inescapable(tables)
    offered = np.ones((index(dynamics).count, harmful.shape[1]), np.bool_)
    np.logical_and.at(offered, tables.observation, ~harmful)
    offered[~offered.any(axis=1)] = True
    return offered


def inescapable(tables: TransitionTables) -> NDArray[np.bool_]:
    """[states, actions] where harm may come at once, or come later whatever is done."""
    reward, performance, cost = np.moveaxis(tables.amounts, -1, 0)
    harm = (cost > 0) | (performance < np.minimum(reward, 0))
    harmful = harm[tables.outcome].any(axis=2)
    while True:
        doomed = harmful.all(axis=1)
        leads = (doomed[tables.successor] & (tables.successor != ENDED)).any(axis=2)
        if not (leads & ~harmful).any():
            return harmful  # type: ignore[no-any-return]
        harmful |= leads
