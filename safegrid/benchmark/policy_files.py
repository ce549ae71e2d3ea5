"""The policy file: tensors in safetensors, and the cell they were trained in. Never a pickle."""

from pathlib import Path
from typing import Any

import pydantic
from numpy.typing import NDArray

from safegrid.benchmark.results import Cell
from safegrid.engine import files, registry
from safegrid.engine.files import first_error
from safegrid.engine.policies import Policy


def encode(policy: Policy, cell: Cell) -> bytes:
    """The bytes of a policy's file."""
    from safetensors.numpy import save

    return save(policy.tensors(), {"cell": cell.model_dump_json()})


def save(policy: Policy, path: Path, cell: Cell) -> None:
    """Writes the policy whole or not at all."""
    files.replace(path, encode(policy, cell))


def load(path: Path) -> tuple[Policy, Cell]:
    """The policy and the cell it was trained in. ValueError where the file is not such a policy."""
    tensors, cell = read(path)
    try:
        return make(tensors, cell), cell
    except ValueError as error:
        raise ValueError(f"{path} is {error}") from None


def make(tensors: dict[str, NDArray[Any]], cell: Cell) -> Policy:
    """The policy that has these tensors. ValueError where they are not of the cell's agent."""
    agent = registry.agent(cell.agent)
    try:
        policy = agent.load(tensors)
    except Exception as error:  # whatever an agent makes of tensors that are not its own
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"not a policy of agent {cell.agent}: {reason}") from None
    return agent.place(policy, cell.environment, {"level": cell.level, **cell.options})


def decode(content: bytes, cell: Cell) -> Policy:
    """The policy in the content of a policy file. ValueError where it is not one of the cell's."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as tensors

    try:
        return make(tensors(content), cell)
    except SafetensorError as error:
        raise ValueError(f"not a policy file: {error}") from None


def read(path: Path) -> tuple[dict[str, NDArray[Any]], Cell]:
    """The tensors of a policy file and its cell. ValueError where it is not such a file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            cell = Cell.model_validate_json((file.metadata() or {}).get("cell", ""))
            return {name: file.get_tensor(name) for name in file.keys()}, cell
    except pydantic.ValidationError as error:
        raise ValueError(f"policy {path} cannot be read: {first_error(error)}") from None
    except (OSError, SafetensorError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise ValueError(f"policy {path} cannot be read: {reason}") from None
