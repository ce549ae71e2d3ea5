"""Log of verdicts: results of verifications, in a file whose lines form a hash chain.

The seal of a line is the SHA-256 of the line without its seal, and each line has the seal of the
line before. Changing or removing an earlier verdict breaks the chain; removing the last one does
not, and only shows in the history of the repository.
"""

import datetime
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import pydantic

from safegrid.benchmark.leaderboard.schema import VERDICT, Digest, Text, canonical, lines
from safegrid.engine.files import Record, sha256

LEVELS = {
    0: "the folder is complete and its files are well-formed",
    1: "its numbers are the sums of the episodes in its replays, on the board's seeds",
    2: "every replay, simulated again in another process, gives the same episodes bit for bit",
    3: "the policies, run again on the same seeds, choose the same actions",
    4: "the policies, run on secret seeds, score as well as they did on the public seeds",
}
MOST_FAULTS = 20  # in a verdict
START = "0" * 64  # in place of the previous seal in the first line
Depth = Annotated[int, pydantic.Field(ge=0, le=max(LEVELS))]


class Fault(Record):
    """A reason why a level is not reached: file, line, and the differing values."""

    level: Depth
    file: str
    line: int | None  # counted from 1; None for the whole file
    message: Text

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"V{self.level} failed: {place}: {self.message}"


def fault(level: int, file: str, message: str, line: int | None = None) -> Fault:
    """A fault with its texts cut to the lengths that a verdict may have.

    level: the level that is not reached
    file: path in the submission
    message: the differing values
    line: of the file, counted from 1
    """
    return Fault(level=level, file=file[:500], line=line, message=message[:2000])


class Verdict(Record):
    """A line of verdict.jsonl."""

    submission: Digest  # of submission.json
    level: Depth | None  # the last level reached; None for none
    faults: tuple[Fault, ...]  # of the next level
    season: Digest | None  # commitment to the secret of level 4
    time: str  # UTC, ISO 8601
    software: str
    previous: Digest  # seal of the line before
    seal: Digest


def append(
    folder: Path, submission: str, level: int | None, faults: Sequence[Fault], season: str | None
) -> Verdict:
    """Appends a verdict to the log of a submission, and returns it.

    folder: of the submission
    submission: SHA-256 of submission.json
    level: the last level reached; None for none
    faults: of the next level
    season: commitment to the secret of level 4

    ValueError where the chain is broken.
    """
    chain = read(folder)
    verdict = Verdict(
        submission=submission,
        level=level,
        faults=tuple(faults[:MOST_FAULTS]),
        season=season,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        software=f"safegrid {metadata.version('safegrid-rl')}, Python {platform.python_version()}",
        previous=chain[-1].seal if chain else START,
        seal=START,
    )
    sealed = verdict.model_copy(update={"seal": _seal(verdict)})
    with open(folder / VERDICT, "ab") as file:
        file.write(canonical(sealed))
        file.flush()
        os.fsync(file.fileno())
    return sealed


def read(folder: Path) -> list[Verdict]:
    """The verdicts of a submission. ValueError with the line number where the chain is broken."""
    path = folder / VERDICT
    chain: list[Verdict] = []
    if not path.is_symlink() and not path.exists():
        return chain
    for verdict in lines(Verdict, path):
        before = chain[-1].seal if chain else START
        for name, value, expected in (
            ("previous seal", verdict.previous, before),
            ("seal", verdict.seal, _seal(verdict)),
        ):
            if value != expected:
                raise ValueError(
                    f"{folder.name}/{VERDICT}, line {len(chain) + 1}: was edited: the {name} is "
                    f"{value}, it must be {expected}"
                )
        chain.append(verdict)
    return chain


def _seal(verdict: Verdict) -> str:
    return sha256(canonical(verdict.model_dump(exclude={"seal"})))
