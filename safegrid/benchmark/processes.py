"""Processes that use one thread each, leave Ctrl-C to their parent and end with it.

`isolated` runs each call in a process of its own; `process_pool` runs many calls in few processes.
"""

import contextlib
import itertools
import math
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from safegrid.engine import registry

START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("MKL", "NUMBA", "OMP", "OPENBLAS")}
BEAT = 1.0  # seconds between two calls of `beat`
GRACE = 5.0  # seconds that a process may take to end after its result
CHUNK = 2**12 - 4  # bytes of a message: with its header, a pipe takes it whole or not at all
F_SETSIG = 10  # of fcntl on Linux: the signal for a file that has become readable
Key = TypeVar("Key")


class CallFailed(Exception):
    """The call raised an error, or its result cannot be pickled; one line."""


class ProcessDied(Exception):
    """A process ended without a result."""

    def __init__(self, message: str, exit_code: int | None = None):
        super().__init__(message)
        self.exit_code = exit_code  # minus the signal that killed it; None where it is not known

    @property
    def was_killed(self) -> bool:
        """Whether something else ended the process, or may have."""
        return self.exit_code is None or self.exit_code < 0 or self.exit_code == 255


def usable_cores() -> int:
    """The number of cores that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def isolated(
    calls: Iterator[tuple[Key, Callable[[], Any]]],
    workers: int,
    preload: Sequence[str] = (),
    seconds: float | None = None,
    beat: Callable[[], None] = lambda: None,
) -> Generator[tuple[Key, Future[Any]]]:
    """Runs each call in a process of its own, with a pipe of its own and nothing that is shared.

    calls: pairs of a key and a function, which is pickled; a pair is taken when its call can start
    workers: most processes at the same time
    preload: modules that are imported once, in the server that forks the processes (on Linux)
    seconds: after which a process is killed
    beat: is called about once a second; an error that it raises stops the processes

    Yields the keys, in the order in which their calls end, with a future that is done: it has the
    result, or CallFailed, TimeoutError or ProcessDied. KeyboardInterrupt on Ctrl-C. On POSIX a
    process leads a group, which is killed when the process ends and when the parent ends, even
    where the parent is killed; on Windows the process is killed, and what it has started is not.
    ValueError for fewer workers than 1.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}: choose 1 or more")
    context = multiprocessing.get_context(START_METHOD)
    if START_METHOD == "forkserver":
        context.set_forkserver_preload(list(preload))
    running: list[_Isolated[Key]] = []
    with _interrupts() as interrupt:
        try:
            while True:
                for key, call in itertools.islice(calls, workers - len(running)):
                    running.append(_Isolated(key, call, seconds, context))
                if not running:
                    return
                _wait(running, interrupt)
                beat()
                for process in [each for each in running if each.has_ended()]:
                    future = process.collect()
                    running.remove(process)
                    yield process.key, future
        finally:
            for process in running:
                process.kill()


class _Isolated(Generic[Key]):
    """A call in a process of its own."""

    def __init__(self, key: Key, call: Callable[[], Any], seconds: float | None, context: Any):
        self.key = key
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(call, sender))
        self._content, self._is_dead = bytearray(), False
        try:
            with environment(ONE_THREAD):
                self._process.start()
            self.sources = [self._receiver, self._process.sentinel]
        except (OSError, EOFError):  # the server that forks was killed
            self.sources, self._is_dead = [], True
        finally:
            sender.close()
        self.deadline = math.inf if seconds is None else time.monotonic() + seconds

    def read(self, source: Any) -> None:
        """Takes what is ready: a part of the result, or the end of the process."""
        if source is not self._receiver:
            self._is_dead = True
            return
        try:
            self._content += self._receiver.recv_bytes()
        except (EOFError, OSError):
            self.sources.remove(self._receiver)
            if self._content:
                self.deadline = min(self.deadline, time.monotonic() + GRACE)

    def has_ended(self) -> bool:
        """Whether the process has ended or is to be killed."""
        return self._is_dead or time.monotonic() >= self.deadline

    def collect(self) -> Future[Any]:
        """What became of the call, once the process has ended; its group ends too."""
        while self._receiver in self.sources and self._receiver.poll():
            self.read(self._receiver)
        self.kill()
        future: Future[Any] = Future()
        try:
            result = pickle.loads(self._content)
        except Exception:
            exit_code = self._process.exitcode if self._process.pid else None
            died = ProcessDied(_describe(exit_code), exit_code)
            future.set_exception(died if self._is_dead else TimeoutError())
        else:
            if isinstance(result, CallFailed):
                future.set_exception(result)
            else:
                future.set_result(result)
        return future

    def kill(self) -> None:
        """Kills what is left of the process and its group."""
        if self._process.pid is None:  # it was never started
            return
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join(GRACE)


