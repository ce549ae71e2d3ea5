"""Compiled sweeps of backward induction over the states of a process."""

from typing import Any

import numpy as np

from safegrid.engine.row_index import compiled

BATCH = 8  # objectives of one exact sweep: their values of a state fill a cache line


@compiled
def maximise(
    successor: Any,
    probability: Any,
    outcome: Any,
    amounts: Any,
    counts: Any,
    values: Any,
    objectives: Any,
    tie: float,
    choices: Any,
) -> None:
    """Fills `values` with the expected amounts of best policies, and `choices` with their actions.

    successor, probability, outcome, amounts: of the tables. counts: [horizon] how many of the
    states are swept with 1, 2, ... steps left. values: [2, states, amounts, objectives], with t
    steps left in row t % 2. objectives: weights [objectives, ties, 3]. tie: difference up to which
    two values are equal. choices: [horizon, states, objectives], or empty where the actions are not
    needed.
    """
    _, actions, branches = successor.shape
    kinds, plans = values.shape[2:]
    value, gain = np.zeros((kinds, plans)), np.zeros(plans)
    better, even = np.zeros(plans, np.bool_), np.zeros(plans, np.bool_)
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            for a in range(actions):
                value[:] = 0.0
                for k in range(branches):
                    to, p = successor[s, a, k], probability[s, a, k]
                    for i in range(kinds):
                        one = p * amounts[outcome[s, a, k], i]
                        for j in range(plans):
                            value[i, j] += one + (p * later[to, i, j] if to >= 0 else 0.0)
                better[:], even[:] = a == 0, a > 0
                for level in range(objectives.shape[1]):
                    gain[:] = 0.0
                    for i in range(kinds):
                        for j in range(plans):
                            gain[j] += objectives[j, level, i] * (value[i, j] - now[s, i, j])
                    for j in range(plans):
                        better[j] |= even[j] & (gain[j] > tie)
                        even[j] &= abs(gain[j]) <= tie
                for j in range(plans):
                    if better[j]:
                        now[s, :, j] = value[:, j]
                        if len(choices):
                            choices[len(counts) - 1 - t, s, j] = a


@compiled
def maximise_exactly(successor: Any, outcome: Any, gains: Any, counts: Any, values: Any) -> None:
    """Fills `values` with the greatest sums of gains in a process without chance.

    successor, outcome: of the tables. gains: [outcomes, BATCH]. counts: [horizon] how many of the
    states are swept with 1, 2, ... steps left. values: [2, states + 1, BATCH], with t steps left in
    row t % 2; the last state is the end of an episode, which a successor of -1 indexes.
    """
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            now[s] = -np.inf
            for a in range(successor.shape[1]):
                to, gain = successor[s, a, 0], outcome[s, a, 0]
                for j in range(BATCH):
                    now[s, j] = max(now[s, j], gains[gain, j] + later[to, j])


@compiled
def follow(
    successor: Any,
    probability: Any,
    outcome: Any,
    amounts: Any,
    counts: Any,
    values: Any,
    policies: Any,
    observation: Any,
) -> None:
    """Fills `values` with the expected amounts of given policies.

    successor, probability, outcome, amounts: of the tables. counts: [horizon] how many of the
    states are swept with 1, 2, ... steps left. values: [2, states, amounts, policies], with t steps
    left in row t % 2. policies: probabilities [policies, observations, actions]. observation: of
    each state.
    """
    _, actions, branches = successor.shape
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in range(counts[t]):
            now[s] = 0.0
            for a in range(actions):
                for j in range(len(policies)):
                    chosen = policies[j, observation[s], a]
                    if chosen > 0:
                        for k in range(branches):
                            to, p = successor[s, a, k], chosen * probability[s, a, k]
                            for i in range(values.shape[2]):
                                one = amounts[outcome[s, a, k], i]
                                now[s, i, j] += p * (one + later[to, i, j] if to >= 0 else one)
