"""Atomic writing of files, digests, and the base class of validated records."""

import contextlib
import hashlib
import os
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


def first_error(error: pydantic.ValidationError) -> str:
    """The first fault of a validation, as one line: the field and what is wrong with it."""
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'content'}: {fault['msg']}"


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
