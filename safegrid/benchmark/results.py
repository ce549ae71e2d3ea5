"""The result of one training run and its evaluation: files that are whole and have digests.

`SEED-KEY.json` says what was run, and the digests of the files beside it: the recorded episodes
(`.szr`, a replay), the course of training (`.csv`) and the policy (`.safetensors`; it may be
elsewhere). Times, hosts and failures are in `.log`, a line of JSON an attempt, and prove nothing.
"""

import contextlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydantic

from safegrid.engine import files, monitor
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import Record, first_error, sha256
from safegrid.evaluation import replay

BESIDE = EPISODES, TRAINING, POLICY = (".szr", ".csv", ".safetensors")


class Cell(Record):
    """One training run of one agent on one level, and its evaluation."""

    agent: str
    agent_version: int
    settings: dict[str, Any]
    steps: int = pydantic.Field(ge=0)
    environment: str
    dynamics: str  # fingerprint of the level's behaviour
    level: str
    options: dict[str, Any]
    seed: int = pydantic.Field(ge=0)
    episodes: int = pydantic.Field(ge=1)

    @property
    def key(self) -> str:
        """Of all that decides the result."""
        return _digest(self.model_dump())

    @property
    def path(self) -> Path:
        """Where the result lies below the results' folder."""
        return Path(self.environment, self.level, self.agent, f"{self.seed}-{self.key[:12]}.json")


class ResultFile(Record):
    """A result's own file, but for its digest."""

    cell: Cell
    beside: dict[str, str]  # SHA-256 of the files beside it, by suffix


class Result(NamedTuple):
    """What a cell gave."""

    cell: Cell
    episodes: np.recarray[Any, Any]  # as `evaluate` records them
    training: np.recarray[Any, Any] | None = None  # see ledger.STRETCH; None where nobody watched
    policy: bytes | None = None  # its file; None where it is not at hand


class Failure(NamedTuple):
    """A cell without a result, and why."""

    environment: str
    level: str
    agent: str
    seed: int
    error: str


def write(result: Result, folder: Path) -> Path:
    """Writes a result whole or not at all; the first writer wins."""
    cell, path = result.cell, folder / result.cell.path
    if path.exists():
        return path
    dynamics = make_dynamics(cell.environment, cell.level, **cell.options)
    beside = {EPISODES: replay.encode(dynamics, result.episodes)}
    if result.training is not None:
        beside[TRAINING] = _csv(result.training)
    if result.policy is not None:
        beside[POLICY] = result.policy
    digests = {suffix: sha256(content) for suffix, content in beside.items()}
    body = ResultFile(cell=cell, beside=digests).model_dump()
    for suffix, content in beside.items():
        files.replace(path.with_suffix(suffix), content)
    text = json.dumps({**body, "digest": _digest(body)}, indent=1) + "\n"
    files.create(path, text.encode())
    return path


def read(path: Path) -> Result:
    """A result. ValueError, naming the file and the fault, where it was cut off or edited."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        digest = body.pop("digest", None) if isinstance(body, dict) else None
        record = ResultFile.model_validate(body)
    except pydantic.ValidationError as error:
        raise ValueError(f"{path}: not a result: {first_error(error)}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    if digest != _digest(body):
        raise ValueError(f"{path}: was edited: its digest is not that of its content")
    found = {suffix: _beside(path, suffix, record) for suffix in BESIDE}
    recorded, training = found[EPISODES], found[TRAINING]
    try:
        episodes = _of(record.cell, replay.decode(recorded or b""))
        table = None if training is None else _table(training)
    except ValueError as error:
        raise ValueError(f"{path}: what lies beside it is not sound: {error}") from None
    return Result(record.cell, episodes, table, found[POLICY])


def read_all(folder: Path) -> tuple[list[Result], list[str]]:
    """The results below a folder by path, and what is wrong with the other files."""
    results: dict[str, Result] = {}
    faults = []
    for path in sorted(folder.rglob("*.json")):
        try:
            result = read(path)
            if path.parts[-len(result.cell.path.parts) :] != result.cell.path.parts:
                raise ValueError(f"{path}: was copied or renamed: it belongs to {result.cell.path}")
            results.setdefault(result.cell.key, result)
        except ValueError as error:
            faults.append(str(error))
    return list(results.values()), faults


def set_aside(path: Path) -> Path:
    """Renames a damaged result and what lies beside it; returns the new path."""
    for suffix in BESIDE:
        beside = path.with_suffix(suffix)
        if beside.exists():
            beside.rename(f"{beside}.damaged")
    return path.rename(f"{path}.damaged")


def log(path: Path, entry: dict[str, Any]) -> None:
    """Adds what happened in an attempt to the log beside a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".log").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def attempts(path: Path) -> list[dict[str, Any]]:
    """The entries of a log; lines that were cut off do not count."""
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entries.append(json.loads(line))
    return entries


def failures(folder: Path) -> list[Failure]:
    """The cells below a folder that were tried and have no result, by path."""
    failed = []
    for path in sorted(folder.rglob("*.log")):
        tried = [] if path.with_suffix(".json").exists() else attempts(path)
        if tried and (error := tried[-1]["error"]):
            environment, level, agent = path.parts[-4:-1]
            failed.append(Failure(environment, level, agent, int(path.stem.split("-")[0]), error))
    return failed


def _beside(path: Path, suffix: str, record: ResultFile) -> bytes | None:
    """The content of a file beside a result; None where it is not there and need not be."""
    try:
        content = path.with_suffix(suffix).read_bytes()
    except FileNotFoundError:
        if suffix == POLICY or suffix not in record.beside:
            return None
        raise ValueError(f"{path.with_suffix(suffix)}: is not there: {path} needs it") from None
    if sha256(content) != record.beside.get(suffix):
        raise ValueError(f"{path.with_suffix(suffix)}: was edited: {path} has another digest of it")
    return content


def _of(cell: Cell, read: replay.Replay) -> np.recarray[Any, Any]:
    """The episodes of a cell's replay. ValueError where they are those of another cell."""
    for field in ("environment", "level", "options", "dynamics", "episodes"):
        if (theirs := getattr(read.header, field)) != (ours := getattr(cell, field)):
            raise ValueError(f"the replay has {field} {theirs!r} and the cell has {ours!r}")
    return read.episodes


def _csv(training: np.recarray[Any, Any]) -> bytes:
    rows = [training.dtype.names, *training.tolist()]
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


def _table(content: bytes) -> np.recarray[Any, Any]:
    _, *rows = content.decode().splitlines()
    table = np.array([tuple(row.split(",")) for row in rows], monitor.STRETCH)
    return table.view(np.recarray)


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode())
