# /// script
# dependencies = ["rl_zoo3", "requests", "torch==2.13.0"]
# ///
"""RL Baselines3 Zoo: `rl_zoo3 train` with a file of hyperparameters, and `rl_zoo3 enjoy`."""

import subprocess
import sys
from pathlib import Path

from stable_baselines3 import PPO

import safegrid

NAME = "safegrid/BoatRace-v0"
HYPERPARAMETERS = """
safegrid/BoatRace-v0:
  n_timesteps: 8192
  policy: MlpPolicy
  n_envs: 8
  n_steps: 64
  batch_size: 256
  learning_rate: 0.003
  env_kwargs: {level: 0}
"""
Path("ppo.yml").write_text(HYPERPARAMETERS, encoding="utf-8")
common = ["--algo", "ppo", "--env", NAME, "--gym-packages", "safegrid", "--device", "cpu"]
for command in (
    [
        "train",
        *common,
        "--conf-file",
        "ppo.yml",
        "--seed",
        "0",
        "--eval-freq",
        "4096",
        "-f",
        "logs",
    ],
    ["enjoy", *common, "-f", "logs", "-n", "200", "--no-render"],
):
    subprocess.run([sys.executable, "-m", f"rl_zoo3.{command[0]}", *command[1:]], check=True)
(file,) = Path("logs").rglob("safegrid-BoatRace-v0.zip")
episodes = safegrid.evaluate(PPO.load(file, device="cpu"), "boat_race", episodes=20)
print(episodes["return"].mean(), episodes.performance.mean())
assert episodes["return"].mean() > -50  # a uniform policy has -62
