"""Constrained Q: tables of returns and costs, under a price of cost that keeps a limit.

Two timescales (Borkar 2005, An actor-critic algorithm for constrained Markov decision processes,
Systems & Control Letters 54): the tables follow the policy that is greedy for the return less the
price times the cost, and the price follows, slowly, the cost that the tables expect of this policy.
The tables are fitted to all transitions seen so far, as in fitted Q-iteration (Ernst et al. 2005,
Tree-based batch mode reinforcement learning), backwards from the last step. At the optimal price
two policies are equally good, one within the limit and one above it: what is learned is their
mixture that meets the limit (Altman 1999, Constrained Markov Decision Processes, section 4.4), by
the last tables. Tables and policy tell apart how many steps are left.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.engine.row_index import compiled
from safegrid.solver.timed import TimedPolicy
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
    "margin": 3.0,  # of the mixture below the limit, in standard errors of its cost in the tables
    "fit_every": 20,  # steps of each lane; then the price changes as well
    "price_rate": 1.0,  # rise of the price for an excess as large as usual; falls linearly
    "final_price_rate": 0.01,  # from halfway on
}
LATE = 0.1  # share of the last excess in the mean square; of the limit in the least scale
HIGHEST_PRICE, BISECTIONS = 2.0**40, 60  # of the search for the price that meets the limit
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
    model = successors, gains, counts, begun
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
            cost = _fit(values, *model, price.price)
            if 2 * t < rounds:  # from then on steps are in proportion to excesses
                square += LATE * ((cost - limit) ** 2 - square)
            scale = max(square**0.5, LATE * limit) or 1.0
            price.gains = multiplier.Gains(0.0, rate / scale * episodes, 0.0)
            price.update([cost])
            episodes = 0.0
        run.report((t + 1) * lanes.count)
    visits, highest = _within(values, model, limit)
    error = _error(visits, values, *model, highest)
    visits, highest = _within(values, model, max(0.0, limit - settings["margin"] * error))
    total = visits.sum(axis=2, keepdims=True)
    worth = values[:0:-1, ..., 0] - highest * values[:0:-1, ..., 1]
    best = worth.argmax(axis=2)  # where the mixture does not come
    chances = np.where(total > 0, visits / np.where(total > 0, total, 1), np.eye(shape[1])[best])
    return TimedPolicy(chances.astype(np.float32))


def _within(values: Any, model: tuple[Any, ...], limit: float) -> tuple[NDArray[np.float64], float]:
    """The visits [horizon, observations, actions] of the best mixture within a limit.

    Also the price of the policy in it that is within the limit. values, model: of `_fit`. limit: of
    the mean cost of an episode.
    """
    low, high = 0.0, 1.0  # prices above and within the limit
    while _fit(values, *model, high) > limit and high < HIGHEST_PRICE:
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _fit(values, *model, middle) > limit else (low, middle)
    above = _fit(values, *model, low)
    visits = _visits(values, *model, low)
    within = _fit(values, *model, high)
    share = (limit - within) / (above - within) if within < limit < above else 0.0
    return share * visits + (1 - share) * _visits(values, *model, high), high


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
def _fit(values: Any, successors: Any, gains: Any, counts: Any, begun: Any, price: float) -> Any:
    """Fits the tables to the transitions; returns the mean cost of an episode of the greedy policy.

    values: [horizon + 1, observations, actions, 2] the expected return and cost by steps left.
    successors, counts: [observations, actions, branches] the observation that follows, -1 at the
    end of an episode, and how often it did. gains: the same with reward and cost of the step.
    begun: [observations] how many episodes began there.
    """
    count, actions = counts.shape[:2]
    later = np.zeros((count + 1, 2))  # of the greedy policy; the last row is that of ended episodes
    for left in range(1, len(values) + 1):
        for s in range(count):
            later[s] = values[left - 1, s, _best(values[left - 1, s], price)]
        if left == len(values):
            break
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
    return (begun * later[:-1, 1]).sum() / begun.sum()


@compiled
def _visits(values: Any, successors: Any, gains: Any, counts: Any, begun: Any, price: float) -> Any:
    """[horizon, observations, actions]: how likely the greedy policy comes there; as of `_fit`."""
    horizon, count = len(values) - 1, len(counts)
    visits = np.zeros((horizon, *counts.shape[:2]))
    here = begun / begun.sum()
    for t in range(horizon):
        following = np.zeros(count + 1)  # the last one is the end of the episode
        for s in range(count):
            if here[s] > 0:
                a = _best(values[horizon - t, s], price)
                visits[t, s, a] = here[s]
                total = counts[s, a].sum()
                for branch in range(counts.shape[2]):
                    if counts[s, a, branch] == 0:
                        break
                    likely = counts[s, a, branch] / total
                    following[successors[s, a, branch]] += here[s] * likely
        here = following[:-1]
    return visits


@compiled
def _error(
    visits: Any, values: Any, successors: Any, gains: Any, counts: Any, begun: Any, price: float
) -> Any:
    """The standard error of the mean cost of an episode (delta method: each row is multinomial).

    visits: of `_visits`. The other arguments are those of `_fit`.
    """
    horizon, count = len(visits), len(counts)
    later = np.zeros((horizon + 1, count + 1))  # cost of the greedy policy by steps left
    for left in range(1, horizon + 1):
        for s in range(count):
            later[left, s] = values[left, s, _best(values[left, s], price), 1]
    variance = 0.0
    for s in range(count):
        for a in range(counts.shape[1]):
            total, mean, square = counts[s, a].sum(), 0.0, 0.0
            if total == 0 or visits[:, s, a].sum() == 0:
                continue
            for branch in range(counts.shape[2]):
                n, to = counts[s, a, branch], successors[s, a, branch]
                if n == 0:
                    break
                cost = 0.0
                for t in range(horizon):
                    cost += visits[t, s, a] * (gains[s, a, branch, 1] + later[horizon - t - 1, to])
                mean, square = mean + n * cost / total, square + n * cost * cost / total
            variance += (square - mean * mean) / total
    return max(0.0, variance) ** 0.5


@compiled
def _best(rows: Any, price: float) -> int:
    best = 0
    for action in range(1, len(rows)):
        if rows[action, 0] - price * rows[action, 1] > rows[best, 0] - price * rows[best, 1]:
            best = action
    return best
