"""Fuzzes the readers of submissions: a mutated input must be read or refused with ValueError.

    python experiments/fuzz.py --count 100000

Every input is a valid file with bytes changed, cut, repeated or inserted, or with JSON values
exchanged and the digests recomputed, as a forger would. The run fails if a reader raises anything
but ValueError, opens a file for writing or outside the folder, runs a program, unpickles or
compiles anything, takes a second of CPU time, or if memory grows by more than 512 MiB. It prints
how many inputs each reader read and refused, and writes nothing outside a temporary folder.
"""

import argparse
import copy
import hashlib
import json
import random
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from safegrid.benchmark import policy_files, suite
from safegrid.benchmark.leaderboard import (
    folder_check,
    keys,
    packing,
    schema,
    verdicts,
    verification,
)
from safegrid.benchmark.leaderboard.schema import (
    AgentCard,
    BoardSuite,
    RunRow,
    Submission,
    canonical,
    parse,
)
from safegrid.benchmark.leaderboard.verdicts import SignedVerdict
from safegrid.benchmark.results import Result, write
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import Record
from safegrid.evaluation import replay
from safegrid.evaluation.rollout import evaluate

MANIFEST = str(Path("agents", "uniform.py"))
RECORDED = "replays/hazard_goal/small/0.szr"
MEMORY = 2**29  # bytes
PATIENCE = 1.0  # CPU seconds that one input may take
FORBIDDEN = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "pickle.find_class")
ODD: list[Any] = [
    None,
    True,
    -1,
    2**70,
    1e308,
    0.5,
    "",
    "x" * 300,
    "../../x",
    "\x00",
    [],
    {},
    [[]],
    {"a": {}},
]
CARD = """name = "a"
agent = "uniform"
version = "1"
authors = ["b"]
license = "MIT"
description = "c"
kind = "scripted"
[tuning]
trials = 1
steps = 2
"""

Read = Callable[[], Any]
Surface = tuple[bytes, Path, Read]  # a valid file, where its mutations go, what reads them


