"""Policies as tables: what a policy does on every board of the levels that it is judged on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import sha256
from safegrid.engine.observations import index, make_encoder
from safegrid.engine.policies import (
    FunctionPolicy,
    TransferredPolicy,
    as_policy,
    check_probabilities,
)
from safegrid.evaluation import measures, valuation

Table = NDArray[Any]  # uint8[observations] actions, or float32[observations, actions] probabilities
Tensors = Mapping[str, NDArray[Any]]  # of a policy file, by name
UNSEEN = 255  # the code of every cell of a board that cannot be reached


class TabulatedPolicy:
    """A policy without memory as tables, one for each level that it is judged on.

    tables: by the names of `measures.judged`. dynamics: of the level that it was trained on.
    """

    observation, memory = "index", False

    def __init__(self, tables: Mapping[str, Table], dynamics: Dynamics):
        self._tables, self._dynamics = dict(tables), dynamics
        self._labels = {each.key: label for label, each in measures.judged(dynamics).items()}
        actions = all(table.ndim == 1 for table in tables.values())
        self.mode = "deterministic" if actions else "stochastic"

    def on_level(self, dynamics: Dynamics) -> FunctionPolicy | TransferredPolicy:
        """The policy on a level; one without a table is played by the boards of the first level.

        ValueError for a level of another environment.
        """
        if dynamics.name != self._dynamics.name:
            raise ValueError(f"the policy is for {self._dynamics.name}, and not {dynamics.name}")
        if dynamics.key not in self._labels:
            return TransferredPolicy(self.on_level(self._dynamics), self._dynamics)
        table = self._tables[self._labels[dynamics.key]]
        if table.ndim == 2:
            table = table.astype(np.float64)
            table /= table.sum(axis=1, keepdims=True)
        return FunctionPolicy(lambda numbers: table[numbers], "index", dynamics)

    def tensors(self) -> dict[str, Table]:
        """The tables by the names of the levels.

        uint8[observations] numbers of actions, or float32[observations, actions] probabilities.
        """
        return self._tables


def tabulate(policy: Any, dynamics: Dynamics) -> TabulatedPolicy | None:
    """A policy as tables; None where it has memory, or a level's boards cannot be listed.

    They cannot where each reset draws another map. Levels that a policy of other observations than
    indexes is tabulated on have at most `valuation.MOST_STATES` states. On an environment that
    remembers earlier episodes, only a policy of indexes is a table.

    policy: whatever `as_policy` takes. dynamics: of the level that it was trained on.
    """
    tables = {}
    for label, each in measures.judged(dynamics).items():
        player = as_policy(policy, each)
        indexed = getattr(policy, "observation", "") == "index"
        if player.memory or each.space == "continuous" or each.evaluated is not each:
            return None
        if not indexed and valuation.solution_of(each) is None:
            return None
        observations = make_encoder(each, player.observation)(_boards(each))
        shape = len(observations), len(each.actions)
        chosen = check_probabilities(player.probabilities(observations), shape)  # type: ignore[attr-defined]
        certain = bool((chosen.max(axis=1) == 1).all())
        tables[label] = (
            chosen.argmax(axis=1).astype(np.uint8) if certain else chosen.astype(np.float32)
        )
    return TabulatedPolicy(tables, dynamics)


def are_listed(dynamics: Dynamics) -> bool:
    """Whether every policy without memory of a level is a table on all that it is judged on."""
    levels = measures.judged(dynamics).values()
    return all(
        each.space != "continuous"
        and each.evaluated is each
        and valuation.solution_of(each) is not None
        for each in levels
    )


def in_thousandths(table: Table, actions: int) -> NDArray[np.uint16]:
    """uint16[observations, actions]: the probabilities of a table, whatever its form.

    actions: of the level.
    """
    chances = np.eye(actions)[table] if table.ndim == 1 else table / table.sum(axis=1)[:, None]
    thousandths: NDArray[np.uint16] = np.rint(1000 * chances).astype(np.uint16)
    return thousandths


def enumeration_digest(dynamics: Dynamics) -> str:
    """SHA-256 of the boards that index observations number, in their order."""
    numbers = index(dynamics)
    return sha256(numbers.rows[: numbers.count].tobytes())


def check_table(table: Table, dynamics: Dynamics) -> None:
    """ValueError for a table that is not one of a level: its type, its shape or its values."""
    observations, actions = make_encoder(dynamics, "index").space.n, len(dynamics.actions)  # type: ignore[attr-defined]
    if table.dtype == np.uint8 and table.shape == (observations,):
        if table.size and table.max() >= actions:
            raise ValueError(f"it has action {table.max()}: choose from 0 to {actions - 1}")
    elif table.dtype == np.float32 and table.shape == (observations, actions):
        check_probabilities(table, (observations, actions))
    else:
        raise ValueError(
            f"its table is {table.dtype}{list(table.shape)}: it needs uint8[{observations}] or "
            f"float32[{observations}, {actions}]"
        )


def _boards(dynamics: Dynamics) -> NDArray[np.uint8]:
    """[observations, rows, columns] the board of each index observation."""
    numbers = index(dynamics)
    rows = numbers.rows[: numbers.count]
    if dynamics.spec.memory:  # the last number is that of all other boards
        rows = np.concatenate((rows, np.full_like(rows[:1], UNSEEN)))
    boards: NDArray[np.uint8] = rows.reshape(-1, *dynamics.level.board.shape)
    return boards


def check_arrays(tensors: Tensors, expected: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
    """ValueError for an array of another type or shape, and for numbers that are not finite."""
    for name, (kind, shape) in expected.items():
        tensor = tensors[name]
        if tensor.dtype != kind or tensor.shape != shape:
            raise ValueError(
                f"{name} is {tensor.dtype}{list(tensor.shape)}: it must be "
                f"{np.dtype(kind)}{list(shape)}"
            )
        if not np.isfinite(tensor).all():
            raise ValueError(f"{name} has numbers that are not finite")
