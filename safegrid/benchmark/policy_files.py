"""The policy file: tensors in safetensors, and the cell they were trained in. Never a pickle."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
from numpy.typing import NDArray

from safegrid.benchmark.processes import one_line
from safegrid.benchmark.published import formats
from safegrid.benchmark.published.formats import Format
from safegrid.benchmark.results import Cell
from safegrid.engine import files, registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import Record
from safegrid.engine.policies import Policy

LARGEST_HEADER = 2**20  # bytes


class About(Record):
    """What the header of a published policy says."""

    cell: Cell
    format: Format


class PolicyFile(NamedTuple):
    """The content of a policy file."""

    tensors: dict[str, NDArray[Any]]
    cell: Cell
    format: Format | None  # None: the tensors are in the format of the cell's agent


def encode(policy: Policy, cell: Cell, form: Format | None = None) -> bytes:
    """The bytes of a policy's file; `form` is None for the format of the cell's agent."""
    from safetensors.numpy import save

    # one text, since safetensors writes several in any order
    if form is None:
        about = {"cell": _text(cell)}
    else:
        about = {"published": _text(About(cell=cell, format=form))}
    return save(policy.tensors(), about)


def default_path(agent: str, environment: str, level: str, seed: int) -> Path:
    """Where commands write a policy of a training unless another file is given."""
    return Path("policies", f"{agent}-{environment}-{level}-{seed}.safetensors")


def save(policy: Policy, path: Path, cell: Cell) -> None:
    """Writes the policy whole or not at all."""
    files.replace(path, encode(policy, cell))


def load(path: Path | str) -> tuple[Policy, Cell]:
    """The policy and the cell it was trained in.

    ValueError where the file is not such a policy, and for an agent or environment that is unknown.
    """
    file = read(path)
    file.cell.make_dynamics()  # or an error that names the environment, the level or an option
    if file.format is None:
        registry.agent(file.cell.agent)
    try:
        return make(file), file.cell
    except ValueError as error:
        raise ValueError(f"{path} is {error}") from None


def level_to_play(
    cell: Cell,
    environment: str | None = None,
    level: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[str, str, dict[str, Any]]:
    """Environment, level and options that a policy is to play: those given, and else its cell's.

    The options of the training hold on its own environment only, beneath those given. ValueError
    for an unknown environment or option.
    """
    name = registry.environment(environment or cell.environment).name
    own = name == cell.environment
    chosen = {**(cell.options if own else {}), **(options or {})}
    registry.check_options(name, chosen)
    return name, level or (cell.level if own else "0"), chosen


def make(file: PolicyFile) -> Policy:
    """The policy of a file. ValueError where its tensors are not of its format."""
    cell = file.cell
    if file.format is not None:
        return published(file, cell.make_dynamics())
    agent = registry.agent(cell.agent)
    try:
        policy = agent.load(file.tensors)
    except Exception as error:  # whatever an agent makes of tensors that are not its own
        raise ValueError(f"not a policy of agent {cell.agent}: {one_line(error)}") from None
    return agent.place(policy, cell.environment, {"level": cell.level, **cell.options})


def published(file: PolicyFile, dynamics: Dynamics) -> Policy:
    """The policy of a file that says its format. ValueError where its tensors are not of it.

    dynamics: of the level that it was trained on.
    """
    assert file.format is not None
    try:
        return formats.make(file.format, file.tensors, dynamics)
    except ValueError as error:
        raise ValueError(f"not a {file.format.kind} of this level: {error}") from None


def decode(content: bytes) -> PolicyFile:
    """What the bytes of a policy file say. ValueError, without their content, where it is none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as tensors

    about = _metadata(content)
    try:
        if "published" in about:
            return PolicyFile(tensors(content), *_about(about["published"]))
        return PolicyFile(tensors(content), Cell.model_validate_json(about.get("cell", "")), None)
    except pydantic.ValidationError:
        raise ValueError("its header does not say which cell it is of") from None
    except (SafetensorError, TypeError, KeyError, AttributeError, ValueError):
        raise ValueError("it is not a safetensors file") from None


def read(path: Path | str) -> PolicyFile:
    """The content of a policy file. ValueError where it is not such a file."""
    try:
        return decode(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"policy {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"policy {path} cannot be read: {error}") from None


def _text(record: Record) -> str:
    """JSON in one order, whatever the order in which settings were given."""
    return json.dumps(record.model_dump(mode="json"), sort_keys=True)


def _about(text: str) -> tuple[Cell, Format]:
    about = About.model_validate_json(text)
    return about.cell, about.format


def _metadata(content: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file. ValueError where it has none."""
    try:
        (size,) = struct.unpack("<Q", content[:8])
        if size > min(LARGEST_HEADER, len(content)):
            raise ValueError
        header = json.loads(content[8 : 8 + size].decode(), object_pairs_hook=_distinct)
        about = header.get("__metadata__", {})
        if not all(isinstance(value, str) for value in about.values()):
            raise ValueError
        return dict(about)
    except (struct.error, ValueError, AttributeError, RecursionError):
        raise ValueError("it is not a safetensors file") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. ValueError for a key that it has twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found