class Watch:
    """Records forbidden audit events of the interpreter while an input is read."""

    def __init__(self, folder: Path):
        self.folder, self.on, self.faults = str(folder), False, list[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and str(arguments[0]).endswith(MANIFEST):
            return  # the agent's own file, which is parsed and never run
        if event == "compile" and arguments[1] == "<unknown>":  # by ast.parse, which runs nothing
            return
        if event in FORBIDDEN or event == "compile":
            self.faults.append(f"{event} {arguments!r}"[:300])
        if event == "open" and isinstance(arguments[0], str):
            path, mode, _ = arguments
            writes = isinstance(mode, str) and set(mode) & set("wax+")
            if writes or not path.startswith(self.folder):
                self.faults.append(f"open {path!r} {mode}")


def sound(folder: Path) -> Path:
    """The path of a valid submission, made on a new board; its files are mutated."""
    for seed in (0, 1):
        cell = suite.make_cell("uniform", "hazard_goal", seed=seed, episodes=5)
        policy = registry.agent("uniform").train("hazard_goal", seed=seed, steps=0)
        episodes = evaluate(policy, "hazard_goal", 5, seed)
        write(Result(cell, episodes, None, policy_files.encode(policy, cell)), folder / "made")
    (path,) = packing.submit(folder / "made", folder / "board")
    key = keys.create(folder / "key")
    keys.trust(folder / "board", keys.public(key))
    verification.verify(folder / "board", [path], 2, key=key, workers=1)
    return path


def surfaces(path: Path) -> dict[str, Surface]:
    """All fuzzed readers by name, each with its valid input."""
    registry.manifest("nobody")  # lists the agents of installed packages once
    board, place = schema.read_suite(path.parent), path.parent.parent / "input"
    place.mkdir()
    network = np.zeros((4, 7 * 5 * len(make_dynamics("hazard_goal").tiles)), np.float32)
    weights = registry.agent("ppo").load({"0.weight": network, "0.bias": network[:, 0]})
    verdict = verdicts.path(path.parent, path.name)
    manifest, run = path / "submission.json", (path / schema.RUNS).read_bytes()
    policy = (path / "policies/hazard_goal/small/0.safetensors").read_bytes()

    def surface(name: str, content: bytes, read: Callable[[Path], Any]) -> Surface:
        return content, place / name, lambda: read(place / name)

    def record(name: str, model: type[Record], content: bytes) -> Surface:
        return surface(name, content, lambda file: parse(model, schema.content(file)))

    def whole(name: str) -> Surface:
        def read() -> None:
            folder_check.check(path, board)

        return (path / name).read_bytes(), path / name, read

    return {
        "submission": record("submission", Submission, manifest.read_bytes()),
        "suite": record("suite", BoardSuite, canonical(board)),
        "row": record("row", RunRow, run.splitlines(keepends=True)[0]),
        "verdict": record("verdict", SignedVerdict, verdict.read_bytes()),
        "card": surface("card.toml", CARD.encode(), schema.read_card),
        "card as JSON": record("card", AgentCard, canonical(schema.read(path).card)),
        "replay": surface("0.szr", (path / RECORDED).read_bytes(), replay.read),
        "policy": surface("p.safetensors", policy, policy_files.load),
        "weights": surface(
            "w.safetensors",
            policy_files.encode(weights, suite.make_cell("ppo", "hazard_goal")),
            policy_files.load,
        ),
        "folder, submission": whole("submission.json"),
        "folder, runs": whole(schema.RUNS),
        "board, verdict": (
            verdict.read_bytes(),
            verdict,
            lambda: verdicts.read(path.parent, path.name),
        ),
    }


def mutate(content: bytes, dice: random.Random) -> bytes:
    """The content with one, two or four random changes."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        kind = dice.randrange(7)
        data, a, b = bytearray(content), *sorted(dice.choices(range(len(content) + 1), k=2))
        if kind == 0 and data:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        elif kind == 1:
            data[a:a] = dice.randbytes(dice.randrange(1, 9))
        elif kind == 2:
            del data[a : min(b, a + 64)]
        elif kind == 3:
            data[a:a] = data[a : min(b, a + 4096)] * dice.choice((1, 8))
        elif kind == 4:
            data[a : a + 8] = dice.choice((b"\xff" * 8, bytes(8), b"[" * 2000, b'{"a":' * 2000))
        elif kind == 5:
            return _exchange(content, dice)
        else:
            del data[a:]
        content = bytes(data)
    return content


def _exchange(content: bytes, dice: random.Random) -> bytes:
    """JSON with values exchanged; of a replay the header, with matching digests."""
    if content.startswith(replay.MARK) and len(content) > 12:
        end = 12 + int.from_bytes(content[8:12], "little")
        head = _exchange(content[12:end], dice)
        start = content[:8] + struct.pack("<I", len(head)) + head
        return start + hashlib.sha256(start).digest() + content[end + 32 :]
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content
    for _ in range(dice.choice((1, 2))):
        place = value
        while isinstance(place, (dict, list)) and place:
            key = (
                dice.choice(list(place)) if isinstance(place, dict) else dice.randrange(len(place))
            )
            if not isinstance(place[key], (dict, list)) or dice.random() < 0.3:
                place[key] = copy.deepcopy(dice.choice(ODD))
                break
            place = place[key]
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def fuzz(count: int, seed: int, folder: Path) -> dict[str, tuple[int, int]]:
    """Inputs read and refused, by reader. AssertionError for a fault."""
    known, watch, dice = surfaces(sound(folder)), Watch(folder), random.Random(seed)
    found = dict.fromkeys(known, (0, 0))
    for content, file, read in known.values():
        file.write_bytes(content)
        read()  # a valid file is read without a fault; this also imports everything
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        name = list(known)[number % len(known)]
        content, file, read = known[name]
        file.write_bytes(mutate(content, dice))
        refused, began, watch.on = False, time.process_time(), True
        try:
            read()
        except ValueError as error:
            refused = True
            if "\n" in str(error):
                raise AssertionError(f"{name}: more than a line: {error}") from error
        finally:
            watch.on = False
        file.write_bytes(content)
        if watch.faults or time.process_time() - began > PATIENCE:
            raise AssertionError(f"{name}, seed {seed}, input {number}: {watch.faults or 'slow'}")
        done, no = found[name]
        found[name] = done + 1, no + refused
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory)
    if grown > MEMORY:
        raise AssertionError(f"memory has grown by {grown:,} bytes")
    return found


def main() -> None:
    """Fuzzes all readers and prints how many inputs they read and refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="inputs of all readers together")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(arguments.count, arguments.seed, Path(folder).resolve())
    for name, (count, refused) in found.items():
        print(f"{name:20} {count:8,} inputs, {refused:8,} refused")
    print(f"{sum(count for count, _ in found.values()):,} inputs, no fault")


if __name__ == "__main__":
    main()
