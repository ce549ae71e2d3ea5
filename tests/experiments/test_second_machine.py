"""Published runs, trained again: what is drawn, what is compared, and the committed results."""

import json

from safegrid.benchmark.leaderboard import retraining
from safegrid.engine.files import sha256


def test_only_learned_policies_at_v5_are_drawn_the_same_ones_everywhere(experiment):
    second = experiment("second_machine")
    jobs = second.published(second.BOARD)
    assert all(job.digests[job.row.policy] == digest for digest, job in jobs.items())
    assert "q_learning" in {job.cell.agent for job in jobs.values()}
    assert not {"uniform", "planner"} & {job.cell.agent for job in jobs.values()}
    names = {f"{job.folder.name}/{job.row.policy}" for job in jobs.values()}
    lowest = sorted(names, key=lambda name: sha256(name.encode()))[:20]
    drawn = retraining.draw(list(jobs.values()), 20, b"")
    assert [f"{job.folder.name}/{job.row.policy}" for job in drawn] == lowest


def test_a_run_that_is_trained_again_has_the_published_policy(experiment):
    """And is found to have another one where it was trained from another seed."""
    second = experiment("second_machine")
    jobs = second.published(second.BOARD).values()
    own = [j for j in jobs if (j.cell.agent, j.cell.environment) == ("cloning", "boat_race")]
    job, other = (next(j for j in own if j.row.run == run) for run in (0, 1))
    found = second.train(job)
    assert found["same_policy"] and found["same_violations"]
    assert (found["agent"], found["policy"]) == ("cloning", job.row.policy)
    swapped = job._replace(cell=other.cell)
    assert not second.train(swapped)["same_policy"]


def test_the_table_leaves_out_what_is_no_longer_published(experiment):
    run = {"agent": "ppo", "policy": "p", "steps": 500_000}
    same = {**run, "same_policy": True, "same_violations": True}
    other = {**run, "same_policy": False, "same_violations": True}
    found = {"One, AVX2": {"a": same, "b": other, "c": other}, "Two, AVX-512": {"a": same}}
    lines = experiment("second_machine").table(found, {"a", "b"}).split("\n")[2:]
    assert lines == [
        "| One, AVX2 | `ppo` | 2 | 1.0 M | 1 | 2 |",
        "| Two, AVX-512 | `ppo` | 1 | 0.5 M | 1 | 1 |",
    ]


def test_what_is_published_was_the_same_on_every_processor(experiment):
    """The committed results, of policies that are still published."""
    second = experiment("second_machine")
    jobs, found = second.published(second.BOARD), json.loads(second.RESULT.read_text())
    for runs in found.values():
        current = [run for digest, run in runs.items() if digest in jobs]
        assert len(current) >= 20
        assert all(run["same_policy"] and run["same_violations"] for run in current)