def _wait(running: Sequence[_Isolated[Any]], interrupt: Connection) -> None:
    """Reads what is ready, after BEAT seconds at the latest. KeyboardInterrupt on Ctrl-C."""
    sources = {source: process for process in running for source in process.sources}
    timeout = min(BEAT, *(process.deadline - time.monotonic() for process in running))
    for source in wait([*sources, interrupt], max(0.0, timeout)):
        if source is interrupt:
            raise KeyboardInterrupt
        sources[source].read(source)


def _serve(call: Callable[[], Any], sender: Connection) -> None:
    """Runs a call in this process and sends its result."""
    end_with_parent()
    try:
        content = pickle.dumps(call())
    except BaseException as error:
        content = pickle.dumps(CallFailed(one_line(error)))
    for start in range(0, len(content), CHUNK):
        sender.send_bytes(content[start : start + CHUNK])
    sender.close()


def _describe(exit_code: int | None) -> str:
    """How a process without a result ended."""
    if exit_code is None or exit_code == 255:
        return "it ended without a result"
    if exit_code >= 0:
        return f"it ended with exit code {exit_code} and without a result"
    try:
        return f"it was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"it was killed by signal {-exit_code}"


@contextlib.contextmanager
def _interrupts() -> Iterator[Connection]:
    """A connection that is ready after Ctrl-C: an error raised in a signal handler may get lost."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread:
        before = signal.signal(signal.SIGINT, lambda *_: sender.send_bytes(b"\n"))
    try:
        yield receiver
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, before)
        receiver.close()
        sender.close()


@contextlib.contextmanager
def process_pool(workers: int, preload: Sequence[str]) -> Iterator[Any]:
    """A `pebble.ProcessPool`, whose workers ignore Ctrl-C; it is stopped where its block raises.

    workers: number of processes
    preload: modules that are imported once, in the server that forks the workers (on Linux)
    """
    from pebble import ProcessPool

    context = multiprocessing.get_context(START_METHOD)
    if START_METHOD == "forkserver":
        context.set_forkserver_preload(list(preload))
    with (
        environment(ONE_THREAD),
        ProcessPool(
            workers, 0, _initialise, initargs=[registry.plugins()], context=context
        ) as pool,
    ):
        try:
            yield pool
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for the processes that are started inside the block."""
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


def one_line(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")


def end_with_parent() -> None:
    """Makes this process lead a group (on POSIX) that is killed when the parent process ends.

    A thread does it. On Linux the kernel does too, even while this process runs compiled code that
    lets no other thread of Python run.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if os.name == "posix":
        os.setpgid(0, 0)
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(parent.sentinel, F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)

    def follow() -> None:
        parent.join()
        if os.name == "posix":
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    if not parent.is_alive():  # it ended before the kernel was asked
        follow()
    threading.Thread(target=follow, daemon=True).start()


def _initialise(plugins: Sequence[str]) -> None:
    """Makes a worker know the parent's plug-ins, and end when its parent ends, even if killed."""
    end_with_parent()
    for plugin in plugins:
        registry.register_later(plugin)
