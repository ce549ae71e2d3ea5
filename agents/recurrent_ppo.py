"""Recurrent PPO: PPO with a recurrent network, which remembers earlier observations.

sb3-contrib's RecurrentPPO: PPO (Schulman et al. 2017, arXiv:1707.06347) with a long short-term
memory (Hochreiter & Schmidhuber 1997) before its two hidden layers; the critic has none.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.arithmetic import Affine, tanh
from safegrid.training.mlp import Network, flat

USES_HIDDEN_INFO = False
MEMORY = True
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = {
    "units": 64,  # of the LSTM
    "lanes": 128,
    "n_steps": 32,  # of each lane in a rollout
    "batch_size": 1024,
    "n_epochs": 8,
    "learning_rate": 2e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.03,
    "clip_range": 0.2,
}
LSTM = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")  # names of torch's LSTM


class RecurrentPolicy:
    """Takes the network's most probable action, given all observations of the episode.

    lstm: the tensors named in LSTM. network: from the memory's output to the actions.
    """

    observation = "planes"
    mode = "deterministic"
    memory = True

    def __init__(self, lstm: Mapping[str, NDArray[np.float32]], network: Network):
        self.lstm, self.network = lstm, network
        from_input, from_hidden, one, other = (lstm[name] for name in LSTM)
        self.inputs = from_input.shape[1]
        self.gates = Affine(np.hstack((from_input, from_hidden)), one + other)

    def begin(self, chance: NDArray[np.uint64]) -> "RecurrentPlayer":
        """Begins n episodes side by side; of `chance` [n] only the length is used."""
        return RecurrentPlayer(self, len(chance))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The LSTM's, named as torch does, and the network's, see `Network.tensors`.

        `weight_ih_l0` float32[4 units, inputs], `weight_hh_l0` float32[4 units, units],
        `bias_ih_l0` and `bias_hh_l0` float32[4 units]: of input, forget, cell and output gate.
        """
        return {**self.lstm, **self.network.tensors()}


class RecurrentPlayer:
    """The LSTM states of n episodes (Hochreiter & Schmidhuber 1997, with forget gates)."""

    def __init__(self, policy: RecurrentPolicy, count: int):
        self.policy = policy
        self.hidden: NDArray[Any] = np.zeros((count, policy.lstm[LSTM[1]].shape[1]), np.float32)
        self.cell = self.hidden

    def probabilities(self, observations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the action of the highest output; updates the memory."""
        inputs = flat(observations, self.policy.inputs)
        gates = self.policy.gates(np.hstack((inputs, self.hidden)))
        input_gate, forget_gate, candidate, output_gate = np.split(gates, 4, axis=1)
        self.cell = sigmoid(forget_gate) * self.cell + sigmoid(input_gate) * tanh(candidate)
        self.hidden = sigmoid(output_gate) * tanh(self.cell)
        return self.policy.network.probabilities(self.hidden)


def sigmoid(values: NDArray[Any]) -> NDArray[Any]:
    """The logistic function."""
    return 0.5 + 0.5 * tanh(0.5 * values)


def train(task: Task, run: Run, **settings: Any) -> RecurrentPolicy:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from sb3_contrib import RecurrentPPO

    from safegrid.training import sb3_training

    units = settings.pop("units")
    model = sb3_training.learn(
        RecurrentPPO,
        task,
        run,
        {**settings, "policy_kwargs": {"lstm_hidden_size": units, "enable_critic_lstm": False}},
        policy="MlpLstmPolicy",
    )
    lstm = model.policy.lstm_actor.state_dict()
    layers = sb3_training.actor(model)
    return load({name: lstm[name].cpu().numpy() for name in LSTM} | layers)


def load(tensors: Mapping[str, NDArray[Any]]) -> RecurrentPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    lstm = {name: tensors[name] for name in LSTM}
    return RecurrentPolicy(lstm, Network.load({k: v for k, v in tensors.items() if k not in lstm}))
