"""Replays simulated again: their numbers bit for bit, what each step brought, what was seen."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from safegrid import registry
from safegrid.dynamics import Dynamics, options_of
from safegrid.engine import Lanes
from safegrid.fingerprint import fingerprint
from safegrid.replay import NUMBERS, Replay

BATCH = 4096  # lanes


class Steps(NamedTuple):
    """What each step brought, [episodes, limit]; 0 after the end."""

    reward: NDArray[np.float64]
    performance: NDArray[np.float64]  # its increment, to rounding
    cost: NDArray[np.float64]


def simulate(replay: Replay) -> np.recarray[Any, Any]:
    """Plays the actions again: the episodes as they come out.

    ValueError where the environment's behaviour is not what it was, or an action does not exist.
    """
    again: np.recarray[Any, Any] = replay.episodes.copy()
    for _ in _play(replay, again):
        pass
    return again


def steps(replay: Replay) -> Steps:
    """Plays the actions again: what each step brought. ValueError as `simulate`."""
    brought = np.zeros((3, *replay.episodes["actions"].shape[:2]))
    for rows, t, values in _play(replay, replay.episodes.copy()):
        brought[:, rows, t] = values
    return Steps(*brought)


def verify(replay: Replay) -> np.recarray[Any, Any]:
    """The episodes, simulated again. ValueError for the first that comes out otherwise."""
    again = simulate(replay)
    for column in ("length", *NUMBERS, "ended"):
        differs = np.flatnonzero(again[column] != replay.episodes[column])
        if differs.size:
            i = int(differs[0])
            raise ValueError(
                f"episode {i} has {column} {replay.episodes[column][i]}: "
                f"simulated again it has {again[column][i]}"
            )
    return again


def boards(replay: Replay, number: int) -> NDArray[np.uint8]:
    """What an episode looked like, [length + 1, rows, columns]. ValueError as `simulate`."""
    head = number - int(replay.episodes[number].episode)
    lanes = Lanes(_dynamics(replay), 1, limit=replay.header.limit)
    for record in replay.episodes[head : number + 1]:
        seeds = np.array([record.seed], np.uint64) if record.episode == 0 else None
        shown = [lanes.reset(seeds)]
        for action in record.actions[: record.length]:
            shown.append(lanes.step(np.asarray([action])).boards)
    return np.concatenate(shown)


def _play(replay: Replay, again: Any) -> Iterator[tuple[Any, int, Any]]:
    """Plays the episodes that share a seed in one lane, BATCH lanes at a time.

    Yields for each step its episodes, its number, and their rewards, performances and costs; puts
    the episodes' numbers into `again`.
    """
    dynamics = _dynamics(replay)
    heads = np.append(np.flatnonzero(again["episode"] == 0), len(again))
    for k in range(0, len(heads) - 1, BATCH):
        chains = heads[k : k + BATCH + 1]
        counts = np.diff(chains)
        lanes = Lanes(dynamics, len(counts), limit=replay.header.limit)
        for number in range(int(counts.max())):
            chosen = np.flatnonzero(counts > number)
            yield from _round(lanes, chosen, chains[chosen] + number, again)


def _round(lanes: Lanes, chosen: Any, rows: Any, again: Any) -> Iterator[tuple[Any, int, Any]]:
    """One episode, `rows[i]`, in each of the chosen lanes."""
    seeds, playing = np.zeros(lanes.count, np.uint64), np.zeros(lanes.count, np.bool_)
    seeds[chosen], playing[chosen] = again["seed"][rows], True
    lanes.reset(seeds if again["episode"][rows[0]] == 0 else None, playing)
    kind = np.int64 if again["actions"].dtype.kind == "u" else np.float64
    actions = np.zeros((lanes.count, *again["actions"].shape[2:]), kind)
    lengths, before = again["length"][rows], np.zeros(len(rows))
    for t in range(int(lengths.max())):
        on = t < lengths
        chosen, rows, lengths, before = chosen[on], rows[on], lengths[on], before[on]
        actions[chosen] = again["actions"][rows, t]
        step = lanes.step(actions)
        total = lanes.performance[chosen]
        yield rows, t, (step.reward[chosen], total - before, step.cost[chosen])
        before, last = total, lengths == t + 1
        _note(lanes, chosen[last], rows[last], again)


def _note(lanes: Lanes, chosen: Any, rows: Any, again: Any) -> None:
    """What the engine says of the chosen lanes' episodes."""
    for column, name in zip(NUMBERS, ("total", "performance", "cost"), strict=True):
        again[column][rows] = lanes.lanes[name][chosen]
    again["length"][rows] = lanes.lanes["length"][chosen]
    ended = np.where(lanes.states["ended"][chosen], "terminated", "truncated")
    again["ended"][rows] = np.where(lanes.lanes["done"][chosen], ended, "unfinished")


def _dynamics(replay: Replay) -> Dynamics:
    """The level that was played. ValueError where it is not there as it was."""
    header = replay.header
    declared = options_of(cast(ModuleType, registry.environment(header.environment)))
    for option, value in header.options.items():
        if option not in {"map", "noop", *declared}:
            raise registry.unknown("option in the header", option, ["map", "noop", *declared])
        if option == "map" and not isinstance(value, list):
            raise ValueError(f"the map in the header is {value!r}: it must be rows of text")
    dynamics = Dynamics(header.environment, header.level, **header.options)
    today = registry.version(header.environment), fingerprint(dynamics)
    if today != (header.version, header.dynamics):
        raise ValueError(
            f"{header.environment}, level {header.level}, is version {today[0]} with dynamics "
            f"{today[1]}: the replay is of version {header.version} with {header.dynamics}"
        )
    _check(replay.episodes, len(dynamics.actions))
    return dynamics


def _check(episodes: Any, count: int) -> None:
    """ValueError for an action that does not exist."""
    actions = episodes["actions"]
    if actions.dtype.kind != "u":
        return
    taken = np.arange(actions.shape[1]) < episodes["length"][:, None]
    if len(bad := np.argwhere(taken & (actions >= count))):
        i, t = bad[0]
        raise ValueError(
            f"episode {i}, step {t}: action {actions[i, t]} is out of range: choose from 0 to "
            f"{count - 1}"
        )
