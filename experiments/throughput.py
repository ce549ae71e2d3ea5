"""Measures how fast the environments step and train, as ratios within one run.

    python experiments/throughput.py             # all environments
    python experiments/throughput.py NAME ...    # some environments; the rows of the others stay
    python experiments/throughput.py --training  # also PPO: native lanes against DummyVecEnv

Writes experiments/throughput.json. Steps are those of the public vector API with 4,096 lanes on one
thread, including observations and resets, under actions drawn before, on the first level of grids
and on level 1 of continuous tasks, or 0 where there is no 1. `copies` is the time of a step divided
by the time of copying its observations with np.copyto; `first_step_warm` and `first_step_cold` are
seconds from import to the first step of level 0 in a new process, with and without compiled code on
disk.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["NUMBA_NUM_THREADS"] = "1"

import gymnasium
import numpy as np

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics

LANES = 4096
GRIDS = registry.grids()
RESULT = Path(__file__).parent / "throughput.json"
START = """
import time
begin = time.perf_counter()
import gymnasium, safegrid
env = gymnasium.make("{id}")
env.reset(seed=0)
env.step(env.action_space.sample())
print(time.perf_counter() - begin)
"""


def fastest(action: Callable[[], Any], repeats: int, rounds: int = 90) -> float:
    """Seconds of one call in the fastest, which is the least disturbed, of many short rounds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(repeats):
            action()
        times.append((time.perf_counter() - begin) / repeats)
    return min(times)


def stepping(name: str, level: int) -> dict[str, float]:
    """Steps a second of the vector API, and the time of a step in copies of its observations."""
    venv = gymnasium.make_vec(
        registry.environment(name).identifier,
        num_envs=LANES,
        level=level,
        autoreset_mode="same_step",
    )
    observations, _ = venv.reset(seed=0)
    random = np.random.default_rng(0)
    actions = make_dynamics(name, level).random_actions(random, (64, LANES))
    turn = iter(range(10**9))
    step = fastest(lambda: venv.step(actions[next(turn) % 64]), 20)
    target = np.empty_like(observations)
    copy = fastest(lambda: np.copyto(target, observations), 200)
    return {"steps_per_second": LANES / step, "copies": step / copy}


def start(name: str, cold: bool) -> float:
    """Seconds from import to the first step in a new process, if `cold` without a cache on disk."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "NUMBA_CACHE_DIR": folder} if cold else dict(os.environ)
        code = START.format(id=registry.environment(name).identifier)
        run = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
        )
    return float(run.stdout)


def training(lanes: int, steps: int, native: bool) -> float:
    """Steps a second of PPO with rollouts of 32,768 transitions, batch 4,096, 4 epochs."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

    venv: VecEnv
    if native:
        venv = safegrid.sb3.make("boat_race", lanes, 0, "planes")
    else:
        venv = DummyVecEnv(
            [
                lambda: gymnasium.make("safegrid/BoatRace-v0", observation="planes")
                for _ in range(lanes)
            ]
        )
    model = PPO("MlpPolicy", venv, n_steps=steps, batch_size=4096, n_epochs=4, device="cpu", seed=0)
    model.learn(1)  # warm
    begin = time.perf_counter()
    model.learn(3 * lanes * steps)
    return 3 * lanes * steps / (time.perf_counter() - begin)


def main() -> None:
    """Measures the given environments; prints the numbers and writes throughput.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="environments (default: all)")
    parser.add_argument("--training", action="store_true", help="also time PPO (some minutes)")
    arguments = parser.parse_args()
    old = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "stepping": old["stepping"] if arguments.names else {},
    }
    for name in arguments.names or safegrid.names():
        level = int(name not in GRIDS and "1" in registry.environment(name).levels)
        numbers = stepping(name, level)
        numbers["first_step_warm"] = start(name, cold=False)
        numbers["first_step_cold"] = start(name, cold=True)
        title = name if name in GRIDS else f"{name} {level}"
        result["stepping"][title] = {key: float(f"{value:.3g}") for key, value in numbers.items()}
        print(f"{title:24s}", *(f"{key} {value:.3g}" for key, value in numbers.items()), sep="  ")
    result["stepping"] = dict(sorted(result["stepping"].items()))
    result["training"] = old.get("training")
    if arguments.training:
        native, single = training(2048, 16, True), training(8, 4096, False)
        result["training"] = {
            "native_2048x16": float(f"{native:.3g}"),
            "dummy_8x4096": float(f"{single:.3g}"),
            "ratio": float(f"{native / single:.3g}"),
        }
        print(
            f"PPO steps/s: {native:,.0f} native, {single:,.0f} single, ratio {native / single:.1f}"
        )
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
