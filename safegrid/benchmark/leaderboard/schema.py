"""Schema of submissions: one agent's runs on a suite, in a folder named after its content.

    <board>/suite.json                 levels, runs and episodes, the same for all submissions
    <board>/verifiers                  public keys of those whose verdicts the board believes
    <board>/verdicts/<id>.json         result of the last verification: see `verdicts`
    <board>/<id>/submission.json       agent card, and the digests of all other files
    <board>/<id>/runs.jsonl            one line for each run: settings, sums over its episodes
    <board>/<id>/replays/<environment>/<level>/<run>.szr
    <board>/<id>/policies/<environment>/<level>/<run>.safetensors

All JSON is canonical: sorted keys, no spaces, one line. The id is the first twelve hexadecimal
digits of the SHA-256 of submission.json.
"""

import json
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic

from safegrid.engine.contract.names import check_option_names
from safegrid.engine.files import Record, changed_line_ends, check_printable, first_error, sha256
from safegrid.evaluation.valuation import Valuation

RUNS = "runs.jsonl"
LARGEST = 2**28  # bytes of a file
LARGEST_TEXT = 2**25  # bytes of a JSON or TOML file
LARGEST_SETTINGS = 4_000  # characters of a run's settings as JSON


def _short(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that fit on a page."""
    if (size := len(json.dumps(settings))) > LARGEST_SETTINGS:
        raise ValueError(f"the settings have {size} characters: at most {LARGEST_SETTINGS} fit")
    return settings


Text = Annotated[
    str,
    pydantic.StringConstraints(min_length=1, max_length=2000),
    pydantic.AfterValidator(check_printable),
]
Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=64)]
Settings = Annotated[
    dict[Name, pydantic.JsonValue],
    pydantic.AfterValidator(check_printable),
    pydantic.AfterValidator(_short),
]
Title = Annotated[
    str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9](?:[ -~]*[!-~])?$", max_length=60)
]
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


class BoardLevel(Record):
    """One level of a board's suite."""

    environment: Name
    version: Count  # of the environment
    level: Name
    options: Annotated[dict[str, pydantic.JsonValue], pydantic.AfterValidator(check_option_names)]
    dynamics: str  # fingerprint of the level's behaviour

    @property
    def key(self) -> tuple[str, str]:
        """(environment, level), which is unique in a suite."""
        return self.environment, self.level


class BoardSuite(Record):
    """The content of suite.json: the levels that every agent of a board plays."""

    name: Text
    runs: Annotated[int, pydantic.Field(ge=1, le=10**6)]  # of each level, at least
    episodes: Annotated[int, pydantic.Field(ge=1)]  # of an evaluation
    levels: tuple[BoardLevel, ...]


class Tuning(Record):
    """Effort spent on the choice of settings."""

    trials: Count
    steps: Count  # environment steps in all trials
    held_out: Literal[False] = False  # tuning on held-out levels is not allowed


class AgentCard(Record):
    """The agent card: statements of the agent's authors."""

    name: Title
    agent: Name  # name of its file in agents/
    version: Text
    authors: Annotated[tuple[Text, ...], pydantic.Field(min_length=1, max_length=100)]
    license: Text
    description: Text
    kind: Literal["learned", "planner", "scripted", "llm"]
    url: Link | None = None  # of the code or the paper
    tuning: Tuning | None = None  # None where it was not recorded
    hardware: Text | None = None


class File(Record):
    """A file of a submission and its digest."""

    path: Member
    size: Annotated[int, pydantic.Field(ge=0, le=LARGEST)]  # bytes
    sha256: Digest


class Submission(Record):
    """The content of submission.json."""

    format: Literal[2]
    suite: Digest  # of suite.json
    card: AgentCard
    uses_hidden_info: bool
    agent_version: Count
    agent_file: Digest | None  # of the agent's file, which is not part of the submission
    runs: Annotated[int, pydantic.Field(ge=1, le=10**6)]  # of each level, numbered from 0
    files: Annotated[tuple[File, ...], pydantic.Field(max_length=10**6)]  # in order of their paths


class RunRow(Record):
    """A line of runs.jsonl: one training run on one level, with sums over its evaluation.

    `values` are compared to the last bit: JSON has the shortest text that gives each float back.
    """

    environment: Name
    level: Name
    run: Count  # seed of its training and its evaluation
    trained: Count  # training steps
    settings: Settings  # of the agent
    episodes: Count
    total: Number = pydantic.Field(alias="return")
    performance: Number
    cost: Number
    violations: Count  # episodes with a positive cost
    steps: Count
    # training episodes with a violation; left out of the line where it is not known
    train_violations: Count | None = None
    # what the policy is worth, by level: see `measures.valuations`; left out without a policy
    values: dict[Name, Valuation] = pydantic.Field(default_factory=dict)

    @pydantic.model_serializer(mode="wrap")
    def _without_unknown(self, write: Any) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if self.train_violations is None:
            content.pop("train_violations", None)  # a caller may have left it out
        if not self.values:
            content.pop("values", None)
        return content

    @property
    def key(self) -> tuple[str, str, int]:
        """(environment, level, run), by which the lines are sorted."""
        return self.environment, self.level, self.run

    @property
    def replay(self) -> str:
        """Path of its replay in the submission."""
        return f"replays/{self.environment}/{self.level}/{self.run}.szr"

    @property
    def policy(self) -> str:
        """Path of its policy in the submission."""
        return f"policies/{self.environment}/{self.level}/{self.run}.safetensors"


Model = TypeVar("Model", bound=Record)


def canonical(content: Record | dict[str, Any]) -> bytes:
    """Canonical JSON of a record: sorted keys, no spaces, one line."""
    body = content if isinstance(content, dict) else content.model_dump(by_alias=True)
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def identity(submission: Submission) -> str:
    """The id of a submission, which is the name of its folder."""
    return sha256(canonical(submission))[:12]


def parse(model: type[Model], line: bytes) -> Model:
    """The record in a line of canonical JSON. ValueError with the place where it is invalid."""
    try:
        content = model.model_validate_json(line)
    except pydantic.ValidationError as error:
        raise ValueError(first_error(error)) from None
    if (wanted := canonical(content)) != line:
        reason = changed_line_ends(line, sha256(wanted))
        raise ValueError(f"it is not canonical JSON: sorted keys, no spaces, one line{reason}")
    return content


def read(folder: Path) -> Submission:
    """The content of submission.json. ValueError where it is invalid."""
    return _only(Submission, folder / "submission.json")


def read_suite(board: Path) -> BoardSuite:
    """The content of suite.json. ValueError where it is invalid."""
    return _only(BoardSuite, board / "suite.json")


def digests(submission: Submission) -> dict[str, str]:
    """The SHA-256 of each file of a submission, by its path."""
    return {file.path: file.sha256 for file in submission.files}


def member(folder: Path, path: str, listed: Mapping[str, str], largest: int = LARGEST) -> bytes:
    """The bytes of a file of a submission, which are those that it lists.

    folder: of the submission. path: of the file in it. listed: see `digests`. largest: number of
    bytes. ValueError where the file is not listed, has another digest, or as `content`.
    """
    if path not in listed:
        raise ValueError(f"{path}: submission.json does not list it")
    found = content(folder / path, largest)
    if (digest := sha256(found)) != listed[path]:
        message = f"{path}: its SHA-256 is {digest}: submission.json has {listed[path]}"
        raise ValueError(message + changed_line_ends(found, listed[path]))
    return found


def read_rows(folder: Path, listed: Mapping[str, str]) -> list[RunRow]:
    """The lines of runs.jsonl. ValueError as `member`, and with the line number of an invalid one.

    folder: of the submission. listed: see `digests`.
    """
    return list(lines(RunRow, RUNS, member(folder, RUNS, listed, LARGEST_TEXT)))


def read_card(path: Path) -> AgentCard:
    """An agent card in TOML. ValueError with the file and the place where it is invalid."""
    try:
        return AgentCard.model_validate(
            tomllib.loads(content(path, LARGEST_TEXT).decode("utf-8-sig"))
        )
    except pydantic.ValidationError as error:
        raise ValueError(f"agent card {path}: {first_error(error, AgentCard)}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"agent card {path} cannot be read: {error}") from None


def lines(model: type[Model], name: str, text: bytes) -> Iterator[Model]:
    """The records in the text of a JSONL file. ValueError with the line number of an invalid one.

    name: of the file, for the error.
    """
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        try:
            yield parse(model, line)
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}") from None


def content(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a file. ValueError where it is a link, not a regular file or too large."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(file, "rb") as opened:
            about = os.fstat(file)
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"{path} is not a regular file")
            if about.st_size > largest:
                raise ValueError(f"{path} is larger than {largest:,} bytes")
            return opened.read(largest)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def schemas() -> dict[str, Any]:
    """The JSON Schema of each record, by the name of its class."""
    models = (BoardSuite, AgentCard, Submission, RunRow)
    return {model.__name__: model.model_json_schema() for model in models}


def _only(model: type[Model], path: Path) -> Model:
    """The record that is the whole content of a file."""
    try:
        return parse(model, content(path, LARGEST_TEXT))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
