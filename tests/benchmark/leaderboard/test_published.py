"""The published entries can be done again."""

from pathlib import Path

import pytest

from safegrid.benchmark.leaderboard import folder_check, run_checks
from safegrid.benchmark.leaderboard.entries import entries
from safegrid.benchmark.leaderboard.schema import read_suite
from safegrid.benchmark.leaderboard.verification import submissions

ROOT = Path(__file__).parents[3]
CHECKS = (  # of V0 to V3
    run_checks.check_policy,
    run_checks.check_sums,
    run_checks.resimulate,
    run_checks.replay_policy,
)


LEVELS = {  # by the names of the agents: how far they are verified
    **dict.fromkeys(("q_learning", "sarsa", "expected_sarsa", "constrained_q"), 5),
    **dict.fromkeys(("attainable_utility", "relative_reachability"), 5),
    **dict.fromkeys(("interruptible_q", "cloning", "ppo", "a2c", "ppo_lagrangian"), 5),
    **dict.fromkeys(
        (
            "maskable_ppo",
            "ppo_pid",
            "cpo",
            "trpo",
            "shielded_ppo",
            "recurrent_ppo",
            "ppo_local",
            "dqn",
            "qr_dqn",
        ),
        5,
    ),
    **dict.fromkeys(("noop", "scripted_hack", "scripted_safe", "uniform"), 3),
    **dict.fromkeys(("planner", "planner_limit", "planner_safe"), 3),
}


@pytest.mark.slow
def test_published_policies_choose_their_recorded_actions_again():
    """Those of one run of each agent on each level; the verdicts say that all of them do."""
    board = ROOT / "submissions"
    suite, jobs = read_suite(board), []
    for folder in submissions(board):
        checked = folder_check.check(folder, suite)
        assert not checked.faults
        drawn = int(folder.name, 16) % checked.submission.runs
        jobs += [job for job in folder_check.jobs(folder, checked, suite) if job.row.run == drawn]
    assert {job.row.key[:2] for job in jobs} == {level.key for level in suite.levels}
    for job in sorted(jobs, key=lambda job: job.row.key):
        for check in CHECKS:
            assert not list(check(job)), (job.folder.name, job.row.replay)


def test_the_published_verdicts_are_of_the_boards_verifier():
    """The learned ones say that runs of theirs were trained again."""
    board = ROOT / "submissions"
    shown, refused = entries(board, submissions(board))
    assert not refused
    assert {entry.title: entry.level for entry in shown} == LEVELS
    for entry in shown:
        assert len(entry.verdict.retrained) == (2 if entry.level == 5 else 0)
