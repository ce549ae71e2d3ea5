"""Executors: cells one after another, in processes of this machine, or on a Ray cluster."""

import contextlib
import datetime
import functools
import itertools
import logging
import multiprocessing
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from importlib import metadata
from queue import SimpleQueue
from typing import Any, NamedTuple

from safegrid.benchmark import suite
from safegrid.benchmark.results import Cell

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("MKL", "NUMBA", "OMP", "OPENBLAS")}
LATE = "it took longer than the suite allows"
PACKAGES = ("safegrid-rl", "numpy", "numba", "torch", "stable-baselines3", "sb3-contrib")


class Resources(NamedTuple):
    """What a sweep runs on, and what a cell may take of it."""

    workers: int = 1  # cells at once
    seconds: float | None = None
    memory: float | None = None  # GiB, on Linux
    address: str | None = None  # of a Ray cluster; None starts one here
    run: Callable[[Cell], Any] = suite.run  # what is done with a cell


class Outcome(NamedTuple):
    """What one attempt at a cell gave: a result or an error."""

    result: Any  # what the run of the cell returned
    error: str | None
    log: dict[str, Any]
    died: bool = False  # the process, and the cell may not be to blame


Attempts = Generator[tuple[Cell, Outcome], None, None]


def attempt(
    cell: Cell,
    run: Callable[[Cell], Any],
    memory: float | None = None,
    seconds: float | None = None,
) -> Outcome:
    """One attempt at a cell, in the process that calls it."""
    result, error, began = None, None, time.perf_counter()
    try:
        with _bounded(memory, seconds):
            result = run(cell)
    except Exception as fault:
        error = one_line(fault)
    return Outcome(result, error, _log(time.perf_counter() - began))


def serial(cells: Iterator[Cell], means: Resources) -> Attempts:
    """One cell after another in this process, without limits: for debuggers."""
    for cell in cells:
        yield cell, attempt(cell, means.run)


def local(cells: Iterator[Cell], means: Resources) -> Attempts:
    """Each cell in a new process of this machine, forked where that is safe."""
    from pebble import ProcessPool

    forks = sys.platform == "linux"
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(["safegrid.benchmark.worker_preload"])
    done: SimpleQueue[tuple[Cell, Future[Outcome]] | None] = SimpleQueue()
    with (
        _interrupts(done),
        environment(ONE_THREAD),
        ProcessPool(means.workers, max_tasks=1, initializer=_begin, context=context) as pool,
    ):

        def start(cell: Cell) -> None:
            given = (cell, means.run, means.memory)
            future = pool.schedule(attempt, given, timeout=means.seconds)
            future.add_done_callback(lambda future: done.put((cell, future)))

        try:
            running = 0
            for cell in itertools.islice(cells, 2 * means.workers):  # the next ones wait ready
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
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def ray(cells: Iterator[Cell], means: Resources) -> Attempts:
    """Each cell in a new process of a Ray cluster, which must have SafeGrid installed."""
    import ray

    ray.init(
        means.address,
        num_cpus=None if means.address else means.workers,
        include_dashboard=False if means.address is None else None,
        runtime_env={"env_vars": ONE_THREAD},
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    remote = ray.remote(num_cpus=1, max_calls=1, max_retries=0)(attempt)
    running: dict[Any, Cell] = {}
    try:
        while True:
            for cell in itertools.islice(cells, 2 * means.workers - len(running)):
                running[remote.remote(cell, means.run, means.memory, means.seconds)] = cell
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
    """An error's kind and the first line of what it says."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _outcome(result: Callable[[], Any]) -> Outcome:
    """What an attempt in another process gave."""
    try:
        outcome: Outcome = result()
        return outcome
    except TimeoutError:
        return Outcome(None, f"TimeoutError: {LATE}", _log())
    except Exception as error:
        return Outcome(None, f"its process died: {one_line(error)}", _log(), died=True)


def _log(seconds: float | None = None) -> dict[str, Any]:
    """The circumstances of an attempt."""
    packages = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            packages[package] = metadata.version(package)
    return {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "seconds": seconds,
        "python": platform.python_version(),
        "packages": packages,
    }


def _begin() -> None:
    """A worker leaves Ctrl-C to the sweep, and ends with it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextlib.contextmanager
def _interrupts(queue: SimpleQueue[Any]) -> Iterator[None]:
    """Ctrl-C puts None into the queue: what a handler raises may be lost, in a destructor say."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: queue.put(None))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the processes that start meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _bounded(memory: float | None, seconds: float | None) -> Iterator[None]:
    """MemoryError beyond `memory` GiB (on Linux), TimeoutError after `seconds` (not on Windows)."""
    if memory is not None and sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory * 2**30), most))
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
