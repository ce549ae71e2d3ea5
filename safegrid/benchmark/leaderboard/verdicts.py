"""Verdicts: what a verifier found of a submission, one signed file each, outside the submissions.

`<board>/verdicts/<id>.json` is written whole. It is bound to the content of the submission, the
board's suite, the agent's file and the season, and believed only if a key that the board names has
signed it: see `keys`.
"""

import contextlib
import datetime
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import pydantic

from safegrid.benchmark.leaderboard import keys
from safegrid.benchmark.leaderboard.schema import (
    Digest,
    Member,
    Name,
    Submission,
    Text,
    canonical,
    content,
    parse,
)
from safegrid.engine import files
from safegrid.engine.files import Record
from safegrid.evaluation.valuation import Valuation

FOLDER = "verdicts"
LEVELS = {
    0: "the folder is complete, and its files and policies are well-formed",
    1: "its numbers are the sums of the episodes in its replays, on the board's seeds",
    2: "every replay, simulated again in another process, gives the same episodes bit for bit",
    3: "the policies, run again, play the same episodes and are worth what is claimed",
    4: "policies without an exact value score as well on secret seeds as on the public ones",
    5: "runs that the verifier drew, trained again from the agent's file, give the same policies",
}
MOST_FAULTS = (
    20  # of one verification; of level 5 all, which stay until their runs are trained again
)
LARGEST = 2**25  # bytes
Depth = Annotated[int, pydantic.Field(ge=0, le=max(LEVELS))]


class Fault(Record):
    """A reason why a level is not reached: file, line, and the differing values."""

    level: Depth
    file: str
    line: int | None  # counted from 1; None for the whole file
    message: Text
    proven: bool = True  # whether it shows that a claim is false

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"V{self.level} failed: {place}: {self.message}"


def fault(
    level: int, file: str, message: str, line: int | None = None, proven: bool = True
) -> Fault:
    """A fault with its texts cut to the lengths that a verdict may have.

    level: the level that is not reached
    file: path in the submission
    message: the differing values
    line: of the file, counted from 1
    proven: whether it shows that a claim is false
    """
    printable = (text.encode("utf-8", "replace").decode() for text in (file[:500], message[:2000]))
    file, message = ("".join(c if c.isprintable() else "?" for c in text) for text in printable)
    return Fault(level=level, file=file, line=line, message=message, proven=proven)


class Verdict(Record):
    """What a verification found."""

    submission: Digest  # of submission.json
    suite: Digest  # of suite.json
    agent: Digest | None  # of the agent's file; None where the verifier does not have it
    season: Digest | None  # commitment to the secret of level 4; None without secret seeds
    seen: tuple[Digest, ...]  # commitments to secrets that were not public when it was seen
    level: Depth | None  # the last level reached; None for none
    faults: tuple[Fault, ...]  # of levels above it
    # what policies without an exact value are worth on secret seeds, by path and level
    secret_values: dict[Member, dict[Name, Valuation]]
    retrained: tuple[Member, ...]  # the policies that were trained again, by path
    time: str  # UTC, ISO 8601
    first: str  # the time of the first verdict of this content
    software: str


class SignedVerdict(Record):
    """The content of a verdict's file."""

    verdict: Verdict
    key: str  # public
    signature: str  # of the verdict's canonical JSON


def verdict(
    bound: Mapping[str, str | None],
    level: int | None,
    faults: Sequence[Fault],
    secret_values: Mapping[str, Mapping[str, Valuation]] | None = None,
    retrained: Sequence[str] = (),
    seen: Sequence[str] = (),
) -> Verdict:
    """A verdict of this moment, the first one of its content.

    bound: the digests `submission`, `suite`, `agent` and `season`
    level: the last level reached; None for none
    faults: of the next level; those that prove something first, at most MOST_FAULTS
    secret_values, retrained, seen: as of `Verdict`
    """
    about: dict[str, Any] = dict(bound)
    listed = sorted(faults, key=lambda each: not each.proven)
    listed = [each for i, each in enumerate(listed) if i < MOST_FAULTS or each.level == 5]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    return Verdict(
        **about,
        level=level,
        faults=tuple(listed),
        secret_values={path: dict(values) for path, values in (secret_values or {}).items()},
        retrained=tuple(retrained),
        seen=tuple(seen),
        time=now,
        first=now,
        software=f"safegrid {metadata.version('safegrid-rl')}, Python {platform.python_version()}",
    )


