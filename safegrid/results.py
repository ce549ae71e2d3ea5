"""The result of one training run and its evaluation: a file that is whole and has a digest."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pydantic

from safegrid.replay import Strict, first

COLUMNS = ("seed", "episode", "return", "performance", "cost", "length", "ended")


class Cell(Strict):
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


class Episodes(Strict):
    """The columns of the recorded episodes."""

    seed: list[int]
    episode: list[int]
    actions: list[str]  # one digit an action
    total: list[float] = pydantic.Field(alias="return")
    performance: list[float]
    cost: list[float]
    length: list[int]
    ended: list[str]

    def __getitem__(self, column: str) -> list[Any]:
        return self.total if column == "return" else getattr(self, column)  # type: ignore[no-any-return]


class Result(Strict):
    """What a cell gave."""

    cell: Cell
    episodes: Episodes


def write(result: Result, folder: Path) -> Path:
    """Writes a result whole or not at all; the first writer wins."""
    body = result.model_dump(by_alias=True)
    path = folder / result.cell.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
        try:
            json.dump({**body, "digest": _digest(body)}, file, indent=1)
            file.flush()
            os.chmod(file.name, 0o644)
            os.fsync(file.fileno())
            os.link(file.name, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(file.name)
    return path


def read(path: Path) -> Result:
    """A result file. ValueError, naming the file and the fault, where it was cut off or edited."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        digest = body.pop("digest", None) if isinstance(body, dict) else None
        result = Result.model_validate(body)
    except pydantic.ValidationError as error:
        raise ValueError(f"{path}: not a result: {first(error)}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    if digest != _digest(body):
        raise ValueError(f"{path}: was edited: its digest is not that of its content")
    return result


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


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
