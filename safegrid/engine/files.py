"""Files that are whole or not there, and the digest that says so."""

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

import pydantic


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; what was there before is gone."""
    part = _part(path, content)
    os.replace(part, path)


def create(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; the first writer wins."""
    part = _part(path, content)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(part)


def sha256(content: bytes) -> str:
    """The digest, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def tidy(folder: Path) -> None:
    """Removes what writers that were killed have left; a write takes no hour."""
    for part in folder.rglob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > 3600:
                part.unlink()


def _part(path: Path, content: bytes) -> str:
    """A file beside it with the content, safe on the disk."""
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
    """A record that refuses fields it does not know, and never changes."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


def first_error(error: pydantic.ValidationError) -> str:
    """The first fault of several, as one line."""
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"


def check_writable(path: Path) -> None:
    """ValueError where a file could not be written; asked before the long work, not after it."""
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None
