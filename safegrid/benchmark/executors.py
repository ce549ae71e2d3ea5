"""Executors: run cells in this process, in processes of this machine, or on a Ray cluster."""

import contextlib
import datetime
import functools
import itertools
import logging
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple

from safegrid.benchmark import suite
from safegrid.benchmark.processes import ONE_THREAD, process_pool
from safegrid.benchmark.results import Cell
from safegrid.benchmark.versions import package_versions
from safegrid.engine import registry

LATE = "it took longer than the suite allows"


class Resources(NamedTuple):
    """What a sweep runs on, and the limits of one cell."""

    workers: int = 1  # number of cells that run at the same time
    seconds: float | None = None  # limit of a cell
    memory: float | None = None  # limit of a cell in GiB, on Linux
    address: str | None = None  # of a Ray cluster; None starts one on this machine
    run: Callable[[Cell], Any] = suite.run  # runs one cell; its result is that of the attempt
    preload: tuple[str, ...] = ()  # modules that local workers have imported when they start


class Outcome(NamedTuple):
    """Outcome of one attempt at a cell: a result or an error."""

    result: Any  # what `Resources.run` returned
    error: str | None  # None for success
    log: dict[str, Any]  # an entry for the log beside the result
    died: bool = False  # whether the process died, which need not be the fault of the cell


Attempts = Generator[tuple[Cell, Outcome], None, None]


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
    except Exception as fault:
        error = one_line(fault)
    return Outcome(result, error, _log(time.perf_counter() - began))


def serial(cells: Iterator[Cell], resources: Resources) -> Attempts:
    """Runs cells one after another in this process, without limits: for debuggers."""
    for cell in cells:
        yield cell, attempt(cell, resources.run)


def local(cells: Iterator[Cell], resources: Resources) -> Attempts:
    """Runs each cell in a new process of this machine.

    Yields cells with their outcomes in the order in which they end. KeyboardInterrupt on Ctrl-C,
    which stops the running cells.
    """
    done: SimpleQueue[tuple[Cell, Future[Outcome]] | None] = SimpleQueue()
    preload = ["safegrid.benchmark.worker_preload", *resources.preload]
    with _interrupts(done), process_pool(resources.workers, preload, max_tasks=1) as pool:

        def start(cell: Cell) -> None:
            arguments = (cell, resources.run, resources.memory)
            future = pool.schedule(attempt, arguments, timeout=resources.seconds)
            future.add_done_callback(lambda future: done.put((cell, future)))

        running = 0
        for cell in itertools.islice(cells, 2 * resources.workers):  # no worker waits for a cell
            start(cell)
            running += 1
        while running:
            if (finished := done.get()) is None:
                raise KeyboardInterrupt
            cell, future = finished
            yield cell, _outcome(future.result)
            running -= 1
            for cell in itertools.islice(cells, 1):
                start(cell)
                running += 1


def ray(cells: Iterator[Cell], resources: Resources) -> Attempts:
    """Runs each cell in a new process of a Ray cluster, which must have SafeGrid installed.

    Yields cells with their outcomes in the order in which they end.
    """
    import ray

    ray.init(
        resources.address,
        num_cpus=None if resources.address else resources.workers,
        include_dashboard=False if resources.address is None else None,
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
            for reference in ray.wait(list(running))[0]:
                yield running.pop(reference), _outcome(functools.partial(ray.get, reference))
    finally:
        ray.shutdown()


EXECUTORS: Mapping[str, Callable[[Iterator[Cell], Resources], Attempts]] = {
    "local": local,
    "serial": serial,
    "ray": ray,
}


def one_line(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _outcome(result: Callable[[], Any]) -> Outcome:
    """The outcome of an attempt in another process, by the function that gets its result."""
    try:
        outcome: Outcome = result()
        return outcome
    except TimeoutError:
        return Outcome(None, f"TimeoutError: {LATE}", _log())
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
def _interrupts(queue: SimpleQueue[Any]) -> Iterator[None]:
    """Makes Ctrl-C put None into the queue: an error raised in a signal handler may get lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: queue.put(None))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
