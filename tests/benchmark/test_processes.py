"""Processes have one thread, leave Ctrl-C to their parent, and end with it or with its block."""

import contextlib
import functools
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from safegrid.benchmark import processes
from safegrid.benchmark.processes import (
    ONE_THREAD,
    CallFailed,
    ProcessDied,
    environment,
    isolated,
    process_pool,
)

PRELOAD = ["safegrid.benchmark.versions"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
posix = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


def run(*calls, **options):
    """The results and errors of calls in processes of their own, in the order of the calls."""
    found = {}
    for key, future in isolated(iter(enumerate(calls)), 2, PRELOAD, **options):
        assert future.done()
        found[key] = future.exception() or future.result()
    return [found[key] for key in range(len(calls))]


def kill_self(number):
    os.kill(os.getpid(), number)


def interrupt():
    raise KeyboardInterrupt


def leave_a_child(path):
    """Starts a process that has the pipe of the result, and ends without a word."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
    Path(path).write_text(str(child))
    os._exit(0)


def stay(path):
    """Gives a result, but has a thread that never ends and a child."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    threading.Thread(target=time.sleep, args=(600,)).start()
    Path(path).write_text(str(child.pid))
    return "stayed"


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pid):
    end = time.monotonic() + 30
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_alive(pid)


def test_variables_are_set_inside_the_block_only(monkeypatch):
    monkeypatch.setenv("SAFEGRID_SET", "before")
    monkeypatch.delenv("SAFEGRID_NEW", raising=False)
    with (
        pytest.raises(KeyError),
        environment({"SAFEGRID_SET": "inside", "SAFEGRID_NEW": "inside"}),
    ):
        assert os.environ["SAFEGRID_SET"] == os.environ["SAFEGRID_NEW"] == "inside"
        raise KeyError
    assert os.environ["SAFEGRID_SET"] == "before" and "SAFEGRID_NEW" not in os.environ


def test_workers_have_one_thread_and_ignore_an_interrupt():
    with process_pool(2, PRELOAD) as pool:
        threads = [pool.schedule(os.getenv, (name,)) for name in ONE_THREAD]
        assert {future.result(timeout=60) for future in threads} == {"1"}
        pool.schedule(signal.raise_signal, (signal.SIGINT,)).result(timeout=60)
        assert pool.schedule(os.getpid).result(timeout=60) != os.getpid()


def test_an_error_in_the_block_stops_the_workers_at_once():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), process_pool(2, PRELOAD) as pool:
        running = [pool.schedule(time.sleep, (90,)) for _ in range(4)]
        while not running[0].running():
            time.sleep(0.05)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 60


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_busy_worker_ends_with_a_parent_that_is_killed(tmp_path):
    code = (
        "import os, time\n"
        "from safegrid.benchmark.processes import process_pool\n"
        "if __name__ == '__main__':\n"
        "    with process_pool(1, ['safegrid.benchmark.versions']) as pool:\n"
        "        pid = pool.schedule(os.getpid).result()\n"
        "        busy = pool.schedule(time.sleep, (600,))\n"
        "        while not busy.running():\n"
        "            time.sleep(0.05)\n"
        "        print(pid, flush=True)\n"
        "        time.sleep(600)\n"
    )
    path = tmp_path / "parent.py"
    path.write_text(code)
    parent = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)  # it is there
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


@pytest.mark.parametrize("workers", [0, -1])
def test_calls_need_a_worker(workers):
    with pytest.raises(ValueError, match=rf"^workers is {workers}: choose 1 or more$"):
        list(isolated(iter([(0, os.getpid)]), workers))


@pytest.mark.slow
def test_a_call_gives_its_result_from_a_process_of_its_own():
    large = functools.partial(bytes, 10**7)
    pid, other, zeros = run(os.getpid, os.getpid, large)
    assert len({pid, other, os.getpid()}) == 3 and zeros == large()
    assert set(run(*(functools.partial(os.getenv, name) for name in ONE_THREAD))) == {"1"}


