"""Atomic writing of files, digests, and the base class of validated records."""

import contextlib
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

import pydantic


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; replaces one that exists."""
    part = _part(path, content)
    os.replace(part, path)


def create(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; leaves one that exists as it is."""
    part = _part(path, content)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(part)


def sha256(content: bytes) -> str:
    """The SHA-256 digest in 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def tidy(folder: Path) -> None:
    """Removes temporary files older than an hour, which interrupted writers have left."""
    for part in folder.rglob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > 3600:
                part.unlink()


def _part(path: Path, content: bytes) -> str:
    """The path of a temporary file beside `path` with the content, flushed to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.chmod(file.name, 0o644)
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    return file.name


class Record(pydantic.BaseModel):
    """A validated record: fields that it does not declare are errors, and it cannot be changed."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


WORDS = {  # of pydantic, as patterns, and ours
    r"Field required": "is missing",
    r"Extra inputs are not permitted": "is unknown",
    r"Input should be a valid integer.*": "give a whole number",
    r"Input should be a (valid|finite) number.*": "give a number",
    r"Input should be a valid string": "give text",
    r"Input should be a valid boolean.*": "give true or false",
    r"Input should be a valid (list|tuple|set)": "give a list",
    r"Input should be a valid dictionary.*": "give a table",
    r"Input should be greater than or equal to (\S+)": r"choose \1 or more",
    r"Input should be less than or equal to (\S+)": r"choose \1 or less",
    r"Input should be greater than (\S+)": r"choose more than \1",
    r"Input should be less than (\S+)": r"choose less than \1",
    r"Input should be ('.*)": r"choose from \1",
    r"String should match pattern (.*)": r"give text that matches \1",
    r"String should have at (least|most) (\d+) characters?": r"give text of at \1 \2 characters",
}


def in_our_words(message: str) -> str:
    """A message of pydantic as the rest of the package would say it."""
    for pattern, words in WORDS.items():
        if found := re.fullmatch(pattern, message):
            return found.expand(words)
    return message[:1].lower() + message[1:]


def first_error(error: pydantic.ValidationError) -> str:
    """The first fault of a validation, as one line: the field, its value, and what it must be."""
    fault = error.errors()[0]
    field, said = ".".join(map(str, fault["loc"])) or "content", in_our_words(fault["msg"])
    if fault["type"] in ("missing", "extra_forbidden"):
        return f"{field} {said}"
    if not isinstance(fault["input"], (bool, int, float, str, type(None))):
        return f"{field}: {said}"
    shown = repr(fault["input"])
    return f"{field} is {shown if len(shown) <= 80 else shown[:80] + '...'}: {said}"


def check_writable(path: Path) -> None:
    """ValueError where a file cannot be written; for commands to call before a long computation."""
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None


def changed_line_ends(content: bytes, digest: str) -> str:
    """A clause for a message about a file of another digest; empty where its line ends are not why.

    Git with core.autocrlf writes them as CRLF where .gitattributes does not say otherwise.
    """
    if sha256(content.replace(b"\r\n", b"\n")) != digest:
        return ""
    return "; its line ends have become CRLF: set core.autocrlf to false and check it out again"
