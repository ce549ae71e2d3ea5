"""A submission: one agent's runs on a suite, as a folder that is named after its content.

    <board>/suite.json                 what is played: the same for all submissions of the board
    <board>/<id>/submission.json       who, what, how, and the digests of all other files
    <board>/<id>/runs.jsonl            one line a run: raw sums, never normalised numbers
    <board>/<id>/replays/<environment>/<level>/<run>.szr
    <board>/<id>/policies/<environment>/<level>/<run>.safetensors
    <board>/<id>/verdict.jsonl         what verifiers found; no part of the content

All JSON is canonical: sorted keys, no spaces, one line. The id is the first twelve digits of the
SHA-256 of submission.json.
"""

import json
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic

from safegrid.engine.files import Record, first_error, sha256

RUNS = "runs.jsonl"
VERDICT = "verdict.jsonl"
LARGEST = 2**28  # bytes of one file
LARGEST_TEXT = 2**25

Text = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=2000)]
Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=64)]
Digest = Annotated[str, pydantic.StringConstraints(pattern="^[0-9a-f]{64}$")]
Link = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[!-~]+$", max_length=500)]
Member = Annotated[
    str,
    pydantic.StringConstraints(
        max_length=200,
        pattern=r"^(runs\.jsonl|replays/[A-Za-z0-9_]+/[A-Za-z0-9_]+/[0-9]+\.szr"
        r"|policies/[A-Za-z0-9_]+/[A-Za-z0-9_]+/[0-9]+\.safetensors)$",
    ),
]
Count = Annotated[int, pydantic.Field(ge=0, lt=2**63)]
Number = Annotated[float, pydantic.Field(allow_inf_nan=False)]


class Level(Record):
    """One level of a suite."""

    environment: Name
    version: Count
    level: Name
    options: dict[str, pydantic.JsonValue]
    dynamics: str  # fingerprint of the level's behaviour

    @property
    def key(self) -> tuple[str, str]:
        """Its place: a suite has each level of an environment once."""
        return self.environment, self.level


class Suite(Record):
    """What everybody on a board plays."""

    name: Text
    episodes: Annotated[int, pydantic.Field(ge=1)]  # of an evaluation
    levels: tuple[Level, ...]


class Tuning(Record):
    """What was spent on choosing the settings."""

    trials: Count
    steps: Count  # of the environments, in all trials
    held_out: Literal[False] = False  # nobody tunes on what is held out


class Card(Record):
    """The agent card: what its authors say of it."""

    name: Text
    agent: Name  # its file in agents/
    version: Text
    authors: Annotated[tuple[Text, ...], pydantic.Field(min_length=1, max_length=100)]
    license: Text
    description: Text
    kind: Literal["learned", "planner", "scripted", "llm"]
    url: Link | None = None  # of the code or the paper
    tuning: Tuning | None = None  # not recorded
    hardware: Text | None = None


class File(Record):
    """A file of the submission."""

    path: Member
    size: Annotated[int, pydantic.Field(ge=0, le=LARGEST)]  # bytes
    sha256: Digest


class Submission(Record):
    """The content of submission.json."""

    format: Literal[1]
    suite: Digest  # of suite.json
    card: Card
    uses_hidden_info: bool
    agent_version: Count
    settings: dict[str, pydantic.JsonValue]
    runs: Annotated[int, pydantic.Field(ge=1, le=10**6)]  # of each level, numbered from 0
    files: Annotated[tuple[File, ...], pydantic.Field(max_length=10**6)]  # by path


class Row(Record):
    """A line of runs.jsonl: one training run on one level; sums over its evaluation's episodes."""

    environment: Name
    level: Name
    run: Count  # the seed of its training and its evaluation
    trained: Count  # steps
    episodes: Count
    total: Number = pydantic.Field(alias="return")
    performance: Number
    cost: Number
    violations: Count  # episodes with any cost
    steps: Count

    @property
    def key(self) -> tuple[str, str, int]:
        """Its place among the rows."""
        return self.environment, self.level, self.run

    @property
    def replay(self) -> str:
        """The path of its replay."""
        return f"replays/{self.environment}/{self.level}/{self.run}.szr"

    @property
    def policy(self) -> str:
        """The path of its policy."""
        return f"policies/{self.environment}/{self.level}/{self.run}.safetensors"


Model = TypeVar("Model", bound=Record)


def canonical(content: Record | dict[str, Any]) -> bytes:
    """The one way to write it."""
    body = content if isinstance(content, dict) else content.model_dump(by_alias=True)
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def identity(submission: Submission) -> str:
    """What the submission's folder is called."""
    return sha256(canonical(submission))[:12]


def parse(model: type[Model], line: bytes) -> Model:
    """A canonical line of JSON. ValueError, naming the place, where it is none."""
    try:
        content = model.model_validate_json(line)
    except pydantic.ValidationError as error:
        raise ValueError(first_error(error)) from None
    if canonical(content) != line:
        raise ValueError("it is not canonical JSON: sorted keys, no spaces, one line")
    return content


def read(folder: Path) -> Submission:
    """What submission.json says. ValueError where it is not one."""
    return _only(Submission, folder / "submission.json")


def read_suite(board: Path) -> Suite:
    """What suite.json says. ValueError where it is not one."""
    return _only(Suite, board / "suite.json")


def read_rows(folder: Path) -> list[Row]:
    """The lines of runs.jsonl. ValueError, naming the line, where one is none."""
    return list(lines(Row, folder / RUNS))


def read_card(path: Path) -> Card:
    """An agent card in TOML. ValueError, naming the file and the place, where it is none."""
    try:
        return Card.model_validate(tomllib.loads(content(path, LARGEST_TEXT).decode()))
    except pydantic.ValidationError as error:
        raise ValueError(f"agent card {path}: {first_error(error)}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"agent card {path} cannot be read: {error}") from None


def lines(model: type[Model], path: Path) -> Iterator[Model]:
    """The records of a file of lines. ValueError, naming the line, where one is none."""
    for number, line in enumerate(content(path, LARGEST_TEXT).splitlines(keepends=True), 1):
        try:
            yield parse(model, line)
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None


def content(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a plain file. ValueError where it is a link, no file or too large."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(file, "rb") as opened:
            about = os.fstat(file)
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"{path} is no plain file")
            if about.st_size > largest:
                raise ValueError(f"{path} is larger than {largest:,} bytes")
            return opened.read(largest)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def schemas() -> dict[str, Any]:
    """The JSON Schema of each kind of record."""
    return {model.__name__: model.model_json_schema() for model in (Suite, Card, Submission, Row)}


def _only(model: type[Model], path: Path) -> Model:
    try:
        return parse(model, content(path, LARGEST_TEXT))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
