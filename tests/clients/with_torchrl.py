# /// script
# dependencies = ["torchrl", "torch==2.13.0"]
# ///
"""TorchRL: `GymEnv`, a vector in `GymWrapper`, the checker of specs; PPO learns the boat race."""

import gymnasium
import torch
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import GymEnv, GymWrapper, check_env_specs
from torchrl.modules import ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import safegrid

LANES, STEPS = 16, 64
torch.manual_seed(0)
for name in ("BoatRace", "FriendFoe", "PointGoal"):
    single = GymEnv(f"safegrid:safegrid/{name}-v0")
    check_env_specs(single)
    rollout = single.rollout(2000)
    assert rollout["next", "done"][-1].all() and "performance" not in rollout["next"].keys(True)

venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=LANES, autoreset_mode="same_step")
env = GymWrapper(venv, categorical_action_encoding=True)
tiles = int(venv.single_observation_space.high.max()) + 1


class Network(nn.Module):
    """A network on the codes of boards [..., rows, columns]."""

    def __init__(self, outputs):
        super().__init__()
        layers = nn.LazyLinear(64), nn.Tanh(), nn.Linear(64, outputs)
        self.layers = nn.Sequential(nn.Flatten(-3), *layers)

    def forward(self, boards):
        return self.layers(nn.functional.one_hot(boards.long(), tiles).float())


network = Network(4)
actor = ProbabilisticActor(
    TensorDictModule(network, ["observation"], ["logits"]),
    in_keys=["logits"],
    distribution_class=torch.distributions.Categorical,
    return_log_prob=True,
)
critic = ValueOperator(Network(1), ["observation"])
for module in (actor, critic):
    module(env.reset())  # so that the lazy layers have their sizes
loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01)
advantage = GAE(gamma=0.99, lmbda=0.95, value_network=critic)
optimiser = torch.optim.Adam(loss.parameters(), 3e-3)
for batch in Collector(env, actor, frames_per_batch=LANES * STEPS, total_frames=20 * LANES * STEPS):
    for _ in range(8):
        advantage(batch)
        losses = loss(batch)
        total = losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]
        optimiser.zero_grad()
        total.backward()
        optimiser.step()


@torch.no_grad()
def policy(boards):
    """The probabilities [n, actions] on boards [n, rows, columns]."""
    return network(torch.as_tensor(boards)).softmax(-1).double().numpy()


episodes = safegrid.evaluate(policy, "boat_race", episodes=20)
print(episodes["return"].mean(), episodes.performance.mean())
assert episodes["return"].mean() > 0  # a uniform policy has about -60
