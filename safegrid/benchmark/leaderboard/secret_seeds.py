"""Secret seeds by commit and reveal: nobody can prepare for them, and anybody can audit them later.

When a season starts, the SHA-256 of a secret is published; when it ends, the secret. A seed is the
HMAC-SHA256 of what it is for under the secret (RFC 2104), so that nobody can choose it either.
"""

import hmac
import os
import secrets
from pathlib import Path
from typing import Annotated

import pydantic

from safegrid.benchmark.leaderboard.schema import Digest, canonical, content, parse
from safegrid.engine.files import Record, replace, sha256

SECRET_BYTES = 32
Secret = Annotated[str, pydantic.StringConstraints(pattern="^[0-9a-f]{64}$")]


class Season(Record):
    """The content of season.json."""

    commitment: Digest
    secret: Secret | None  # once the season is over


def start(board: Path, path: Path) -> Season:
    """Begins a season: a new secret into `path`, its commitment onto the board.

    ValueError where there is a file at `path`, or a season that is not over.
    """
    current = read(board)
    if current is not None and current.secret is None:
        raise ValueError(f"the season of {board} is not over: reveal its secret first")
    secret = secrets.token_bytes(SECRET_BYTES)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret.hex() + "\n")
    except FileExistsError:
        raise ValueError(f"{path} is there already: name a new file for the secret") from None
    return _write(board, Season(commitment=sha256(secret), secret=None))


def reveal(board: Path, path: Path) -> Season:
    """Ends a season: its secret onto the board. ValueError where it is another secret."""
    secret = _read_secret(board, path)
    return _write(board, Season(commitment=sha256(secret), secret=secret.hex()))


def read(board: Path) -> Season | None:
    """The board's season. ValueError where its file is none, or its secret is another."""
    path = board / "season.json"
    if not path.exists():
        return None
    season = parse(Season, content(path))
    if season.secret is not None and sha256(bytes.fromhex(season.secret)) != season.commitment:
        raise ValueError(f"{path}: the secret is not the one that was committed to")
    return season


def read_secret(board: Path, path: Path | None = None) -> bytes | None:
    """The secret in a file, or the revealed one. ValueError where it is not the season's."""
    if path is not None:
        return _read_secret(board, path)
    season = read(board)
    return None if season is None or season.secret is None else bytes.fromhex(season.secret)


def seed(secret: bytes, submission: str, environment: str, level: str, run: int) -> int:
    """The seed of one evaluation, 63 bits."""
    purpose = f"{submission}/{environment}/{level}/{run}".encode()
    return int.from_bytes(hmac.digest(secret, purpose, "sha256")[:8], "little") >> 1


def _read_secret(board: Path, path: Path) -> bytes:
    try:
        secret = bytes.fromhex(content(path, 1000).decode().strip())
    except ValueError as error:
        raise ValueError(f"secret {path}: {error}") from None
    season = read(board)
    if season is None or sha256(secret) != season.commitment:
        raise ValueError(f"secret {path} is not the one that {board} is committed to")
    return secret


def _write(board: Path, season: Season) -> Season:
    board.mkdir(parents=True, exist_ok=True)
    replace(board / "season.json", canonical(season))
    return season
