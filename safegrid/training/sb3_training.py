"""Trains an algorithm of Stable-Baselines3 on many lanes, and takes its networks out of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

from safegrid.benchmark import checkpoint
from safegrid.drivers import sb3_env
from safegrid.engine.chance import derive_seeds
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.registry import Progress


def learn(
    algorithm: Callable[..., Any],
    environment: str,
    settings: Mapping[str, Any],
    *,
    seed: int,
    steps: int,
    device: str = "auto",
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    policy: str = "MlpPolicy",
    mask: sb3_env.Mask | None = None,
) -> Any:
    """A model of the library, trained for `steps` steps or the rest of a rollout more.

    Rewards are divided by the running deviation of the discounted return, and the vectors of
    continuous tasks are normalised; the learning rate falls to zero in a straight line. On CPU the
    seed decides every byte. `mask` says for MaskablePPO which actions are offered where an
    observation is seen. Inside `checkpoint.keep` it goes on where it was interrupted. ValueError
    where the algorithm refuses its settings or the environment's actions.
    """
    given = dict(settings)
    word = int(derive_seeds(seed, "train")[0] >> np.uint64(32))
    continuous = Dynamics(environment, **(options or {})).continuous
    kind = "vector" if continuous else "planes"
    lanes = sb3_env.make(environment, given.pop("lanes"), word, kind, **(options or {}))
    lanes.mask = mask
    env = VecNormalize(lanes, norm_obs=continuous, gamma=given["gamma"], clip_obs=np.inf)
    rate, place = given.pop("learning_rate"), _device(device)
    with _one_thread():
        try:
            model = algorithm(
                policy,
                env,
                learning_rate=lambda left: left * rate,
                seed=word,
                device=place,
                **given,
            )
        except (AssertionError, TypeError) as error:
            raise ValueError(f"{algorithm.__name__} cannot be set up so: {error}") from None
        request = (
            algorithm.__name__,
            environment,
            dict(settings),
            seed,
            steps,
            dict(options or {}),
        )
        kept = checkpoint.here(repr(request))
        if kept is not None:
            model = kept.load() or model
        first = model.num_timesteps == 0
        model.learn(steps - model.num_timesteps, _Report(progress, kept), reset_num_timesteps=first)
    return model


class _Report(BaseCallback):
    """Tells how many steps have been trained; keeps a checkpoint before a rollout."""

    def __init__(self, progress: Progress | None, kept: checkpoint.Checkpoint | None):
        super().__init__()
        self.progress, self.kept = progress, kept

    def _on_rollout_start(self) -> None:
        if self.kept is not None:
            self.kept.offer(self.model)

    def _on_step(self) -> bool:
        if self.progress is not None:
            self.progress(self.num_timesteps)
        return True


def actor(model: Any, *modules: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """The layers of a trained policy, and what a continuous one needs besides them.

    The modules are those of the library's actor-critics where none are given.
    """
    policy = model.policy
    tensors = layers(*(modules or (policy.mlp_extractor.policy_net, policy.action_net)))
    env = model.get_vec_normalize_env()
    if env.norm_obs:
        tensors["mean"] = env.obs_rms.mean
        tensors["scale"] = np.sqrt(env.obs_rms.var + env.epsilon)
    if hasattr(policy, "log_std"):
        tensors["deviation"] = policy.log_std.exp().detach().cpu().numpy()
    return tensors


def layers(*modules: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """The linear layers of modules in order, as `network.Network.load` takes them."""
    linear = [m for module in modules for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return {
        f"{i}.{part}": getattr(layer, part).detach().cpu().numpy()
        for i, layer in enumerate(linear)
        for part in ("weight", "bias")
    }


def _device(name: str) -> str:
    """A torch device that is there; ValueError for one that is not. "auto" prefers the GPU."""
    cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if cuda else "cpu"
    if name == "cpu" or (cuda and name.partition(":")[0] == "cuda"):
        return name
    raise ValueError(f"device {name!r} is not available: choose from {'cuda, ' * cuda}cpu, auto")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: small networks run no slower, and the bytes depend on no core count."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
