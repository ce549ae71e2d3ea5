"""The explicit model of a level as tables: every reachable state, action and outcome of chance."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels
from safegrid.engine.chance import ENUMERABLE, count_outcomes, list_outcomes
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.row_index import RowIndex, as_bytes

MOST_STATES = 20_000_000
MOST_BYTES = 1 << 31  # of the states that may be listed
MOST_OUTCOMES = {"reset": ENUMERABLE, "step": 64}  # of chance that are listed
INSTEAD = "use safegrid.evaluate, and agents that need no table of states"
CHUNK = 1 << 16  # states expanded at once
AMOUNTS = ["reward", "performance", "cost", "violation"]
ENDED = -1  # as a successor: the episode has ended


class TransitionTables(NamedTuple):
    """A decision process with numbered states, in the order of their distance from a start.

    A branch is one outcome of chance: taking an action leads with its probability to its successor.
    """

    start: list[tuple[int, float]]  # states in which episodes begin, with their probabilities
    successor: NDArray[
        np.int32
    ]  # [states, actions, branches] a state, or -1 where the episode ends
    probability: NDArray[np.float64]  # [states, actions, branches], or [1, 1, branches] for all
    outcome: NDArray[np.int32]  # [states, actions, branches] a row of `amounts`
    amounts: NDArray[np.float64]  # [outcomes, 3] reward, performance and cost
    observation: NDArray[np.int32]  # [states] the number of the observation, equal for equal boards
    reach: NDArray[np.int64]  # [depths] the first reach[d] states are within d steps of a start


class Enumeration(NamedTuple):
    """The tables of a level with the states and boards that their numbers stand for."""

    tables: TransitionTables
    states: NDArray[Any]  # [states] records
    boards: NDArray[np.uint8]  # [observations, rows, columns] the distinct boards, by number
    finals: NDArray[np.uint8]  # [n, rows, columns] the boards that only ended episodes have
    resets: list[int]  # the outcome of chance of each start of the tables
    steps: list[int]  # the outcome of chance of each branch
    violations: NDArray[np.bool_]  # [outcomes] whether the step was a violation


class _Indexes(NamedTuple):
    """The numbers of all rows that the enumeration has come to so far."""

    states: RowIndex
    boards: RowIndex  # of running episodes
    finals: RowIndex  # the boards of ended episodes
    amounts: RowIndex


def enumerate_states(
    dynamics: Dynamics,
    reset_chance: int | None = None,
    most: int = MOST_STATES,
    before: np.void | None = None,
) -> Enumeration:
    """The tables of all states that can be reached from a reset.

    States that the environment's `canonical` makes equal count as one. dynamics: of the level.
    reset_chance: one outcome of the reset, or None for all. most: states that may be listed.
    before: for environments with memory, the state in which the episode before ended, a record;
    None for the first episode. ValueError for a continuous task, for too many states or outcomes of
    chance to list, and for a shipped level of an environment with declared bounds.
    """
    if dynamics.space != "discrete":
        raise ValueError(
            f"{dynamics.name} is a continuous task and cannot be solved: use safegrid.evaluate"
        )
    steps = _outcomes(dynamics, "step")
    if reset_chance is None:
        resets = _outcomes(dynamics, "reset")
    else:
        count = count_outcomes(dynamics.reset_chance)
        if not isinstance(reset_chance, Integral) or not 0 <= reset_chance < count:
            raise ValueError(f"reset_chance is {reset_chance!r}: choose from 0 to {count - 1}")
        resets = [(reset_chance, 1.0)]
    if dynamics.spec.bounds is not None and "map" not in dynamics.options:
        raise ValueError(
            f"{dynamics.name}, level {dynamics.level_name}, has too many states to list and cannot "
            f"be solved: {INSTEAD}"
        )
    most = min(most, MOST_BYTES // dynamics.state_type.itemsize)
    cells = dynamics.level.board.size
    widths = dynamics.state_type.itemsize, cells, cells, len(AMOUNTS) * np.float64().itemsize
    indexes = _Indexes(*map(RowIndex, widths))
    start = _begin(dynamics, resets, indexes, before)
    (successor, outcome, observation), reach = _explore(
        dynamics, [chance for chance, _ in steps], indexes, most
    )
    amounts = indexes.amounts.rows[: indexes.amounts.count].view(np.float64)
    tables = TransitionTables(
        start,
        successor,
        np.array([[[p for _, p in steps]]]),
        outcome,
        amounts[:, :3].copy(),
        observation,
        reach,
    )
    return _collect(dynamics, tables, indexes, resets, steps, amounts[:, 3] > 0)


def _begin(
    dynamics: Dynamics,
    resets: list[tuple[int, float]],
    indexes: _Indexes,
    before: np.void | None,
) -> list[tuple[int, float]]:
    """The numbers of the states in which episodes begin, with their probabilities."""
    states: NDArray[Any] = np.zeros(len(resets), dynamics.state_type)
    if before is not None:
        states[:] = before
    chances = np.array([chance for chance, _ in resets])
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    first = indexes.states(canonical(dynamics, states))
    return [(int(state), p) for state, (_, p) in zip(first, resets, strict=True)]


def _explore(
    dynamics: Dynamics, steps: list[int], indexes: _Indexes, most: int
) -> tuple[list[NDArray[np.int32]], NDArray[np.int64]]:
    """Breadth-first search: successor, outcome and observation of all states; `reach`.

    dynamics: of the level. steps: outcomes of a step's chance. indexes: have the states of the
    start, get all others. most: states that may be listed.
    """
    parts: list[tuple[NDArray[np.int32], ...]] = []
    done, reach = 0, [indexes.states.count]
    while done < indexes.states.count:
        chunk = indexes.states.rows[done : min(reach[-1], done + CHUNK)].copy()
        done += len(chunk)
        parts.append(_expand(dynamics, chunk, steps, indexes))
        if done == reach[-1]:
            reach.append(indexes.states.count)
        if (count := indexes.states.count) > most:
            raise ValueError(
                f"{dynamics.name}, level {dynamics.level_name}, has more than {most:,} states "
                f"({count:,} so far) and cannot be solved: {INSTEAD}"
            )
    return [np.concatenate(column) for column in zip(*parts, strict=True)], np.array(reach[:-1])


def _collect(
    dynamics: Dynamics,
    tables: TransitionTables,
    indexes: _Indexes,
    resets: list[tuple[int, float]],
    steps: list[tuple[int, float]],
    violations: NDArray[np.bool_],
) -> Enumeration:
    """The tables with the states, boards and outcomes of chance that their numbers stand for."""
    boards, finals, states = (
        index.rows[: index.count] for index in (indexes.boards, indexes.finals, indexes.states)
    )
    finals = finals[indexes.boards.find(finals) < 0]
    shape = (-1, *dynamics.level.board.shape)
    records = states.view(dynamics.state_type).reshape(-1)
    of_resets, of_steps = ([chance for chance, _ in each] for each in (resets, steps))
    whole, ended = boards.reshape(shape), finals.reshape(shape)
    return Enumeration(tables, records, whole, ended, of_resets, of_steps, violations)


def enumerate_all(dynamics: Dynamics, most: int = MOST_STATES) -> Enumeration:
    """The tables of all states of a level, as `enumerate_states` gives them; most: as there.

    ValueError as there, and for memory of earlier episodes, which leads to further states.
    """
    if dynamics.spec.memory:
        raise ValueError(f"{dynamics.name} remembers earlier episodes: its states cannot be listed")
    return enumerate_states(dynamics, most=most)


def _outcomes(dynamics: Dynamics, which: str) -> list[tuple[int, float]]:
    declared = dynamics.reset_chance if which == "reset" else dynamics.step_chance
    outcomes, count = list_outcomes(declared), count_outcomes(declared)
    most = MOST_OUTCOMES[which]
    if outcomes is None or len(outcomes) > most:
        instead = INSTEAD
        if dynamics.evaluated is not dynamics:
            instead = "choose a map by level_seed"
        raise ValueError(
            f"{dynamics.name} has {count:,} outcomes of chance at each {which}, more than the "
            f"{most:,} that can be listed, and cannot be solved: {instead}"
        )
    return outcomes


def _expand(
    dynamics: Dynamics, chunk: NDArray[np.uint8], steps: list[int], indexes: _Indexes
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Successor, outcome and observation of some states.

    dynamics: of the level. chunk: the states' bytes [n, size]. steps: outcomes of a step's chance.
    indexes: get the states, boards and amounts that are new.
    """
    shape = (len(chunk), len(dynamics.actions), len(steps))
    each = shape[1] * shape[2]
    states = np.repeat(chunk, each, axis=0).view(dynamics.state_type).reshape(-1)
    actions = np.tile(np.repeat(np.arange(shape[1]), shape[2]), shape[0])
    chances = np.tile(steps, shape[0] * shape[1])
    outcomes = np.zeros(len(states), OUTCOME)
    dynamics.compiled(kernels.step_states)(states, dynamics.level, actions, chances, outcomes)
    running = ~outcomes["terminated"]
    indexes.finals(_boards(dynamics, states[~running]))
    successor = np.full(len(states), ENDED, np.int32)
    successor[running] = indexes.states(canonical(dynamics, states)[running])
    amounts = np.column_stack([outcomes[name] for name in AMOUNTS]).astype(np.float64)
    outcome = indexes.amounts(as_bytes(amounts))
    observation = indexes.boards(_boards(dynamics, chunk.view(dynamics.state_type).reshape(-1)))
    return successor.reshape(shape), outcome.reshape(shape), observation


def canonical(dynamics: Dynamics, states: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8[states, size]: the states' bytes after the environment's `canonical`, if it has one."""
    rows = as_bytes(states)
    if dynamics.spec.canonical is not None:
        rows = rows.copy()  # a copy of records would not have the bytes between their fields
        dynamics.compiled(kernels.canonical_states)(rows.view(states.dtype).reshape(-1))
    return rows


class StateNumbers:
    """The numbers of listed states, by their bytes after `canonical`.

    dynamics: of the level. states: as `enumerate_all` lists them.
    """

    def __init__(self, dynamics: Dynamics, states: NDArray[Any]):
        self._dynamics, self._index = dynamics, RowIndex(states.itemsize)
        self._index(canonical(dynamics, states))

    def __call__(self, states: NDArray[Any]) -> NDArray[np.int32]:
        """int32[n]: the number of each of states [n], or -1 for one that is not listed."""
        return self._index.find(canonical(self._dynamics, states))


def _boards(dynamics: Dynamics, states: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8[states, cells]: the boards of states."""
    boards = np.repeat(dynamics.level.background[None], len(states), axis=0)
    dynamics.compiled(kernels.observe_states)(states, dynamics.level, boards)
    return boards.reshape(len(states), dynamics.level.board.size)
