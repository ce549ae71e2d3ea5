"""Learning a table of action values, compiled, on many lanes at once.

Temporal-difference control as in Sutton & Barto 2018, Reinforcement Learning, sections 6.4 to 6.6.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import LIMIT, Lanes
from safegrid.engine.observations import make_encoder
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
LearnFrom = Callable[[Lanes, NDArray[np.int64]], NDArray[np.bool_]]


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
    task: Task, run: Run, aim: int, learn_from: LearnFrom | None = None, **settings: Any
) -> Policy:
    """A table learned in `task.steps` steps, rounded up to whole steps of all lanes.

    The time limit is not a terminal state: the observation does not show it, so the value of the
    last observation stands for what would follow (Pardo et al. 2018, arXiv:1712.00378).

    task, run: as the agent has them. aim: which value of the next action an update aims at.
    learn_from: says before each step from which lanes' transitions to learn. settings: as SETTINGS.
    ValueError for a setting out of range, and for an environment whose observations cannot be
    listed.
    """
    settings = {**SETTINGS, **settings}
    count = settings.pop("lanes")
    for name, value in settings.items():
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"{name} is {value!r}: choose a number, 0 to 1")
    dynamics = make_dynamics(task.environment, **task.options)
    encode, lanes = make_encoder(dynamics, "index"), Lanes(dynamics, count, "same_step", LIMIT, run)
    values = np.zeros((encode.space.n, len(dynamics.actions)))  # type: ignore[attr-defined]
    *words, word = derive_seeds(task.seed, "train", count + 1)
    random = np.random.default_rng(word)
    present = encode(lanes.reset(np.array(words)))
    actions = random.integers(0, values.shape[1], count)
    rounds = -(-task.steps // count)
    for t in range(rounds):
        used = np.ones(count, np.bool_) if learn_from is None else learn_from(lanes, actions)
        step = lanes.step(actions)
        seen, present = present, encode(step.boards)
        following = present
        if step.final is not None:
            following = np.where(step.terminated | step.truncated, encode(step.final), present)
        actions = _update(
            *(values, seen, actions, step.reward, step.terminated, following, present, used),
            *(random.random((count, 2)), aim, *_schedule(settings, 1 - t / rounds)),
        )
        run.report((t + 1) * count)
    return Policy(values)


def _schedule(settings: Mapping[str, Any], left: float) -> tuple[float, float, float]:
    """Learning rate, discount and share of random actions when `left` of the steps are left."""
    first, last = settings["exploration"], settings["final_exploration"]
    explore = last + (first - last) * max(0.0, 2 * left - 1)
    return settings["learning_rate"] * left, settings["gamma"], explore


@compiled
def _update(
    values: Any, seen: Any, actions: Any, rewards: Any, terminated: Any, following: Any,
    present: Any, used: Any, random: Any, aim: int, rate: float, gamma: float, explore: float,
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
        if used[i]:
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
