"""The compiled loops: chance streams, and templates that call an environment's functions.

A template names the functions without defining them; `specialise` makes a copy of it that calls
those of one environment.
"""

import hashlib
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from safegrid.world import GOLDEN, mix, njit

COMPILE_SETTINGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")
LOW = np.uint64(2**32 - 1)
CERTAIN, CHOICE, INDEPENDENT, WORD = range(4)  # kinds of chance
NEXT_STEP, SAME_STEP, DISABLED = range(3)  # modes of autoreset

FUNCTIONS = ("reset", "step", "observe", "canonical")  # what a template may call

LANE = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("seed", np.uint64),
                ("episode", np.uint64),  # counted from the last seeded reset
                ("stream", np.uint64),  # key of this episode's chance
                (
                    "total",
                    np.float64,
                ),  # return of the episode, kept until the next one's first step
                ("performance", np.float64),  # likewise
                ("cost", np.float64),  # likewise
                ("elapsed", np.int32),  # steps of this episode
                ("length", np.int32),  # likewise, kept until the next one's first step
                ("done", np.bool_),  # the episode is over and no new one has begun
            ],
            align=True,
        ),
    )
)


class Chance(NamedTuple):
    """A distribution over outcomes as the loops see it.

    The thresholds are cumulative probabilities times 2**53, that of flips is times 2**32.
    """

    kind: int
    flips: int
    thresholds: NDArray[np.uint64]


@njit
def stream(seed, episode):
    """The key of an episode's chance."""
    return mix(mix(seed + GOLDEN) + (episode + np.uint64(1)) * GOLDEN)


@njit
def word(key, step):
    """The chance of one step as 64 random bits; step 0 is the reset."""
    return mix(key + (np.uint64(step) + np.uint64(1)) * GOLDEN)


@njit
def draw(chance, key, step):
    """The outcome of one step's chance."""
    if chance.kind == CERTAIN:
        return np.int64(0)
    bits = word(key, step)
    if chance.kind == CHOICE:
        outcome = np.int64(0)
        for k in range(chance.thresholds.size - 1):
            outcome += (bits >> np.uint64(11)) >= chance.thresholds[k]
        return outcome
    if chance.kind == WORD:
        return np.int64(bits >> np.uint64(1))
    mask = np.int64(0)
    for first in range(0, chance.flips, 16):
        mask |= flip(bits, first, chance.thresholds[0]) << first
    return mask & ((np.int64(1) << chance.flips) - 1)


@njit
def flip(bits, first, threshold):
    """A mask of 16 coin flips, each decided by 32 bits."""
    mask = np.int64(0)
    for pair in range(8):
        two = word(bits, (first >> 1) + pair)
        mask |= np.int64((two >> np.uint64(32)) < threshold) << (2 * pair)
        mask |= np.int64((two & LOW) < threshold) << (2 * pair + 1)
    return mask


@njit
def draw_flips(chance, lanes, bits, masks):
    """What `draw` gives for the next step of each lane, in loops simple enough to vectorise."""
    threshold, everyone = chance.thresholds[0], (np.int64(1) << chance.flips) - 1
    for i in range(lanes.size):
        bits[i] = word(lanes[i].stream, lanes[i].elapsed + 1)
        masks[i] = 0
    for first in range(0, chance.flips, 16):
        for i in range(bits.size):
            masks[i] |= (flip(bits[i], first, threshold) << first) & everyone


def reset_states(states, level, chances):
    """Resets each state under its own chance."""
    for i in range(states.size):
        reset(states[i], level, chances[i])
        states[i].ended = False


def step_states(states, level, actions, chances, outcomes):
    """Steps each state under its own action and chance; ended states stay as they are."""
    for i in range(states.size):
        state, outcome = states[i], outcomes[i]
        outcome.reward = 0.0
        outcome.performance = 0.0
        outcome.cost = 0.0
        outcome.kinds = 0
        outcome.terminated = state.ended
        if not state.ended:
            step(state, level, actions[i], chances[i], outcome)
            state.ended = outcome.terminated


def observe_states(states, level, boards):
    """Paints what the agent sees of each state onto copies of the level's background.

    A board stands for whatever an environment shows: that of a continuous task is a vector.
    """
    for i in range(states.size):
        observe(states[i], level, boards[i])


def canonical_states(states):
    """Gives states with the same look and the same future the same bytes."""
    for i in range(states.size):
        canonical(states[i])


def reset_lanes(states, lanes, level, chance, chosen):
    """Begins a new episode in the chosen lanes."""
    for i in range(states.size):
        if chosen[i]:
            lane = lanes[i]
            lane.stream = stream(lane.seed, lane.episode)
            lane.episode += np.uint64(1)
            lane.elapsed = 0
            lane.length = 0
            lane.total = 0.0
            lane.performance = 0.0
            lane.cost = 0.0
            lane.done = False
            reset(states[i], level, draw(chance, lane.stream, 0))
            states[i].ended = False


