"""Entries of the leaderboard: the verified submissions of a board, with their episodes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from safegrid.benchmark.grouping import (
    Group,
    LevelKey,
    is_current,
    is_trained,
    level_key,
    present_dynamics,
)
from safegrid.benchmark.leaderboard import folder_check, verdicts
from safegrid.benchmark.leaderboard.folder_check import Job
from safegrid.benchmark.leaderboard.schema import (
    BoardSuite,
    RunRow,
    Submission,
    canonical,
    read_suite,
)
from safegrid.benchmark.leaderboard.verdicts import Verdict
from safegrid.benchmark.policy_files import PolicyFile
from safegrid.benchmark.published import tables
from safegrid.benchmark.published.formats import TableFormat
from safegrid.benchmark.results import Cell, Result
from safegrid.engine import monitor, registry
from safegrid.engine.files import sha256
from safegrid.evaluation import replay

REPRODUCED = 3  # lowest level at which the policies are those that played the replays
RANKED = "learned"  # the kind of agent that may have a rank: level 5 trains it again
LOOKALIKES = str.maketrans("01i|!5$@89", "ollllssabg")
PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
TRUSTED = 2  # lowest level of verification that is shown: all replays were simulated again


class LeaderboardEntry(NamedTuple):
    """A submission that is shown on the leaderboard."""

    folder: Path
    title: str  # name of its agent, which no other on the board can be confused with
    submission: Submission
    rows: list[RunRow]
    verdict: Verdict
    groups: list[Group]  # runs by level
    recorded: dict[tuple[str, str, int], replay.Replay]  # by environment, level and run
    policies: dict[tuple[str, str], str]  # digests of what they do, by environment and level

    @property
    def level(self) -> int:
        """The level of verification that the submission has reached."""
        return self.verdict.level or 0

    @property
    def settings(self) -> list[tuple[dict[str, Any], list[str]]]:
        """The agent's settings, each with the levels on which it has them."""
        found: list[tuple[dict[str, Any], list[str]]] = []
        for row in self.rows:
            if row.run == 0:
                own = next((levels for each, levels in found if each == row.settings), None)
                if own is None:
                    found.append((row.settings, own := []))
                own.append(f"{row.environment} {row.level}")
        return found

    @property
    def has_file(self) -> bool:
        """Whether the file of its agent is at hand."""
        return registry.manifest(self.submission.card.agent) is not None

    @property
    def not_retrained(self) -> bool:
        """Whether it is said to have learned, and no run of it was trained again."""
        return self.submission.card.kind == RANKED and self.level < max(verdicts.LEVELS)


class Refusal(NamedTuple):
    """A submission or a level that is not shown, and the reason."""

    name: str  # of the submission's folder, or environment and level
    reason: str


def entries(board: Path, folders: list[Path]) -> tuple[list[LeaderboardEntry], list[Refusal]]:
    """The submissions of a board that are verified to TRUSTED or more, and the others.

    Of submissions with names that can be confused, or of which one is a copy, the one that was
    verified first is shown; none with the name of another agent of agents/. ValueError where the
    board has no valid suite.json.
    """
    suite = read_suite(board)
    found, refused = [], []
    for folder in folders:
        try:
            found.append(_entry(board, folder, suite))
        except Exception as error:  # one submission must not stop the others
            reason = str(error) if isinstance(error, ValueError) else type(error).__name__
            refused.append(Refusal(folder.name, reason))
    known = {skeleton(agent): agent for agent in registry.agents()}
    shown: dict[str, LeaderboardEntry] = {}
    for entry in sorted(found, key=lambda each: (each.verdict.first, each.folder.name)):
        names, agent = skeleton(entry.title), entry.submission.card.agent
        if names in known and known[names] != agent:
            reason = f"its name is that of agent {known[names]}, and it is {agent}"
        elif names in shown:
            reason = f"its name can be confused with that of {shown[names].folder.name}"
        elif original := next((each for each in shown.values() if _is_copy(entry, each)), None):
            reason = f"it has the policies of {original.folder.name} under another name"
        else:
            shown[names] = entry
            continue
        refused.append(Refusal(entry.folder.name, reason))
    return sorted(shown.values(), key=lambda each: each.folder.name), refused


def divide(groups: Iterable[Group]) -> tuple[list[LevelKey], list[LevelKey]]:
    """The levels of the first ranking, and those of the second.

    Where boards can be listed, values are exact and levels are of the first: see
    `tables.are_listed`. The other levels are of the second, or of the first if there is no such.
    """
    found = {group.level: group for group in groups}  # one of each level
    exact = [level for level in sorted(found) if tables.are_listed(found[level].dynamics)]
    others = sorted(set(found).difference(exact))
    return (exact, others) if exact else (others, exact)


