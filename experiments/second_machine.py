"""Trains published runs again on another processor, and compares the bytes of their policies.

    python experiments/second_machine.py --runs 20
    python experiments/second_machine.py --runs 20 --emulate Haswell-v4

The second command needs qemu-x86_64 (Debian's package qemu-user), about twenty times as long for a
table and up to seventy times for a network: all of a training, also what it compiles, sees the
processor that QEMU emulates.

Draws from the learned policies of all submissions that are verified to V5, by the digests of
their submissions and paths, so that every machine draws the same ones. Reads submission.json and
runs.jsonl only: the digests of the policies are in there. Writes experiments/second_machine.json
after every training, and goes on from there when it is started again.
"""

import functools
import json
import multiprocessing
import shlex
import shutil
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Container
from pathlib import Path
from typing import Any

import llvmlite.binding

from safegrid.benchmark import markdown, policy_files, suite
from safegrid.benchmark.leaderboard import (
    folder_check,
    retraining,
    schema,
    verdicts,
    verification,
)
from safegrid.benchmark.leaderboard.folder_check import Checked, Job
from safegrid.benchmark.processes import isolated, usable_cores
from safegrid.benchmark.published import formats
from safegrid.engine import files
from safegrid.engine.contract.agents import Run
from safegrid.engine.files import sha256
from safegrid.engine.monitor import EpisodeLog

RESULT = Path(__file__).parent / "second_machine.json"
BOARD = Path(__file__).resolve().parent.parent / "submissions"
Found = dict[str, dict[str, dict[str, Any]]]  # by processor and digest of the published policy


def published(board: Path) -> dict[str, Job]:
    """The runs of learned agents that are verified to V5, by the digest of their policy."""
    runs, whole = list[Job](), schema.read_suite(board)
    for folder in verification.submissions(board):
        submission = schema.read(folder)
        verdict = verdicts.believed(board, folder.name, sha256(schema.canonical(submission)))
        if submission.card.kind == "learned" and verdict is not None and verdict.level == 5:
            rows = schema.read_rows(folder, schema.digests(submission))
            runs += folder_check.jobs(folder, Checked(submission, rows, [], []), whole)
    return {job.digests[job.row.policy]: job for job in runs if job.row.policy in job.digests}


def train(job: Job) -> dict[str, Any]:
    """Whether a run, trained again, has the published policy and violating episodes.

    "seen" is the processor as LLVM names it.
    """
    log = EpisodeLog()
    policy = suite.train(job.cell, Run(monitor=log))
    form, policy = formats.publish(policy, job.dynamics) or (None, policy)
    content = policy_files.encode(policy, job.cell, form)
    violating = int(log.episodes()["violating"].sum())
    return {
        **{"agent": job.cell.agent, "policy": job.row.policy, "steps": job.cell.steps},
        "same_policy": sha256(content) == job.digests[job.row.policy],
        "same_violations": violating == job.row.train_violations,
        "seen": llvmlite.binding.get_host_cpu_name(),
    }


def processor() -> str:
    """The name of this machine's processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {'AVX-512' if ' avx512f' in ''.join(lines) else 'AVX2'}"


def emulate(model: str, folder: Path) -> None:
    """Lets the processes of trainings run on a processor that QEMU emulates.

    model: one that `qemu-x86_64 -cpu help` lists. folder: for the program that starts them.
    """
    if (emulator := shutil.which("qemu-x86_64")) is None:
        sys.exit("--emulate needs qemu-x86_64: install Debian's package qemu-user")
    start = folder / "python"
    command = shlex.join([emulator, "-cpu", model, sys.executable])
    start.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    start.chmod(0o700)
    multiprocessing.set_executable(str(start))


def recorded() -> Found:
    """The trainings of RESULT; none if there is no such file."""
    found: Found = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    return found


def table(found: Found, digests: Container[str]) -> str:
    """The table of processors, with the runs that have the same results on each.

    digests: of the policies that are published; what was found of others is left out
    """
    rows = []
    for name, trained in found.items():
        runs = [run for digest, run in trained.items() if digest in digests]
        agents = sorted({f"`{run['agent']}`" for run in runs})
        same = [sum(run[what] for run in runs) for what in ("same_policy", "same_violations")]
        steps = sum(run["steps"] for run in runs) / 1e6
        rows.append([name, ", ".join(agents), len(runs), f"{steps:,.1f} M", *same])
    header = ["processor", "agents", "runs", "training steps", "same policy"]
    return markdown.table([*header, "same violating episodes"], rows, "llrrrr")


def main() -> None:
    """Trains the drawn runs that this processor has no result of."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="runs to draw")
    parser.add_argument("--workers", type=int, default=usable_cores(), help="trainings at once")
    parser.add_argument("--emulate", metavar="MODEL", help="a processor that QEMU emulates")
    given = parser.parse_args()
    jobs, found = published(BOARD), recorded()
    name = f"{given.emulate}, emulated by QEMU" if given.emulate else processor()
    own = found.setdefault(name, {})
    drawn = retraining.draw(list(jobs.values()), given.runs, b"")
    left = {job.digests[job.row.policy]: job for job in drawn}
    calls = ((key, functools.partial(train, left[key])) for key in left if key not in own)
    with tempfile.TemporaryDirectory() as folder:
        if given.emulate:
            emulate(given.emulate, Path(folder))
        for key, future in isolated(calls, given.workers, retraining.PRELOAD):
            own[key] = future.result()
            files.replace(RESULT, (json.dumps(found, indent=1) + "\n").encode())
            print(own[key], flush=True)
    print(table(found, jobs))


if __name__ == "__main__":
    main()
