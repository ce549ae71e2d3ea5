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
    settled: Dynamics, reset_chance: int | None = None, most: int = MOST_STATES
) -> Enumeration:
    """The tables of every state within reach of a reset, or of one outcome of it.

    States that the environment's `canonical` makes equal are one. ValueError where the outcomes of
    chance or the states are more than can be listed.
    """
    steps, resets = (_outcomes(settled, which) for which in ("step", "reset"))
    if reset_chance is not None:
        known = count_outcomes(settled.reset_chance)
        if not 0 <= reset_chance < known:
            raise ValueError(f"reset_chance is {reset_chance!r}: choose from 0 to {known - 1}")
        resets = [(reset_chance, 1.0)]
    states: NDArray[Any] = np.zeros(len(resets), settled.state_type)
    chances = np.array([chance for chance, _ in resets])
    settled.compiled(kernels.reset_states)(states, settled.level, chances)
    widths = states.itemsize, *[settled.level.board.size] * 2, AMOUNTS * np.float64().itemsize
    met = _Known(*map(RowIndex, widths))
    first = met.states(canonical(settled, states))
    start = [(int(state), p) for state, (_, p) in zip(first, resets, strict=True)]
    parts: list[tuple[NDArray[np.int32], ...]] = []
    done, reach = 0, [met.states.count]
    while done < met.states.count:
        chunk = met.states.rows[done : min(reach[-1], done + CHUNK)].copy()
        done += len(chunk)
        parts.append(_expand(settled, chunk, [chance for chance, _ in steps], met))
        if done == reach[-1]:
            reach.append(met.states.count)
        if met.states.count > most:
            raise ValueError(
                f"{settled.name} level {settled.level_name} has more than {most:,} states "
                f"({met.states.count:,} seen): evaluate by sampling, with safegrid.evaluate"
            )
    successor, outcome, observation = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    tables = TransitionTables(
        start,
        successor,
        np.array([[[p for _, p in steps]]]),
        outcome,
        met.amounts.rows[: met.amounts.count].view(np.float64),
        observation,
        np.array(reach[:-1]),
    )
    finals = met.finals.rows[: met.finals.count]
    boards, finals = (
        seen.reshape(-1, *settled.level.board.shape)
        for seen in (met.boards.rows[: met.boards.count], finals[met.boards.find(finals) < 0])
    )
    rows = met.states.rows[: met.states.count].view(settled.state_type).reshape(-1)
    return Enumeration(
        tables, rows, boards, finals, chances.tolist(), [chance for chance, _ in steps]
    )


def enumerate_all(settled: Dynamics) -> Enumeration:
    """As `enumerate_states`. ValueError also where earlier episodes lead to states beyond these."""
    if getattr(settled.module, "MEMORY", ()):
        raise ValueError(f"{settled.name} remembers earlier episodes: its states cannot be listed")
    return enumerate_states(settled)


def _outcomes(settled: Dynamics, which: str) -> list[tuple[int, float]]:
    declared = getattr(settled, f"{which}_chance")
    outcomes, count = list_outcomes(declared), count_outcomes(declared)
    if outcomes is None or len(outcomes) > MOST_OUTCOMES:
        raise ValueError(
            f"{settled.name} has {count:,} outcomes of chance at each {which}, more than the "
            f"{MOST_OUTCOMES} that can be listed: evaluate by sampling, with safegrid.evaluate"
        )
    return outcomes


def _expand(
    settled: Dynamics, chunk: NDArray[np.uint8], steps: list[int], met: _Known
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Successors, outcomes and observations of some states."""
    shape = (len(chunk), len(settled.actions), len(steps))
    each = shape[1] * shape[2]
    states = np.repeat(chunk, each, axis=0).view(settled.state_type).reshape(-1)
    actions = np.tile(np.repeat(np.arange(shape[1]), shape[2]), shape[0])
    chances = np.tile(steps, shape[0] * shape[1])
    outcomes = np.zeros(len(states), OUTCOME)
    settled.compiled(kernels.step_states)(states, settled.level, actions, chances, outcomes)
    going = ~outcomes["terminated"]
    met.finals(_boards(settled, states[~going]))
    successor = np.full(len(states), ENDED, np.int32)
    successor[going] = met.states(canonical(settled, states)[going])
    outcome = met.amounts(as_bytes(outcomes)[:, : met.amounts.rows.shape[1]])
    seen = met.boards(_boards(settled, chunk.view(settled.state_type).reshape(-1)))
    return successor.reshape(shape), outcome.reshape(shape), seen


def canonical(settled: Dynamics, states: NDArray[Any]) -> NDArray[np.uint8]:
    """[states, bytes] of each state, made the same for those that make no difference."""
    if hasattr(settled.module, "canonical"):
        settled.compiled(kernels.canonical_states)(states)
    return as_bytes(states)


def _boards(settled: Dynamics, states: NDArray[Any]) -> NDArray[np.uint8]:
    """[states, cells] what is seen of them."""
    boards = np.repeat(settled.level.background[None], len(states), axis=0)
    settled.compiled(kernels.observe_states)(states, settled.level, boards)
    return boards.reshape(len(states), settled.level.board.size)
