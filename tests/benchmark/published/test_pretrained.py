"""Pretrained policies: what is found, that it plays as its run did, and what is refused."""

import json
import shutil

import numpy as np
import pytest

import safegrid
from safegrid.benchmark.published import pretrained
from safegrid.evaluation import replay


def test_a_pretrained_policy_plays_the_episodes_of_its_run():
    for seed in (0, 2):
        found = pretrained.find("q_learning", "boat_race", seed=seed)
        policy = safegrid.pretrained("q_learning", "boat_race", seed=seed)
        recorded = replay.read(found.folder / found.row.replay).episodes
        played = safegrid.evaluate(policy, "boat_race", len(recorded), seed)
        assert played.performance.sum() == found.row.performance
        np.testing.assert_array_equal(played.actions, recorded.actions)


@pytest.mark.parametrize("arguments, message", [
    (("nobody", "boat_race"), "unknown agent 'nobody'"),
    (("ppo", "boat_rase"), "did you mean 'boat_race'"),
    (("ppo", "boat_race", "lake"), "unknown level 'lake'"),
    (("ppo", "boat_race", 0, 10_000), "unknown seed of a shipped policy 10000: choose from 0, 1"),
    (("ppo", "point_goal"), "no policy of ppo is shipped for point_goal 0: those of ppo are of "),
    (("sac", "point_goal"), "no policy of sac is shipped for point_goal 0: there are those of "),
])  # fmt: skip
def test_what_is_not_shipped_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        safegrid.pretrained(*arguments)


def test_a_changed_policy_or_level_is_refused(tmp_path, monkeypatch):
    shutil.copytree(pretrained.board(), tmp_path / "board")
    monkeypatch.setattr(pretrained, "board", lambda: tmp_path / "board")
    with monkeypatch.context() as patch:
        patch.setattr(pretrained, "fingerprint", lambda dynamics: "f" * 16)
        with pytest.raises(ValueError, match="boat_race has changed since the policy was trained"):
            pretrained.find("ppo", "boat_race")
    found = pretrained.find("ppo", "boat_race")
    path = found.folder / found.row.policy
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match=r"its SHA-256 is .*: submission.json has"):
        safegrid.pretrained("ppo", "boat_race")


def test_pull_writes_and_evaluates_a_policy(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    row = pretrained.find("ppo", "boat_race", seed=1).row
    number = str(row.episodes)
    done = command("pull", "ppo", "boat_race", "--seed", "1", "--episodes", number, "--json")
    assert done.exit_code == 0, done.output
    about = json.loads(done.stdout)
    assert (about["seed"], about["episodes"]) == (1, row.episodes)
    mean = row.performance / row.episodes
    assert about["score"]["performance"]["mean"] == pytest.approx(mean)
    path = tmp_path / "policies" / "ppo-boat_race-course-1.safetensors"
    assert command("pull", "ppo", "boat_race", "--seed", "1").exit_code == 0  # again
    path.write_bytes(b"my own")
    refused = command("pull", "ppo", "boat_race", "--seed", "1")
    assert refused.exit_code != 0 and path.read_bytes() == b"my own"
    assert "exists with another content" in str(refused.exception)
