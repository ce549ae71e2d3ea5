"""Belief states: what an agent can know of the state where some outcomes of chance are hidden.

A belief state is the distribution over states given all observations and actions so far. The
process over belief states is a Markov decision process again (Astrom 1965, J. Math. Anal. Appl. 10,
174-205).
"""

from typing import Any

import numpy as np

from safegrid.engine.enumeration import ENDED, TransitionTables

MAX_BELIEF_STATES = 100_000


def has_hidden_chance(tables: TransitionTables) -> bool:
    """Whether two outcomes of chance can lead to different states of the same observation."""
    starts = {state for state, _ in tables.start}
    if len({tables.observation[state] for state in starts}) < len(starts):
        return True
    to = tables.successor
    seen = np.where(to == ENDED, ENDED, tables.observation[to])
    branches = range(to.shape[2])
    return any(
        ((seen[..., i] == seen[..., j]) & (to[..., i] != to[..., j])).any()
        for i in branches
        for j in range(i)
    )


def belief_process(tables: TransitionTables) -> TransitionTables:
    """The process that an agent can base its actions on: over belief states if chance is hidden.

    ValueError for more than MAX_BELIEF_STATES.
    """
    return belief_states(tables) if has_hidden_chance(tables) else tables


def belief_states(tables: TransitionTables) -> TransitionTables:
    """The process over belief states: after each step the belief is split by the observation.

    ValueError for more than MAX_BELIEF_STATES.
    """
    numbers: dict[tuple[tuple[int, float], ...], int] = {}  # of each belief: (state, probability)

    def number(weights: dict[int, float]) -> int:
        """The number of the belief state with these unnormalised probabilities."""
        mass = sum(weights.values())
        shares = ((s, round(w / mass, 12)) for s, w in sorted(weights.items()))
        return numbers.setdefault(tuple((s, w) for s, w in shares if w > 0), len(numbers))

    def split(weights: dict[int, float]) -> list[tuple[int, float]]:
        """The belief state after each possible observation, and the probability of that."""
        groups: dict[int, dict[int, float]] = {}
        for state, weight in weights.items():
            groups.setdefault(int(tables.observation[state]), {})[state] = weight
        return [(number(group), sum(group.values())) for group in groups.values()]

    start: dict[int, float] = {}
    for state, p in tables.start:
        start[state] = start.get(state, 0.0) + p
    begin = split(start)
    probability = np.broadcast_to(tables.probability, tables.successor.shape)
    expected = (probability[..., None] * tables.amounts[tables.outcome]).sum(axis=2)
    actions = tables.successor.shape[1]
    branches: list[list[list[tuple[int, float]]]] = []
    amounts = []
    for states in _growing(numbers):
        amounts += [sum(w * expected[s, a] for s, w in states) for a in range(actions)]
        branches.append([])
        for action in range(actions):
            following: dict[int, float] = {}
            for state, weight in states:
                for successor, p in zip(
                    tables.successor[state, action], probability[state, action], strict=True
                ):
                    following[int(successor)] = following.get(int(successor), 0.0) + weight * p
            branches[-1].append([(ENDED, following.pop(ENDED, 0.0)), *split(following)])
        if len(numbers) > MAX_BELIEF_STATES:
            raise ValueError(
                f"the level has more than {MAX_BELIEF_STATES:,} belief states and cannot be "
                "solved: use safegrid.evaluate"
            )
    width = max(len(branch) for each in branches for branch in each)
    successor = np.full((len(numbers), actions, width), ENDED, np.int32)
    likely = np.zeros(successor.shape)
    for i, each in enumerate(branches):
        for action, branch in enumerate(each):
            for k, (to, p) in enumerate(branch):
                successor[i, action, k], likely[i, action, k] = to, p
    seen = np.array([tables.observation[states[0][0]] for states in numbers], np.int32)
    outcome = np.arange(len(amounts), dtype=np.int32).reshape(*successor.shape[:2], 1)
    return TransitionTables(
        begin,
        successor,
        likely,
        np.broadcast_to(outcome, successor.shape),
        np.array(amounts),
        seen,
        np.array([len(numbers)]),
    )


def _growing(numbers: dict[Any, int]) -> Any:
    """The keys of a dictionary in order, with those that are added during the iteration."""
    done = 0
    while done < len(numbers):
        for key in list(numbers)[done:]:
            done += 1
            yield key
