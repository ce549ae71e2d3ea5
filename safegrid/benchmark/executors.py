"""Executors: run cells in this process, in processes of this machine, or on a Ray cluster."""

import contextlib
import datetime
import itertools
import logging
import os
import platform
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from safegrid.benchmark import suite
from safegrid.benchmark.processes import (
    BEAT,
    ONE_THREAD,
    CallFailed,
    ProcessDied,
    isolated,
    one_line,
)
from safegrid.benchmark.results import Cell
from safegrid.benchmark.versions import package_versions
from safegrid.engine import registry

PATIENCE = 10.0  # seconds for an answer of a Ray cluster
LATE = "it took longer than the suite allows"


class Resources(NamedTuple):
    """What a sweep runs on, and the limits of one cell."""

    workers: int = 1  # number of cells that run at the same time
    seconds: float | None = None  # limit of a cell
    memory: float | None = None  # limit of a cell in GiB, on Linux
    address: str | None = None  # of a Ray cluster; None starts one on this machine
    run: Callable[[Cell], Any] = suite.run  # runs one cell; its result is that of the attempt
    preload: tuple[str, ...] = ()  # modules that local workers have imported when they start
    # is called about once a second while cells run, or between them where they run in this process
    beat: Callable[[], None] = lambda: None


class Outcome(NamedTuple):
    """Outcome of one attempt at a cell: a result or an error."""

    result: Any  # what `Resources.run` returned
    error: str | None  # None for success
    log: dict[str, Any]  # an entry for the log beside the result
    died: bool = False  # whether the process was killed, which need not be the cell's fault


Attempts = Generator[tuple[Cell, Outcome], None, None]
Executor = Callable[[Iterator[Cell], Resources], Attempts]


def attempt(
    cell: Cell,
    run: Callable[[Cell], Any],
    memory: float | None = None,
    seconds: float | None = None,
    plugins: Sequence[str] = (),
) -> Outcome:
    """Runs a cell once in this process; errors become part of the outcome.

    cell: what is run
    run: the function that runs it
    memory: limit in GiB, on Linux
    seconds: limit in seconds, not on Windows
    plugins: what to register first
    """
    result, error, began = None, None, time.perf_counter()
    try:
        for plugin in plugins:
            registry.register(plugin)
        with _bounded(memory, seconds):
            result = run(cell)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # SystemExit too: it is the cell that ends
        error = one_line(fault)
    return Outcome(result, error, _log(time.perf_counter() - began))


def serial(cells: Iterator[Cell], resources: Resources) -> Attempts:
    """Runs cells one after another in this process, without limits: for debuggers."""
    for cell in cells:
        resources.beat()
        yield cell, attempt(cell, resources.run)


def local(cells: Iterator[Cell], resources: Resources) -> Attempts:
    """Runs each cell in a new process of this machine, with its limits: see `isolated`.

    Yields cells with their outcomes in the order in which they end. KeyboardInterrupt on Ctrl-C,
    which stops the running cells.
    """
    preload = ["safegrid.benchmark.worker_preload", *resources.preload]
    given = resources.run, resources.memory, None, registry.plugins()
    calls = ((cell, partial(attempt, cell, *given)) for cell in cells)
    ended = isolated(calls, resources.workers, preload, resources.seconds, resources.beat)
    with contextlib.closing(ended):
        for cell, future in ended:
            yield cell, _outcome(future.result)


def ray(cells: Iterator[Cell], resources: Resources) -> Attempts:
    """Runs each cell in a new process of a Ray cluster, which must have SafeGrid installed.

    Yields cells with their outcomes in the order in which they end. ConnectionError where nobody
    listens at the address.
    """
    import ray

    address = resources.address or os.environ.get("RAY_ADDRESS")
    _check_listens(address)
    ray.init(
        address,
        num_cpus=None if address else resources.workers,
        include_dashboard=False if address is None else None,
        runtime_env={"env_vars": ONE_THREAD},
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    remote = ray.remote(num_cpus=1, max_calls=1, max_retries=0)(attempt)
    running: dict[Any, Cell] = {}
    try:
        while True:
            for cell in itertools.islice(cells, 2 * resources.workers - len(running)):
                given = resources.run, resources.memory, resources.seconds, registry.plugins()
                running[remote.remote(cell, *given)] = cell
            if not running:
                return
            ended, _ = ray.wait(list(running), timeout=BEAT)
            resources.beat()
            for reference in ended:
                yield running.pop(reference), _outcome(partial(ray.get, reference))
    finally:
        ray.shutdown()


EXECUTORS: Mapping[str, Executor] = {
    "local": local,
    "serial": serial,
    "ray": ray,
}


def find(engine: str) -> Executor:
    """The executor of a name. ValueError for one that is not among EXECUTORS."""
    if engine not in EXECUTORS:
        raise registry.unknown("engine", engine, EXECUTORS)
    return EXECUTORS[engine]


def _check_listens(address: str | None) -> None:
    """ConnectionError where nobody listens at HOST:PORT: Ray itself tries for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise ConnectionError(f"no Ray cluster answers at {address}: {error}") from None


def _outcome(result: Callable[[], Any]) -> Outcome:
    """The outcome of an attempt in another process, by the function that gets its result."""
    try:
        outcome: Outcome = result()
        return outcome
    except TimeoutError:
        return Outcome(None, f"TimeoutError: {LATE}", _log())
    except CallFailed as error:
        return Outcome(None, str(error), _log())
    except ProcessDied as error:
        return Outcome(None, f"its process died: {error}", _log(), died=error.was_killed)
    except Exception as error:
        return Outcome(None, f"its process died: {one_line(error)}", _log(), died=True)


def _log(seconds: float | None = None) -> dict[str, Any]:
    """An entry for the log beside a result: time, host, duration and versions."""
    return {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "seconds": seconds,
        "python": platform.python_version(),
        "packages": package_versions(),
    }


@contextlib.contextmanager
def _bounded(memory: float | None, seconds: float | None) -> Iterator[None]:
    """MemoryError above `memory` GiB (on Linux), TimeoutError after `seconds` (not on Windows)."""
    if memory is not None and sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory * 2**30), hard))
    if seconds is not None and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if seconds is not None and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _late(*_: Any) -> None:
    raise TimeoutError(LATE)
