"""Plays policies without running their agents' code in this process: it runs in a confined one."""

import contextlib
import functools
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from safegrid.benchmark.processes import GRACE, ONE_THREAD
from safegrid.benchmark.sandbox import confinement, player
from safegrid.engine import registry
from safegrid.engine.contract.agents import AgentSpec
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.policies import Policy

KEPT = ("HOME", "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "NUMBA_", "NPY_", "OPENBLAS_", "GLIBC_")
FOLDERS = {  # that libraries make if they are not there; nothing can be written to them
    variable: sys.prefix for variable in ("TORCHINDUCTOR_CACHE_DIR", "SB3_LOGDIR")
}
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from safegrid.benchmark.sandbox import {0}; {0}.main()"
)


class Limits(NamedTuple):
    """What a policy's process may use."""

    seconds: float = 300.0  # from its start to its end
    memory: int = 2 << 30  # bytes of address space


DEFAULT = Limits()


def start(module: str) -> "subprocess.Popen[bytes]":
    """A process in which a module of this package runs `main`, to be ended with `end`.

    Its standard input and output are pipes; of the environment it has the variables KEPT.
    """
    kept = {key: value for key, value in os.environ.items() if key.startswith(KEPT)}
    paths = json.dumps([os.path.abspath(path) for path in sys.path])
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", START.format(module), paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**kept, **ONE_THREAD, **FOLDERS},
        bufsize=0,
        start_new_session=True,
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that leads a group, with its group (on POSIX).

    Its pipes are closed first: in the GRACE seconds that follow it can end what it has started.
    """
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def setup(limits: Limits, **more: Any) -> bytes:
    """The first request to a process, with the limits by which it confines itself."""
    seconds = math.ceil(limits.seconds) + 1
    about = {"plugins": registry.plugins(), "seconds": seconds, "memory": limits.memory}
    return player.encode({**about, **more})


def raised(type_name: bytes) -> str:
    """A line about an exception of an agent, of which nothing but the name of its type is told."""
    name = type_name[: player.TYPE_NAME].decode("ascii", "replace")
    named = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
    return f"the agent raised {name if named else 'an exception'}"


@contextlib.contextmanager
def play(
    content: bytes, agent: str, dynamics: Dynamics, limits: Limits = DEFAULT
) -> Iterator[Policy]:
    """A policy whose agent loads and plays it in a process that ends with the block.

    That process gets the content of the policy file, observations and the policy's own draws: no
    seed, state or performance. ValueError in one line for whatever goes wrong in it, here and from
    the policy's methods: of an exception of the agent, nothing but the name of its type is in it.

    content: of the policy file. agent: its name. dynamics: of the level that it was trained on.
    """
    with _Process(dynamics.observation_kinds, limits) as process:
        policy = _Policy(process, dynamics, agent, content)
        yield AgentSpec.place(policy, dynamics.name, dynamics.level_options)


@functools.cache
def weaknesses() -> tuple[str, ...]:
    """What a policy's process can do on this system and should not be able to, with the reasons."""
    with _Process((), DEFAULT) as process:
        return tuple(
            f"a policy's process is less confined here: {part} ({os.strerror(fault)})"
            for part, fault in zip(confinement.PARTS, process.faults, strict=True)
            if fault
        )


