"""Process pools: workers have one thread, ignore Ctrl-C, and end with their parent or its block."""

import os
import signal
import subprocess
import sys
import time

import pytest

from safegrid.benchmark.processes import ONE_THREAD, environment, process_pool

PRELOAD = ["safegrid.benchmark.versions"]


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


def test_a_worker_is_replaced_after_its_last_task():
    with process_pool(1, PRELOAD, max_tasks=1) as pool:
        pids = [pool.schedule(os.getpid).result(timeout=60) for _ in range(3)]
    assert len(set(pids)) == 3


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
