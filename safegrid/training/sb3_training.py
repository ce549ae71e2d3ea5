"""Training of Stable-Baselines3's algorithms on many lanes, and extraction of their networks.

Products of matrices have other last bits on other processors, and a training amplifies them. The
variables of `REPRODUCIBLE` choose instructions that all x86-64 processors with AVX2 have, for half
more time of a training: see "Specifying code branches" in the developer guide of Intel's oneMKL,
and "CPU dispatcher control" in that of oneDNN, which has the convolutions and recurrent layers.
PyTorch reads them where it first computes in a process. Square roots, which oneMKL approximates in
another way on processors of another maker, are computed here: see `_reproducible`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecNormalize

from safegrid.drivers import sb3_env
from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics

REPRODUCIBLE = {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "avx2",
    "DNNL_MAX_CPU_ISA": "AVX2",
}
for name, value in REPRODUCIBLE.items():
    os.environ.setdefault(name, value)


def learn(
    algorithm: Callable[..., Any],
    task: Task,
    run: Run,
    settings: Mapping[str, Any],
    policy: str = "MlpPolicy",
    mask: sb3_env.Mask | None = None,
) -> Any:
    """A model of the library, trained for `task.steps` steps, rounded up to whole rollouts.

    Rewards are divided by the running standard deviation of the discounted return, and the vectors
    of continuous tasks are normalised; the learning rate falls linearly to zero. On a CPU the seed
    determines every byte. The training continues from the run's checkpoint if it has one, which may
    be of a training of fewer steps: from there on, the learning rate falls to zero at the new end.

    algorithm: a class of the library. task, run: those of the agent's `train`. settings: of the
    algorithm, and `lanes`. policy: the library's name of the network. mask: for MaskablePPO, a
    function from observations [n, ...] to the allowed actions bool[n, actions]. ValueError where
    the algorithm refuses its settings or the environment's actions, for a device that is not
    available, and for a checkpoint of more steps than `task.steps`.
    """
    given = dict(settings)
    seed = int(derive_seeds(task.seed, "train")[0] >> np.uint64(32))
    continuous = make_dynamics(task.environment, **task.options).space == "continuous"
    kind = "vector" if continuous else "planes"
    lanes = sb3_env.make(
        task.environment, given.pop("lanes"), seed, kind, run=run, **dict(task.options)
    )
    lanes.mask = mask
    env = VecNormalize(lanes, norm_obs=continuous, gamma=given["gamma"], clip_obs=np.inf)
    rate, device = given.pop("learning_rate"), _device(task.device)
    with _reproducible():
        try:
            model = algorithm(
                policy,
                env,
                learning_rate=lambda left: left * rate,
                seed=seed,
                device=device,
                **given,
            )
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{algorithm.__name__} refuses these settings: {error}") from None
        if run.checkpoint is not None:
            if kept := run.checkpoint.resume():
                model = kept
                if model.num_timesteps > task.steps:
                    raise ValueError(
                        f"the checkpoint has {model.num_timesteps:,} steps already, and "
                        f"{task.steps:,} are asked for: ask for more"
                    )
                model.get_vec_normalize_env().venv.rejoin(run)
        model.set_logger(Logger(None, []))  # the library's own leaves a folder behind
        first = model.num_timesteps == 0
        left = task.steps - model.num_timesteps
        try:
            model.learn(left, _Report(run), reset_num_timesteps=first)
        except (ArithmeticError, AssertionError, UnboundLocalError) as error:  # found in use
            raise ValueError(f"{algorithm.__name__} refuses these settings: {error}") from None
    return model


class _Report(BaseCallback):
    """Reports the steps trained so far, and offers the model to the checkpoint."""

    def __init__(self, run: Run):
        super().__init__()
        self.run = run

    def _on_rollout_start(self) -> None:
        if self.run.checkpoint is not None:
            self.run.checkpoint.offer(self.model)

    def _on_step(self) -> bool:
        self.run.report(self.num_timesteps)
        return True


def actor(model: Any, *modules: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """The tensors of a trained policy by name, for `mlp.actor`.

    Those of `layers`; on a continuous task also `mean` and `scale` float64[numbers], to normalise
    its vectors; and `deviation` float32[numbers of an action] if its actions are normal. model: of
    the library. modules: with the layers, or none for those of the library's actor-critics.
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
    """The tensors of the linear layers of modules in order, for `mlp.Network.load`.

    Layer i has `i.weight` float32[outputs, inputs] and `i.bias` float32[outputs].
    """
    linear = [m for module in modules for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return {
        f"{i}.{part}": getattr(layer, part).detach().cpu().numpy()
        for i, layer in enumerate(linear)
        for part in ("weight", "bias")
    }


def _device(name: str) -> str:
    """The name of a torch device; "auto" is the GPU if there is one.

    name: one of the agents' contract. ValueError for one that is not available.
    """
    cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if cuda else "cpu"
    if cuda or name == "cpu":
        return name
    raise ValueError(f"device {name!r} is not available: choose from cpu, auto")


@contextmanager
def _reproducible() -> Iterator[None]:
    """Torch on one thread, and with square roots of tensors that have one result.

    One thread is as fast for small networks, and results do not depend on the cores. PyTorch has
    the square roots of oneMKL, which are not those of IEEE 754; its inverse square root and its
    reciprocal are, to the last bit.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    patches = mock.patch.multiple(
        torch.Tensor,
        sqrt=lambda tensor: tensor.rsqrt().reciprocal(),
        sqrt_=lambda tensor: tensor.rsqrt_().reciprocal_(),
    )
    try:
        with patches:
            yield
    finally:
        torch.set_num_threads(threads)
