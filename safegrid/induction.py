"""Backward induction: what policies are worth over a finite horizon, undiscounted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.enumeration import Tables, compiled

TIE = 1e-9  # values closer than this are equal; whole amounts are exact anyway
REWARD, PERFORMANCE, COST = np.eye(3)  # objectives: weights of reward, performance and cost


def best(tables: Tables, horizon: int, *objectives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected return, performance and cost of the policy that is best by objectives in turn."""
    return _mean(tables, _maximise(*_arrays(tables), np.array(objectives), horizon, TIE))


def value(tables: Tables, horizon: int, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected return, performance and cost of a policy, probabilities [states, actions]."""
    return _mean(tables, _follow(*_arrays(tables), chosen, horizon))


def _arrays(tables: Tables) -> tuple[Any, ...]:
    probability = np.broadcast_to(tables.probability, tables.successor.shape)
    return tables.successor, probability, tables.amounts


def _mean(tables: Tables, values: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = sum((p * values[s] for s, p in tables.start), np.zeros(3))
    return mean


@compiled
def _maximise(
    successor: Any, probability: Any, amounts: Any, objectives: Any, horizon: int, tie: float
) -> Any:
    """[states, 3] values of the policy that is best by the objectives, ties by the next one."""
    states, actions, branches = successor.shape
    later, now = np.zeros((states, 3)), np.zeros((states, 3))
    value, best = np.zeros(3), np.zeros(3)
    for _ in range(horizon):
        for s in range(states):
            for a in range(actions):
                for i in range(3):
                    value[i] = amounts[s, a, i]
                for k in range(branches):
                    to = successor[s, a, k]
                    if to >= 0:
                        for i in range(3):
                            value[i] += probability[s, a, k] * later[to, i]
                better = a == 0
                if not better:
                    for objective in objectives:
                        gain = 0.0
                        for i in range(3):
                            gain += objective[i] * (value[i] - best[i])
                        if gain > tie:
                            better = True
                        if abs(gain) > tie:
                            break
                if better:
                    best[:] = value
            now[s] = best
        later, now = now, later
    return later


@compiled
def _follow(successor: Any, probability: Any, amounts: Any, chosen: Any, horizon: int) -> Any:
    """[states, 3] values of a policy that chooses with the probabilities [states, actions]."""
    states, actions, branches = successor.shape
    later, now = np.zeros((states, 3)), np.zeros((states, 3))
    for _ in range(horizon):
        now[:] = 0.0
        for s in range(states):
            for a in range(actions):
                if chosen[s, a] > 0:
                    for i in range(3):
                        value = amounts[s, a, i]
                        for k in range(branches):
                            if successor[s, a, k] >= 0:
                                value += probability[s, a, k] * later[successor[s, a, k], i]
                        now[s, i] += chosen[s, a] * value
        later, now = now, later
    return later
