"""Results of training runs and their evaluations, as files: written atomically, with digests.

`SEED-KEY.json` has the cell and the digests of the files beside it: the recorded episodes (`.szr`,
a replay), the course of training (`.csv`) and the policy (`.safetensors`, which may be absent).
Durations, hosts and errors are in `.log`, with one line of JSON for each attempt; it has no digest.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pydantic

from safegrid.engine import files, monitor, registry
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.files import Options, Record, changed_line_ends, first_error, sha256
from safegrid.evaluation import replay
from safegrid.evaluation.metrics import MEANS
from safegrid.evaluation.valuation import Valuation

NAME = re.compile(r"[0-9]+-[0-9a-f]{12}")  # SEED-KEY, the name of a result without its suffix
BESIDE = EPISODES, TRAINING, POLICY = (".szr", ".csv", ".safetensors")  # files beside a result


class Cell(Record):
    """One training run of one agent on one level, and its evaluation."""

    agent: str
    agent_version: int
    settings: dict[str, Any]
    steps: int = pydantic.Field(ge=0)
    environment: str
    dynamics: str  # fingerprint of the level's behaviour
    level: str
    options: Options
    seed: int = pydantic.Field(ge=0)
    episodes: int = pydantic.Field(ge=1)

    @property
    def key(self) -> str:
        """SHA-256 of all fields, which determine the result."""
        return _digest(self.model_dump())

    @property
    def path(self) -> Path:
        """Path of the result, relative to the folder of results."""
        return Path(self.environment, self.level, self.agent, f"{self.seed}-{self.key[:12]}.json")

    def make_dynamics(self) -> Dynamics:
        """Of its level as it is now. ValueError where the level or an option is unknown."""
        return make_dynamics(self.environment, self.level, **self.options)  # type: ignore[no-any-return]


class ResultFile(Record):
    """The JSON file of a result, without its digest."""

    cell: Cell
    beside: dict[str, str]  # SHA-256 of the files beside it, by suffix
    # of the episodes, for readers; empty in files of older versions
    means: dict[str, float] = pydantic.Field(default_factory=dict)
    values: dict[str, Valuation] = pydantic.Field(default_factory=dict)  # see `Result`


class Result(NamedTuple):
    """The result of a cell."""

    cell: Cell
    episodes: np.recarray[Any, Any]  # as `evaluate` records them
    training: np.recarray[Any, Any] | None = None  # of monitor.STRETCH; None where not recorded
    policy: bytes | None = None  # content of the policy file; None where it is absent
    # what the policy is worth on its level and on those it is judged by, by name: see
    # `measures.valuations`; empty in files of older versions
    values: Mapping[str, Valuation] = MappingProxyType({})


class Failure(NamedTuple):
    """A cell whose last attempt failed, and its error."""

    environment: str
    level: str
    agent: str
    seed: int
    error: str


def write(result: Result, folder: Path) -> Path:
    """Writes a result whole or not at all, and returns its path; an existing result is kept.

    OSError where it cannot be written.
    """
    cell, path = result.cell, folder / result.cell.path
    if path.exists():
        return path
    beside = {EPISODES: replay.encode(cell.make_dynamics(), result.episodes)}
    if result.training is not None:
        beside[TRAINING] = _csv(result.training)
    if result.policy is not None:
        beside[POLICY] = result.policy
    digests = {suffix: sha256(content) for suffix, content in beside.items()}
    record = ResultFile(cell=cell, beside=digests, means=means(result), values=dict(result.values))
    body = record.model_dump(mode="json")
    for suffix, content in beside.items():
        if path.exists():  # another sweep was first
            return path
        files.replace(path.with_suffix(suffix), content)
    text = json.dumps({**body, "digest": _digest(body)}, indent=1) + "\n"
    files.create(path, text.encode())
    return path


def read(path: Path) -> Result:
    """The result at a path. ValueError with the path and the fault where it is damaged."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        digest = body.pop("digest", None) if isinstance(body, dict) else None
        record = ResultFile.model_validate(body)
    except pydantic.ValidationError as error:
        raise ValueError(f"{path}: is not a result: {first_error(error)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read: {files.reason(error)}") from None
    if digest != _digest(body):
        raise ValueError(f"{path}: was edited: its digest does not match its content")
    contents = {suffix: _beside(path, suffix, record) for suffix in BESIDE}
    recorded, training = contents[EPISODES], contents[TRAINING]
    try:
        episodes = _episodes(record.cell, replay.decode(recorded or b""))
        table = None if training is None else _table(training, record.cell)
    except ValueError as error:
        raise ValueError(f"{path}: a file beside it is invalid: {error}") from None
    return Result(record.cell, episodes, table, contents[POLICY], record.values)


