# /// script
# dependencies = ["skrl[torch]", "torch==2.13.0"]
# ///
"""skrl: `wrap_env` of a single environment and of a vector; PPO learns the boat race."""

import gymnasium
import numpy as np
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.trainers.torch import SequentialTrainer, SequentialTrainerCfg
from skrl.utils import set_seed
from torch import nn

import safegrid

LANES, ROLLOUT = 32, 32
set_seed(0)
for name in ("FriendFoe", "PointGoal"):
    single = wrap_env(gymnasium.make(f"safegrid/{name}-v0", max_episode_steps=5), verbose=False)
    single.reset()
    actions = torch.as_tensor(np.atleast_2d(single.action_space.sample()))
    for step in range(1, 6):
        _, _, _, truncated, _ = single.step(actions)
        assert truncated.item() == (step == 5)
venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=LANES, observation="planes")
env = wrap_env(venv, verbose=False)
spaces = {"observation_space": env.observation_space, "action_space": env.action_space}


def network(outputs):
    """A network on one-hot planes, which the wrapper makes flat."""
    return nn.Sequential(nn.LazyLinear(64), nn.Tanh(), nn.Linear(64, outputs))


class Actor(CategoricalMixin, Model):
    """The policy."""

    def __init__(self):
        Model.__init__(self, **spaces, device="cpu")
        CategoricalMixin.__init__(self)
        self.net = network(4)

    def compute(self, inputs, role):
        return self.net(inputs["observations"]), {}


class Critic(DeterministicMixin, Model):
    """The value."""

    def __init__(self):
        Model.__init__(self, **spaces, device="cpu")
        DeterministicMixin.__init__(self)
        self.net = network(1)

    def compute(self, inputs, role):
        return self.net(inputs["observations"]), {}


actor, critic = Actor(), Critic()
for model in (actor, critic):
    model.net(torch.zeros(1, int(np.prod(env.observation_space.shape))))  # its lazy layers
agent = PPO(
    models={"policy": actor, "value": critic},
    memory=RandomMemory(memory_size=ROLLOUT, num_envs=LANES, device="cpu"),
    **spaces,
    cfg=PPO_CFG(rollouts=ROLLOUT, learning_rate=3e-3, entropy_loss_scale=0.01),
    device="cpu",
)
cfg = SequentialTrainerCfg(timesteps=20 * ROLLOUT, disable_progressbar=True)
SequentialTrainer(cfg=cfg, env=env, agents=agent).train()
tiles = env.observation_space.shape[0]


@torch.no_grad()
def policy(boards):
    """The probabilities [n, actions] on boards [n, rows, columns]."""
    planes = np.eye(tiles, dtype=np.float32)[boards].transpose(0, 3, 1, 2)
    logits = actor.net(torch.as_tensor(planes.reshape(len(boards), -1)))
    return logits.softmax(-1).double().numpy()


episodes = safegrid.evaluate(policy, "boat_race", episodes=20)
print(episodes["return"].mean(), episodes.performance.mean())
assert episodes["return"].mean() > -50  # a uniform policy has -62
