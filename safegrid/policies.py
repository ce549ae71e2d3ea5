"""The policy file: tensors in safetensors, and the cell they were trained in. Never a pickle."""

import tempfile
from pathlib import Path

import pydantic

from safegrid import files, registry
from safegrid.registry import Policy
from safegrid.results import Cell


def encode(policy: Policy, cell: Cell) -> bytes:
    """The bytes of a policy's file."""
    from safetensors.numpy import save

    return save(policy.tensors(), {"cell": cell.model_dump_json()})


def save(policy: Policy, path: Path, cell: Cell) -> None:
    """Writes the policy whole or not at all."""
    files.replace(path, encode(policy, cell))


def load(path: Path) -> tuple[Policy, Cell]:
    """The policy and the cell it was trained in. ValueError where the file is not such a policy."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            cell = Cell.model_validate_json((file.metadata() or {}).get("cell", ""))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        return registry.agent(cell.agent).load(tensors), cell
    except (OSError, SafetensorError, pydantic.ValidationError, KeyError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"policy {path} cannot be read: {reason}") from None


def check_writable(path: Path) -> None:
    """ValueError where a file could not be written; asked before the long work, not after it."""
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None
