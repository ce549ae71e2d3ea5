"""Plays replays again: for their sums, bit by bit, the amounts of each step, and the boards."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, registry
from safegrid.engine.chance import encode_chance
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.fingerprint import fingerprint
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.lanes import Lanes
from safegrid.evaluation.replay import NUMBERS, Replay

BATCH = 1024  # seeds that are played at once


class Steps(NamedTuple):
    """Reward, performance and cost of each step, [episodes, limit]; 0 after the end."""

    reward: NDArray[np.float64]
    performance: NDArray[np.float64]
    cost: NDArray[np.float64]


def resimulate(replay: Replay) -> np.recarray[Any, Any]:
    """The episodes of a replay with the sums, length and end that its actions lead to now.

    ValueError where the environment's dynamics have changed, and for an action that does not exist.
    """
    again: np.recarray[Any, Any] = replay.episodes.copy()
    for _ in _play(replay, again):
        pass
    return again


def resimulate_steps(replay: Replay) -> Steps:
    """Reward, performance and cost of each step of a replay. ValueError as for `resimulate`."""
    amounts = np.zeros((3, *replay.episodes["actions"].shape[:2]))
    for rows, values in _play(replay, replay.episodes.copy()):
        amounts[:, rows] = values
    return Steps(*amounts)


def verify(replay: Replay) -> np.recarray[Any, Any]:
    """The episodes of `resimulate`. ValueError for the first that differs from the recorded one."""
    again = resimulate(replay)
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
    """uint8[length + 1, rows, columns]: the boards of an episode. ValueError as for `resimulate`.

    replay: with the episode. number: of the episode in the replay.
    """
    head = number - int(replay.episodes[number].episode)
    lanes = Lanes(_dynamics(replay), 1, limit=replay.header.limit)
    for record in replay.episodes[head : number + 1]:
        seeds = np.array([record.seed], np.uint64) if record.episode == 0 else None
        frames = [lanes.reset(seeds)]
        for action in record.actions[: record.length]:
            frames.append(lanes.step(np.asarray([action])).boards)
    return np.concatenate(frames)


def violated(records: Any, dynamics: Dynamics) -> NDArray[np.bool_]:
    """[episodes] whether each recorded episode has a violation, as the environment declares it.

    records: as `evaluate` gives them; episodes after the first of a lane are left out. dynamics: of
    their level.
    """
    first = np.asarray(records["episode"]) == 0
    actions, length = _taken(records["actions"][first], dynamics), records["length"][first]
    lanes = Lanes(dynamics, len(actions), limit=actions.shape[1])
    lanes.reset(records["seed"][first].astype(np.uint64))
    for t in range(int(length.max())):
        lanes.step(np.where(t < length, actions[:, t].T, 0).T)  # lanes that have ended stand still
    found: NDArray[np.bool_] = lanes.records["violated"]
    return found


def _play(replay: Replay, again: Any) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Plays episodes that share a seed one after another in one state, BATCH seeds at a time.

    Writes sums, length and end into `again`, a copy of the replay's episodes. Yields which of them
    were played, and the amounts [3, episodes, limit] of their steps.
    """
    dynamics, limit = _dynamics(replay), replay.header.limit
    chances = encode_chance(dynamics.reset_chance), encode_chance(dynamics.step_chance)
    run = dynamics.compiled(kernels.replay_episodes)
    heads = np.append(np.flatnonzero(again["episode"] == 0), len(again))
    for first in range(0, len(heads) - 1, BATCH):
        lanes = heads[first : first + BATCH + 1]
        rows = slice(int(lanes[0]), int(lanes[-1]))
        part = again[rows]
        seeds, numbers, lengths = (part[key].copy() for key in ("seed", "episode", "length"))
        amounts, totals = np.zeros((3, len(part), limit)), np.zeros((3, len(part)))
        terminated = np.zeros(len(part), np.bool_)
        states: NDArray[Any] = np.zeros(len(lanes) - 1, dynamics.state_type)
        played = seeds, numbers, _taken(part["actions"], dynamics), lengths
        outcomes = np.zeros(1, OUTCOME)
        run(states, dynamics.level, chances, outcomes, *played, amounts, totals, terminated)
        for column, total in zip(NUMBERS, totals, strict=True):
            part[column] = total
        part["length"] = lengths
        running = np.where(lengths < limit, "unfinished", "truncated")
        part["ended"] = np.where(terminated, "terminated", running)
        yield rows, amounts


def _dynamics(replay: Replay) -> Dynamics:
    """The level that was played.

    ValueError where it no longer exists or has changed, and for an action that does not exist.
    """
    header = replay.header
    declared = registry.environment(header.environment).options
    for option, value in header.options.items():
        if option not in {"map", "noop", *declared}:
            raise registry.unknown("option in the header", option, ["map", "noop", *declared])
        if option == "map" and not isinstance(value, list):
            raise ValueError(f"the map in the header is {value!r}: it must be rows of text")
    dynamics: Dynamics = make_dynamics(header.environment, header.level, **header.options)
    today = registry.environment(header.environment).version, fingerprint(dynamics)
    if today != (header.version, header.dynamics):
        raise ValueError(
            f"{header.environment}, level {header.level}, is version {today[0]} with dynamics "
            f"{today[1]}: the replay is of version {header.version} with {header.dynamics}"
        )
    _check(replay.episodes, dynamics)
    return dynamics


def _taken(actions: Any, dynamics: Dynamics) -> NDArray[Any]:
    """The actions [episodes, limit, ...] as the engine takes them. ValueError for NaN."""
    if dynamics.space == "discrete":
        return actions.astype(np.int64)  # type: ignore[no-any-return]
    every = actions.reshape(-1, actions.shape[-1])
    return dynamics.check_actions(every, len(every)).reshape(actions.shape)


def _check(episodes: Any, dynamics: Dynamics) -> None:
    """ValueError for actions of another kind than the environment's, and for one beyond them.

    The compiled loop does not check them: with others it would read beyond its arrays.
    """
    actions, count = episodes["actions"], len(dynamics.actions)
    wanted = np.dtype(dynamics.action_type)
    if (actions.dtype.kind, actions.shape[2:]) != (wanted.base.kind, wanted.shape):
        raise ValueError(
            f"the actions have type {actions.dtype} and shape {actions.shape[2:]}: those of "
            f"{dynamics.name} have type {wanted.base} and shape {wanted.shape}"
        )
    if dynamics.space == "continuous":
        return
    taken = np.arange(actions.shape[1]) < episodes["length"][:, None]
    if len(bad := np.argwhere(taken & (actions >= count))):
        i, t = bad[0]
        raise ValueError(
            f"episode {i}, step {t}: action {actions[i, t]} is out of range: choose from 0 to "
            f"{count - 1}"
        )
