"""The compiled loops: templates that call an environment's functions for many states.

A template names the functions without defining them; `compiling.specialise` makes a copy of it that
calls those of one environment.
"""

import numpy as np

from safegrid.engine.chance import INDEPENDENT, draw, draw_flips, stream

NEXT_STEP, SAME_STEP, DISABLED = range(3)  # modes of autoreset


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
