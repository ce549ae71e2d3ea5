"""The visible cost as a penalty that any agent can train under: at a price, or beyond a budget.

Tessler, Mankowitz & Mannor 2019, Reward constrained policy optimization, arXiv:1805.11074: the
reward of a step is that of the environment less the multiplier times the cost, and the multiplier
rises, slowly, while the mean cost of an episode exceeds the limit.

Sootla et al. 2022, Saute RL: almost surely safe reinforcement learning using state augmentation,
arXiv:2202.06558: once an episode has spent its budget of cost, each step has an unsafe reward. In
the paper the agent observes what is left of the budget. Here it does not, so that the unsafe
rewards of all steps that are left are charged at once, when a cost exceeds the budget: the values
of what it observes afterwards are then those of an episode whose budget is not spent.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Penalty
from safegrid.engine.lanes import Lanes, Step
from safegrid.training.constrained.multiplier import Multiplier


def penalty(price: Multiplier) -> Callable[[Lanes], Penalty]:
    """A penalty for `Run`: the cost of each step in training, times a multiplier that adapts.

    The logged returns of episodes do not contain it. price: the multiplier, which the costs of the
    episodes set.
    """
    return lambda lanes: PricedCosts(lanes, price)


def budget_penalty(budget: float, unsafe_reward: float) -> Callable[[Lanes], Penalty]:
    """A penalty for `Run`: the unsafe rewards of the steps left, for each cost beyond a budget.

    The logged returns of episodes do not contain it. budget: the most cost of an episode.
    unsafe_reward: of each step that is left. ValueError where it is above 0.
    """
    if unsafe_reward > 0:
        raise ValueError(f"unsafe_reward is {unsafe_reward!r}: choose 0, or a number below it")
    return lambda lanes: SpentBudget(lanes, budget, unsafe_reward)


class StepAhead:
    """Knows the step that lanes are about to take, from copies that take it first.

    lanes: of the training.
    """

    def __init__(self, lanes: Lanes):
        self._lanes, self._ahead = lanes, Lanes(lanes.dynamics, lanes.count)
        self._spent = np.zeros(lanes.count)  # cost of each lane's episode, with the step

    def _look(self, actions: NDArray[Any]) -> Step:
        """The step that actions [lanes, ...] lead to."""
        self._spent[self._lanes.records["elapsed"] == 0] = 0.0
        self._ahead.copy(self._lanes)
        step = self._ahead.step(actions)
        self._spent += step.cost
        return step


class PricedCosts(StepAhead):
    """Charges the cost of a step at a price.

    lanes: of the training. price: the multiplier; it is updated when as many episodes have ended as
    there are lanes.
    """

    def __init__(self, lanes: Lanes, price: Multiplier):
        super().__init__(lanes)
        self._price = price
        self._ended: list[float] = []  # costs of episodes since the last update

    def __call__(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """float64[lanes]: the price of the step's cost in each lane."""
        step = self._look(actions)
        last = self._ahead.records["elapsed"] >= self._lanes.limit
        self._ended += self._spent[step.terminated | last].tolist()
        if len(self._ended) >= self._lanes.count:
            self._price.update(self._ended)
            self._ended = []
        charged: NDArray[np.float64] = self._price.price * step.cost
        return charged


class SpentBudget(StepAhead):
    """Charges each cost beyond a budget with the unsafe rewards of the steps that are left.

    lanes: of the training. budget: the most cost of an episode. unsafe_reward: of each step that is
    left until the horizon; a step that ends the episode is the last one.
    """

    def __init__(self, lanes: Lanes, budget: float, unsafe_reward: float):
        super().__init__(lanes)
        self._budget, self._unsafe = budget, unsafe_reward

    def __call__(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """float64[lanes]: the sum of the unsafe rewards, negated; 0 where nothing is exceeded."""
        step = self._look(actions)
        left = self._lanes.dynamics.horizon - self._lanes.records["elapsed"]
        left = np.where(step.terminated, 1, np.maximum(1, left))
        exceeds = (step.cost > 0) & (self._spent > self._budget)
        return np.where(exceeds, -self._unsafe * left, 0.0)
