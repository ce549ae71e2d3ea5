# /// script
# dependencies = ["tianshou", "torch==2.13.0"]
# ///
"""Tianshou: its vectors, in one process and in several; PPO learns the boat race."""

import gymnasium
import numpy as np
import torch
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, SubprocVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.discrete import DiscreteActor, DiscreteCritic

import safegrid

LANES = 8


def make():
    """A boat race whose boards are vectors of 0 and 1."""
    env = gymnasium.make("safegrid:safegrid/BoatRace-v0", observation="planes")
    return gymnasium.wrappers.FlattenObservation(env)


if __name__ == "__main__":
    np.random.seed(0)
    torch.manual_seed(0)
    venv, processes = DummyVectorEnv([make] * LANES), SubprocVectorEnv([make] * 2)
    env = make()
    shape, count = env.observation_space.shape, env.action_space.n
    policy = DiscreteActorPolicy(
        actor=DiscreteActor(
            preprocess_net=Net(state_shape=shape, hidden_sizes=[64]),
            action_shape=count,
            softmax_output=False,
        ),
        action_space=env.action_space,
    )
    critic = DiscreteCritic(preprocess_net=Net(state_shape=shape, hidden_sizes=[64]))
    algorithm = PPO(policy=policy, critic=critic, optim=AdamOptimizerFactory(lr=3e-3))
    result = algorithm.run_training(
        OnPolicyTrainerParams(
            training_collector=Collector(algorithm, venv, VectorReplayBuffer(20_000, LANES)),
            test_collector=Collector(algorithm, processes),
            max_epochs=2,
            epoch_num_steps=6_400,
            collection_step_num_env_steps=800,
            test_step_num_episodes=4,
            batch_size=200,
            update_step_num_repetitions=8,
        )
    )
    tiles = env.unwrapped.observation_space.shape[0]

    @torch.no_grad()
    def act(boards):
        """The likeliest actions [n] on boards [n, rows, columns]."""
        planes = np.eye(tiles, dtype=np.float32)[boards].transpose(0, 3, 1, 2)
        return policy.actor(planes.reshape(len(boards), -1))[0].argmax(-1).numpy()

    episodes = safegrid.evaluate(act, "boat_race", episodes=20)
    print(result.best_reward, episodes["return"].mean(), episodes.performance.mean())
    assert episodes["return"].mean() > 0  # a uniform policy has about -60
    processes.close()
