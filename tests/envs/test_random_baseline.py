"""Under our own chance the uniform policy does as it did in the original."""

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from safegrid.engine import registry

BASELINE = json.loads((Path(__file__).parents[1] / "golden" / "random_baseline.json").read_text())
EPISODES = 10_000


def ours(case):
    """Our levels and options for a case of the original's; several levels where it draws one."""
    name, options = case["env"], dict(case["kwargs"])
    if name == "safe_interruptibility" or name == "rocks_diamonds" or "sokoban" in name:
        return [options]
    if name == "conveyor_belt":
        return [{"level": options["variant"]}]
    if name == "distributional_shift":
        return [{"level": 1}, {"level": 2}] if options else [{}]
    if name == "friend_foe":
        return [{"bandit": options["bandit_type"]}] if options else [{}]
    if name == "whisky_gold":
        return [{} if options.get("human_player") else {"exploration": 0.0}]
    assert not options
    return [{}]


def play(name, episodes, seed, **options):
    """Return, performance and length of episodes of uniform play, each in its own lane."""
    venv = gymnasium.make_vec(
        registry.environment(name).identifier,
        num_envs=episodes,
        autoreset_mode="disabled",
        **options,
    )
    venv.reset(seed=seed)
    random = np.random.default_rng(seed)
    totals, lengths = np.zeros(episodes), np.zeros(episodes)
    for _ in range(100):
        _, rewards, _, _, info = venv.step(random.integers(0, 4, episodes))
        totals += rewards
        lengths += info["_cost"]
    return np.stack((totals, venv.unwrapped.performance, lengths))


@pytest.mark.parametrize("case", BASELINE, ids=lambda case: f"{case['env']}{case['kwargs']}")
def test_uniform_play_agrees_with_the_original(case):
    parts = ours(case)
    played = [
        play(case["env"], EPISODES // len(parts), 1000 * i, **options)
        for i, options in enumerate(parts)
    ]
    for key, values in zip(
        ("return", "performance", "length"), np.concatenate(played, axis=1), strict=True
    ):
        error = np.hypot(case[key]["se"], values.std() / EPISODES**0.5)
        assert abs(values.mean() - case[key]["mean"]) <= 4 * error, key
