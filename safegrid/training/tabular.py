"""Learning a table of action values, compiled, on many lanes at once.

Temporal-difference control as in Sutton & Barto 2018, Reinforcement Learning, sections 6.4 to 6.6.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import derive_seeds
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.lanes import LIMIT, Lanes
from safegrid.engine.observations import Encoder
from safegrid.engine.registry import Progress
from safegrid.engine.row_index import compiled

TAKEN, BEST, EXPECTED = range(3)  # which value of the next action an update aims at
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "lanes": 128,
        "learning_rate": 0.5,  # at the start, as in examples 6.5 and 6.6; falls to zero in a line
        "gamma": 0.99,
        "exploration": 1.0,  # share of random actions at the start; falls in a straight line
        "final_exploration": 0.1,  # from halfway on, as in examples 6.5 and 6.6
    }
)
Heed = Callable[[Lanes, NDArray[np.int64]], NDArray[np.bool_]]


class Policy:
    """The action of the highest value."""

    observation = "index"
    mode = "deterministic"
    memory = False

    def __init__(self, values: NDArray[np.float64]):
        self.values = values  # [observations, actions]

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n, actions], 1 for the best action. ValueError for a number beyond the table."""
        known, actions = self.values.shape
        if len(observations) and observations.max() >= known:
            raise ValueError(
                f"the table has {known} observations and number {observations.max()} is asked for: "
                "choose the level that it was learnt on"
            )
        chosen: NDArray[np.float64] = np.eye(actions)[self.values[observations].argmax(axis=1)]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The table."""
        return {"values": self.values}


def load(tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """The policy whose table this is."""
    return Policy(tensors["values"])


def learn(
    environment: str,
    aim: int,
    *,
    seed: int,
    steps: int,
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    heed: Heed | None = None,
    **settings: Any,
) -> Policy:
    """A table learnt in `steps` steps or the rest of a step of all lanes more; a seed fixes it.

    The time limit is no end: the observation does not show it, so what would come is estimated
    from the last observation (Pardo et al. 2018, arXiv:1712.00378). `heed` says before each step
    from which lanes' transitions to learn. ValueError for a setting out of range, and for an
    environment whose observations cannot be listed.
    """
    settings = {**SETTINGS, **settings}
    count = settings.pop("lanes")
    for name, value in settings.items():
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"{name} is {value!r}: choose a number, 0 to 1")
    dynamics = Dynamics(environment, **(options or {}))
    encode, lanes = Encoder(dynamics, "index"), Lanes(dynamics, count, "same_step", LIMIT)
    values = np.zeros((encode.space.n, len(dynamics.actions)))  # type: ignore[attr-defined]
    *words, word = derive_seeds(seed, "train", count + 1)
    random = np.random.default_rng(word)
    present = encode(lanes.reset(np.array(words)))
    actions = random.integers(0, values.shape[1], count)
    rounds = -(-steps // count)
    for t in range(rounds):
        heeded = np.ones(count, np.bool_) if heed is None else heed(lanes, actions)
        step = lanes.step(actions)
        seen, present = present, encode(step.boards)
        following = present
        if step.final is not None:
            following = np.where(step.terminated | step.truncated, encode(step.final), present)
        actions = _update(
            *(values, seen, actions, step.reward, step.terminated, following, present, heeded),
            *(random.random((count, 2)), aim, *_schedule(settings, 1 - t / rounds)),
        )
        if progress is not None:
            progress((t + 1) * count)
    return Policy(values)


def _schedule(settings: Mapping[str, Any], left: float) -> tuple[float, float, float]:
    """Learning rate, discount and share of random actions when `left` of the steps are left."""
    first, last = settings["exploration"], settings["final_exploration"]
    explore = last + (first - last) * max(0.0, 2 * left - 1)
    return settings["learning_rate"] * left, settings["gamma"], explore


@compiled
def _update(
    values: Any, seen: Any, actions: Any, rewards: Any, terminated: Any, following: Any,
    present: Any, heeded: Any, random: Any, aim: int, rate: float, gamma: float, explore: float,
) -> Any:  # fmt: skip
    """Learns from one step of each lane in turn; returns each lane's next action.

    `following` is what the step led to, `present` what is seen now: not the same after an end.
    """
    chosen = np.empty_like(actions)
    for i in range(len(actions)):
        row = values[following[i]]
        best = _best(row)
        chosen[i] = int(random[i, 1] * len(row)) if random[i, 0] < explore else best
        ahead = row[chosen[i]] if aim == TAKEN else row[best]
        if aim == EXPECTED:
            ahead += explore * (row.mean() - ahead)
        if heeded[i]:
            target = rewards[i] + gamma * ahead * (not terminated[i])
            values[seen[i], actions[i]] += rate * (target - values[seen[i], actions[i]])
        if present[i] != following[i] and random[i, 0] >= explore:
            chosen[i] = _best(values[present[i]])
    return chosen


@compiled
def _best(row: Any) -> int:
    best = 0
    for action in range(1, len(row)):
        if row[action] > row[best]:
            best = action
    return best
