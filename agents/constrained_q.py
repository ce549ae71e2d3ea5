"""Constrained Q: tables of returns and costs, under a price of cost that keeps a limit.

Two timescales (Borkar 2005, An actor-critic algorithm for constrained Markov decision processes,
Systems & Control Letters 54): the tables follow the policy that is greedy for the return less the
price times the cost, and the price follows, slowly, the cost that the tables expect of this policy.
At the optimal price two policies are equally good, and the greedy policy changes between them in
the proportion that meets the limit. What is learned is their mixture: the mean of the greedy
policies of the last half of the training. The tables are fitted to all transitions seen so far, as
in fitted Q-iteration (Ernst et al. 2005, Tree-based batch mode reinforcement learning), backwards
from the last step. Tables and policy tell apart how many steps are left.
"""

from typing import Any

import numpy as np

from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.engine.row_index import compiled
from safegrid.solver.plans import TimedPolicy
from safegrid.training import tabular
from safegrid.training.constrained import multiplier

USES_HIDDEN_INFO = False
MEMORY = True
STEPS = 3_000_000
SETTINGS = {
    "lanes": 128,  # every second one explores; the policy of the others is greedy
    "exploration": 1.0,  # share of random actions in exploring lanes at the start; falls linearly
    "final_exploration": 0.1,  # from halfway on
    "cost_limit": None,  # of the mean episode; the environment's own if None
    "fit_every": 20,  # steps of each lane; then the price changes as well
    "price_rate": 1.0,  # rise of the price for an excess as large as usual; falls linearly
    "final_price_rate": 0.01,  # from halfway on
}
LATE = 0.1  # share of the last excess in the mean square; of the limit in the least scale
BRANCHES = 64  # different transitions of an action in an observation, at most

load = TimedPolicy.load


