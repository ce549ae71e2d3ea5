"""Plans by the reward function of today, for environments that let an agent change it.

Everitt et al. 2021, Reward tampering problems and solutions in reinforcement learning
(arXiv:1908.04734), section 4: at each step the agent rates all future states by the reward
parameters of the present one. Without foresight it expects to keep them; with foresight it expects
its later self to act by what the parameters are then.
"""

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import Enumeration, TransitionTables, enumerate_states
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.row_index import as_bytes
from safegrid.solver.backward_induction import PERFORMANCE, TOLERANCE
from safegrid.solver.beliefs import has_hidden_chance
from safegrid.solver.plans import Plan, process_tensors

MOST_STATES = 300_000
MOST_REWARDS = 30_000_000  # one for each parameters, state, action and outcome of chance


def plan(dynamics: Dynamics, horizon: int, foresight: bool, tie: float) -> Plan:
    """The plan of an agent that optimises its current reward function.

    dynamics: of the level. horizon: steps of an episode. foresight: whether it knows that its later
    self acts by later parameters. tie: weight of the performance of what really follows, which
    decides among actions that it values the same. ValueError for an environment without
    REWARD_PARAMETERS, for hidden chance, and for too many states or outcomes of chance to list.
    """
    if not dynamics.spec.reward_parameters:
        environments = map(registry.environment, registry.names())
        names = ", ".join(spec.name for spec in environments if spec.reward_parameters)
        raise ValueError(f"{dynamics.name} has no REWARD_PARAMETERS: choose from {names}")
    listed = enumerate_states(dynamics, most=MOST_STATES)
    tables = listed.tables
    if has_hidden_chance(tables):
        raise ValueError(f"{dynamics.name} hides outcomes of chance: no plan of the current reward")
    rewards, own = rewards_of_each(dynamics, listed)
    actions = induce(tables, horizon, rewards, own, foresight, tie)
    weights = np.ones(1)
    return Plan({"weights": weights, "actions": actions[None], **process_tensors(tables)})


def rewards_of_each(
    dynamics: Dynamics, listed: Enumeration
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The expected reward of each action by each of the reward parameters that states can have.

    dynamics: of the level. listed: its states. Returns float64[parameters, states, actions], and
    int64[states], which of the parameters each state has. ValueError for too many of them.
    """
    states, tables, fields = listed.states, listed.tables, dynamics.spec.reward_parameters
    rows = np.hstack([as_bytes(np.ascontiguousarray(states[field])) for field in fields])
    _, first, own = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    count, (_, actions, branches) = len(states), tables.successor.shape
    if len(first) * tables.successor.size > MOST_REWARDS:
        raise ValueError(
            f"{dynamics.name}, level {dynamics.level_name}, has {len(first):,} reward parameters "
            f"and {count:,} states, too many for a plan of the current reward"
        )
    grid = np.indices(tables.successor.shape).reshape(3, -1)
    chances, outcomes = np.array(listed.steps)[grid[2]], np.zeros(grid.shape[1], OUTCOME)
    rewards = np.zeros((len(first), count, actions))
    for number, state in enumerate(first):
        judged = states[grid[0]]
        for field in fields:
            judged[field] = states[state][field]
        step = dynamics.compiled(kernels.step_states)
        step(judged, dynamics.level, grid[1], chances, outcomes)
        gains = outcomes["reward"].reshape(count, actions, branches)
        rewards[number] = (tables.probability * gains).sum(axis=2)
    return rewards, own.ravel()


def induce(
    tables: TransitionTables,
    horizon: int,
    rewards: NDArray[np.float64],
    own: NDArray[np.int64],
    foresight: bool,
    tie: float,
) -> NDArray[np.uint8]:
    """uint8[horizon, states]: the actions, by backward induction over the values to each judge.

    tables: the process. horizon: steps of an episode. rewards, own: of `rewards_of_each`.
    foresight, tie: as for `plan`. A judge has fixed reward parameters. With foresight it values
    what all later selves do, each by the parameters of its state; without, what is best for itself.
    """
    everyone, to = np.arange(len(own)), tables.successor  # -1, the end, indexes the last value: 0
    values, really = np.zeros((len(rewards), len(own) + 1)), np.zeros(len(own) + 1)
    gains = (tables.probability[..., None] * tables.amounts[tables.outcome]).sum(axis=2)
    performance = gains @ PERFORMANCE
    choices = np.zeros((horizon, len(own)), np.uint8)
    for t in reversed(range(horizon)):
        judged = rewards + (tables.probability * values[:, to]).sum(axis=3)
        follows = performance + (tables.probability * really[to]).sum(axis=2)
        mine = judged[own, everyone]
        equal = mine >= mine.max(axis=1, keepdims=True) - TOLERANCE
        choices[t] = np.where(equal, tie * follows, -np.inf).argmax(axis=1)
        values[:, :-1] = judged[:, everyone, choices[t]] if foresight else judged.max(axis=2)
        really[:-1] = follows[everyone, choices[t]]
    return choices
