"""Policy x environment -> recorded episodes; one of the few places that read performance."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from safegrid.engine.chance import GOLDEN, derive_seeds, mix_words
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.lanes import Lanes, horizon
from safegrid.engine.observations import Encoder
from safegrid.engine.registry import Policy, check_probabilities

NO_ACTION = 255  # after the end of an episode
EPISODES_PER_LANE = 10  # episodes of a lane whose memory outlives them


def evaluate(
    policy: Policy,
    name: str,
    episodes: int = 100,
    seed: int = 0,
    level: int | str = 0,
    max_episode_steps: int | None = None,
    **options: Any,
) -> np.recarray[Any, Any]:
    """Plays `episodes` episodes, a fixed number in each lane, so that short ones are not preferred.

    A lane plays one episode; where memory outlives episodes, it plays LIFE one after another.
    Returns one record an episode: `seed` (for `reset`), `episode` (its number since then),
    `actions` uint8[max_episode_steps] (255 after the end; of a continuous task float32[
    max_episode_steps, numbers], 0 after it), `return`, `performance`, `cost`, `length` and
    `ended` ("terminated" or "truncated"). The options are the environment's; ValueError for one
    that it has not, for probabilities that are none and for a policy of the other kind of actions.
    """
    dynamics = Dynamics(name, level, **options)
    rounds = EPISODES_PER_LANE if getattr(dynamics.module, "MEMORY", ()) else 1
    limit = horizon(name) if max_episode_steps is None else max_episode_steps
    lanes = Lanes(dynamics, -(-episodes // rounds), limit=limit)
    action = (np.float32, len(dynamics.actions)) if dynamics.continuous else np.uint8
    records: Any = np.recarray((lanes.count, rounds), record(limit, action))
    records["seed"] = derive_seeds(seed, "evaluate", lanes.count)[:, None]
    records["episode"] = np.arange(rounds)
    chance = derive_seeds(seed, "policy", lanes.count)
    for number in range(rounds):
        _play(policy, lanes, records[:, number], mix_words(chance + np.uint64(number)))
    return records.reshape(-1)[:episodes]  # type: ignore[no-any-return]


def _play(policy: Policy, lanes: Lanes, records: Any, chance: NDArray[np.uint64]) -> None:
    """One episode in every lane."""
    encode = Encoder(lanes.dynamics, policy.observation)
    number = int(records["episode"][0])
    boards = lanes.reset(records["seed"].copy() if number == 0 else None)
    records["actions"] = 0 if lanes.dynamics.continuous else NO_ACTION
    active = np.arange(lanes.count)
    player = policy.begin(chance) if policy.memory else None
    actions = np.zeros_like(records["actions"][:, 0])
    for t in range(lanes.limit):
        luck = records["seed"][active], number * lanes.limit + t
        if lanes.dynamics.continuous:
            actions[active] = act(policy, encode(boards[active]), lanes.dynamics, *luck)
        else:
            if player is None:
                chosen = policy.probabilities(encode(boards[active]))
            else:
                chosen = player.probabilities(encode(boards))[active]
            shape = (len(active), len(lanes.dynamics.actions))
            actions[active] = choose(check_probabilities(chosen, shape), *luck)
        records["actions"][active, t] = actions[active]
        step = lanes.step(actions)
        boards = step.boards
        active = np.flatnonzero(~(step.terminated | step.truncated))
        if not active.size:
            break
    for column, total in (("return", "total"), ("performance", "performance"), ("cost", "cost")):
        records[column] = lanes.lanes[total]
    records["length"] = lanes.lanes["length"]
    records["ended"] = np.where(step.terminated, "terminated", "truncated")


def act(
    policy: Policy, observations: Any, dynamics: Dynamics, seeds: NDArray[np.uint64], step: int
) -> NDArray[np.float32]:
    """The actions of a policy for a continuous task, under the chance of its own stream.

    ValueError for a policy that has none such, and for actions of another shape.
    """
    if not hasattr(policy, "act"):
        raise ValueError(f"the policy has no act: it cannot play {dynamics.name}")
    shape = (len(observations), len(dynamics.actions))
    numbers = [_bits(seeds, step * shape[1] + k) for k in range(shape[1])]
    chance = ((np.stack(numbers, axis=1) >> np.uint64(12)) + 0.5) * 2.0**-52  # 0 and 1 left out
    actions = np.asarray(policy.act(observations, chance), np.float32)
    if actions.shape != shape:
        raise ValueError(f"the policy gives actions of shape {actions.shape}: it needs {shape}")
    return actions


def choose(
    probabilities: NDArray[np.float64], seeds: NDArray[np.uint64], step: int
) -> NDArray[np.intp]:
    """Draws an action for each row of probabilities [n, actions], from the policy's own stream."""
    uniform = (_bits(seeds, step) >> np.uint64(11)) * 2.0**-53
    below = np.cumsum(probabilities, axis=1) <= uniform[:, None]
    possible = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0, axis=1)
    return np.minimum(below.sum(axis=1), possible)  # type: ignore[no-any-return]


def _bits(seeds: NDArray[np.uint64], number: int) -> NDArray[np.uint64]:
    """64 random bits for each seed, from the policy's own stream."""
    keys = mix_words(~seeds)
    return mix_words(keys + np.uint64(number + 1) * np.full_like(keys, GOLDEN))  # type: ignore[no-any-return]


def record(steps: int, action: DTypeLike = np.uint8) -> list[Any]:
    """The fields of a recorded episode of at most `steps` steps."""
    return [
        ("seed", np.uint64),
        ("episode", np.int64),
        ("actions", action, (steps,)),
        ("return", np.float64),
        ("performance", np.float64),
        ("cost", np.float64),
        ("length", np.int64),
        ("ended", "U10"),
    ]