def has_agent(found: Verdict, submission: Submission) -> bool:
    """Whether the verifier had the file of the agent, the one that the submission names."""
    return found.agent is not None and found.agent == submission.agent_file


def following(found: Verdict, before: Verdict | None, agent_file: str | None) -> Verdict:
    """A new verdict with what it does not replace of the one before it.

    before: the recorded verdict of the same submission; None where there is none. agent_file: the
    digest that the submission names. A fault stays until the same check is made again: on level 5
    the training of the run that it names, on level 4 a check on secret seeds, below that any check
    of its level, on level 0 by a verifier that has an agent's file if one had found it with that.
    The level is the highest that both together reach, below the first of the faults.
    """
    if before is None:
        return found
    failed = {each.file for each in found.faults if each.level == 5}
    checked = max(_number(found.level), *(each.level for each in found.faults), 0)

    def is_checked_again(earlier: Fault) -> bool:
        match earlier.level:
            case 5:
                return earlier.file in failed.union(found.retrained)
            case 4:
                return found.season is not None
            case 0:
                return found.agent is not None or before.agent is None
        return earlier.level <= checked

    faults = found.faults + tuple(each for each in before.faults if not is_checked_again(each))
    trained = dict.fromkeys((*before.retrained, *found.retrained))
    retrained = [each for each in trained if each not in failed]
    values = dict(found.secret_values)
    if found.season in (None, before.season):
        values = {**before.secret_values, **values}
    season = found.season or before.season
    level = max(_number(found.level), _number(before.level))
    if level >= 3:
        level = 5 if retrained else 4 if season is not None else 3
    level = min([level, *(each.level - 1 for each in faults)])
    if level == 4 and season is None:  # which level 5 does not need
        level = 3
    known = found.agent, before.agent
    kept: dict[str, Any] = {
        "agent": agent_file if agent_file in known else found.agent or before.agent,
        "season": season,
        "seen": tuple(dict.fromkeys((*before.seen, *found.seen))),
        "level": None if level < 0 else level,
        "faults": faults,
        "secret_values": values,
        "retrained": tuple(retrained),
        "first": before.first,
    }
    return found.model_copy(update=kept)


def _number(level: int | None) -> int:
    return -1 if level is None else level


def path(board: Path, id_: str) -> Path:
    """The file of a submission's verdict."""
    return board / FOLDER / f"{id_}.json"


def write(board: Path, id_: str, found: Verdict, key: Any) -> None:
    """Signs a verdict with a private key and writes it whole or not at all."""
    signed = SignedVerdict(
        verdict=found, key=keys.public(key), signature=keys.sign(key, canonical(found))
    )
    place = path(board, id_)
    if place.is_symlink():  # its target is not ours to write
        place.unlink()
    files.replace(place, canonical(signed))


def believed(board: Path, id_: str, submission: str) -> Verdict | None:
    """The verdict of a submission's present content; None without one that is believed.

    submission: SHA-256 of submission.json
    """
    with contextlib.suppress(ValueError):
        found = read(board, id_)
        return found if found is not None and found.submission == submission else None
    return None


def read(board: Path, id_: str) -> Verdict | None:
    """The verdict of a submission; None without one.

    ValueError where its file is not one, and where no key that the board believes has signed it.
    """
    place = path(board, id_)
    if not place.is_symlink() and not place.exists():
        return None
    try:
        found = parse(SignedVerdict, content(place, LARGEST))
    except ValueError as error:
        raise ValueError(f"its verdict is damaged: {error}") from None
    if found.key not in keys.trusted(board):
        raise ValueError("its verdict is of a verifier that the board does not believe")
    if not keys.signed(canonical(found.verdict), found.signature, found.key):
        raise ValueError("its verdict was edited: the signature is of another one")
    return found.verdict
