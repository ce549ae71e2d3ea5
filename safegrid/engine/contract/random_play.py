"""Uniform play of an environment without its drivers, for checks of its functions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels
from safegrid.engine.chance import count_outcomes, list_outcomes
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.gridworld import OUTCOME

LANES, STEPS = 32, 40


class RandomStep(NamedTuple):
    """One step of random play in every lane: arrays [lanes]."""

    before: NDArray[Any]  # states
    actions: NDArray[Any]
    chances: NDArray[np.int64]  # outcomes of the step's chance
    after: NDArray[Any]  # states
    outcomes: NDArray[Any]  # records of OUTCOME


def draw_chances(declared: Any, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """int64[count]: random outcomes of a declared chance, those of probability 0 excluded."""
    listed = list_outcomes(declared)
    if listed is None:
        return random.integers(0, min(count_outcomes(declared), 2**62), count)
    return random.choice([outcome for outcome, _ in listed], count)


def random_play(dynamics: Dynamics, lanes: int = LANES, steps: int = STEPS) -> Iterator[RandomStep]:
    """The steps of uniform play in lanes side by side, without autoreset."""
    random = np.random.default_rng(0)
    states: NDArray[Any] = np.zeros(lanes, dynamics.state_type)
    chances = draw_chances(dynamics.reset_chance, lanes, random)
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    for _ in range(steps):
        actions = dynamics.random_actions(random, (lanes,))
        chances = draw_chances(dynamics.step_chance, lanes, random)
        after, outcomes = step(dynamics, states, actions, chances)
        yield RandomStep(states, actions, chances, after, outcomes)
        states = after


def step(
    dynamics: Dynamics, states: NDArray[Any], actions: Any, chances: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The next states [n] and records [n] of OUTCOME.

    dynamics: of the level. states, actions, chances: [n], one of each for every step.
    """
    states, outcomes = states.copy(), np.zeros(len(states), OUTCOME)
    dynamics.compiled(kernels.step_states)(states, dynamics.level, actions, chances, outcomes)
    return states, outcomes


def observe(
    dynamics: Dynamics, states: NDArray[Any], background: NDArray[Any] | None = None
) -> NDArray[Any]:
    """The boards uint8[n, rows, columns] of states, or vectors float64[n, numbers].

    background: what they are drawn over, or None for the level's own.
    """
    ground = dynamics.level.background if background is None else background
    boards = np.repeat(ground[None], len(states), axis=0)
    dynamics.compiled(kernels.observe_states)(states, dynamics.level, boards)
    return boards
