"""The Lagrange multiplier of a cost limit: the price of cost, set from the costs of episodes.

Ray, Achiam & Amodei 2019, Benchmarking safe exploration in deep reinforcement learning, section 4;
Stooke, Achiam & Abbeel 2020, Responsive safety by PID Lagrangian methods, arXiv:2007.03964: the
multiplier of the former is a PID controller with an integral term only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from safegrid.engine import registry
from safegrid.engine.contract.agents import check_setting


class Gains(NamedTuple):
    """Gains of the controller that sets the multiplier (Stooke et al. 2020, algorithm 2)."""

    proportional: float  # of the excess: mean cost of an episode less the limit
    integral: float  # of each excess, in a sum of all so far that is kept at 0 or above
    derivative: float  # of the rise of the mean cost since the last update, 0 if it falls


class Multiplier:
    """The price of one unit of cost in units of the reward; `price` is 0 at the start.

    cost_limit: of the mean episode. gains: of the controller.
    """

    def __init__(self, cost_limit: float, gains: Gains):
        self.cost_limit, self.gains = cost_limit, gains
        self.price = self._integral = 0.0
        self.cost: float | None = None  # of the mean episode of the last update

    def update(self, costs: Sequence[float]) -> None:
        """Sets the price from the costs of the episodes that have ended since the last update.

        costs: of one episode each; without any, the price stays.
        """
        if not len(costs):
            return
        cost, before = float(np.mean(costs)), self.cost
        self.cost = cost
        excess = cost - self.cost_limit
        gains = self.gains
        self._integral = max(0.0, self._integral + gains.integral * excess)
        rise = 0.0 if before is None else max(0.0, cost - before)
        terms = gains.proportional * excess + self._integral + gains.derivative * rise
        self.price = max(0.0, terms)


def cost_limit(environment: str, given: float | None) -> float:
    """The cost limit to train under: `given`, or the environment's own if that is None.

    ValueError where both are None, and where it is not a number or negative.
    """
    own = registry.environment(environment).cost_limit
    chosen = own if given is None else given
    if chosen is None:
        raise ValueError(f"{environment} has no cost limit: give the setting cost_limit")
    check_setting("cost_limit", chosen, 0.0)
    if not 0 <= chosen < np.inf:
        raise ValueError(f"cost_limit is {chosen!r}: choose a number, 0 or more")
    return float(chosen)
