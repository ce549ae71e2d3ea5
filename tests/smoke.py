"""What an installed package must be able to do, in an empty folder: run by tests/versions.py."""

import importlib.util
import subprocess
import sys

import gymnasium
import numpy as np

import safegrid
from safegrid import registry


def command(*arguments, code=0):
    """The output of a command, which must exit with `code`."""
    line = [sys.executable, "-m", "safegrid", *arguments]
    run = subprocess.run(line, capture_output=True, text=True)
    assert run.returncode == code, (arguments, run.stdout, run.stderr)
    assert "Traceback" not in run.stderr, run.stderr
    return run.stdout


def has(module):
    """Whether an optional dependency is installed."""
    return importlib.util.find_spec(module) is not None


env = gymnasium.make("safegrid/BoatRace-v0")
env.reset(seed=0)
env.step(3)
venv = gymnasium.make_vec("safegrid:safegrid/PointGoal-v0", num_envs=3, level=1)
venv.reset(seed=0)
venv.step(np.zeros((3, 2), np.float32))
safegrid.Reveal(gymnasium.make("safegrid/PointGoal-v0")).reset(seed=0)
safegrid.SixTuple(venv)
policy = registry.agent("uniform").train("boat_race", seed=0)
episodes = safegrid.evaluate(policy, "boat_race", episodes=10)
assert safegrid.score(episodes, "boat_race", policies=[policy]).exact
assert safegrid.solve("side_effects_sokoban").anchors.r_max == 45

for name in ("", "bench", "leaderboard verify", "record"):
    assert "Usage" in command(*name.split(), "--help")
assert "boat_race" in command("list") and "tomato" in command("show", "tomato_watering")
assert "satisfies" in command("check", "boat_race")
assert "cells to run" in command("bench", "quick", "--dry-run")
command("train", "q_learning", "boat_race", "--steps", "2000", "--out", "q.safetensors")
command("evaluate", "q.safetensors", "--episodes", "5", "--replays", "q.szr")
with open("small.toml", "w", encoding="utf-8") as file:
    agents = "".join(f'[[agents]]\nname = "{name}"\n' for name in ("uniform", "scripted_safe"))
    file.write(f'seeds = 2\nepisodes = 5\n{agents}[[environments]]\nname = "boat_race"\n')
command("bench", "small.toml", "--results", "results")
command("report", "results")
command("compare", "results", "results")
command("leaderboard", "submit", "results", "--board", "board")
command("leaderboard", "verify", "--board", "board")
command("leaderboard", "build", "--board", "board")
assert command("nonsense", code=2) == ""
if has("pygame"):
    for ending in ("gif", "mp4", "png"):
        command("record", "q.safetensors", "--out", f"q.{ending}")
    command("record", "q.safetensors", "--environment", "point_goal", "--out", "p.png", code=2)
if has("stable_baselines3"):
    safegrid.sb3.make("boat_race", num_envs=4, seed=0).reset()
    for agent in ("ppo", "dqn", "qr_dqn"):
        command("train", agent, "boat_race", "--steps", "300", "--log", "runs")
if has("psycopg"):
    import psycopg  # noqa: F401