def read_all(folder: Path) -> tuple[list[Result], list[str]]:
    """The sound results below a folder, in the order of their paths, and the faults of the others.

    Copies of a result count once. Files that have not the name of a result are no faults: see
    `unrelated_files`. ValueError where there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"results folder {str(folder)!r} does not exist")
    results: dict[str, Result] = {}
    faults = []
    for path in _named(folder, ".json"):
        try:
            result = read(path)
            if path.absolute().parts[-len(result.cell.path.parts) :] != result.cell.path.parts:
                raise ValueError(f"{path}: was copied or renamed: its path is {result.cell.path}")
            results.setdefault(result.cell.key, result)
        except ValueError as error:
            faults.append(str(error))
    return list(results.values()), faults


def means(result: Result) -> dict[str, float]:
    """Mean return, performance, cost and length of the episodes."""
    return {key: float(np.mean(result.episodes[key])) for key in MEANS}


def rows(results: Iterable[Result]) -> list[dict[str, Any]]:
    """A row for each run: its cell, with settings and options as JSON, and the means."""
    listed = []
    for result in results:
        cell = result.cell.model_dump()
        for key in ("settings", "options"):
            cell[key] = json.dumps(cell[key], sort_keys=True)
        listed.append(cell | means(result))
    return listed


def to_pandas(results: Iterable[Result]) -> Any:
    """A pandas.DataFrame of `rows`. ModuleNotFoundError where pandas is not installed."""
    import pandas

    return pandas.DataFrame(rows(results))


def set_aside(path: Path) -> bool:
    """Adds `.damaged` to the names of a damaged result and of the files beside it.

    False where the result is sound by now: another sweep has made it again.
    """
    with contextlib.suppress(ValueError):
        read(path)
        return False
    for each in (path, *map(path.with_suffix, BESIDE)):
        with contextlib.suppress(FileNotFoundError):
            each.rename(f"{each}.damaged")
    return True


def log(path: Path, entry: dict[str, Any]) -> None:
    """Appends an entry about one attempt to the log beside a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".log").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def attempts(path: Path) -> list[dict[str, Any]]:
    """The entries of a log, each with an `error` (None for success); other lines are ignored.

    No entries where there is no log.
    """
    entries = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict) and isinstance(entry.get("error", 0), str | None):
                    entries.append(entry)
    return entries


def logs(folder: Path) -> list[Path]:
    """The logs below a folder that lie beside results, or where results would lie."""
    return _named(folder, ".log")


def failures(folder: Path) -> list[Failure]:
    """The cells below a folder that were tried and have no result, in the order of their paths."""
    failed = []
    for path in logs(folder):
        entries = [] if path.with_suffix(".json").exists() else attempts(path)
        if entries and (error := entries[-1]["error"]):
            environment, level, agent = path.absolute().parts[-4:-1]
            failed.append(Failure(environment, level, agent, int(path.stem.split("-")[0]), error))
    return failed


def unrelated_files(folder: Path) -> list[Path]:
    """The JSON files and logs below a folder that are not of this package, and are not read.

    These are files without the name of a result, and logs without an attempt.
    """
    ours = {*_named(folder, ".json"), *(path for path in logs(folder) if attempts(path))}
    found = [path for suffix in (".json", ".log") for path in folder.rglob(f"*{suffix}")]
    return sorted(path for path in found if path not in ours and path.is_file())


def _named(folder: Path, suffix: str) -> list[Path]:
    """The files below a folder that have the name and the place of a result, in order."""
    return [
        path
        for path in sorted(folder.rglob(f"*{suffix}"))
        if NAME.fullmatch(path.stem) and len(path.absolute().parts) > 4 and path.is_file()
    ]


def _beside(path: Path, suffix: str, record: ResultFile) -> bytes | None:
    """The content of a file beside a result; None where it is absent and may be."""
    try:
        content = path.with_suffix(suffix).read_bytes()
    except FileNotFoundError:
        if suffix == POLICY or suffix not in record.beside:
            return None
        raise ValueError(f"{path.with_suffix(suffix)}: is missing: {path} needs it") from None
    except OSError as error:
        raise ValueError(f"{path.with_suffix(suffix)}: cannot be read: {error.strerror}") from None
    if sha256(content) != record.beside.get(suffix):
        reason = changed_line_ends(content, record.beside.get(suffix, ""))
        message = f"{path.with_suffix(suffix)}: was edited: {path} has another digest of it"
        raise ValueError(message + reason)
    return content


def _episodes(cell: Cell, read: replay.Replay) -> np.recarray[Any, Any]:
    """The episodes of a cell's replay. ValueError where the replay is of another cell."""
    for field in ("environment", "level", "options", "dynamics", "episodes"):
        if (found := getattr(read.header, field)) != (expected := getattr(cell, field)):
            raise ValueError(f"the replay has {field} {found!r} and the cell has {expected!r}")
    return read.episodes


def _csv(training: np.recarray[Any, Any]) -> bytes:
    rows = [training.dtype.names, *training.tolist()]
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


def _table(content: bytes, cell: Cell) -> np.recarray[Any, Any]:
    """The course of a training.

    Files of older versions have a column `violations`, of episodes with a cost; where the
    environment declares other violations, `violating` is then -1: not known.
    """
    header, *lines = content.decode().splitlines()
    table = np.array([tuple(line.split(",")) for line in lines], monitor.STRETCH)
    if "violating" not in header and registry.environment(cell.environment).violates is not None:
        table["violating"] = -1
    return table.view(np.recarray)


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode())
