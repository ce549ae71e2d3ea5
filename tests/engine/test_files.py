"""Files: written whole or not at all, whatever the file system lacks; records and their faults."""

import errno
import os
import platform
import stat
import subprocess
import sys
import threading
import time

import pydantic
import pytest

from safegrid.engine import files
from safegrid.engine.files import Record, changed_line_ends, first_error, sha256

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes of POSIX")


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_hard_links_keeps_the_first_file_whole(number, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "new" / "result.json"
    for content in (b"first", b"second"):
        files.create(path, content)
        assert path.read_bytes() == b"first" and list(path.parent.iterdir()) == [path]


def test_a_name_that_was_reserved_is_freed_where_the_file_cannot_be_moved(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        files.create(tmp_path / "result.json", b"content")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_only_a_missing_fsync_is_no_error(number, fails, tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    if fails:
        with pytest.raises(OSError, match=os.strerror(number)):
            files.replace(tmp_path / "file", b"content")
        assert not list(tmp_path.iterdir())
    else:
        files.replace(tmp_path / "file", b"content")
        assert (tmp_path / "file").read_bytes() == b"content"


@posix
@pytest.mark.parametrize("write", [files.replace, files.create])
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_the_umask_decides_on_permissions(write, mask, tmp_path):
    before = os.umask(mask)
    try:
        write(tmp_path / "file", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


@posix
@pytest.mark.parametrize("write", [files.replace, files.create])
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(write, exists, tmp_path):
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "file"
    link.symlink_to(target)
    if exists:
        target.parent.mkdir()
        target.write_bytes(b"old")
    write(link, b"new")
    kept = exists and write is files.create
    assert link.is_symlink() and target.read_bytes() == (b"old" if kept else b"new")
    assert list(target.parent.iterdir()) == [target]


@posix
def test_a_pipe_is_written_into(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    files.check_writable(pipe)
    files.replace(pipe, b"content")
    reader.join(30)
    assert read == [b"content"] and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_temporary_files_of_killed_writers_are_removed(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", ""])
    writer.wait()
    host = files.owner().rpartition("-")[0]
    names = {
        "killed": f"{host}-{writer.pid}~0.part",
        "running": f"{files.owner()}~0.part",
        "elsewhere": f"another.host-{writer.pid}~0.part",
        "old": "another.host-1~0.part",
        "foreign": "tmp1234.part",
    }
    for name in names.values():
        (tmp_path / name).touch()
    os.utime(tmp_path / names["old"], (time.time() - 3700,) * 2)
    files.tidy(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    gone = {"old"} | ({"killed"} if os.name == "posix" else set())
    assert left == {name for what, name in names.items() if what not in gone}


@posix
def test_only_a_process_of_this_machine_is_known_to_have_ended(monkeypatch):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    host = files.owner().rpartition("-")[0]
    assert not files.has_ended(f"{host}-{process.pid}") and not files.has_ended(files.owner())
    process.communicate(b"\n")
    assert files.has_ended(f"{host}-{process.pid}")
    for name in (
        f"other-{process.pid}",
        "",
        "-",
        host,
        f"{host}-",
        f"{host}-1x",
        f"{host}-{2**80}",
    ):
        assert not files.has_ended(name)
    monkeypatch.setattr(platform, "node", lambda: "a host/with-odd~characters\n")
    assert files.owner() == f"a_host_with-odd_characters_-{os.getpid()}"


def test_a_place_is_asked_for_and_not_made(tmp_path):
    files.check_writable(tmp_path / "new" / "file")
    files.check_folder(tmp_path / "new" / "folder")
    files.check_folder(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    files.check_writable(tmp_path / "file")
    with pytest.raises(ValueError, match=r"file/deep/er cannot be written: Not a directory"):
        files.check_folder(tmp_path / "file" / "deep" / "er")
    with pytest.raises(ValueError, match=r"file/deep cannot be written: Not a directory"):
        files.check_writable(tmp_path / "file" / "deep")
    with pytest.raises(ValueError, match="cannot be written: it is a folder"):
        files.check_writable(tmp_path)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a read-only file system")
def test_a_read_only_place_is_refused():
    for check in (files.check_folder, files.check_writable):
        with pytest.raises(ValueError, match="/proc/new cannot be written: "):
            check(files.Path("/proc/new"))


class Example(Record):
    """A record with a field of each kind."""

    whole: int = pydantic.Field(3, ge=1, le=9)
    number: float = pydantic.Field(1.0, gt=0)
    text: str = ""
    flag: bool = False
    listed: tuple[int, ...] = ()
    table: dict[str, int] = pydantic.Field(default_factory=dict)


FAULTS = [
    ({"whole": "x"}, "whole is 'x': give a whole number"),
    ({"whole": 1.5}, "whole is 1.5: give a whole number"),
    ({"whole": 0}, "whole is 0: choose 1 or more"),
    ({"whole": 10}, "whole is 10: choose 9 or less"),
    ({"number": "fast"}, "number is 'fast': give a number"),
    ({"number": 0}, "number is 0: choose more than 0"),
    ({"text": 3}, "text is 3: give text"),
    ({"text": [3]}, "text: give text"),
    ({"flag": "perhaps"}, "flag is 'perhaps': give true or false"),
    ({"listed": 3}, "listed is 3: give a list"),
    ({"listed": ["x"]}, "listed.0 is 'x': give a whole number"),
    ({"table": 3}, "table is 3: give a table"),
    ({"surplus": 1}, "surplus is unknown"),
]


@pytest.mark.parametrize(("content", "message"), FAULTS)
def test_the_first_fault_is_named_with_its_value_and_what_is_allowed(content, message):
    with pytest.raises(pydantic.ValidationError) as error:
        Example.model_validate(content)
    assert first_error(error.value) == message


class Outer(Record):
    """A record with records in it."""

    parts: list[Example] | None = None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"prats": []}, "unknown key 'prats' (did you mean 'parts'?): choose from parts"),
        (
            {"parts": [{"lists": 1}]},
            "unknown key in parts.0 'lists' (did you mean 'listed'?): choose from whole, ",
        ),
    ],
)
def test_an_unknown_key_is_told_from_those_that_are_allowed(content, message):
    with pytest.raises(pydantic.ValidationError) as error:
        Outer.model_validate(content)
    assert first_error(error.value, Outer).startswith(message)


def test_a_long_value_is_cut():
    with pytest.raises(pydantic.ValidationError) as error:
        Example.model_validate({"whole": "x" * 1000})
    assert len(first_error(error.value)) < 150


def test_changed_line_ends_are_recognised():
    digest = sha256(b"a\nb\n")
    assert "CRLF" in changed_line_ends(b"a\r\nb\r\n", digest)
    assert changed_line_ends(b"a\r\nc\r\n", digest) == ""
    assert changed_line_ends(b"a\nc\n", digest) == ""