class _Policy:
    """Stands in this process for a policy that another process loads and plays.

    process: the other one. dynamics: of the level. agent: its name. content: of the policy file.
    """

    mode = "stochastic"

    def __init__(self, process: "_Process", dynamics: Dynamics, agent: str, content: bytes):
        self._process, self._actions, self._begun = process, len(dynamics.actions), 0
        given = [np.frombuffer(content, np.uint8)]
        memory, kind = process.ask("load", given, (2,), np.int64, agent=agent).tolist()
        kinds = dynamics.observation_kinds
        if memory not in (0, 1) or kind not in range(len(kinds)):
            raise ValueError(f"the policy takes another observation: choose from {kinds}")
        self.memory, self.observation = bool(memory), kinds[kind]

    def probabilities(self, observations: Any, player: int | None = None) -> NDArray[np.float64]:
        """float64[n, actions]: the policy's probabilities, or those of one of its players."""
        given = np.asarray(observations)
        shape = len(given), self._actions
        return self._process.ask("probabilities", [given], shape, np.float64, player=player)

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[np.float32]:
        """float32[n, numbers]: the policy's actions."""
        actions = self._process.ask("act", [observations, chance], chance.shape, np.float32)
        if not np.isfinite(actions).all():
            raise ValueError("the agent's answer has a number that is not finite")
        return actions

    def begin(self, chance: NDArray[np.uint64]) -> "_Player":
        """Begins n episodes side by side in the other process."""
        self._process.ask("begin", [chance], (0,), np.uint8)
        self._begun += 1
        return _Player(self, self._begun - 1)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Always a ValueError: they are in the policy file."""
        raise ValueError("the policy is in another process: its tensors are in the policy file")


class _Player:
    """Stands for a player of a policy in another process."""

    def __init__(self, policy: _Policy, number: int):
        self._policy, self._number = policy, number

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions]: the player's probabilities."""
        return self._policy.probabilities(observations, self._number)


class _Process:
    """A process of `player`, and the pipes to it. As a context it ends with its block.

    kinds: of observation, of the level. limits: of the process. Its replies are not trusted: their
    bytes become numbers in arrays of a shape that this side has chosen.
    """

    def __init__(self, kinds: Sequence[str], limits: Limits):
        self._limits, self._end = limits, time.monotonic() + limits.seconds
        self._process = start("player")
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        os.set_blocking(self._requests.fileno(), False)
        self._writable, self._readable = select.poll(), select.poll()
        self._writable.register(self._requests, select.POLLOUT)
        self._readable.register(self._replies, select.POLLIN)
        self._write(setup(limits, observations=kinds))
        self.faults = self._reply((3,), np.int32).tolist()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, and all that it may have started."""
        end(self._process)

    def ask(
        self,
        task: str,
        given: Sequence[NDArray[Any]],
        shape: tuple[int, ...],
        kind: DTypeLike,
        **options: Any,
    ) -> NDArray[Any]:
        """An array of a shape and type: the other process's answer to a task.

        given, options: what the task takes. ValueError where the answer fails or is another one.
        """
        form = {"task": task, "options": options, "shape": shape, "type": np.dtype(kind).str}
        self._write(player.encode(form, [np.ascontiguousarray(array) for array in given]))
        return self._reply(shape, kind)

    def _reply(self, shape: tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
        form = np.dtype(kind)
        sizes = {player.OK: math.prod(shape) * form.itemsize, player.RAISED: player.TYPE_NAME}
        sizes[player.MISSHAPEN] = 0
        content = bytearray(1 + max(sizes.values()) + 1)  # one more, to notice what is too long
        view, got, size = memoryview(content), 0, 1
        while got < size:
            self._wait(self._readable)
            count = os.readv(self._replies.fileno(), [view[got:]])
            if not count:
                raise ValueError("the policy's process ended before its answer")
            got += count
            if content[0] not in sizes:
                raise ValueError("the policy's process sent something else than an answer")
            size = 1 + sizes[content[0]]
        if got > size:
            raise ValueError("the policy's process sent more than it was asked for")
        if content[0] == player.RAISED:
            raise ValueError(raised(bytes(content[1:size].rstrip(b"\0"))))
        if content[0] == player.MISSHAPEN:
            raise ValueError(f"the agent's answer is not an array of shape {shape}")
        return np.ndarray(shape, form, content, 1)

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            try:
                view = view[os.write(self._requests.fileno(), view) :]
            except BlockingIOError:
                self._wait(self._writable)
            except BrokenPipeError:
                raise ValueError("the policy's process ended before its answer") from None

    def _wait(self, ready: Any) -> None:
        """Waits until a pipe is ready. ValueError once the process's time has run out."""
        left = self._end - time.monotonic()
        if left <= 0 or not ready.poll(left * 1000):
            raise ValueError(f"the agent did not answer in {self._limits.seconds:g} s")
