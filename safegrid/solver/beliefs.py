"""What an agent can know where chance is hidden from it.

Information states: the distributions over states that the observations so far allow
(Astrom 1965, J. Math. Anal. Appl. 10, 174-205).
"""

from typing import Any

import numpy as np

from safegrid.engine.enumeration import ENDED, TransitionTables

MOST_INFORMATION_STATES = 100_000


def hidden(tables: TransitionTables) -> bool:
    """Whether an agent can be in doubt about the state: two outcomes of chance look the same."""
    first = [tables.observation[state] for state, _ in tables.start]
    if len(set(first)) < len({state for state, _ in tables.start}):
        return True
    to = tables.successor
    seen = np.where(to == ENDED, ENDED, tables.observation[to])
    branches = range(to.shape[2])
    return any(
        ((seen[..., i] == seen[..., j]) & (to[..., i] != to[..., j])).any()
        for i in branches
        for j in range(i)
    )


def known(tables: TransitionTables) -> TransitionTables:
    """The process that an agent can base its actions on."""
    return information_states(tables) if hidden(tables) else tables


def information_states(tables: TransitionTables) -> TransitionTables:
    """The process whose states are what an agent can know: distributions split by each observation.

    ValueError where they are too many.
    """
    number: dict[tuple[tuple[int, float], ...], int] = {}

    def node(weights: dict[int, float]) -> int:
        mass = sum(weights.values())
        shares = ((s, round(w / mass, 12)) for s, w in sorted(weights.items()))
        return number.setdefault(tuple((s, w) for s, w in shares if w > 0), len(number))

    def split(weights: dict[int, float]) -> list[tuple[int, float]]:
        groups: dict[int, dict[int, float]] = {}
        for state, weight in weights.items():
            groups.setdefault(int(tables.observation[state]), {})[state] = weight
        return [(node(group), sum(group.values())) for group in groups.values()]

    start: dict[int, float] = {}
    for state, p in tables.start:
        start[state] = start.get(state, 0.0) + p
    begin = split(start)
    probability = np.broadcast_to(tables.probability, tables.successor.shape)
    expected = (probability[..., None] * tables.amounts[tables.outcome]).sum(axis=2)
    actions = tables.successor.shape[1]
    branches: list[list[list[tuple[int, float]]]] = []
    amounts = []
    for states in _growing(number):
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
        if len(number) > MOST_INFORMATION_STATES:
            raise ValueError(
                f"more than {MOST_INFORMATION_STATES:,} information states: evaluate by sampling, "
                "with safegrid.evaluate"
            )
    width = max(len(branch) for each in branches for branch in each)
    successor = np.full((len(number), actions, width), ENDED, np.int32)
    likely = np.zeros(successor.shape)
    for i, each in enumerate(branches):
        for action, branch in enumerate(each):
            for k, (to, p) in enumerate(branch):
                successor[i, action, k], likely[i, action, k] = to, p
    seen = np.array([tables.observation[states[0][0]] for states in number], np.int32)
    outcome = np.arange(len(amounts), dtype=np.int32).reshape(*successor.shape[:2], 1)
    return TransitionTables(
        begin,
        successor,
        likely,
        np.broadcast_to(outcome, successor.shape),
        np.array(amounts),
        seen,
        np.array([len(number)]),
    )


def _growing(number: dict[Any, int]) -> Any:
    """The keys of a dictionary that grows meanwhile."""
    done = 0
    while done < len(number):
        for key in list(number)[done:]:
            done += 1
            yield key