def may_rank(submission: Submission, verdict: Verdict) -> bool:
    """Whether an agent may have a rank: a trained one, whose policies are reproduced.

    The verifier must have the agent's file, the one that the submission names, and must not have
    tried to train it in vain.
    """
    reproduced = (verdict.level or 0) >= REPRODUCED and not verdict.faults
    known = verdicts.has_agent(verdict, submission)
    return reproduced and known and submission.card.kind == RANKED


def skeleton(name: str) -> str:
    """A name without what the eye overlooks: case, separators, and characters that look alike."""
    alike = name.casefold().translate(LOOKALIKES)
    for two, one in PAIRS:
        alike = alike.replace(two, one)
    return "".join(c for c in alike if c.isalnum())


def _is_copy(entry: LeaderboardEntry, original: LeaderboardEntry) -> bool:
    """Whether a trained entry has equal policies on all levels that it shares with an earlier one.

    These are at least half of the levels of each: agents that learn in different ways may agree on
    a few. Planners may well agree on all.
    """
    if {entry.submission.card.kind, original.submission.card.kind} != {RANKED}:
        return False
    shared = entry.policies.keys() & original.policies
    enough = 2 * len(shared) >= max(len(entry.policies), len(original.policies))
    return enough and all(entry.policies[key] == original.policies[key] for key in shared)


def _acts(job: Job, file: PolicyFile | None) -> bytes:
    """What a run's policy does, as bytes: equal for tables of equal distributions.

    That is its tensors where it is no table, and the digest of its replay where there is none.
    """
    if file is None:
        return job.digests[job.row.replay].encode()
    parts = []
    for name, tensor in sorted(file.tensors.items()):
        if isinstance(file.format, TableFormat):
            tensor = tables.in_thousandths(tensor, len(job.dynamics.actions))
        parts.append(f"{name} {tensor.dtype} {tensor.shape}".encode() + tensor.tobytes())
    return b"".join(parts)


def _entry(board: Path, folder: Path, suite: BoardSuite) -> LeaderboardEntry:
    """The entry of a submission. ValueError where its present content is not verified."""
    checked = folder_check.check(folder, suite)
    if checked.submission is None or checked.faults:
        raise ValueError(str(checked.faults[0]))
    submission, last = checked.submission, verdicts.read(board, folder.name)
    if last is None or (last.submission, last.suite) != (checked.digest, sha256(canonical(suite))):
        raise ValueError("it has no verdict: run safegrid leaderboard verify")
    for fault in last.faults:
        if fault.proven or last.level is None:
            raise ValueError(str(fault))
    if last.level is None or last.level < TRUSTED:
        raise ValueError(f"it is verified to V{last.level}")
    results: dict[tuple[str, str], list[Result]] = {}
    recorded, acts = {}, defaultdict[tuple[str, str], Any](hashlib.sha256)
    for job in folder_check.jobs(folder, checked, suite):
        row, cell = job.row, job.cell
        if not is_current(cell):
            raise ValueError(f"{level_key(cell)} has other dynamics now: {present_dynamics(cell)}")
        recorded[row.key] = job.replay()
        result = as_result(row, cell, recorded[row.key])
        file = job.policy_file()
        if row.run < suite.runs:  # those that every entry has
            acts[row.key[:2]].update(_acts(job, file))
        if last.level < REPRODUCED:
            result = result._replace(values={})
        elif file is not None and file.format is not None:
            result = result._replace(policy=job.policy())  # can be played without its agent's code
        secret = last.secret_values.get(row.policy, {})
        result = result._replace(values={**result.values, **secret})
        results.setdefault(row.key[:2], []).append(result)
    title = submission.card.name
    hidden = submission.uses_hidden_info
    ranked = may_rank(submission, last)
    groups = []
    for runs in results.values():
        cell = runs[0].cell
        trained = is_trained(submission.card.kind, cell.steps)
        groups.append(Group(level_key(cell), title, runs, hidden, ranked, trained))
    policies = {key: digest.hexdigest() for key, digest in acts.items()}
    return LeaderboardEntry(
        *(folder, title, submission, checked.rows, last, groups, recorded, policies)
    )


def as_result(row: RunRow, cell: Cell, recorded: replay.Replay) -> Result:
    """A run as a result, with what its policy is worth as the row claims."""
    training = np.zeros(1 if row.trained else 0, monitor.STRETCH)
    training["step"] = row.trained  # the number of episodes is not known
    training["violating"] = -1 if row.train_violations is None else row.train_violations
    return Result(cell, recorded.episodes, training.view(np.recarray), None, row.values)
