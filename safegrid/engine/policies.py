"""Protocols of policies, and policies made of tables, Stable-Baselines3 models and functions."""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.observations import index, make_encoder


class Policy(Protocol):
    """What all policies have; how it acts is one of the three protocols below."""

    observation: str  # the kind of observation that it takes
    mode: str  # "deterministic" or "stochastic"
    memory: bool  # whether it depends on more than the present observation

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays by name that a policy file holds, and that the agent's `load` takes."""


class DiscretePolicy(Policy, Protocol):
    """Chooses among numbered actions by the present observation."""

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions]: the probability of each action, for observations [n, ...]."""


class ContinuousPolicy(Policy, Protocol):
    """Chooses the numbers of a continuous action by the present observation."""

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[Any]:
        """Actions [n, numbers] for observations [n, ...].

        `chance` [n, numbers] is uniform in (0, 1), the only source of randomness.
        """


class Player(Protocol):
    """The memory of a policy in n episodes that it plays side by side."""

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions] for the next observations [n, ...].

        The rows of episodes that have ended are ignored.
        """


class MemoryPolicy(Policy, Protocol):
    """Chooses among numbered actions by the whole episode so far."""

    def begin(self, chance: NDArray[np.uint64]) -> Player:
        """Begins n episodes side by side; `chance` uint64[n] has 64 random bits for each."""


class TablePolicy:
    """Takes the action of the greatest value in each indexed observation.

    values: [observations, actions]. ValueError for a value that is not a number.
    """

    observation, mode, memory = "index", "deterministic", False

    def __init__(self, values: NDArray[Any]):
        if np.isnan(values).any():
            raise ValueError("the table has a value that is not a number: its training diverged")
        self.values = values

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the action of the greatest value, of indexes [n].

        ValueError for an index beyond the table.
        """
        count, actions = self.values.shape
        if len(observations) and observations.max() >= count:
            raise ValueError(
                f"the table has {count} observations and no number {observations.max()}: "
                "choose the level that it was made for"
            )
        chosen: NDArray[np.float64] = np.eye(actions)[self.values[observations].argmax(axis=1)]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """`values` [observations, actions], float64 where they were learned: the table."""
        return {"values": self.values}


class TransferredPolicy:
    """A policy of indexed observations on another level: it looks its numbers up by board.

    policy: what acts. source: the level whose numbers it takes. On a board that the source does not
    have, a policy without memory plays uniformly.
    """

    observation, mode = "board", "stochastic"

    def __init__(self, policy: Any, source: Dynamics):
        self.policy, self.memory, self._boards = policy, policy.memory, index(source)
        self._more = source.spec.memory or policy.memory  # whether it knows a number for others

    def _numbers(self, boards: NDArray[np.uint8]) -> NDArray[np.int64]:
        """int64[n]: the number of each board in the source, or one more than these."""
        rows = boards.reshape(len(boards), -1)
        if rows.shape[1] != self._boards.rows.shape[1]:
            return np.full(len(rows), self._boards.count)
        found = self._boards.find(rows).astype(np.int64)
        return np.where(found < 0, self._boards.count, found)

    def probabilities(self, observations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """float64[n, actions]: the policy's probabilities for boards [n, rows, columns]."""
        numbers = self._numbers(observations)
        if self._more:
            return self.policy.probabilities(numbers)  # type: ignore[no-any-return]
        unseen = numbers == self._boards.count
        chosen = np.asarray(self.policy.probabilities(np.where(unseen, 0, numbers)))
        return np.where(unseen[:, None], 1 / chosen.shape[1], chosen)

    def begin(self, chance: NDArray[np.uint64]) -> "TransferredPlayer":
        """Begins n episodes side by side, as the policy does."""
        return TransferredPlayer(self.policy.begin(chance), self._numbers)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Those of the policy."""
        return self.policy.tensors()  # type: ignore[no-any-return]


class TransferredPlayer:
    """The player of a policy of indexed observations, which takes boards."""

    def __init__(self, player: Player, numbers: Any):
        self._player, self._numbers = player, numbers

    def probabilities(self, observations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """float64[n, actions] for the next boards [n, rows, columns]."""
        return self._player.probabilities(self._numbers(observations))


class FunctionPolicy:
    """A policy made of a function of observations [n, ...], or of a model's `predict`.

    function: returns probabilities [n, actions], actions [n], or for a continuous task actions [n,
    numbers]. observation: the kind that it takes. dynamics: of the level.
    """

    mode, memory = "deterministic", False

    def __init__(self, function: Any, observation: str, dynamics: Dynamics):
        self.function, self.observation, self.dynamics = function, observation, dynamics

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions]: the function's probabilities, or 1 for the action that it returns.

        ValueError for an action that does not exist.
        """
        answer = np.asarray(self.function(observations))
        count = len(self.dynamics.actions)
        if answer.ndim == 1 and answer.dtype.kind in "iu":
            if answer.size and not 0 <= answer.min() <= answer.max() < count:
                bad = answer[(answer < 0) | (answer >= count)][0]
                raise ValueError(f"the policy gives action {bad}: choose from 0 to {count - 1}")
            return np.eye(count)[answer]  # type: ignore[no-any-return]
        return answer

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[Any]:
        """[n, numbers]: the actions that the function returns; `chance` is not used."""
        return np.asarray(self.function(observations))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Always a ValueError: a function has no tensors."""
        raise ValueError("the policy is a function: it cannot be written to a file")


def as_policy(given: Any, dynamics: Dynamics) -> Policy:
    """A policy made of any object that acts.

    given: a policy; a table of action values [indexed observations, actions], or of actions
    [indexed observations]; a Stable-Baselines3 model, which takes its most probable action, or
    another object with `predict`; or a function of observations [n, ...] in the environment's
    default form that gives probabilities [n, actions], actions [n], or for a continuous task
    actions [n, numbers]. dynamics: of the level that it plays. ValueError for anything else, and
    for a table or model of another level.
    """
    if any(hasattr(given, method) for method in ("probabilities", "act", "begin", "on_level")):
        for attribute in ("observation", "memory"):
            if not hasattr(given, attribute):
                raise ValueError(f"the policy has no attribute {attribute!r}: see engine/policies")
        return _on_level(given, dynamics)
    if isinstance(given, (np.ndarray, list)):
        return TablePolicy(_table(np.asarray(given), dynamics))
    if callable(getattr(given, "predict", None)):
        return FunctionPolicy(_predictor(given), _observed(given, dynamics), dynamics)
    if callable(given) and not isinstance(given, type):
        return FunctionPolicy(given, make_encoder(dynamics).kind, dynamics)
    raise ValueError(
        f"{given!r:.60} is not a policy: give a policy, a table, a model with `predict` or a "
        "function of observations"
    )


def _on_level(policy: Any, dynamics: Dynamics) -> Policy:
    """A policy on a level: what its `on_level` returns, if it has this method.

    `trained_on`, if it has it, says whose numbers of boards it takes. ValueError where that is of
    another environment.
    """
    if hasattr(policy, "on_level"):
        return policy.on_level(dynamics)  # type: ignore[no-any-return]
    if policy.observation != "index" or not hasattr(policy, "trained_on"):
        return policy  # type: ignore[no-any-return]
    name, options = policy.trained_on
    if name != dynamics.name:
        raise ValueError(f"the policy was trained on {name}: it cannot play {dynamics.name}")
    source = make_dynamics(name, **options)
    return policy if source.key == dynamics.key else TransferredPolicy(policy, source)


def check_probabilities(probabilities: Any, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Probabilities [n, actions]. ValueError for another shape, or a row that is not one."""
    chosen = np.asarray(probabilities, np.float64)
    if chosen.shape != shape or not (
        (chosen >= 0).all() and (abs(chosen.sum(axis=1) - 1) <= 1e-6).all()
    ):
        raise ValueError(
            f"the policy gives an array of shape {chosen.shape}: it needs probabilities of shape "
            f"{shape}, none negative, that sum to 1 in each row"
        )
    return chosen


