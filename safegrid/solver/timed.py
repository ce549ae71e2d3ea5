"""Timed policies: probabilities of actions by what is observed and how many steps were taken."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import TransitionTables
from safegrid.solver import backward_induction, plans


class TimedPolicy:
    """Chooses by the indexed observation and the number of steps taken, at random.

    chances: float32[horizon, observations, actions] the probability of each action. It plays
    uniformly where an observation has a greater number.
    """

    observation, mode, memory = "index", "stochastic", True

    def __init__(self, chances: NDArray[Any]):
        self.chances = chances

    @classmethod
    def load(cls, tensors: Mapping[str, NDArray[Any]]) -> "TimedPolicy":
        """The policy with these tensors, as its method `tensors` returned them."""
        actions = plans.filled(tensors)[0]
        chances = np.eye(tensors["chances"].shape[1], dtype=np.float32)[actions]
        chances.reshape(-1, chances.shape[2])[tensors["mixed"]] = tensors["chances"]
        return cls(chances)

    def begin(self, chance: NDArray[np.uint64]) -> "TimedPlayer":
        """Begins n episodes side by side; `chance` [n] is not used."""
        return TimedPlayer(self.chances)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The policy by the few places where it changes or takes more than one action.

        `first`, `gaps`, `changed_to` and `horizon`: the most probable actions, see `plans.changes`.
        `mixed` int32[m]: where there is more than one action, as ascending numbers in [horizon,
        observations]; `chances` float32[m, actions]: the probability of each there.
        """
        rows = self.chances.reshape(-1, self.chances.shape[2])
        actions = self.chances.argmax(axis=2).astype(np.uint8)
        mixed = np.flatnonzero((rows != np.eye(rows.shape[1])[actions.ravel()]).any(axis=1))
        more = {"mixed": mixed.astype(np.int32), "chances": rows[mixed]}
        return {**plans.changes(actions[None]), **more}


class TimedPlayer:
    """Episodes side by side under a timed policy; after its horizon its last step repeats."""

    def __init__(self, chances: NDArray[Any]):
        self._chances, self._time = chances, 0

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[n, actions] of index observations [n]."""
        time = min(self._time, len(self._chances) - 1)
        self._time += 1
        _, count, actions = self._chances.shape
        known = observations < count
        chosen = self._chances[time, np.where(known, observations, 0)].astype(np.float64)
        normed: NDArray[np.float64] = chosen / chosen.sum(axis=1, keepdims=True)
        return np.where(known[:, None], normed, 1 / actions)


def value(policy: TimedPolicy, tables: TransitionTables) -> NDArray[np.float64]:
    """float64[4]: expected return, performance, cost and length of an episode under a policy.

    tables: the process whose observations the policy takes. Episodes have the policy's horizon.
    """
    amounts = backward_induction.with_steps(tables)
    likely = np.broadcast_to(tables.probability, tables.successor.shape)
    values = np.zeros((len(tables.successor) + 1, 4))  # the last row is that of ended episodes
    for chances in policy.chances[::-1].astype(np.float64):
        chosen = (chances / chances.sum(axis=1, keepdims=True))[tables.observation]
        gains = amounts[tables.outcome] + values[tables.successor]
        values[:-1] = np.einsum("sa,sab,sabk->sk", chosen, likely, gains)
    return backward_induction.mean(tables, values[[state for state, _ in tables.start]])
