"""The visible cost as a penalty that any agent can train under, at a price that keeps a limit.

Tessler, Mankowitz & Mannor 2019, Reward constrained policy optimization, arXiv:1805.11074: the
reward of a step is that of the environment less the multiplier times the cost, and the multiplier
rises, slowly, while the mean cost of an episode exceeds the limit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Penalty
from safegrid.engine.lanes import Lanes
from safegrid.training.multiplier import Multiplier


def penalty(price: Multiplier) -> Callable[[Lanes], Penalty]:
    """A penalty for `Run`: the cost of each step in training, times a multiplier that adapts.

    The logged returns of episodes do not contain it. price: the multiplier, which the costs of the
    episodes set.
    """
    return lambda lanes: PricedCosts(lanes, price)


class PricedCosts:
    """Knows the cost of the step that lanes are about to take, from copies that take it first.

    lanes: of the training. price: the multiplier; it is updated when as many episodes have ended as
    there are lanes.
    """

    def __init__(self, lanes: Lanes, price: Multiplier):
        self._lanes, self._price = lanes, price
        self._ahead = Lanes(lanes.dynamics, lanes.count)
        self._spent = np.zeros(lanes.count)  # cost of each lane's episode so far
        self._ended: list[float] = []  # costs of episodes since the last update

    def __call__(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """float64[lanes]: the price of the step's cost in each lane."""
        begins = self._lanes.records["elapsed"] == 0
        self._spent[begins] = 0.0
        self._ahead.states[:], self._ahead.records[:] = self._lanes.states, self._lanes.records
        step = self._ahead.step(actions)
        self._spent += step.cost
        last = self._ahead.records["elapsed"] >= self._lanes.limit
        self._ended += self._spent[step.terminated | last].tolist()
        if len(self._ended) >= self._lanes.count:
            self._price.update(self._ended)
            self._ended = []
        charged: NDArray[np.float64] = self._price.price * step.cost
        return charged