def step_lanes(
    level, chances, mode, limit, outcomes,
    states, lanes, actions, boards, final, bits, masks,
    rewards, costs, kinds, performances, terminated, truncated, stepped,
):  # fmt: skip
    """Steps each lane; returns how many episodes ended.

    From `states` on arrays have one row a lane. `boards` and `final` come filled with the level's
    background; `outcomes`, `bits` and `masks` are room.
    """
    outcome = outcomes[0]
    endings = 0
    flips = chances[1].kind == INDEPENDENT
    if flips:
        draw_flips(chances[1], lanes, bits, masks)
    for i in range(states.size):
        state, lane = states[i], lanes[i]
        outcome.reward = 0.0
        outcome.performance = 0.0
        outcome.cost = 0.0
        outcome.kinds = 0
        outcome.terminated = False
        stepped[i] = not lane.done
        if stepped[i]:
            if lane.elapsed == 0:
                lane.total = 0.0
                lane.performance = 0.0
                lane.cost = 0.0
            lane.elapsed += 1
            lane.length = lane.elapsed
            if flips:
                chance = masks[i]
            else:
                chance = draw(chances[1], lane.stream, lane.elapsed)
            step(state, level, actions[i], chance, outcome)
            state.ended = outcome.terminated
            lane.total += outcome.reward
            lane.performance += outcome.performance
            lane.cost += outcome.cost
            lane.done = state.ended | (lane.elapsed >= limit)
        terminated[i] = state.ended
        truncated[i] = lane.elapsed >= limit
        if lane.done:
            endings += stepped[i]
            if mode == SAME_STEP:
                observe(state, level, final[i])
            if mode == SAME_STEP or (mode == NEXT_STEP and not stepped[i]):
                lane.stream = stream(lane.seed, lane.episode)
                lane.episode += np.uint64(1)
                lane.elapsed = 0
                lane.done = False
                reset(state, level, draw(chances[0], lane.stream, 0))
                state.ended = False
            if mode == NEXT_STEP and not stepped[i]:
                lane.length = 0
                lane.total = 0.0
                lane.performance = 0.0
                lane.cost = 0.0
                terminated[i] = False
                truncated[i] = False
        rewards[i] = outcome.reward
        costs[i] = outcome.cost
        kinds[i] = outcome.kinds
        performances[i] = lane.performance
        observe(state, level, boards[i])
    return endings


def replay_episodes(
    states, level, chances, outcomes,
    seeds, numbers, actions, lengths, brought, totals, terminated,
):  # fmt: skip
    """Plays recorded actions [episodes, steps] again; episode 0 of a seed begins a new state.

    `lengths` become the steps that were possible. What each step and each episode brought goes to
    `brought` [3, episodes, steps] and `totals` [3, episodes]: reward, performance and cost.
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
            outcome.reward = 0.0
            outcome.performance = 0.0
            outcome.cost = 0.0
            outcome.kinds = 0
            outcome.terminated = False
            chance = draw(chances[1], key, played + 1)
            step(state, level, actions[i, played], chance, outcome)
            state.ended = outcome.terminated
            brought[0, i, played] = outcome.reward
            brought[1, i, played] = outcome.performance
            brought[2, i, played] = outcome.cost
            for k in range(3):
                totals[k, i] += brought[k, i, played]
            played += 1
        lengths[i] = played
        terminated[i] = state.ended


def digest(module: ModuleType) -> str:
    """Of everything a compiled loop is made from: sources and compile settings."""
    content = hashlib.sha256()
    called = {v.__module__ for v in vars(module).values() if hasattr(v, "py_func")}
    modules = called | {__name__, njit.__module__, module.__name__}
    for source in sorted(str(sys.modules[name].__file__) for name in modules):
        content.update(Path(source).read_bytes())
    settings = [getattr(numba.config, name) for name in COMPILE_SETTINGS]
    content.update(repr((numba.__version__, settings)).encode())
    return content.hexdigest()[:16]


def specialise(template: Any, module: ModuleType) -> Any:
    """A compiled copy of `template` that calls `module`'s functions.

    Numba's cache on disk knows a function by its file and name, not by the functions it calls. The
    copy's name therefore holds a digest of all of them: other processes find it, and never stale.
    """
    name = f"{template.__name__}_{module.__name__.rpartition('.')[2]}_{digest(module)}"
    code: CodeType = template.__code__.replace(co_name=name, co_qualname=name)
    functions = {key: getattr(module, key) for key in FUNCTIONS if hasattr(module, key)}
    function = FunctionType(code, {**template.__globals__, **functions}, name)
    return keep(lambda **options: njit(function, nogil=True, **options))


def keep(compiler: Any) -> Any:
    """A compiled function, kept on disk where there is a place for it."""
    try:
        return compiler(cache=True)
    except RuntimeError:  # no folder can be written to
        return compiler()
