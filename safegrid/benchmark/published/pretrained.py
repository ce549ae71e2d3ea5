"""Pretrained policies: those of the published submissions, which come with the package."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from safegrid.benchmark import policy_files
from safegrid.benchmark.leaderboard import schema
from safegrid.benchmark.leaderboard.schema import RunRow
from safegrid.engine import registry
from safegrid.engine.contract.names import unknown
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.fingerprint import fingerprint
from safegrid.engine.policies import Policy


class Shipped(NamedTuple):
    """A policy of a submission."""

    folder: Path  # of the submission
    agent: str
    row: RunRow  # its run
    digests: Mapping[str, str]  # SHA-256 of the submission's files, by path

    def content(self) -> bytes:
        """The policy file. ValueError where it is not the file that the submission lists."""
        return schema.member(self.folder, self.row.policy, self.digests)


def board() -> Path:
    """The folder of the published submissions: of the installed package, or of the checkout."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "submissions"
    return installed if installed.is_dir() else package.parent / "submissions"


def shipped(agent: str | None = None) -> Iterator[Shipped]:
    """The policies of the published submissions, in the order of agents, levels and runs.

    agent: whose policies; those of all by default.
    """
    found = []
    for path in board().glob("*/submission.json"):
        submission = schema.read(path.parent)
        if agent not in (None, submission.card.agent):
            continue
        listed = schema.digests(submission)
        rows = schema.read_rows(path.parent, listed)
        found += [
            Shipped(path.parent, submission.card.agent, row, listed)
            for row in rows
            if row.policy in listed
        ]
    yield from sorted(found, key=lambda each: (each.agent, each.row.key))


def find(agent: str, environment: str, level: int | str = 0, seed: int = 0) -> Shipped:
    """The shipped policy of a training run.

    agent, environment, level: names, or the level's number. seed: of the training.
    ValueError where none is shipped, and where the level has changed since it was trained.
    """
    registry.agent(agent)
    dynamics = make_dynamics(environment, level)
    own = list(shipped(agent))
    wanted = dynamics.name, dynamics.level_name, seed
    for each in own:
        if each.row.key == wanted:
            cell = policy_files.decode(each.content()).cell
            if cell.dynamics != fingerprint(dynamics):
                raise ValueError(f"{environment} has changed since the policy was trained")
            return each
    seeds = [each.row.run for each in own if each.row.key[:2] == wanted[:2]]
    if seeds:
        raise unknown("seed of a shipped policy", seed, seeds)
    levels = sorted({f"{each.row.environment} {each.row.level}" for each in own})
    there = f"those of {agent} are of {', '.join(levels)}" if levels else _agents()
    raise ValueError(f"no policy of {agent} is shipped for {' '.join(wanted[:2])}: {there}")


def pretrained(agent: str, environment: str, level: int | str = 0, seed: int = 0) -> Policy:
    """The shipped policy of a training run, to be played or evaluated: see `find`."""
    return policy_files.make(policy_files.decode(find(agent, environment, level, seed).content()))


def _agents() -> str:
    return f"there are those of {', '.join(sorted({each.agent for each in shipped()}))}"
