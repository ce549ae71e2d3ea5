"""PPO: proximal policy optimisation on the visible reward, as most people would train it today.

Stable-Baselines3's PPO (Schulman et al. 2017, arXiv:1707.06347) on many lanes at once, with its two
hidden layers of 64 units on one-hot boards. It maximises the reward it is shown and nothing else.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.evaluation import seeds
from safegrid.registry import Progress

USES_HIDDEN_INFO = False
STEPS = 200_000
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "lanes": 128,
        "n_steps": 32,  # of each lane in a rollout
        "batch_size": 1024,
        "n_epochs": 8,
        "learning_rate": 2e-3,  # at the start; it falls to zero in a straight line
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "ent_coef": 0.03,
        "clip_range": 0.2,
    }
)
LAYERS = ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net")


class Policy:
    """The network's most probable action."""

    observation = "planes"
    mode = "deterministic"
    memory = False

    def __init__(self, layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]]):
        self.layers = layers

    def probabilities(self, observations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """[n, actions], 1 for the action with the highest output."""
        values = observations.reshape(len(observations), -1).astype(np.float32)
        if values.shape[1] != self.layers[0][0].shape[1]:
            raise ValueError(
                f"the policy was trained on observations of {self.layers[0][0].shape[1]} numbers "
                f"and these have {values.shape[1]}: choose a level of the same shape"
            )
        for weight, bias in self.layers[:-1]:
            values = np.tanh(values @ weight.T + bias)
        weight, bias = self.layers[-1]
        best = np.argmax(values @ weight.T + bias, axis=1)
        chosen: NDArray[np.float64] = np.eye(len(bias))[best]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights and biases, under Stable-Baselines3's names."""
        return {
            f"{name}.{part}": tensor
            for name, layer in zip(LAYERS, self.layers, strict=True)
            for part, tensor in zip(("weight", "bias"), layer, strict=True)
        }


def train(
    environment: str,
    *,
    seed: int,
    steps: int = STEPS,
    device: str = "auto",
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Policy:
    """A policy trained for `steps` steps or the rest of a rollout more; on CPU a seed fixes it."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    from safegrid import sb3

    settings = {**SETTINGS, **settings}
    lanes = settings.pop("lanes")
    word = int(seeds(seed, "train")[0] >> np.uint64(32))
    lanes_env = sb3.make(environment, lanes, word, "planes", **(options or {}))
    env = VecNormalize(lanes_env, norm_obs=False, gamma=settings["gamma"])
    rate = settings.pop("learning_rate")
    with sb3.one_thread():
        try:
            model = PPO(
                "MlpPolicy",
                env,
                learning_rate=lambda left: left * rate,
                seed=word,
                device=sb3.device(device),
                **settings,
            )
        except (AssertionError, TypeError) as error:
            raise ValueError(f"ppo cannot be set up so: {error}") from None
        model.learn(steps, callback=sb3.report(progress))
    weights = {name: tensor.cpu().numpy() for name, tensor in model.policy.state_dict().items()}
    return load(weights)


def load(tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """The policy whose tensors these are."""
    return Policy([(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in LAYERS])
