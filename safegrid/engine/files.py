"""Atomic writing of files, digests, and the base class of validated records."""

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import pydantic

from safegrid.engine.contract.names import check_option_names, unknown

# what fsync raises on file systems that do not have it
NO_FSYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; replaces one that exists, and the target of a link.

    What is neither a file nor a folder, such as `/dev/null` or a pipe, is written into.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(content)
    else:
        os.replace(_part(target, content), target)


def create(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; leaves one that exists as it is."""
    target = Path(os.path.realpath(path))
    part = _part(target, content)
    try:
        os.link(part, target)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        _create_without_links(part, target)
    finally:
        part.unlink(missing_ok=True)


def _create_without_links(part: Path, target: Path) -> None:
    """Moves a temporary file to a name that does not exist, which an empty file reserves first."""
    try:
        target.open("xb").close()
    except FileExistsError:
        return
    try:
        os.replace(part, target)
    except OSError:
        target.unlink()
        raise


def sha256(content: bytes) -> str:
    """The SHA-256 digest in 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def owner() -> str:
    """The name of this process on all machines that share a folder: its host and its number."""
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', platform.node())[:64]}-{os.getpid()}"


def has_ended(process: str) -> bool:
    """Whether the process with this `owner()` ran on this machine and has ended.

    False where this cannot be known: for processes of other machines, and on Windows.
    """
    host, _, pid = process.rpartition("-")
    if os.name != "posix" or host != owner().rpartition("-")[0] or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def tidy(folder: Path) -> None:
    """Removes the temporary files of writers that have ended, and those older than an hour."""
    for part in folder.rglob("*.part"):
        with contextlib.suppress(OSError):
            if has_ended(part.name.split("~")[0]) or time.time() - part.stat().st_mtime > 3600:
                part.unlink()


def _part(path: Path, content: bytes) -> Path:
    """The path of a temporary file beside `path` with the content, flushed to the disk.

    Its permissions are those of a new file, by the umask or the folder's access control list.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{owner()}~{secrets.token_hex(8)}.part")
    with part.open("xb") as file:
        try:
            file.write(content)
            file.flush()
            try:
                os.fsync(file.fileno())
            except OSError as error:
                if error.errno not in NO_FSYNC:
                    raise
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return part


class Record(pydantic.BaseModel):
    """A validated record: fields that it does not declare are errors, and it cannot be changed."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


# letters and marks that are drawn as nothing: Default_Ignorable_Code_Point of Unicode, and a blank
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164"
    "\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def check_printable(value: Any) -> Any:
    """A JSON value. ValueError for text with control, invisible or unassigned characters."""
    if isinstance(value, str) and (
        not value.replace("\n", "").isprintable() or INVISIBLE.search(value)
    ):
        raise ValueError("give text without control or invisible characters")
    if isinstance(value, dict | list):
        for each in value:
            check_printable(each)
    if isinstance(value, dict):
        check_printable(list(value.values()))
    return value


# options of an environment as a file has them
Options = Annotated[dict[str, Any], pydantic.AfterValidator(check_option_names)]

WORDS = {  # of pydantic, as patterns, and ours
    r"Value error, (.*)": r"\1",
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


def first_error(
    error: pydantic.ValidationError, model: type[pydantic.BaseModel] | None = None
) -> str:
    """The first fault of a validation, as one line: the field, its value, and what it must be.

    model: what was validated; with it, an unknown field is told from those that are allowed.
    """
    fault = error.errors()[0]
    field, said = ".".join(map(str, fault["loc"])) or "content", in_our_words(fault["msg"])
    if fault["type"] == "extra_forbidden" and model is not None:
        *within, last = fault["loc"]
        place = f" in {'.'.join(map(str, within))}" if within else ""
        return str(unknown(f"key{place}", last, _fields(model, within)))
    if fault["type"] in ("missing", "extra_forbidden"):
        return f"{field} {said}"
    if not isinstance(fault["input"], (bool, int, float, str, type(None))):
        return f"{field}: {said}"
    shown = repr(fault["input"])
    return f"{field} is {shown if len(shown) <= 80 else shown[:80] + '...'}: {said}"


def _fields(model: Any, within: list[int | str]) -> list[str]:
    """The fields of a record, or of the record that lies within it."""
    if hasattr(model, "model_fields"):
        fields = model.model_fields
        return _fields(fields[within[0]].annotation, within[1:]) if within else list(fields)
    parts = [each for each in get_args(model) if each is not type(None)]
    deeper = within[1:] if within and isinstance(within[0], int) else within
    return _fields(parts[0], deeper) if parts else []


def reason(error: Exception) -> str:
    """Why a file cannot be read, without its name."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def first_of(reasons: Sequence[str]) -> str:
    """The first of some reasons, and how many more there are."""
    more = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"


def check_writable(path: Path) -> None:
    """ValueError where a file cannot be written; for commands to call before a long computation."""
    if path.is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and os.access(target, os.W_OK):
        return  # such as /dev/null
    _check_folder(target.parent, path)


def check_folder(folder: Path) -> None:
    """ValueError where no file can be created in a folder, which need not exist yet."""
    _check_folder(folder, folder)


def _check_folder(folder: Path, path: Path) -> None:
    """ValueError, about `path`, where no file can be created in a folder."""
    try:
        nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
        with tempfile.NamedTemporaryFile(dir=nearest):
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
