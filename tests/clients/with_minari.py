# /// script
# dependencies = ["minari[create,hdf5]", "pillow"]
# ///
"""Minari: replays become a dataset, which becomes the same episodes; a `DataCollector` is read."""

import os
from pathlib import Path

import gymnasium
import numpy as np

import safegrid
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay

os.environ["MINARI_DATASETS_PATH"] = str(Path("datasets").resolve())

import minari

for name, level in (("boat_race", 0), ("friend_foe", 0), ("hazard_goal", 0), ("point_goal", 1)):
    policy = safegrid.registry.agent("uniform").train(name)
    episodes = safegrid.evaluate(policy, name, 12, seed=1, level=level, max_episode_steps=20)
    replay.write(Path("episodes.szr"), make_dynamics(name, level), episodes)
    dataset = safegrid.minari.write(Path("episodes.szr"), f"safegrid/{name}/uniform-v0")
    assert dataset.total_episodes == 12 and dataset.total_steps == episodes.length.sum()
    assert safegrid.minari.read(f"safegrid/{name}/uniform-v0").tobytes() == episodes.tobytes()
    first = next(dataset.iterate_episodes())
    assert not first.infos
    env = dataset.recover_environment()
    board, _ = env.reset(seed=int(episodes[0].seed))
    np.testing.assert_array_equal(board, first.observations[0])

collector = minari.DataCollector(
    gymnasium.make("safegrid/IslandNavigation-v0", observation="planes", max_episode_steps=30)
)
rewards = []
for _ in range(5):
    collector.reset()
    done, total = False, 0.0
    while not done:
        _, reward, terminated, truncated, _ = collector.step(collector.action_space.sample())
        done, total = terminated or truncated, total + reward
    rewards.append(total)
dataset = collector.create_dataset("safegrid/island_navigation/random-v0")
found = safegrid.minari.read(dataset)
assert found["return"].tolist() == rewards and len(set(found.seed.tolist())) == 5
