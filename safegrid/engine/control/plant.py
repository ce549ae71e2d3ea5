"""The plant of a control task: its level, its state, and what lies between it and the agent.

Actions and observations may be delayed and noisy (Dulac-Arnold et al. 2021, Challenges of
real-world reinforcement learning, section 2). Each is kept in a queue of the state, newest first.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.compiling import njit
from safegrid.engine.control.elementary import normal
from safegrid.engine.plane.robot import clip

MOST_DELAY = 10  # steps
ACTION_DRAWS, SIGNAL_DRAWS = 64, 128  # numbers of the first normal deviates of noise in a step


class Plant(NamedTuple):
    """A level of a control task as the compiled functions take it."""

    background: NDArray[np.float64]  # [numbers of an observation] zeros, for `observe` to fill
    delays: NDArray[np.int64]  # [2] steps, of actions and of observations
    noise: NDArray[np.float64]  # [2] standard deviations, on actions and on observations
    parameters: NDArray[np.float64]  # [n] the task's own numbers


def plant(task: Any, signals: int, *parameters: float) -> Plant:
    """The plant of a level.

    task: with `action_delay`, `observation_delay`, `action_noise` and `observation_noise`. signals:
    numbers of an observation. parameters: the task's own numbers.
    """
    return Plant(
        np.zeros(signals),
        np.array([task.action_delay, task.observation_delay]),
        np.array([task.action_noise, task.observation_noise], np.float64),
        np.array(parameters, np.float64),
    )


def state_dtype(body: int, actions: int, signals: int) -> np.dtype[np.record]:
    """The record of a control task's state.

    body, actions, signals: how many numbers the body, an action and an observation have.
    """
    fields: list[Any] = [
        ("body", np.float64, (body,)),  # positions and their rates, as the environment says
        ("inputs", np.float64, (MOST_DELAY + 1, actions)),  # the latest ones, newest first
        ("signals", np.float64, (MOST_DELAY + 1, signals)),  # the latest ones, newest first
        ("ended", np.bool_),
    ]
    return np.dtype((np.record, np.dtype(fields, align=True)))  # type: ignore[return-value]


def check_task(task: Any, positive: tuple[str, ...] = (), shares: tuple[str, ...] = ()) -> None:
    """ValueError for an option that must be above 0 or at most 1, and is not, and for a long delay.

    positive: the names of options that must be above 0. shares: of those that are at most 1.
    """
    for names, fits, wanted in (
        (positive, lambda value: value > 0, "a number above 0"),
        (shares, lambda value: value <= 1, "a number from 0 to 1"),
        (
            ("action_delay", "observation_delay"),
            lambda value: value <= MOST_DELAY,
            f"a whole number of steps from 0 to {MOST_DELAY}",
        ),
    ):
        for name in names:
            if not fits(getattr(task, name)):
                raise ValueError(f"{name} is {getattr(task, name)!r}: choose {wanted}")


@njit
def shift(queue, count):
    """Moves the first `count` entries of a queue [n, numbers] to the next place."""
    for k in range(count, 0, -1):
        for i in range(queue.shape[1]):
            queue[k, i] = queue[k - 1, i]


@njit
def begin(state, level, chance, values):
    """Fills the queues at a reset: actions are zero, and all observations are the first one."""
    state.inputs[:] = 0.0
    state.signals[:] = 0.0
    measure(state, level, chance, values)
    for _ in range(level.delays[1]):
        shift(state.signals, level.delays[1])


@njit
def actuate(state, level, action, chance):
    """Puts an action, with its noise, into the queue; returns the number of the one that acts now.

    action: numbers from -1 to 1, which they are with noise as well. chance: of the step.
    """
    shift(state.inputs, level.delays[0])
    for k in range(state.inputs.shape[1]):
        value = action[k]
        if level.noise[0] > 0:
            value = clip(value + level.noise[0] * normal(chance, ACTION_DRAWS + k), 1.0)
        state.inputs[0, k] = value
    return level.delays[0]


@njit
def measure(state, level, chance, values):
    """Puts an observation, with its noise, into the queue.

    values: the numbers of the observation, a tuple. chance: of the step.
    """
    shift(state.signals, level.delays[1])
    for k in range(state.signals.shape[1]):
        value = values[k]
        if level.noise[1] > 0:
            value += level.noise[1] * normal(chance, SIGNAL_DRAWS + k)
        state.signals[0, k] = value


@njit
def observe(state, level, vector):
    """Writes what is observed into `vector`."""
    for k in range(vector.size):
        vector[k] = state.signals[level.delays[1], k]
