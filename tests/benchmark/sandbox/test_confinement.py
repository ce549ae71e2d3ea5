"""What a process cannot do once it has confined itself, each in a process of its own."""

import errno
import os
import subprocess
import sys
import textwrap

import pytest

from safegrid.benchmark.processes import ONE_THREAD
from safegrid.benchmark.sandbox import confinement

pytestmark = pytest.mark.slow


@pytest.fixture
def run():
    """Runs lines in a new interpreter; returns what they print."""

    def run(code):
        start = "import ctypes, errno, os\nfrom safegrid.benchmark.sandbox import confinement\n"
        command = [sys.executable, "-c", start + textwrap.dedent(code)]
        alone = {**os.environ, **ONE_THREAD}  # namespaces can be left with one thread only
        done = subprocess.run(command, env=alone, check=True, capture_output=True, text=True)
        return done.stdout.split()

    return run


def test_every_refused_call_fails(run):
    printed = run("""
        print(*confinement.confine(1 << 32, 60, [], []))
        calls = [call.split() for call in confinement.REFUSED.replace("\\n", " ").split(",")]
        which = 1 + list(confinement.MACHINES).index(os.uname().machine)
        library = ctypes.CDLL(None, use_errno=True)
        for call in calls:
            if call[which] != "-":
                result = library.syscall(int(call[which]), -1, -1, -1, -1, -1, -1)
                print(call[0], result, errno.errorcode[ctypes.get_errno()])
        print("getpid", os.getpid() > 0)
    """)
    assert printed[:2] == ["0", "0"] and printed[-2:] == ["getpid", "True"]
    rest = printed[2:-2]
    assert len(rest) > 150 and set(zip(rest[1::3], rest[2::3], strict=True)) == {("-1", "EPERM")}


def test_only_what_is_readable_can_be_opened(run, tmp_path):
    for folder in ("read", "listed", "hidden"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text(folder)
    printed = run(f"""
        top = {str(tmp_path)!r}
        confinement.confine(1 << 32, 60, [top + "/read", top + "/none"], [top + "/listed"])
        for folder in ("read", "listed", "hidden"):
            place = f"{{top}}/{{folder}}"
            for use in (lambda: os.listdir(place), lambda: open(place + "/file").read()):
                try:
                    print(use())
                except PermissionError:
                    print("refused")
    """)
    assert printed == ["['file']", "read", "['file']", "refused", "refused", "refused"]


def test_the_first_child_after_a_separation_is_alone(run):
    printed = run("""
        print(confinement.separate(), flush=True)
        if os.fork() == 0:
            print(os.getpid(), os.getppid(), *os.listdir("/sys/class/net"), flush=True)
            try:
                os.kill(2, 0)
            except ProcessLookupError:
                print("alone", flush=True)
            os._exit(0)
        os.wait()
    """)
    assert printed[:3] == ["0", "1", "0"] and printed[-1] == "alone"


def test_limits_hold(run):
    printed = run("""
        import resource
        confinement.confine(1 << 31, 7, [], [])
        try:
            bytearray(1 << 31)
        except MemoryError:
            print("memory")
    """)
    assert printed == ["memory"]


def test_a_part_that_the_system_does_not_allow_is_reported(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr(confinement, "_call", refuse)
    monkeypatch.setattr(confinement.resource, "setrlimit", refuse)
    assert confinement.separate() == errno.ENOSYS
    assert confinement.confine(1 << 40, 10**6, [], []) == (errno.ENOSYS, errno.ENOSYS)


def test_another_machine_is_reported(monkeypatch):
    monkeypatch.setattr(confinement.platform, "machine", lambda: "pdp11")
    assert confinement._attempt(confinement._restrict_calls) == errno.ENOSYS


def test_a_function_that_the_library_does_not_have_is_an_error():
    with pytest.raises(OSError, match="not implemented"):
        confinement._call("no_such_function")