def _table(table: NDArray[Any], dynamics: Dynamics) -> NDArray[Any]:
    """Action values [indexed observations, actions] of a table of values or of actions."""
    observations = make_encoder(dynamics, "index").space.n  # type: ignore[attr-defined]
    needed = (observations, len(dynamics.actions))
    if table.shape == needed[:1] and table.dtype.kind in "iu":
        if not 0 <= table.min() <= table.max() < needed[1]:
            raise ValueError(
                f"the table has actions from {table.min()} to {table.max()}: choose from 0 to "
                f"{needed[1] - 1}"
            )
        return np.eye(needed[1])[table]  # type: ignore[no-any-return]
    if table.shape != needed or table.dtype.kind not in "fiub":
        raise ValueError(
            f"the table has shape {table.shape}: it needs {needed}, or {needed[:1]} with actions"
        )
    return table


def _predictor(model: Any) -> Any:
    """The actions [n] or [n, numbers] that a model predicts for observations [n, ...]."""
    settings: Mapping[str, Any] = {}
    if "deterministic" in inspect.signature(model.predict).parameters:
        settings = {"deterministic": True}
    normaliser = getattr(model, "get_vec_normalize_env", lambda: None)()

    def predict(observations: Any) -> NDArray[Any]:
        if normaliser is not None:
            observations = normaliser.normalize_obs(observations)
        answer = model.predict(observations, **settings)
        if isinstance(answer, tuple):
            answer, state = answer
            if state is not None:
                raise ValueError("the model is recurrent: give a policy with `begin`")
        return np.asarray(answer)

    return predict


def _observed(model: Any, dynamics: Dynamics) -> str:
    """The kind of observation that a model was trained on."""
    default = make_encoder(dynamics)
    space = getattr(model, "observation_space", None)
    if space is None or space == default.space:
        return default.kind
    for kind in dynamics.observation_kinds:
        if kind != "text" and make_encoder(dynamics, kind).space == space:
            return kind
    raise ValueError(f"the model sees {space}: no observation of {dynamics.name} has this space")
