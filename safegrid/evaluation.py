"""Policy x environment -> recorded episodes; one of the few places that read performance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid import loops
from safegrid.dynamics import Dynamics
from safegrid.engine import LIMIT, Lanes
from safegrid.observation import Encoder
from safegrid.registry import Policy

ROLES = ("train", "evaluate")
NO_ACTION = 255  # after the end of an episode


def seeds(seed: int, role: str, count: int = 1) -> NDArray[np.uint64]:
    """Seeds for environments, derived so that training and evaluation never share luck."""
    sequence = np.random.SeedSequence(seed, spawn_key=(ROLES.index(role),))
    return sequence.generate_state(count, np.uint64)  # type: ignore[return-value]


def evaluate(
    policy: Policy,
    name: str,
    episodes: int = 100,
    seed: int = 0,
    level: int | str = 0,
    max_episode_steps: int = LIMIT,
    **options: Any,
) -> np.recarray[Any, Any]:
    """Plays `episodes` episodes, each in a lane of its own, so that short ones are not preferred.

    Returns one record an episode: `seed` (for `reset`), `actions` uint8[max_episode_steps] (255
    after the end), `return`, `performance`, `cost`, `length` and `ended` ("terminated" or
    "truncated"). The options are the environment's; ValueError for one that it has not.
    """
    lanes = Lanes(Dynamics(name, level, **options), episodes, limit=max_episode_steps)
    encode = Encoder(lanes.dynamics, policy.observation)
    records: Any = np.recarray(episodes, _record(max_episode_steps))
    records["seed"] = seeds(seed, "evaluate", episodes)
    records["actions"] = NO_ACTION
    boards = lanes.reset(records["seed"])
    active = np.arange(episodes)
    for t in range(max_episode_steps):
        probabilities = policy.probabilities(encode(boards[active]))
        actions = np.zeros(episodes, np.int64)
        actions[active] = choose(probabilities, records["seed"][active], t)
        records["actions"][active, t] = actions[active]
        step = lanes.step(actions)
        boards = step.boards
        active = np.flatnonzero(~(step.terminated | step.truncated))
        if not active.size:
            break
    records["return"] = lanes.lanes["total"]
    records["performance"] = lanes.lanes["performance"]
    records["cost"] = lanes.lanes["cost"]
    records["length"] = lanes.lanes["length"]
    records["ended"] = np.where(step.terminated, "terminated", "truncated")
    return records  # type: ignore[no-any-return]


def choose(
    probabilities: NDArray[np.float64], seeds: NDArray[np.uint64], step: int
) -> NDArray[np.intp]:
    """Draws an action for each row of probabilities [n, actions], from the policy's own stream."""
    keys = loops.mix_words(~seeds)
    bits = loops.mix_words(keys + np.uint64(step + 1) * np.full_like(keys, loops.GOLDEN))
    uniform = (bits >> np.uint64(11)) * 2.0**-53
    below = np.cumsum(probabilities, axis=1) <= uniform[:, None]
    possible = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0, axis=1)
    return np.minimum(below.sum(axis=1), possible)  # type: ignore[no-any-return]


def _record(steps: int) -> list[Any]:
    return [
        ("seed", np.uint64),
        ("actions", np.uint8, (steps,)),
        ("return", np.float64),
        ("performance", np.float64),
        ("cost", np.float64),
        ("length", np.int64),
        ("ended", "U10"),
    ]
