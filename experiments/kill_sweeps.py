"""Kills workers and drivers of small sweeps at random moments, and checks what is left.

    python experiments/kill_sweeps.py --sweeps 40 --kills 100

Each sweep has a folder of its own; a driver that was killed, or whose cells failed because their
processes were killed three times, is started again until each cell has a result. The victims are
drawn from VICTIMS: drivers, workers, the server that forks the workers and the tracker of their
resources. A sweep has a fault if a driver ends with a wrong exit
code or a traceback, takes longer than PATIENCE seconds, or leaves a process behind, and if the
files differ from those of an undisturbed sweep. The run fails if a sweep has a fault. It writes
nothing outside a temporary folder, and finds processes in /proc: it needs Linux.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from safegrid.benchmark import suite
from safegrid.benchmark.results import BESIDE
from safegrid.benchmark.sweep import sweep

SUITE = """
seeds = 3
episodes = 3
agents = [{ name = "uniform" }, { name = "q_learning", steps = 20000 }]
environments = [{ name = "boat_race" }]
"""
PATIENCE = 300.0  # seconds; a driver that takes longer hangs
ORPHANED = {"worker": 10.0, "tracker": 10.0, "server": 60.0}  # seconds that it may outlive its
# driver: the server ends after its imports
# share of the kills, and the most seconds from the first sight of a victim to its kill
VICTIMS = {
    "worker": (0.5, 0.5),
    "driver": (0.4, 6.0),
    "server": (0.05, 4.0),
    "tracker": (0.05, 4.0),
}


class Fault(Exception):
    """What a sweep did and should not have done."""


def main() -> int:
    """Runs the sweeps; returns 1 if one of them had a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweeps", type=int, default=40, help="number of sweeps")
    parser.add_argument("--kills", type=int, default=100, help="number of kills in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the victims")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _, faults = disturb(Path(folder), given.sweeps, given.kills, given.seed)
    return int(faults > 0)


def disturb(root: Path, sweeps: int, kills: int, seed: int) -> tuple[Counter[str], int]:
    """(kills by victim, sweeps with a fault) of sweeps below a folder, which it also prints.

    Kills for which a sweep is too short are left to the next one; there are more sweeps than
    `sweeps` where kills are left in the end.
    """
    (root / "suite.toml").write_text(SUITE, encoding="utf-8")
    cells = suite.read_suite(root / "suite.toml").cells()
    sweep(cells, root / "calm", lambda cell, error: None, "serial")
    chance, hits, codes, faults, number = random.Random(seed), Counter[str](), Counter[int](), 0, 0
    while number < sweeps or hits.total() < kills:
        share = -(-(kills - hits.total()) // max(1, sweeps - number))
        before = hits.copy()
        try:
            ended = run(root, f"wild-{number}", share, chance, hits)
            codes.update(ended)
            check(root / f"wild-{number}", root / "calm")
            found = f"exit codes {ended}"
        except Fault as fault:
            faults, found = faults + 1, f"FAULT: {fault}"
        print(f"sweep {number}: killed {dict(hits - before)}, {found}", flush=True)
        number += 1
    print(f"{number} sweeps, {hits.total()} kills: {dict(hits)}, exit codes {dict(codes)}")
    print(f"{faults} sweeps with a fault")
    return hits, faults


def run(root: Path, name: str, kills: int, chance: random.Random, hits: Counter[str]) -> list[int]:
    """Runs a sweep until it ends with 0, kills on its way; returns the exit codes of its drivers.

    Fault for a wrong exit code, a traceback, a process left behind and a driver that hangs.
    """
    codes: list[int] = []
    while 0 not in codes:
        log = root / f"{name}-{len(codes)}.log"
        driver = start(root, name, log)
        began, kind, moment = time.monotonic(), draw(chance), None
        while driver.poll() is None:
            time.sleep(0.01)
            if time.monotonic() - began > PATIENCE:
                driver.kill()
                raise Fault(f"a driver hangs: {log.read_text(encoding='utf-8')[-500:]}")
            family = descendants(driver.pid) | {driver.pid: "driver"}
            victims = [pid for pid in sorted(family) if family[pid] == kind]
            if moment is None and victims:
                moment = time.monotonic() + chance.uniform(0, VICTIMS[kind][1])
            if not kills or not victims or moment is None or time.monotonic() < moment:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
                hits[kind] += 1
                kills -= 1
            if kind == "driver":
                driver.wait()
                del family[driver.pid]
                check_orphans(family)
            kind, moment = draw(chance), None
        codes.append(driver.returncode)
        check_end(driver.returncode, log.read_text(encoding="utf-8"))
    return codes


def draw(chance: random.Random) -> str:
    """What is killed next."""
    return chance.choices(list(VICTIMS), [share for share, _ in VICTIMS.values()])[0]


def start(root: Path, name: str, log: Path) -> subprocess.Popen[bytes]:
    """Starts the driver of a sweep, which writes what it says to a log."""
    command = [sys.executable, "-m", "safegrid", "bench", root / "suite.toml"]
    given = ["--results", root / name, "--workers", 2]
    with log.open("wb") as file:
        return subprocess.Popen([*map(str, command + given)], stdout=file, stderr=file)


def descendants(driver: int) -> dict[int, str]:
    """The processes below a driver, and what each is."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(status.parent.name)] = int(parent)
    children = [pid for pid, parent in parents.items() if parent == driver]
    found = {}
    for pid in children:
        with contextlib.suppress(OSError):
            is_server = b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
            found[pid] = "server" if is_server else "tracker"
    return found | {pid: "worker" for pid, parent in parents.items() if parent in children}


def check_orphans(family: dict[int, str]) -> None:
    """Fault if a descendant of a driver that was killed lives on."""
    began = time.monotonic()
    while left := [kind for pid, kind in family.items() if is_alive(pid)]:
        for kind in left:
            if time.monotonic() - began > ORPHANED[kind]:
                raise Fault(f"its {kind} outlives the driver")
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_end(code: int, said: str) -> None:
    """Fault for a wrong exit code of a driver, or for a traceback."""
    failed = "cells failed; the same command retries them" in said
    if code not in (-signal.SIGKILL, int(failed)):
        raise Fault(f"a driver ended with {code} instead of {int(failed)}: {said[-500:]}")
    if failed and "its process died" not in said:
        raise Fault(f"cells failed that were not killed: {said[-500:]}")
    if "Traceback" in said:
        raise Fault(f"a traceback: {said[-2000:]}")


def check(folder: Path, calm: Path) -> None:
    """Fault where a sweep has other files than an undisturbed one, or leaves temporary ones."""
    if contents(folder) != contents(calm):
        raise Fault("its files differ from those of an undisturbed sweep")
    if left := [path.name for path in folder.rglob("*") if path.suffix in (".part", ".lease")]:
        raise Fault(f"it leaves {', '.join(left)}")


def contents(folder: Path) -> dict[Path, bytes]:
    """The files of results below a folder, without the logs."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in (".json", *BESIDE)
    }


if __name__ == "__main__":
    sys.exit(main())
