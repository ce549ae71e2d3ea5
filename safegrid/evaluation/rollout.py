"""Plays policies and records the episodes with their hidden performance."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from safegrid.engine.chance import GOLDEN, derive_seeds, mix_words
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.engine.observations import make_encoder
from safegrid.engine.policies import (
    ContinuousPolicy,
    DiscretePolicy,
    MemoryPolicy,
    Policy,
    as_policy,
    check_probabilities,
)
from safegrid.rendering.notebook import html
from safegrid.solver.plans import Plan, Replanner

SHOWN = 10  # episodes in a notebook
EPISODES_PER_LANE = 10  # one after another, where the environment remembers earlier episodes


class Episodes(np.recarray[Any, Any]):
    """Records of episodes, one for each; a notebook shows the first ten of them."""

    def to_pandas(self) -> Any:
        """A pandas.DataFrame of the episodes, with the actions of each as one object.

        ModuleNotFoundError where pandas is not installed.
        """
        import pandas

        return pandas.DataFrame(self)

    def _repr_html_(self) -> str:
        names = [name for name in self.dtype.names or () if name != "actions"]
        rows = [[record[name] for name in names] for record in self.reshape(-1)[:SHOWN]]
        rest = self.size - len(rows)
        return html.table(names, rows) + (f"<p>and {rest:,} more</p>" if rest else "")

    @property
    def _data(self) -> NDArray[Any]:
        """The same, with the actions of each episode as one object.

        pandas reads records by `numpy.ma.getdata`, which takes this, and refuses columns of more
        than one dimension.
        """
        kinds: Any = [
            (name, self.dtype[name] if self.dtype[name].shape == () else object)
            for name in self.dtype.names or ()
        ]
        flat = np.empty(self.shape, kinds)
        for name, kind in kinds:
            values = self[name]
            if kind is object:
                for row, value in zip(flat, values, strict=True):
                    row[name] = value
            else:
                flat[name] = values
        return flat


def evaluate(
    policy: Any,
    name: str,
    episodes: int = 100,
    seed: int = 0,
    level: int | str = 0,
    max_episode_steps: int | None = None,
    **options: Any,
) -> Episodes:
    """Plays a policy and records its episodes.

    policy: whatever `as_policy` takes: a policy, a Stable-Baselines3 model, an object with
    `predict`, a table, a function of observations. name, level, options: of the environment.
    episodes: how many. seed: of the lanes and of the policy's own draws. max_episode_steps: None
    for the environment's own.

    Each lane plays one episode, so that short episodes are not over-represented; where the
    environment remembers earlier episodes, a lane plays EPISODES_PER_LANE one after another, and a
    plan is made anew for what they left behind.
    Returns one record for each episode: `seed` (for `reset`), `episode` (its number since then),
    `actions` uint8[max_episode_steps] (255 after the end; of a continuous task
    float32[max_episode_steps, numbers], 0 after the end), `return`, `performance`, `cost`, `length`
    and `ended` ("terminated" or "truncated"). ValueError for a number of episodes, name, level or
    option that is not valid, for a policy that does not fit the environment, and for probabilities
    that are not a distribution.
    """
    if not isinstance(episodes, (int, np.integer)) or episodes < 1:
        raise ValueError(f"episodes is {episodes!r}: choose a whole number, 1 or more")
    dynamics = make_dynamics(name, level, **options)
    rounds = rounds_per_lane(dynamics)
    limit = dynamics.horizon if max_episode_steps is None else max_episode_steps
    lanes = Lanes(dynamics, -(-episodes // rounds), limit=limit)
    player = as_policy(policy, dynamics)
    if dynamics.spec.memory and isinstance(policy, Plan) and policy.replans:
        player = Replanner(policy, lanes)
    records: Any = Episodes((lanes.count, rounds), record(limit, dynamics.action_type))
    records["seed"] = derive_seeds(seed, "evaluate", lanes.count)[:, None]
    records["episode"] = np.arange(rounds)
    chance = derive_seeds(seed, "policy", lanes.count)
    for number in range(rounds):
        _play(player, lanes, records[:, number], mix_words(chance + np.uint64(number)))
    return records.reshape(-1)[:episodes]  # type: ignore[no-any-return]


def rounds_per_lane(dynamics: Dynamics) -> int:
    """The number of episodes that an evaluation plays one after another in each lane."""
    return EPISODES_PER_LANE if dynamics.spec.memory else 1


def _play(policy: Policy, lanes: Lanes, records: Any, chance: NDArray[np.uint64]) -> None:
    """Plays one episode in every lane.

    policy: that plays. lanes: of the level. records: [lanes] of `record`, with seed and episode;
    filled. chance: uint64[lanes] 64 random bits for a policy with memory.
    """
    dynamics = lanes.dynamics
    encode = make_encoder(dynamics, policy.observation)
    number = int(records["episode"][0])
    player = cast(MemoryPolicy, policy).begin(chance) if policy.memory else None
    boards = lanes.reset(records["seed"].copy() if number == 0 else None)
    records["actions"] = dynamics.padding
    active = np.arange(lanes.count)
    actions = np.zeros_like(records["actions"][:, 0])
    for t in range(lanes.limit):
        draws = records["seed"][active], number * lanes.limit + t
        if dynamics.space == "continuous":
            actions[active] = act(policy, encode(boards[active]), dynamics, *draws)
        else:
            if player is None:
                chosen = _memoryless(policy, dynamics).probabilities(encode(boards[active]))
            else:
                chosen = player.probabilities(encode(boards))[active]
            shape = (len(active), len(dynamics.actions))
            actions[active] = choose(check_probabilities(chosen, shape), *draws)
        records["actions"][active, t] = actions[active]
        step = lanes.step(actions)
        boards = step.boards
        active = np.flatnonzero(~(step.terminated | step.truncated))
        if not active.size:
            break
    for column, total in (("return", "total"), ("performance", "performance"), ("cost", "cost")):
        records[column] = lanes.records[total]
    records["length"] = lanes.records["length"]
    records["ended"] = np.where(step.terminated, "terminated", "truncated")


def _memoryless(policy: Policy, dynamics: Dynamics) -> DiscretePolicy:
    if not hasattr(policy, "probabilities"):
        raise ValueError(f"the policy has no method probabilities: it cannot play {dynamics.name}")
    return cast(DiscretePolicy, policy)


def act(
    policy: Policy, observations: Any, dynamics: Dynamics, seeds: NDArray[np.uint64], step: int
) -> NDArray[np.float32]:
    """float32[n, numbers]: the actions of a policy for a continuous task.

    policy: with `act`. observations: [n, ...]. dynamics: of the task. seeds: uint64[n] of the
    episodes, from which the policy's own streams are derived. step: its number in these streams.
    ValueError for a policy without `act`, and for actions of another shape.
    """
    if not hasattr(policy, "act"):
        raise ValueError(f"the policy has no method act: it cannot play {dynamics.name}")
    shape = (len(observations), len(dynamics.actions))
    numbers = [_bits(seeds, step * shape[1] + k) for k in range(shape[1])]
    words: Any = np.stack(numbers, axis=1) >> np.uint64(12)
    chance = (words + 0.5) * 2.0**-52  # in the open interval (0, 1)
    actions = np.asarray(cast(ContinuousPolicy, policy).act(observations, chance), np.float32)
    if actions.shape != shape:
        raise ValueError(f"the policy gives actions of shape {actions.shape}: it needs {shape}")
    return actions


def choose(
    probabilities: NDArray[np.float64], seeds: NDArray[np.uint64], step: int
) -> NDArray[np.intp]:
    """int[n]: an action drawn from each row of probabilities.

    probabilities: [n, actions]. seeds: uint64[n] of the episodes, from which the policy's own
    streams are derived. step: its number in these streams.
    """
    uniform = (_bits(seeds, step) >> np.uint64(11)) * 2.0**-53
    below = np.cumsum(probabilities, axis=1) <= uniform[:, None]
    possible = probabilities.shape[1] - 1 - np.argmax(probabilities[:, ::-1] > 0, axis=1)
    return np.minimum(below.sum(axis=1), possible)  # type: ignore[no-any-return]


def _bits(seeds: NDArray[np.uint64], number: int) -> NDArray[np.uint64]:
    """uint64[n]: 64 random bits for each seed, from the policy's own streams."""
    keys = mix_words(~seeds)
    return mix_words(keys + np.uint64(number + 1) * np.full_like(keys, GOLDEN))  # type: ignore[no-any-return]


def record(steps: int, action: DTypeLike = np.uint8) -> list[Any]:
    """The fields of a recorded episode of at most `steps` steps, with actions of type `action`."""
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


def as_runs(runs: Any, columns: Sequence[str]) -> list[Any]:
    """The episodes of each run; `runs` may be the episodes of one run instead.

    columns: those that are needed, each one finite number for an episode. ValueError without runs,
    for a run without episodes, and for one whose columns are not such.
    """
    is_record = getattr(runs, "dtype", np.dtype(float)).names is not None
    single = isinstance(runs, Mapping) or (is_record and runs.ndim == 1)
    listed = [runs] if single else list(runs)
    if not listed:
        raise ValueError("there are no runs: give the episodes of one or more")
    for number, run in enumerate(listed):
        for column in columns:
            try:
                values = np.asarray(run[column], np.float64)
            except (IndexError, KeyError, TypeError, ValueError):
                values = np.zeros(())
            if values.ndim != 1:
                raise ValueError(f"run {number} has no column {column!r} of numbers")
            if not values.size:
                raise ValueError(f"run {number} has no episodes: give one or more")
            if not np.isfinite(values).all():
                raise ValueError(f"run {number} has a {column} that is not a finite number")
    return listed
