"""Verdicts: what verifiers found, appended to a file in which each line seals those before it.

The seal of a line is the SHA-256 of the line without it, and a line holds the seal of the one
before: whoever changes or drops an earlier verdict breaks the chain. That the last line is there is
for the history of the repository to show.
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
    0: "the folder is whole, and what it says has the form it must have",
    1: "its numbers are the sums of the episodes that its replays record, on the board's seeds",
    2: "every replay, simulated again in another process, gives the same episodes bit for bit",
    3: "the policies, run again on the same seeds, choose the same actions",
    4: "the policies, run on secret seeds, score as well as they did on the public ones",
}
MOST_FAULTS = 20
START = "0" * 64
Depth = Annotated[int, pydantic.Field(ge=0, le=max(LEVELS))]


class Fault(Record):
    """Why a level is not reached: the place, and both values."""

    level: Depth
    file: str
    line: int | None  # counted from 1
    message: Text

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"V{self.level} failed: {place}: {self.message}"


def fault(level: int, file: str, message: str, line: int | None = None) -> Fault:
    """A fault, cut to a size that can be shown."""
    return Fault(level=level, file=file[:500], line=line, message=message[:2000])


class Verdict(Record):
    """A line of verdict.jsonl."""

    submission: Digest  # of submission.json
    level: Depth | None  # the last one reached without a fault
    faults: tuple[Fault, ...]
    season: Digest | None  # the commitment of the secret of level 4
    time: str  # UTC
    software: str
    previous: Digest  # seal of the line before
    seal: Digest


def append(
    folder: Path, submission: str, level: int | None, faults: Sequence[Fault], season: str | None
) -> Verdict:
    """Adds a verdict. ValueError where the chain so far is broken."""
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
    """The verdicts so far. ValueError, naming the line, where the chain is broken."""
    path = folder / VERDICT
    chain: list[Verdict] = []
    if not path.is_symlink() and not path.exists():
        return chain
    for verdict in lines(Verdict, path):
        before = chain[-1].seal if chain else START
        for what, value, found in (
            ("previous seal", verdict.previous, before),
            ("seal", verdict.seal, _seal(verdict)),
        ):
            if value != found:
                place = f"{folder.name}/{VERDICT}, line {len(chain) + 1}"
                raise ValueError(f"{place}: was edited: the {what} is {value}, it must be {found}")
        chain.append(verdict)
    return chain


def _seal(verdict: Verdict) -> str:
    return sha256(canonical(verdict.model_dump(exclude={"seal"})))
