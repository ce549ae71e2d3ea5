"""Policy x environment -> recorded episodes; one of the few places that read performance."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from safegrid import loops
from safegrid.dynamics import Dynamics
from safegrid.engine import LIMIT, Lanes
from safegrid.observation import Encoder
from safegrid.registry import Policy

ROLES = ("train", "evaluate", "policy")
NO_ACTION = 255  # after the end of an episode
LIFE = 10  # episodes of a lane whose memory outlives them


def seeds(seed: int, role: str, count: int = 1) -> NDArray[np.uint64]:
    """Seeds derived so that training, evaluation and the policy's own draws never share luck."""
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
    """Plays `episodes` episodes, a fixed number in each lane, so that short ones are not preferred.

    A lane plays one episode; where memory outlives episodes, it plays LIFE one after another.
    Returns one record an episode: `seed` (for `reset`), `episode` (its number since then),
    `actions` uint8[max_episode_steps] (255 after the end), `return`, `performance`, `cost`,
    `length` and `ended` ("terminated" or "truncated"). The options are the environment's;
    ValueError for one that it has not, and for probabilities that are none.
    """
    dynamics = Dynamics(name, level, **options)
    rounds = LIFE if getattr(dynamics.module, "MEMORY", ()) else 1
    lanes = Lanes(dynamics, -(-episodes // rounds), limit=max_episode_steps)
    records: Any = np.recarray((lanes.count, rounds), record(max_episode_steps))
    records["seed"] = seeds(seed, "evaluate", lanes.count)[:, None]
    records["episode"] = np.arange(rounds)
    chance = seeds(seed, "policy", lanes.count)
    for number in range(rounds):
        _play(policy, lanes, records[:, number], loops.mix_words(chance + np.uint64(number)))
    return records.reshape(-1)[:episodes]  # type: ignore[no-any-return]


def _play(policy: Policy, lanes: Lanes, records: Any, chance: NDArray[np.uint64]) -> None:
    """One episode in every lane."""
    encode = Encoder(lanes.dynamics, policy.observation)
    number = int(records["episode"][0])
    boards = lanes.reset(records["seed"].copy() if number == 0 else None)
    records["actions"] = NO_ACTION
    active = np.arange(lanes.count)
    player = policy.begin(chance) if policy.memory else None
    for t in range(lanes.limit):
        shape = (len(active), len(lanes.dynamics.actions))
        if player is None:
            chosen = policy.probabilities(encode(boards[active]))
        else:
            chosen = player.probabilities(encode(boards))[active]
        probabilities = check(chosen, shape)
        actions = np.zeros(lanes.count, np.int64)
        actions[active] = choose(probabilities, records["seed"][active], number * lanes.limit + t)
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


def check(probabilities: Any, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Probabilities of actions. ValueError for another shape, or a row that is no distribution."""
    chosen = np.asarray(probabilities, np.float64)
    if chosen.shape != shape or not (
        (chosen >= 0).all() and (abs(chosen.sum(axis=1) - 1) <= 1e-6).all()
    ):
        raise ValueError(
            f"the policy gives an array of shape {chosen.shape}: it needs probabilities of shape "
            f"{shape}, none negative, that sum to 1 in each row"
        )
    return chosen


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
