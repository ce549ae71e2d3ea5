"""Process pools: workers that use one thread each, leave Ctrl-C to their parent and end with it."""

import contextlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safegrid.engine import registry

START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("MKL", "NUMBA", "OMP", "OPENBLAS")}


@contextlib.contextmanager
def process_pool(workers: int, preload: Sequence[str], max_tasks: int = 0) -> Iterator[Any]:
    """A `pebble.ProcessPool`, whose workers ignore Ctrl-C; it is stopped where its block raises.

    workers: number of processes
    preload: modules that are imported once, in the server that forks the workers (on Linux)
    max_tasks: tasks after which a worker is replaced by a new process; 0 for no limit
    """
    from pebble import ProcessPool

    context = multiprocessing.get_context(START_METHOD)
    if START_METHOD == "forkserver":
        context.set_forkserver_preload(list(preload))
    with (
        environment(ONE_THREAD),
        ProcessPool(
            workers, max_tasks, _initialise, initargs=[registry.plugins()], context=context
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


def _initialise(plugins: Sequence[str]) -> None:
    """Makes a worker know the parent's plug-ins, and end when its parent ends, even if killed."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    for plugin in plugins:
        registry.register(plugin)