def train(task: Task, run: Run, **settings: Any) -> TimedPolicy:
    """The mixture after `task.steps` steps, rounded up to whole steps of all lanes.

    ValueError for a setting out of range, for an environment whose observations cannot be listed,
    and for more than BRANCHES different transitions of an action in an observation.
    """
    tabular.check_shares({key: settings[key] for key in ("exploration", "final_exploration")})
    if settings["fit_every"] < 1:
        raise ValueError(
            f"fit_every is {settings['fit_every']!r}: choose a whole number, 1 or more"
        )
    limit = multiplier.cost_limit(task.environment, settings["cost_limit"])
    price = multiplier.Multiplier(limit, multiplier.Gains(0.0, 0.0, 0.0))
    episodes = 0.0  # of each greedy lane, since the last change of the price
    square = 0.0  # of the excesses of late, until halfway
    dynamics = make_dynamics(task.environment, **task.options)
    encode, horizon = make_encoder(dynamics, "index"), dynamics.horizon
    shape = encode.space.n, len(dynamics.actions)  # type: ignore[attr-defined]
    values, begun = np.zeros((horizon + 1, *shape, 2)), np.zeros(shape[0])
    counts, gains = np.zeros((*shape, BRANCHES), np.int64), np.zeros((*shape, BRANCHES, 2))
    successors = np.zeros((*shape, BRANCHES), np.int64)
    taken = np.zeros((horizon, *shape), np.int64)
    lanes = run.lanes(dynamics, settings["lanes"], "same_step", horizon)
    *seeds, seed = derive_seeds(task.seed, "train", lanes.count + 1)
    random = np.random.default_rng(seed)
    greedy = np.arange(lanes.count) % 2 == 0
    seen, elapsed = encode(lanes.reset(np.array(seeds))), np.zeros(lanes.count, np.int64)
    np.add.at(begun, seen, 1)
    rounds = -(-task.steps // lanes.count)
    for t in range(rounds):
        explore, rate = (
            settings[f"final_{name}"]
            + (settings[name] - settings[f"final_{name}"]) * max(0.0, 1 - 2 * t / rounds)
            for name in ("exploration", "price_rate")
        )
        uniform = random.random((lanes.count, 2))
        shares = np.where(greedy, 0.0, explore)
        actions = _choose(values, seen, horizon - elapsed, price.price, shares, uniform)
        if 2 * t >= rounds:
            np.add.at(taken, (elapsed[greedy], seen[greedy], actions[greedy]), 1)
        step = lanes.step(actions)
        done = step.terminated | step.truncated
        following = present = encode(step.boards)
        if step.final is not None:
            following = np.where(done, encode(step.final), present)
        following = np.where(step.terminated, -1, following)
        gained = np.column_stack((step.reward, step.cost))
        if not _remember(successors, gains, counts, seen, actions, following, gained):
            raise ValueError(
                f"{task.environment} has more than {BRANCHES} transitions of one action in one "
                "observation: choose another agent"
            )
        seen, elapsed = present, np.where(done, 0, elapsed + 1)
        np.add.at(begun, seen[done], 1)
        episodes += (done & greedy).sum() / greedy.sum()
        if (t + 1) % settings["fit_every"] == 0:
            _fit(values, successors, gains, counts, price.price)
            chosen = (values[-1] @ (1.0, -price.price)).argmax(axis=1)
            cost = begun @ values[-1, np.arange(shape[0]), chosen, 1] / begun.sum()
            if 2 * t < rounds:  # from then on steps are in proportion to excesses
                square += LATE * ((cost - limit) ** 2 - square)
            scale = max(square**0.5, LATE * limit) or 1.0
            price.gains = multiplier.Gains(0.0, rate / scale * episodes, 0.0)
            price.update([cost])
            episodes = 0.0
        run.report((t + 1) * lanes.count)
    best = (values[:0:-1] @ (1.0, -price.price)).argmax(axis=2)  # where no greedy lane came
    total = taken.sum(axis=2, keepdims=True)
    mixture = np.where(total > 0, taken / np.maximum(total, 1), np.eye(shape[1])[best])
    return TimedPolicy(mixture.astype(np.float32))


@compiled
def _choose(values: Any, seen: Any, left: Any, price: float, explore: Any, uniform: Any) -> Any:
    """[lanes] the next actions: greedy, but in a share `explore` [lanes] of steps random.

    values: of `_fit`. seen, left: [lanes] observation and steps left. uniform: [lanes, 2] random
    numbers in [0, 1).
    """
    actions = np.empty(len(seen), np.int64)
    for i in range(len(seen)):
        if uniform[i, 0] < explore[i]:
            actions[i] = int(uniform[i, 1] * values.shape[2])
        else:
            actions[i] = _best(values[left[i], seen[i]], price)
    return actions


@compiled
def _remember(
    successors: Any, gains: Any, counts: Any, seen: Any, actions: Any, following: Any, gained: Any
) -> bool:
    """Counts the transition of each lane; returns whether there was room for all.

    successors, gains, counts: of `_fit`. seen, actions: [lanes] of a step. following: [lanes] the
    observation after it, -1 where the episode has terminated. gained: [lanes, 2] reward and cost.
    """
    for i in range(len(seen)):
        branch = 0
        at, amounts = successors[seen[i], actions[i]], gains[seen[i], actions[i]]
        number = counts[seen[i], actions[i]]
        while branch < len(at) and number[branch] > 0:
            if at[branch] == following[i] and (amounts[branch] == gained[i]).all():
                break
            branch += 1
        if branch == len(at):
            return False
        at[branch], amounts[branch] = following[i], gained[i]
        number[branch] += 1
    return True


@compiled
def _fit(values: Any, successors: Any, gains: Any, counts: Any, price: float) -> None:
    """Fits the tables to the transitions, from the last step of an episode to the first.

    values: [horizon + 1, observations, actions, 2] the expected return and cost by steps left.
    successors, counts: [observations, actions, branches] the observation that follows, -1 at the
    end of an episode, and how often it did. gains: the same with reward and cost of the step.
    """
    count, actions = counts.shape[:2]
    later = np.zeros((count + 1, 2))  # of the greedy policy; the last row is that of ended episodes
    for left in range(1, len(values)):
        for s in range(count):
            later[s] = values[left - 1, s, _best(values[left - 1, s], price)]
        for s in range(count):
            for a in range(actions):
                total, branch = 0, 0
                reward, cost = 0.0, 0.0
                while branch < counts.shape[2] and counts[s, a, branch] > 0:
                    n, to = counts[s, a, branch], successors[s, a, branch]
                    total += n
                    reward += n * (gains[s, a, branch, 0] + later[to, 0])
                    cost += n * (gains[s, a, branch, 1] + later[to, 1])
                    branch += 1
                if total > 0:
                    values[left, s, a, 0], values[left, s, a, 1] = reward / total, cost / total


@compiled
def _best(rows: Any, price: float) -> int:
    best = 0
    for action in range(1, len(rows)):
        if rows[action, 0] - price * rows[action, 1] > rows[best, 0] - price * rows[best, 1]:
            best = action
    return best
