"""Stable-Baselines3: a VecEnv over the engine's lanes, and the training of its algorithms on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from safegrid.dynamics import Dynamics
from safegrid.engine import Lanes, check_seeds, horizon
from safegrid.evaluation import seeds as derive
from safegrid.observation import Encoder, action_space
from safegrid.registry import Progress
from safegrid.render import Painter

Mask = Callable[[NDArray[Any]], NDArray[np.bool_]]  # observations [n, ...] -> [n, actions]


class LanesEnv(VecEnv):
    """Episodes side by side; one that ends is reset in the same step, as the library expects.

    info holds `cost`, and at an episode's end `terminal_observation`, `TimeLimit.truncated` and,
    for the library's own log, `episode` with its return `r` and length `l`.
    """

    def __init__(
        self,
        name: str,
        num_envs: int,
        seed: int | None,
        observation: str | None,
        max_episode_steps: int,
        options: dict[str, Any],
    ):
        self.dynamics = Dynamics(name, **options)
        self._encoder = Encoder(self.dynamics, observation)
        self._lanes = Lanes(self.dynamics, num_envs, "same_step", max_episode_steps)
        self._actions: NDArray[Any] | None = None
        self._begun = False
        self.mask: Mask | None = None
        self.render_mode = "rgb_array"
        if seed is not None:
            check_seeds(range(seed, seed + num_envs) if isinstance(seed, int) else [seed])
        super().__init__(num_envs, self._encoder.space, action_space(self.dynamics))
        self.seed(seed)

    @property
    def performance(self) -> NDArray[np.float64]:
        """[num_envs] of each lane's episode; of the one just ended, on the step that ends it."""
        return self._lanes.performance.copy()

    def reset(self) -> Any:
        """Begins an episode in every lane, seeded if `seed` was called since the last reset."""
        seeded = self._seeds[0] is not None or not self._begun
        seeds = check_seeds(self._seeds) if seeded else None
        self._begun = True
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        self._boards = self._lanes.reset(seeds)
        return self._encoder(self._boards)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions of the next step."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every lane."""
        if self._actions is None or not self._begun:
            raise RuntimeError("step() before reset(): call reset() first")
        step = self._lanes.step(self._actions)
        self._boards = step.boards
        infos: list[dict[str, Any]] = [{"cost": cost} for cost in step.cost.tolist()]
        for name, costs in self._lanes.breakdown(step.kinds).items():
            for info, cost in zip(infos, costs.tolist(), strict=True):
                info[name] = cost
        dones = step.terminated | step.truncated
        if step.final is not None:
            ended = np.flatnonzero(dones)
            final = self._encoder(step.final[ended])
            lanes, cut = self._lanes.lanes, step.truncated & ~step.terminated
            for i, observation in zip(ended.tolist(), final, strict=True):
                infos[i]["terminal_observation"] = observation
                infos[i]["TimeLimit.truncated"] = bool(cut[i])
                infos[i]["episode"] = {"r": float(lanes["total"][i]), "l": int(lanes["length"][i])}
        return self._encoder(step.boards), step.reward.astype(np.float32), dones, infos

    def close(self) -> None:
        """Nothing to release."""

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Every lane's board as an image."""
        paint = Painter(self.dynamics)
        return [paint(board) for board in self._boards]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the whole, once for each lane asked for."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused: the lanes have no attributes of their own."""
        raise NotImplementedError("the lanes of a SafeGrid VecEnv have no attributes of their own")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """`action_masks`, for MaskablePPO: bool[actions] of each lane. The others are refused."""
        if method_name == "action_masks":
            return list(self.action_masks())
        raise NotImplementedError("the lanes of a SafeGrid VecEnv have no methods of their own")

    def action_masks(self) -> NDArray[np.bool_]:
        """[num_envs, actions] what each lane offers; everything where `mask` is None."""
        if self.mask is None:
            return np.ones((self.num_envs, len(self.dynamics.actions)), np.bool_)
        return self.mask(self._encoder(self._boards))

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """False: no lane is wrapped."""
        return [False for _ in self._get_indices(indices)]


class Reveal(VecEnvWrapper):
    """Puts the hidden performance into info, for debugging only."""

    def reset(self) -> Any:
        """As the environment's."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """As the environment's, with info["performance"]."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for info, performance in zip(infos, self.unwrapped.performance.tolist(), strict=True):  # type: ignore[attr-defined]
            info["performance"] = performance
        return observations, rewards, dones, infos


def make(
    name: str,
    num_envs: int = 1,
    seed: int | None = None,
    observation: str | None = None,
    max_episode_steps: int | None = None,
    **options: Any,
) -> LanesEnv:
    """A VecEnv of `num_envs` lanes for Stable-Baselines3; lane i is seeded with seed + i.

    Options are those of `gymnasium.make`. ValueError for one that the environment has not.
    """
    limit = horizon(name) if max_episode_steps is None else max_episode_steps
    return LanesEnv(name, num_envs, seed, observation, limit, options)


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


def _report(progress: Progress | None) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """A Stable-Baselines3 callback that tells how many steps have been trained."""

    def callback(locals_: dict[str, Any], _: dict[str, Any]) -> bool:
        if progress is not None:
            progress(locals_["self"].num_timesteps)
        return True

    return callback


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
    mask: Mask | None = None,
) -> Any:
    """A model of the library, trained for `steps` steps or the rest of a rollout more.

    Rewards are divided by the running deviation of the discounted return, and the vectors of
    continuous tasks are normalised; the learning rate falls to zero in a straight line. On CPU the
    seed decides every byte. `mask` says for MaskablePPO which actions are offered where an
    observation is seen. ValueError where the algorithm refuses its settings or the environment's
    actions.
    """
    given = dict(settings)
    word = int(derive(seed, "train")[0] >> np.uint64(32))
    continuous = Dynamics(environment, **(options or {})).continuous
    kind = "vector" if continuous else "planes"
    lanes = make(environment, given.pop("lanes"), word, kind, **(options or {}))
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
        model.learn(steps, callback=_report(progress))
    return model


def actor(model: Any, *modules: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """The layers of a trained policy; what a continuous one needs besides them."""
    tensors = layers(*modules)
    env = model.get_vec_normalize_env()
    if env.norm_obs:
        tensors["mean"] = env.obs_rms.mean
        tensors["scale"] = np.sqrt(env.obs_rms.var + env.epsilon)
    if hasattr(model.policy, "log_std"):
        tensors["deviation"] = model.policy.log_std.exp().detach().cpu().numpy()
    return tensors


def layers(*modules: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """The linear layers of modules in order, as `network.Network.load` takes them."""
    linear = [m for module in modules for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return {
        f"{i}.{part}": getattr(layer, part).detach().cpu().numpy()
        for i, layer in enumerate(linear)
        for part in ("weight", "bias")
    }
