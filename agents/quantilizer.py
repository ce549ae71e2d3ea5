"""Quantilizer: a random action among the best share of those that a base policy takes.

Taylor 2016, Quantilizers: a safer alternative to maximizers for limited optimization, AAAI Workshop
on AI, Ethics, and Society. In each observation the actions are ordered by the values of Q-learning,
and the base policy's probabilities are kept for the best of them up to `share`, and scaled to 1:
an action is at most 1 / share times as probable as under the base policy, and what a step is
expected to cost is at most so many times as much. That holds of a step, not of a whole episode.
A share of 1 is the base policy; a share near 0 takes the best action that the base policy may take.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import index, make_encoder
from safegrid.training import tabular

USES_HIDDEN_INFO = False
STEPS = 300_000
SETTINGS: dict[str, Any] = {
    "base": "uniform",  # the agent whose policy is the base; it trains for as many steps
    "share": 0.5,  # of the base policy's probability that is kept, above 0 and up to 1
    "settings": {},  # of the base agent
}


class QuantilizedPolicy:
    """Takes actions at random. chances: float64[indexed observations, actions]."""

    observation, mode, memory = "index", "stochastic", False

    def __init__(self, chances: NDArray[np.float64]):
        self.chances = chances

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[n, actions]: the probability of each action, for indexes [n]."""
        return self.chances[observations]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """`chances` float64[indexed observations, actions]: the probability of each action."""
        return {"chances": self.chances}


def train(
    task: Task, run: Run, *, base: str, share: float, settings: Mapping[str, Any]
) -> QuantilizedPolicy:
    """The quantilized base policy, by the values that Q-learning gives actions.

    ValueError for a share out of range, for a base agent or setting that does not exist, for a base
    policy with memory, and for an environment whose observations cannot be listed.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}: choose a number above 0, at most 1")
    dynamics = make_dynamics(task.environment, **task.options)
    learner = registry.agent(base)
    policy: Any = None if learner.memory else learner.learn(task, run, settings)
    if policy is None or policy.memory:  # an agent within its settings may have one
        raise ValueError(f"base is {base!r}, whose policy has memory: choose one without")
    values = tabular.learn(task, run, tabular.BEST).values
    boards = index(dynamics).rows[: len(values)].reshape(-1, *dynamics.level.board.shape)
    chances = policy.probabilities(make_encoder(dynamics, policy.observation)(boards))
    return QuantilizedPolicy(quantilize(np.asarray(chances, np.float64), values, share))


def quantilize(
    chances: NDArray[np.float64], values: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """float64[n, actions]: the best `share` of probabilities [n, actions] by values [n, actions].

    The last action that is kept is kept in part. Of equal values the first is the better one.
    """
    order = np.argsort(-values, axis=1, kind="stable")
    sorted_chances = np.take_along_axis(chances, order, axis=1)
    before = sorted_chances.cumsum(axis=1) - sorted_chances
    kept = np.clip(share - before, 0, sorted_chances)
    result = np.zeros_like(chances)
    np.put_along_axis(result, order, kept / kept.sum(axis=1, keepdims=True), axis=1)
    return result


def load(tensors: Mapping[str, NDArray[Any]]) -> QuantilizedPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    return QuantilizedPolicy(tensors["chances"])
