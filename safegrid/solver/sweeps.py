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
def reached(
    successor: Any, probability: Any, observation: Any, chosen: Any, starts: Any, horizon: int
) -> Any:
    """The states that a policy comes to, by their distance, and how many it is within t steps.

    successor, probability, observation: of the tables. chosen: probabilities [observations,
    actions]. starts: states in which episodes begin. Returns int32[n] and int64[horizon], whose
    entry t is for t steps.
    """
    known, states = np.zeros(len(successor), np.bool_), np.empty(len(successor), np.int32)
    counts, first, end = np.empty(horizon, np.int64), 0, 0
    for s in starts:
        if not known[s]:
            known[s], states[end] = True, s
            end += 1
    for t in range(horizon):
        counts[t], last = end, end
        for i in range(first, last if t < horizon - 1 else first):
            s = states[i]
            for a in range(successor.shape[1]):
                if chosen[observation[s], a] > 0:
                    for k in range(successor.shape[2]):
                        to = successor[s, a, k]
                        if to >= 0 and probability[s, a, k] > 0 and not known[to]:
                            known[to], states[end] = True, to
                            end += 1
        states[last:end].sort()  # the order of the tables is that of memory
        first = last
    return states[:end], counts


@compiled
def follow(
    successor: Any,
    probability: Any,
    observation: Any,
    chosen: Any,
    outcome: Any,
    amounts: Any,
    states: Any,
    counts: Any,
    values: Any,
) -> None:
    """Fills `values` with the expected amounts of a policy, in the states that it comes to.

    successor, probability, observation, chosen: as of `reached`. outcome, amounts: of the tables.
    states, counts: from `reached`. values: [2, states, amounts], with t steps left in row t % 2.
    """
    for t in range(len(counts)):
        later, now = values[t % 2], values[(t + 1) % 2]
        for s in states[: counts[len(counts) - 1 - t]]:
            now[s] = 0.0
            for a in range(successor.shape[1]):
                share = chosen[observation[s], a]
                if share > 0:
                    for k in range(successor.shape[2]):
                        to, p = successor[s, a, k], share * probability[s, a, k]
                        for i in range(values.shape[2]):
                            one = amounts[outcome[s, a, k], i]
                            now[s, i] += p * (one + later[to, i] if to >= 0 else one)
