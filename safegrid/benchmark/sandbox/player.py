"""The process that plays a policy whose agent has code of its own; it confines itself before.

`sandbox.proxy` starts it, and sends it observations on its standard input. A reply on its standard
output is a byte, OK or a fault, and then the bytes of an array whose shape the request determines;
after RAISED comes the name of the exception's type in TYPE_NAME bytes. Requests are trusted,
replies are not.
"""

import importlib.util
import json
import math
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import caching
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors

import safegrid
from safegrid import agents, envs
from safegrid.benchmark.sandbox import confinement
from safegrid.engine import registry

OK, RAISED, MISSHAPEN = range(3)  # first byte of a reply
TYPE_NAME = 64  # bytes
CONFINED = 1 + 3 * 4  # bytes of the first reply: how far the process could be confined
UNKNOWN = -1  # in place of the number of the observation's kind


def encode(header: dict[str, Any], arrays: Sequence[NDArray[Any]] = ()) -> bytes:
    """The bytes of a request: its header's length, the header as JSON, and its arrays."""
    forms = [(array.dtype.str, array.shape) for array in arrays]
    text = json.dumps({**header, "arrays": forms}).encode()
    return b"".join((struct.pack("I", len(text)), text, *(array.tobytes() for array in arrays)))


def decode(read: Callable[[int], bytearray]) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """The header and the arrays of the next request. read: returns a number of bytes."""
    header = json.loads(read(*struct.unpack("I", read(4))))
    forms = [(np.dtype(form), tuple(shape)) for form, shape in header["arrays"]]
    return header, [
        np.ndarray(shape, form, read(form.itemsize * math.prod(shape))) for form, shape in forms
    ]


def main() -> None:
    """Takes the first request, which says what to play, and plays in a confined child."""
    confined(_play)


def confined(work: Callable[[dict[str, Any], int, int], None]) -> None:
    """Does work in a confined child of this process, which takes the first request.

    This process ends its child as soon as the parent closes the requests, or has died.

    work: takes the first request's header, and the files of the requests and of the replies.
    """
    separated = confinement.separate()
    requests = os.dup(0)
    setup, _ = decode(reader(requests))
    child = os.fork()
    if child == 0:
        try:
            work(setup, requests, _confine(setup, separated))
        finally:
            os._exit(1)
    os.close(requests)
    os.close(1)  # so that the parent notices if the child closes it
    guard(child)


def guard(child: int) -> None:
    """Waits until the child has ended or requests are closed, and then ends it."""
    if hasattr(os, "pidfd_open"):
        ended, poll = os.pidfd_open(child), select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(0, 0)  # reports only that the parent has closed it
        poll.poll()
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _confine(setup: dict[str, Any], separated: int) -> int:
    """Confines this process and replies how far that was possible; returns the replies' file."""
    replies = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    # compiled functions are read from Numba's cache and not written to it: no file can be written
    caching.Cache.save_overload = lambda *_: None  # type: ignore[method-assign]
    caching._CacheLocator.ensure_cache_path = _check_writable  # type: ignore[method-assign]
    readable, listable = _folders(setup["plugins"])
    faults = confinement.confine(setup["memory"], setup["seconds"], readable, listable)
    _write(replies, bytes([OK]) + np.array([separated, *faults], np.int32).tobytes())
    return replies


def _play(setup: dict[str, Any], requests: int, replies: int) -> None:
    """Answers requests until there are no more."""
    read, tasks = reader(requests), _Tasks(setup["plugins"], setup["observations"])
    while True:
        header, arrays = decode(read)
        given = [tuple(a.tolist()) if a.dtype.kind == "U" else a for a in arrays]
        try:
            answer = getattr(tasks, header["task"])(*given, **header["options"])
            found = np.asarray(answer, header["type"])
            fits = found.shape == tuple(header["shape"])
            reply = bytes([OK]) + found.tobytes() if fits else bytes([MISSHAPEN])
        except BaseException as error:
            name = type(error).__name__.encode()[:TYPE_NAME]
            reply = bytes([RAISED]) + name.ljust(TYPE_NAME, b"\0")
        _write(replies, reply)


class _Tasks:
    """What the parent can ask for, each a method; they return what becomes an array.

    plugins: to register before an agent is loaded. kinds: of observation, of the level.
    """

    def __init__(self, plugins: Sequence[str], kinds: Sequence[str]):
        self.plugins, self.kinds = plugins, kinds
        self.policy: Any = None
        self.players: list[Any] = []

    def load(self, content: NDArray[np.uint8], agent: str) -> list[int]:
        """[whether the policy has memory, number of its kind of observation or UNKNOWN]."""
        for plugin in self.plugins:
            registry.register_later(plugin)
        self.policy = registry.agent(agent).load(load_tensors(content.tobytes()))
        kind = self.policy.observation
        return [bool(self.policy.memory), self.kinds.index(kind) if kind in self.kinds else UNKNOWN]

    def begin(self, chance: NDArray[np.uint64]) -> list[int]:
        """Begins n episodes side by side, in the next of the players; returns nothing."""
        self.players.append(self.policy.begin(chance))
        return []

    def probabilities(self, observations: Any, player: int | None) -> Any:
        """[n, actions]: those of the policy, or of a player."""
        actor = self.policy if player is None else self.players[player]
        return actor.probabilities(observations)

    def act(self, observations: Any, chance: NDArray[np.float64]) -> Any:
        """[n, numbers]: the policy's actions."""
        return self.policy.act(observations, chance)


def _folders(plugins: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files and folders that Python and agents read, and the folders that they search."""
    own = [str(folder) for package in (safegrid, envs, agents) for folder in package.__path__]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installed = [path for path in sys.path if path.endswith("-packages")]
    places = [*confinement.SYSTEM, sys.prefix, sys.base_prefix, *installed, *own]
    places += [str(caches / "numba"), os.environ.get("NUMBA_CACHE_DIR", sys.prefix)]
    for plugin in plugins:
        spec = None if plugin.endswith(".py") else importlib.util.find_spec(plugin.split(".")[0])
        if spec is not None and spec.submodule_search_locations is not None:
            places += spec.submodule_search_locations
        else:
            places.append(str(spec.origin) if spec is not None else plugin)
    return places, sys.path


def _check_writable(locator: Any) -> None:
    """OSError for a folder of compiled functions that Numba would not choose in the parent."""
    if not os.access(locator.get_cache_path(), os.W_OK):
        raise OSError


def reader(file: int) -> Callable[[int], bytearray]:
    """Reads a number of bytes of a file, and no more; ends this process where it is closed."""

    def read(count: int) -> bytearray:
        content, got = bytearray(count), 0
        while got < count:
            if not (more := os.readv(file, [memoryview(content)[got:]])):
                os._exit(0)
            got += more
        return content

    return read


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
