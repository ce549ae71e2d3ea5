"""The compiled loops: templates that call an environment's functions for many states.

A template calls `reset`, `step`, `observe`, `canonical` or `violates` without defining them;
`compiling.specialise` makes a compiled copy of it that calls those of one environment.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import INDEPENDENT, draw, draw_flips, stream
from safegrid.engine.compiling import njit

NEXT_STEP, SAME_STEP, DISABLED = range(3)  # modes of autoreset


LANE = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("seed", np.uint64),
                ("episode", np.uint64),  # counted from the last seeded reset
                ("stream", np.uint64),  # key of this episode's chance
                ("total", np.float64),  # return, kept until the next episode has begun
                ("performance", np.float64),  # sum, kept as long
                ("cost", np.float64),  # sum, kept as long
                ("elapsed", np.int32),  # steps of this episode
                ("length", np.int32),  # steps, kept as long as the sums
                ("violated", np.bool_),  # whether any step was a violation, kept as long
                ("done", np.bool_),  # the episode is over and no new one has begun
            ],
            align=True,
        ),
    )
)


class Rows(NamedTuple):
    """What `step_lanes` reads and writes: arrays with one row for each lane, sharing no memory."""

    states: NDArray[Any]
    records: NDArray[Any]  # of LANE
    actions: NDArray[Any]
    boards: NDArray[Any]  # copies of the level's background; become the boards after the step
    final: NDArray[Any]  # copies of it; in same_step mode become last boards of ended episodes
    bits: NDArray[np.uint64]  # scratch
    masks: NDArray[np.int64]  # scratch
    reward: NDArray[np.float64]
    cost: NDArray[np.float64]
    kinds: NDArray[np.uint8]
    performance: NDArray[np.float64]  # of the episode so far
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    stepped: NDArray[np.bool_]


@njit
def clear(outcome):
    """Sets an outcome to zero."""
    outcome.reward = 0.0
    outcome.performance = 0.0
    outcome.cost = 0.0
    outcome.kinds = 0
    outcome.terminated = False
    outcome.violation = False


@njit
def clear_sums(record):
    """Sets the length and the sums of a lane's episode to zero."""
    record.length = 0
    record.total = 0.0
    record.performance = 0.0
    record.cost = 0.0
    record.violated = False


@njit
def begin(record):
    """Begins a lane's next episode under a chance stream of its own; keeps the last one's sums."""
    record.stream = stream(record.seed, record.episode)
    record.episode += np.uint64(1)
    record.elapsed = 0
    record.done = False


def reset_states(states, level, chances):
    """Resets each state under its own chance."""
    for i in range(states.size):
        reset(states[i], level, chances[i])
        states[i].ended = False


def step_states(states, level, actions, chances, outcomes):
    """Steps each state under its own action and chance; ended states stay as they are."""
    for i in range(states.size):
        state, outcome = states[i], outcomes[i]
        clear(outcome)
        outcome.terminated = state.ended
        if not state.ended:
            step(state, level, actions[i], chances[i], outcome)
            state.ended = outcome.terminated
            outcome.violation = violates(state, level, outcome)


def observe_states(states, level, boards):
    """Writes the board of each state into `boards`, copies of the level's background.

    The board of a continuous task is its vector of observed numbers.
    """
    for i in range(states.size):
        observe(states[i], level, boards[i])


def canonical_states(states):
    """Makes states equal, byte by byte, that have the same board and the same future."""
    for i in range(states.size):
        canonical(states[i])


def reset_lanes(states, records, level, chance, chosen):
    """Begins a new episode in the chosen lanes."""
    for i in range(states.size):
        if chosen[i]:
            begin(records[i])
            clear_sums(records[i])
            reset(states[i], level, draw(chance, records[i].stream, 0))
            states[i].ended = False


def step_lanes(level, chances, mode, limit, outcomes, rows):
    """Steps each lane; returns how many episodes ended.

    level: of the environment. chances: of the reset and of a step. mode: of autoreset. limit: steps
    of an episode. outcomes: scratch, one outcome. rows: the arrays of the lanes.
    """
    # unpacked into variables that the compiler knows to be constant in the loop
    states, records, actions, boards, final, bits, masks = rows[:7]
    rewards, costs, kinds, performances, terminated, truncated, stepped = rows[7:]
    outcome = outcomes[0]
    endings = 0
    flips = chances[1].kind == INDEPENDENT
    if flips:
        draw_flips(chances[1], records, bits, masks)
    for i in range(states.size):
        state, record = states[i], records[i]
        clear(outcome)
        stepped[i] = not record.done
        if stepped[i]:
            if record.elapsed == 0:
                clear_sums(record)
            record.elapsed += 1
            record.length = record.elapsed
            if flips:
                chance = masks[i]
            else:
                chance = draw(chances[1], record.stream, record.elapsed)
            step(state, level, actions[i], chance, outcome)
            state.ended = outcome.terminated
            record.total += outcome.reward
            record.performance += outcome.performance
            record.cost += outcome.cost
            record.violated |= violates(state, level, outcome)
            record.done = state.ended | (record.elapsed >= limit)
        terminated[i] = state.ended
        truncated[i] = record.elapsed >= limit
        if record.done:
            endings += stepped[i]
            if mode == SAME_STEP:
                observe(state, level, final[i])
            if mode == SAME_STEP or (mode == NEXT_STEP and not stepped[i]):
                begin(record)
                reset(state, level, draw(chances[0], record.stream, 0))
                state.ended = False
            if mode == NEXT_STEP and not stepped[i]:
                clear_sums(record)
                terminated[i] = False
                truncated[i] = False
        rewards[i] = outcome.reward
        costs[i] = outcome.cost
        kinds[i] = outcome.kinds
        performances[i] = record.performance
        observe(state, level, boards[i])
    return endings


def replay_episodes(
    states, level, chances, outcomes,
    seeds, numbers, actions, lengths, amounts, totals, terminated,
):  # fmt: skip
    """Plays recorded episodes again.

    states: zeros, one for each seed. level, chances: as for `step_lanes`. outcomes: scratch, one
    outcome. seeds, numbers: [episodes] the seed of each one's lane, and its number since that seed;
    number 0 begins a new state. actions: [episodes, steps]. lengths: [episodes] recorded; become
    the steps until the end. amounts, totals: [3, episodes, steps] and [3, episodes] zeros; become
    reward, performance and cost. terminated: [episodes] becomes whether each one terminated.
    """
    outcome = outcomes[0]
    lane = -1
    for i in range(seeds.size):
        lane += numbers[i] == 0
        state = states[lane]
        key = stream(seeds[i], np.uint64(numbers[i]))
        reset(state, level, draw(chances[0], key, 0))
        state.ended = False
        played = 0
        while played < lengths[i] and not state.ended:
            clear(outcome)
            chance = draw(chances[1], key, played + 1)
            step(state, level, actions[i, played], chance, outcome)
            state.ended = outcome.terminated
            amounts[0, i, played] = outcome.reward
            amounts[1, i, played] = outcome.performance
            amounts[2, i, played] = outcome.cost
            for k in range(3):
                totals[k, i] += amounts[k, i, played]
            played += 1
        lengths[i] = played
        terminated[i] = state.ended
