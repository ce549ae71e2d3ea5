"""Secret seeds by commit and reveal: unknown before the end of a season, and auditable after it.

When a season starts, the SHA-256 of a secret is published; when it ends, the secret itself. A seed
is the HMAC-SHA256 (RFC 2104) of its purpose with the secret as key, so that nobody can choose it.
The file season.json of a board has one line for each season, in their order, and keeps them all.
"""

import hmac
import math
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pydantic
from numpy.typing import NDArray

from safegrid.benchmark.leaderboard.schema import (
    LARGEST_TEXT,
    Digest,
    canonical,
    content,
    lines,
)
from safegrid.engine.files import Record, replace, sha256
from safegrid.solver.backward_induction import TOLERANCE

SECRET_BYTES = 32
PERMUTATIONS, CHUNK = 200_000, 4_000
Secret = Annotated[str, pydantic.StringConstraints(pattern="^[0-9a-f]{64}$")]


class Season(Record):
    """A line of season.json."""

    commitment: Digest
    secret: Secret | None  # None until the season is over


def start(board: Path, path: Path) -> Season:
    """Starts a season: writes a new secret to `path` and its commitment to the board.

    ValueError where `path` exists, and where the board has a season that is not over.
    """
    seasons = read(board)
    if seasons and seasons[-1].secret is None:
        raise ValueError(f"the season of {board} is not over: reveal its secret first")
    secret = secrets.token_bytes(SECRET_BYTES)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret.hex() + "\n")
    except FileExistsError:
        raise ValueError(f"{path} exists already: give a new file for the secret") from None
    season = Season(commitment=sha256(secret), secret=None)
    _write(board, [*seasons, season])
    return season


def reveal(board: Path, path: Path) -> Season:
    """Ends a season: publishes its secret on the board. ValueError where it is another secret."""
    secret = _read_secret(board, path)
    over = Season(commitment=sha256(secret), secret=secret.hex())
    _write(board, [over if s.commitment == over.commitment else s for s in read(board)])
    return over


def read(board: Path) -> list[Season]:
    """The seasons of a board, in order. ValueError where its file or a secret is invalid."""
    path = board / "season.json"
    seasons = list(lines(Season, path.name, content(path, LARGEST_TEXT))) if path.exists() else []
    for number, season in enumerate(seasons, 1):
        if season.secret is not None and sha256(bytes.fromhex(season.secret)) != season.commitment:
            raise ValueError(f"{path}: the secret of season {number} does not match its commitment")
    return seasons


def number(seasons: Sequence[Season], commitment: str) -> int | None:
    """Which season has this commitment, from 1; None for one that is not among them."""
    listed = [season.commitment for season in seasons]
    return listed.index(commitment) + 1 if commitment in listed else None


def read_secret(board: Path, path: Path | None = None) -> bytes | None:
    """The secret in a file, or else the published one of the last season; None for neither.

    ValueError where the file is invalid or does not have the secret of a season of the board.
    """
    if path is not None:
        return _read_secret(board, path)
    published = [season.secret for season in read(board)[-1:] if season.secret is not None]
    return bytes.fromhex(published[0]) if published else None


def seed(secret: bytes, submission: str, environment: str, level: str, run: int) -> int:
    """The secret seed of one evaluation, a number of 63 bits.

    secret: of the season
    submission: SHA-256 of submission.json
    environment, level, run: what is evaluated
    """
    purpose = f"{submission}/{environment}/{level}/{run}".encode()
    return int.from_bytes(hmac.digest(secret, purpose, "sha256")[:8], "little") >> 1


def chance_of_difference(
    samples: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> float:
    """The probability that honest runs do so much better on public seeds than on secret ones.

    An exact permutation test (Fisher 1935, The Design of Experiments, section 21) of the sum over
    runs of the difference of means, against a higher mean on the public seeds: it holds for
    outcomes of any distribution. 1 for a sum of less than three standard errors.

    samples: of each run, outcomes [n] on the public seeds and outcomes [m] on secret ones.
    """
    observed = math.fsum(float(public.mean() - secret.mean()) for public, secret in samples)
    pooled = [np.concatenate(pair) for pair in samples]
    variance = math.fsum(
        float(both.var(ddof=1)) * (1 / len(public) + 1 / len(secret))
        for both, (public, secret) in zip(pooled, samples, strict=True)
    )
    if observed <= 3 * math.sqrt(variance) + TOLERANCE:
        return 1.0
    random, as_much = np.random.default_rng(0), 0
    for _ in range(PERMUTATIONS // CHUNK):
        total = np.zeros(CHUNK)
        for both, (public, secret) in zip(pooled, samples, strict=True):
            n, m = len(public), len(secret)
            drawn = random.random((CHUNK, n + m)).argpartition(n - 1, axis=1)[:, :n]
            sums = both[drawn].sum(axis=1)
            total += sums / n - (both.sum() - sums) / m
        as_much += int((total >= observed - TOLERANCE).sum())
    return (as_much + 1) / (PERMUTATIONS + 1)


def _read_secret(board: Path, path: Path) -> bytes:
    try:
        secret = bytes.fromhex(content(path, 1000).decode("utf-8-sig").strip())
    except ValueError as error:
        raise ValueError(f"secret {path}: {error}") from None
    if number(read(board), sha256(secret)) is None:
        raise ValueError(f"secret {path} does not match a commitment of {board}")
    return secret


def _write(board: Path, seasons: Sequence[Season]) -> None:
    board.mkdir(parents=True, exist_ok=True)
    replace(board / "season.json", b"".join(map(canonical, seasons)))