@pytest.mark.slow
@posix
def test_a_process_that_ends_is_the_failure_of_its_call_only():
    ends = [
        functools.partial(os._exit, 0),
        functools.partial(os._exit, 3),
        functools.partial(kill_self, signal.SIGKILL),
        functools.partial(kill_self, signal.SIGSEGV),
        functools.partial(sys.exit, 4),
        interrupt,
        threading.Lock,
        functools.partial(int, "x\ny"),
    ]
    *found, last = run(*ends, os.getpid)
    assert isinstance(last, int)
    died, failed = found[:4], found[4:]
    assert all(type(error) is ProcessDied for error in died), died
    assert [str(error) for error in died] == [
        "it ended with exit code 0 and without a result",
        "it ended with exit code 3 and without a result",
        "it was killed by SIGKILL",
        "it was killed by SIGSEGV",
    ]
    assert [error.was_killed for error in died] == [False, False, True, True]
    assert all(type(error) is CallFailed for error in failed), failed
    assert str(failed[0]) == "SystemExit: 4" and str(failed[1]) == "KeyboardInterrupt"
    assert str(failed[2]).startswith("TypeError: cannot pickle")
    assert str(failed[3]).startswith("ValueError: ") and "\n" not in str(failed[3])


@pytest.mark.slow
def test_a_process_is_killed_after_its_seconds():
    began = time.monotonic()
    late, early = run(functools.partial(time.sleep, 600), os.getpid, seconds=8)
    assert type(late) is TimeoutError and isinstance(early, int)
    assert time.monotonic() - began < 120


@pytest.mark.slow
@linux
def test_what_a_call_has_started_ends_with_it(tmp_path):
    paths = [tmp_path / "left", tmp_path / "stayed"]
    left, stayed = run(
        functools.partial(leave_a_child, str(paths[0])), functools.partial(stay, str(paths[1]))
    )
    assert type(left) is ProcessDied and stayed == "stayed"
    assert all(wait_for_end(int(path.read_text())) for path in paths)


@pytest.mark.slow
@linux
def test_the_server_that_forks_may_be_killed():
    calls = iter([(0, functools.partial(time.sleep, 600)), (1, os.getpid), (2, os.getpid)])
    found = {}
    for key, future in isolated(calls, 2, PRELOAD):
        found[key] = future.exception() or future.result()
        if len(found) == 1:
            server = multiprocessing.forkserver._forkserver._forkserver_pid
            os.kill(server, signal.SIGKILL)
    assert type(found[0]) is ProcessDied and found[0].was_killed
    assert isinstance(found[1], int)
    assert isinstance(found[2], int) or found[2].was_killed


def test_a_process_that_cannot_be_started_counts_as_killed(monkeypatch):
    context = multiprocessing.get_context(processes.START_METHOD)

    def refuse(self):
        raise ConnectionRefusedError

    monkeypatch.setattr(context.Process, "start", refuse)
    (found,) = run(os.getpid)
    assert type(found) is ProcessDied and found.was_killed


@pytest.mark.slow
@linux
def test_an_error_of_the_beat_stops_the_processes(tmp_path):
    path = tmp_path / "stayed"

    def beat():
        if path.exists() and path.read_text():
            raise FileNotFoundError("the folder was deleted")

    with pytest.raises(FileNotFoundError):
        run(functools.partial(stay, str(path)), functools.partial(time.sleep, 600), beat=beat)
    assert wait_for_end(int(path.read_text()))


PARENT = """
import os, subprocess, sys, time
from safegrid.benchmark.processes import isolated

def hold():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(os.getpid(), child.pid, flush=True)
    sum(range(10**13))  # no other thread of Python runs meanwhile

if __name__ == "__main__":
    list(isolated(iter([(0, hold)]), 1, ["safegrid.benchmark.versions"]))
"""


@pytest.mark.slow
@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_and_what_they_started_end_with_a_parent_that_is_killed(number, tmp_path):
    path = tmp_path / "parent.py"
    path.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with contextlib.closing(parent.stdout):
        pids = [*map(int, parent.stdout.readline().split())]
        assert len(pids) == 2 and all(map(is_alive, pids))
        parent.send_signal(number)
        parent.wait(60)
    assert all(map(wait_for_end, pids))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_the_usable_cores_are_those_that_the_process_may_use():
    before = os.sched_getaffinity(0)
    assert processes.usable_cores() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processes.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
