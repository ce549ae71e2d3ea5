"""Every state that can be reached, every action and chance: the model of a level as tables."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels
from safegrid.engine.chance import count_outcomes, list_outcomes
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.row_index import RowIndex, as_bytes

MOST_STATES = 20_000_000
MOST_OUTCOMES = 64
CHUNK = 1 << 16  # states expanded at once
AMOUNTS = 3  # reward, performance and cost: the first fields of an outcome
ENDED = -1  # as a successor: the episode is over


class TransitionTables(NamedTuple):
    """A decision process with numbered states.

    Branch k of an action has `probability`, `successor` and `outcome`.
    """

    start: list[tuple[int, float]]  # states in which episodes begin, with their probabilities
    successor: NDArray[np.int32]  # [states, actions, branches], -1 where the episode ends
    probability: NDArray[np.float64]  # the same, or one for all: [1, 1, branches]
    outcome: NDArray[np.int32]  # [states, actions, branches] the row of amounts that it brings
    amounts: NDArray[np.float64]  # [outcomes, 3] reward, performance and cost
    observation: NDArray[np.int32]  # [states] which of the distinct observations is seen
    reach: NDArray[np.int64]  # [depths] how many states, the first, are within d steps of a start


class Enumeration(NamedTuple):
    """The tables of a level with the states and boards that their numbers stand for."""

    tables: TransitionTables
    states: NDArray[Any]  # [states] records
    boards: NDArray[np.uint8]  # [observations, rows, columns] the distinct boards, as first met
    finals: NDArray[np.uint8]  # [n, rows, columns] the boards that are seen only after the end
    resets: list[int]  # the outcome of chance that each start of the tables stands for
    steps: list[int]  # likewise each branch


class _Known(NamedTuple):
    """What has been met so far."""

    states: RowIndex
    boards: RowIndex  # of running episodes
    finals: RowIndex  # the boards after the end
    amounts: RowIndex


def enumerate_states(
    dynamics: Dynamics, reset_chance: int | None = None, most: int = MOST_STATES
) -> Enumeration:
    """The tables of every state within reach of a reset, or of one outcome of it.

    States that the environment's `canonical` makes equal are one. dynamics: of the level.
    reset_chance: one outcome of the reset, or None for all. most: states that may be listed.
    ValueError where the outcomes of chance or the states are more than can be listed.
    """
    if dynamics.space != "discrete":
        raise ValueError(
            f"{dynamics.name} is a continuous task and cannot be solved: use safegrid.evaluate"
        )
    steps, resets = _outcomes(dynamics, "step"), _outcomes(dynamics, "reset")
    if reset_chance is not None:
        known = count_outcomes(dynamics.reset_chance)
        if not 0 <= reset_chance < known:
            raise ValueError(f"reset_chance is {reset_chance!r}: choose from 0 to {known - 1}")
        resets = [(reset_chance, 1.0)]
    cells = dynamics.level.board.size
    widths = dynamics.state_type.itemsize, cells, cells, AMOUNTS * np.float64().itemsize
    met = _Known(*map(RowIndex, widths))
    start = _begin(dynamics, resets, met)
    (successor, outcome, observation), reach = _explore(
        dynamics, [chance for chance, _ in steps], met, most
    )
    tables = TransitionTables(
        start,
        successor,
        np.array([[[p for _, p in steps]]]),
        outcome,
        met.amounts.rows[: met.amounts.count].view(np.float64),
        observation,
        reach,
    )
    return _collect(dynamics, tables, met, resets, steps)


def _begin(
    dynamics: Dynamics, resets: list[tuple[int, float]], met: "_Known"
) -> list[tuple[int, float]]:
    """The numbers of the states in which episodes begin, with their probabilities."""
    states: NDArray[Any] = np.zeros(len(resets), dynamics.state_type)
    chances = np.array([chance for chance, _ in resets])
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    first = met.states(canonical(dynamics, states))
    return [(int(state), p) for state, (_, p) in zip(first, resets, strict=True)]


def _explore(
    dynamics: Dynamics, steps: list[int], met: "_Known", most: int
) -> tuple[list[NDArray[np.int32]], NDArray[np.int64]]:
    """Successors, outcomes and observations of all states, breadth first; states by depth."""
    parts: list[tuple[NDArray[np.int32], ...]] = []
    done, reach = 0, [met.states.count]
    while done < met.states.count:
        chunk = met.states.rows[done : min(reach[-1], done + CHUNK)].copy()
        done += len(chunk)
        parts.append(_expand(dynamics, chunk, steps, met))
        if done == reach[-1]:
            reach.append(met.states.count)
        if met.states.count > most:
            raise ValueError(
                f"{dynamics.name} level {dynamics.level_name} has more than {most:,} states "
                f"({met.states.count:,} seen): evaluate by sampling, with safegrid.evaluate"
            )
    return [np.concatenate(column) for column in zip(*parts, strict=True)], np.array(reach[:-1])


def _collect(
    dynamics: Dynamics,
    tables: TransitionTables,
    met: "_Known",
    resets: list[tuple[int, float]],
    steps: list[tuple[int, float]],
) -> Enumeration:
    """The tables with the states, boards and outcomes of chance that their numbers stand for."""
    finals = met.finals.rows[: met.finals.count]
    boards, finals = (
        seen.reshape(-1, *dynamics.level.board.shape)
        for seen in (met.boards.rows[: met.boards.count], finals[met.boards.find(finals) < 0])
    )
    rows = met.states.rows[: met.states.count].view(dynamics.state_type).reshape(-1)
    chances = [[chance for chance, _ in outcomes] for outcomes in (resets, steps)]
    return Enumeration(tables, rows, boards, finals, *chances)


def enumerate_all(dynamics: Dynamics) -> Enumeration:
    """As `enumerate_states`. ValueError also where earlier episodes lead to states beyond these."""
    if dynamics.spec.memory:
        raise ValueError(f"{dynamics.name} remembers earlier episodes: its states cannot be listed")
    return enumerate_states(dynamics)


def _outcomes(dynamics: Dynamics, which: str) -> list[tuple[int, float]]:
    declared = dynamics.reset_chance if which == "reset" else dynamics.step_chance
    outcomes, count = list_outcomes(declared), count_outcomes(declared)
    if outcomes is None or len(outcomes) > MOST_OUTCOMES:
        raise ValueError(
            f"{dynamics.name} has {count:,} outcomes of chance at each {which}, more than the "
            f"{MOST_OUTCOMES} that can be listed: evaluate by sampling, with safegrid.evaluate"
        )
    return outcomes


def _expand(
    dynamics: Dynamics, chunk: NDArray[np.uint8], steps: list[int], met: _Known
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Successors, outcomes and observations of some states."""
    shape = (len(chunk), len(dynamics.actions), len(steps))
    each = shape[1] * shape[2]
    states = np.repeat(chunk, each, axis=0).view(dynamics.state_type).reshape(-1)
    actions = np.tile(np.repeat(np.arange(shape[1]), shape[2]), shape[0])
    chances = np.tile(steps, shape[0] * shape[1])
    outcomes = np.zeros(len(states), OUTCOME)
    dynamics.compiled(kernels.step_states)(states, dynamics.level, actions, chances, outcomes)
    going = ~outcomes["terminated"]
    met.finals(_boards(dynamics, states[~going]))
    successor = np.full(len(states), ENDED, np.int32)
    successor[going] = met.states(canonical(dynamics, states)[going])
    outcome = met.amounts(as_bytes(outcomes)[:, : met.amounts.rows.shape[1]])
    seen = met.boards(_boards(dynamics, chunk.view(dynamics.state_type).reshape(-1)))
    return successor.reshape(shape), outcome.reshape(shape), seen


def canonical(dynamics: Dynamics, states: NDArray[Any]) -> NDArray[np.uint8]:
    """[states, bytes] of each state, made the same for those that make no difference."""
    if dynamics.spec.canonical is not None:
        dynamics.compiled(kernels.canonical_states)(states)
    return as_bytes(states)


def _boards(dynamics: Dynamics, states: NDArray[Any]) -> NDArray[np.uint8]:
    """[states, cells] what is seen of them."""
    boards = np.repeat(dynamics.level.background[None], len(states), axis=0)
    dynamics.compiled(kernels.observe_states)(states, dynamics.level, boards)
    return boards.reshape(len(states), dynamics.level.board.size)
