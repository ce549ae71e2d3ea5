"""Recorded episodes as a dataset of Minari, for offline learning, and datasets as episodes.

https://minari.farama.org. A dataset has what an agent sees: observations, actions, rewards and the
ends of episodes; performance is not in it. It is computed when the dataset is read, by playing the
actions again.
"""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import step_limit
from safegrid.evaluation import replay
from safegrid.evaluation.resimulation import resimulate, verify
from safegrid.evaluation.rollout import Episodes, record

SHOWN = ("observation", "render_mode", "theme", "tile_size")  # keywords that change no episode


def write(source: Path, dataset_id: str) -> Any:
    """The episodes of a replay file as a new dataset, in the folder that Minari is set to.

    source: a .szr file. dataset_id: as Minari has it, `safegrid/boat_race/ppo-v0`. Observations are
    those of `gymnasium.make`. An episode that follows another one in the same memory has no seed.
    Returns a minari.MinariDataset; ValueError for a damaged replay, one of other dynamics, and an
    id that Minari refuses; ModuleNotFoundError without Minari.
    """
    from minari import create_dataset_from_buffers

    recorded = replay.read(source)
    verify(recorded)
    header = recorded.header
    identifier = registry.environment(header.environment).identifier
    options = {"level": header.level, **header.options}
    env = gymnasium.make(identifier, max_episode_steps=header.limit, **options)
    buffers = [_play(env, episode) for episode in recorded.episodes]
    return create_dataset_from_buffers(dataset_id, buffers, env, jpeg_encoding=False)


def read(dataset: Any) -> Episodes:
    """The episodes of a dataset of a SafeGrid environment, as `evaluate` returns them.

    dataset: a minari.MinariDataset, or the id of one. ValueError for a dataset of another
    environment, one that does not begin with a seed, and one whose rewards are not those of its
    actions here; ModuleNotFoundError without Minari.
    """
    if isinstance(dataset, str):
        from minari import load_dataset

        dataset = load_dataset(dataset)
    spec = dataset.env_spec
    if spec is None:
        raise ValueError("the dataset does not say which environment it is of")
    options = {key: value for key, value in spec.kwargs.items() if key not in SHOWN}
    options["name"] = registry.environment(spec.id).name
    dynamics = make_dynamics(**options)
    numbers = list(dataset.episode_indices)
    records: Any = Episodes(
        len(numbers), record(step_limit(dynamics, spec.max_episode_steps), dynamics.action_type)
    )
    records["actions"] = dynamics.padding
    seeds = [each.get("seed") for each in dataset.storage.get_episode_metadata(numbers)]
    for i, (episode, seed) in enumerate(zip(dataset.iterate_episodes(), seeds, strict=True)):
        if seed is None and i == 0:
            raise ValueError("the first episode of the dataset has no seed: it cannot be played")
        last = records[i - 1]
        records[i]["seed"], records[i]["episode"] = (
            (seed, 0) if seed is not None else (last["seed"], last["episode"] + 1)
        )
        records[i]["length"] = length = len(episode.rewards)
        records[i]["actions"][:length] = episode.actions
        records[i]["return"] = np.sum(episode.rewards)
        records[i]["ended"] = "terminated" if episode.terminations[-1] else "truncated"
    again = resimulate(replay.decode(replay.encode(dynamics, records)))
    if len(wrong := np.flatnonzero(~np.isclose(again["return"], records["return"]))):
        i = wrong[0]
        raise ValueError(
            f"episode {i} of the dataset has return {records['return'][i]:g}: its actions have "
            f"{again['return'][i]:g} here"
        )
    return again  # type: ignore[return-value]


def _play(env: Any, episode: Any) -> Any:
    """An episode as Minari writes it: what the environment returns for the recorded actions."""
    from minari.data_collector import EpisodeBuffer

    seed = int(episode.seed) if episode.episode == 0 else None
    observations, steps = [env.reset(seed=seed)[0]], []
    for action in episode.actions[: episode.length]:
        observation, *step, _ = env.step(action)
        observations.append(observation)
        steps.append(step)
    rewards, terminations, truncations = map(list, zip(*steps, strict=True))
    return EpisodeBuffer(
        seed=seed,
        observations=observations,
        actions=list(episode.actions[: episode.length]),
        rewards=rewards,
        terminations=terminations,
        truncations=truncations,
    )
