"""Learning of a table of action values on many lanes, compiled.

Temporal-difference control as in Sutton & Barto 2018, Reinforcement Learning, sections 6.4 to 6.6.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.engine.policies import TablePolicy
from safegrid.engine.row_index import compiled

TAKEN, BEST, EXPECTED = range(3)  # the value of the next observation in the target of an update
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "lanes": 128,
        "learning_rate": 0.5,  # at the start, as in examples 6.5 and 6.6; falls linearly to zero
        "gamma": 0.99,
        "exploration": 1.0,  # share of random actions at the start; falls linearly
        "final_exploration": 0.1,  # from halfway on, as in examples 6.5 and 6.6
    }
)


def load(tensors: Mapping[str, NDArray[Any]]) -> TablePolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    return TablePolicy(tensors["values"])


def learn(
    task: Task, run: Run, aim: int, only_controlled: bool = False, **settings: Any
) -> TablePolicy:
    """A table learned in `task.steps` steps, rounded up to whole steps of all lanes.

    The time limit is not a terminal state, since observations do not contain it: updates bootstrap
    from the last observation of a truncated episode (Pardo et al. 2018, arXiv:1712.00378).

    task, run: those of the agent's `train`. aim: TAKEN, BEST or EXPECTED. only_controlled: learns
    only from steps whose next state or reward depends on the action: see `Lanes.controlled`.
    settings: those of SETTINGS. ValueError for a setting out of range, and for an environment whose
    observations cannot be listed.
    """
    settings = {**SETTINGS, **settings}
    count = settings.pop("lanes")
    check_shares(settings)
    dynamics = make_dynamics(task.environment, **task.options)
    encode = make_encoder(dynamics, "index")
    lanes = run.lanes(dynamics, count, "same_step", dynamics.horizon)
    values = np.zeros((encode.space.n, len(dynamics.actions)))  # type: ignore[attr-defined]
    *seeds, seed = derive_seeds(task.seed, "train", count + 1)
    random = np.random.default_rng(seed)
    present = encode(lanes.reset(np.array(seeds)))
    actions = random.integers(0, values.shape[1], count)
    rounds = -(-task.steps // count)
    for t in range(rounds):
        used = lanes.controlled() if only_controlled else np.ones(count, np.bool_)
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
    return TablePolicy(values)


def check_shares(settings: Mapping[str, Any]) -> None:
    """ValueError for the first setting that is not a number from 0 to 1."""
    for name, value in settings.items():
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"{name} is {value!r}: choose a number, 0 to 1")


def _schedule(settings: Mapping[str, Any], left: float) -> tuple[float, float, float]:
    """Learning rate, discount and share of random actions when a share `left` of steps is left."""
    first, last = settings["exploration"], settings["final_exploration"]
    explore = last + (first - last) * max(0.0, 2 * left - 1)
    return settings["learning_rate"] * left, settings["gamma"], explore


@compiled
def _update(
    values: Any, seen: Any, actions: Any, rewards: Any, terminated: Any, following: Any,
    present: Any, used: Any, random: Any, aim: int, rate: float, gamma: float, explore: float,
) -> Any:  # fmt: skip
    """Updates `values` by one step of each lane in turn; returns each lane's next action.

    values: [observations, actions]. seen, actions, rewards, terminated: [lanes] of the step.
    following: [lanes] the observation after the step; the last one where an episode ended. present:
    [lanes] the present observation; the first one of the next episode where one ended. used:
    [lanes] whether to learn. random: [lanes, 2] uniform in [0, 1). aim: TAKEN, BEST or EXPECTED.
    rate, gamma, explore: of `_schedule`.
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
