"""Replay files: recorded episodes as seeds and actions, which `resimulation` can play again.

The format: MARK (8 bytes); the size of the header (4 bytes, little-endian); the header (JSON); the
SHA-256 of everything before (32 bytes); two zlib streams, whose sizes and SHA-256 are in the
header. The first stream has a record of EPISODE for each episode, the second the actions of all
episodes one after another. In both, the first bytes of all items come first, then the second bytes,
and so on, because that compresses better.
"""

import hashlib
import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pydantic

from safegrid.engine import files, registry
from safegrid.engine.dynamics import NO_ACTION, Dynamics
from safegrid.engine.files import Options, Record, first_error, sha256
from safegrid.engine.fingerprint import fingerprint
from safegrid.engine.lanes import NO_LIMIT
from safegrid.evaluation.rollout import Episodes, record

MARK = b"SZR\r\n\x1a\n\x01"  # copying as text changes its line ends, and is detected
EPISODE = np.dtype(
    [
        ("seed", "<u8"),
        ("episode", "<u4"),
        ("return", "<f8"),
        ("performance", "<f8"),
        ("cost", "<f8"),
        ("length", "<u4"),
        ("terminated", "|u1"),
    ]
)
NUMBERS = ("return", "performance", "cost")
MOST_EPISODES = 2**20
MOST_BYTES = 2**27  # of the array of actions [episodes, limit, ...]


class Block(Record):
    """The size and the digest of a zlib stream in the file."""

    size: int = pydantic.Field(ge=0)  # bytes
    sha256: str


class Header(Record):
    """The header: the level that was played, and the streams that follow."""

    environment: str
    version: int
    level: str
    options: Options
    dynamics: str  # fingerprint of the level's behaviour
    limit: int = pydantic.Field(ge=1, le=NO_LIMIT)  # steps of an episode
    episodes: int = pydantic.Field(ge=1, le=MOST_EPISODES)
    action_type: Literal["|u1", "<f4", "<f8"]
    action_shape: tuple[int, ...] = pydantic.Field(max_length=1)
    blocks: tuple[Block, Block]  # episodes and actions

    @property
    def action(self) -> np.dtype[Any]:
        """The dtype of one action."""
        return np.dtype((self.action_type, self.action_shape))


class Replay(NamedTuple):
    """The content of a replay file."""

    header: Header
    episodes: np.recarray[Any, Any]  # as `evaluate` records them


def encode(dynamics: Dynamics, records: np.recarray[Any, Any]) -> bytes:
    """The bytes of a replay file.

    dynamics: of the level. records: that `evaluate` returned. ValueError for more episodes than a
    file can have.
    """
    actions = records["actions"]
    _check_size(actions.shape, actions.dtype)
    limit = actions.shape[1]
    table = np.zeros(len(records), EPISODE)
    for column in ("seed", "episode", *NUMBERS, "length"):
        table[column] = records[column]
    table["terminated"] = records["ended"] == "terminated"
    little = actions.dtype.newbyteorder("<")
    taken = actions[np.arange(limit) < records["length"][:, None]].astype(little)
    streams = [_squeeze(table), _squeeze(taken)]
    header = Header(
        environment=dynamics.name,
        version=registry.environment(dynamics.name).version,
        level=dynamics.level_name,
        options=json.loads(json.dumps(dynamics.options, default=float)),
        dynamics=fingerprint(dynamics),
        limit=limit,
        episodes=len(records),
        action_type=little.str,  # type: ignore[arg-type]
        action_shape=actions.shape[2:],
        blocks=(_block(streams[0]), _block(streams[1])),
    )
    text = json.dumps(header.model_dump(), sort_keys=True, separators=(",", ":")).encode()
    head = MARK + struct.pack("<I", len(text)) + text
    return b"".join([head, hashlib.sha256(head).digest(), *streams])


