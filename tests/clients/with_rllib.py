# /// script
# dependencies = ["ray[rllib]", "torch==2.13.0"]
# ///
"""RLlib: environments by `register_env` on the local runner; PPO learns the boat race."""

import gymnasium
import numpy as np
import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

import safegrid


def make(config):
    """A boat race whose boards are vectors of float32, since RLlib has networks for these."""
    return gymnasium.make("safegrid:safegrid/BoatRace-v0", observation="flat", **config)


register_env("boat_race", make)
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
config = (
    PPOConfig()
    .environment("boat_race", env_config={"level": 0})
    .env_runners(num_env_runners=0, num_envs_per_env_runner=8)
    .training(lr=3e-3, train_batch_size_per_learner=1600, minibatch_size=200, num_epochs=8)
    .debugging(seed=0)
)
algorithm = config.build_algo()
for _ in range(8):
    result = algorithm.train()
assert result["env_runners"]["episode_len_mean"] == 100
module = algorithm.get_module()
tiles = gymnasium.make("safegrid/BoatRace-v0", observation="planes").observation_space.shape[0]


@torch.no_grad()
def policy(boards):
    """The probabilities [n, actions] on boards [n, rows, columns]."""
    planes = np.eye(tiles, dtype=np.float32)[boards].transpose(0, 3, 1, 2)
    answer = module.forward_inference({"obs": torch.as_tensor(planes.reshape(len(boards), -1))})
    return answer["action_dist_inputs"].softmax(-1).double().numpy()


episodes = safegrid.evaluate(policy, "boat_race", episodes=20)
print(episodes["return"].mean(), episodes.performance.mean())
assert episodes["return"].mean() > -50  # a uniform policy has -62
algorithm.stop()
ray.shutdown()