def decode(content: bytes) -> Replay:
    """The replay in the bytes of a file. ValueError, with the position, where they are damaged.

    The memory that is needed is bounded, whatever the bytes are.
    """
    start = len(MARK) + 4
    if content[: len(MARK)] != MARK:
        raise ValueError("it is not a replay: its first 8 bytes are different")
    end = start + int.from_bytes(content[len(MARK) : start], "little")
    if len(content) < end + 32 or hashlib.sha256(content[:end]).digest() != content[end : end + 32]:
        raise ValueError(f"bytes 8 to {min(end + 32, len(content))} (the header) are damaged")
    try:
        header = Header.model_validate_json(content[start:end])
    except pydantic.ValidationError as error:
        raise ValueError(f"the header is invalid: {first_error(error)}") from None
    shape = (header.episodes, header.limit, *header.action_shape)
    _check_size(shape, np.dtype(header.action_type))
    streams, start = [], end + 32
    for name, block in zip(("episodes", "actions"), header.blocks, strict=True):
        stream = content[start : start + block.size]
        if len(stream) != block.size or sha256(stream) != block.sha256:
            raise ValueError(f"bytes {start} to {start + block.size} (the {name}) are damaged")
        streams.append(stream)
        start += block.size
    if len(content) != start:
        raise ValueError(f"{len(content) - start} bytes follow the end at byte {start}")
    table = _expand(streams[0], EPISODE, header.episodes, "episodes")
    _check(table, header)
    actions = _expand(streams[1], header.action, int(table["length"].sum()), "actions")
    return Replay(header, _records(table, actions, header))


def check_episodes(dynamics: Dynamics, episodes: int) -> None:
    """ValueError where the episodes of a level are more than a file can have."""
    action = np.dtype(dynamics.action_type)
    _check_size((episodes, dynamics.horizon, *action.shape), action.base)


def _check_size(shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
    """ValueError where a file cannot have actions [episodes, limit, ...] of a kind."""
    most = min(MOST_EPISODES, MOST_BYTES // max(1, math.prod(shape[1:]) * kind.itemsize))
    if min(shape) < 1 or shape[0] > most:
        raise ValueError(
            f"a replay cannot have actions of shape {shape}: it has at most {most:,} such episodes"
        )


def write(path: Path, dynamics: Dynamics, records: np.recarray[Any, Any]) -> None:
    """Writes a replay file, whole or not at all."""
    files.replace(path, encode(dynamics, records))


def read(path: Path | str) -> Replay:
    """The content of a replay file.

    ValueError, with its path and the position, where it cannot be read or is damaged.
    """
    path = Path(path)
    try:
        if path.stat().st_size > 2 * MOST_BYTES:
            raise ValueError(f"it is larger than {2 * MOST_BYTES:,} bytes")
        return decode(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"replay {path}: {error}") from None


def _records(table: Any, taken: Any, header: Header) -> np.recarray[Any, Any]:
    """The episodes as `evaluate` returns them.

    table: of EPISODE. taken: the actions of all episodes one after another. header: of the file.
    """
    records: Any = Episodes(len(table), record(header.limit, header.action))
    for column in ("seed", "episode", *NUMBERS, "length"):
        records[column] = table[column]
    records["ended"] = np.where(table["terminated"], "terminated", "truncated")
    records["actions"] = NO_ACTION if header.action.kind == "u" else 0
    records["actions"][np.arange(header.limit) < table["length"][:, None]] = taken
    return records  # type: ignore[no-any-return]


def _check(table: Any, header: Header) -> None:
    """ValueError for episodes that `evaluate` cannot have recorded."""
    head = table["episode"] == 0
    follows = np.zeros(len(table), np.bool_)
    follows[1:] = (table["seed"][1:] == table["seed"][:-1]) & (
        table["episode"][1:] == table["episode"][:-1] + 1
    )
    length = (table["length"] >= 1) & (table["length"] <= header.limit)
    for what, sound in (
        ("is neither the first of its seed nor the next of the one before", head | follows),
        (f"is not 1 to {header.limit} steps long", length),
    ):
        if not sound.all():
            raise ValueError(f"episode {int(np.argmin(sound))} {what}")


def _squeeze(items: Any) -> bytes:
    """An array as a zlib stream: the first bytes of all items, then the second bytes, and so on."""
    raw = np.frombuffer(items.tobytes(), np.uint8)
    return zlib.compress(raw.reshape(len(items), -1).T.tobytes(), 9)


def _expand(stream: bytes, kind: np.dtype[Any], count: int, name: str) -> Any:
    """The array [count] of `kind` in a zlib stream. ValueError for one of another size or end."""
    size, expander = kind.itemsize * count, zlib.decompressobj()
    try:
        raw = expander.decompress(stream, size + 1)
    except zlib.error as error:
        raise ValueError(f"the {name} cannot be decompressed: {error}") from None
    if len(raw) != size:
        raise ValueError(f"the {name} do not have {size:,} bytes when they are decompressed")
    if not expander.eof or expander.unused_data:
        raise ValueError(f"the {name} are not a single stream that is whole")
    shuffled = np.frombuffer(raw, np.uint8).reshape(kind.itemsize, count)
    return np.frombuffer(shuffled.T.tobytes(), kind)


def _block(stream: bytes) -> Block:
    return Block(size=len(stream), sha256=sha256(stream))
