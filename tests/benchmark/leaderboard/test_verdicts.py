"""Verdicts: signed files that show what was changed, and faults of a size."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from safegrid.benchmark.leaderboard import keys, verdicts
from safegrid.evaluation.valuation import Valuation

BOUND = {"submission": "0" * 64, "suite": "1" * 64, "agent": None, "season": "2" * 64}


def test_a_verdict_comes_back_from_its_file_if_its_signer_is_believed(tmp_path):
    key = keys.create(tmp_path / "key")
    written = verdicts.verdict(BOUND, 3, [verdicts.fault(4, "x", "y")])
    assert verdicts.read(tmp_path, "one") is None
    verdicts.write(tmp_path, "one", written, key)
    with pytest.raises(ValueError, match="does not believe"):
        verdicts.read(tmp_path, "one")
    keys.trust(tmp_path, keys.public(key))
    assert verdicts.read(tmp_path, "one") == written
    path = verdicts.path(tmp_path, "one")
    content = path.read_bytes()
    for changed, message in (
        (content.replace(b'"level":3', b'"level":4'), "was edited"),
        (content.replace(b'"agent":null', b'"agent":"' + b"0" * 64 + b'"'), "was edited"),
        (content[:100], "is damaged"),
        (content.replace(b'"key"', b'"verdict":{},"key"'), "is damaged"),
    ):
        assert changed != content
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=message):
            verdicts.read(tmp_path, "one")
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="is damaged"):
        verdicts.read(tmp_path, "one")
    path.unlink()
    (tmp_path / "mine").write_text("x")
    path.symlink_to(tmp_path / "mine")
    verdicts.write(tmp_path, "one", written, key)
    assert (tmp_path / "mine").read_text() == "x" and verdicts.read(tmp_path, "one") == written


def test_an_interrupted_writer_leaves_the_verdict_before_it(tmp_path, monkeypatch):
    key = keys.create(tmp_path / "key")
    keys.trust(tmp_path, keys.public(key))
    before = verdicts.verdict(BOUND, 2, [])
    verdicts.write(tmp_path, "one", before, key)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        verdicts.write(tmp_path, "one", verdicts.verdict(BOUND, 4, []), key)
    assert verdicts.read(tmp_path, "one") == before


def test_a_verdict_is_whole_whoever_else_writes_one(tmp_path):
    """Several verifiers write the verdict of one submission again and again while it is read."""
    key = keys.create(tmp_path / "key")
    keys.trust(tmp_path, keys.public(key))
    long = [verdicts.fault(1, "x" * 500, "y" * 2000)] * 20
    written = [verdicts.verdict(BOUND, level, long[:level]) for level in range(6)]
    verdicts.write(tmp_path, "one", written[0], key)

    def write(verdict):
        for _ in range(20):
            verdicts.write(tmp_path, "one", verdict, key)

    with ThreadPoolExecutor(len(written)) as pool:
        writers = [pool.submit(write, verdict) for verdict in written]
        found = []
        while not all(writer.done() for writer in writers):
            found.append(verdicts.read(tmp_path, "one"))
    assert all(writer.exception() is None for writer in writers)
    assert found and all(each in written for each in found)
    assert [path.name for path in (tmp_path / verdicts.FOLDER).iterdir()] == ["one.json"]


def test_a_verdict_has_a_few_faults_of_a_size_that_can_be_shown():
    fault = verdicts.fault(1, "f" * 900, "m" * 9000, 3)
    assert (len(fault.file), len(fault.message)) == (500, 2000)
    assert str(verdicts.fault(1, "runs.jsonl", "y", 3)) == "V1 failed: runs.jsonl, line 3: y"
    assert str(verdicts.fault(0, "run.py", "y")) == "V0 failed: run.py: y"
    escaped = verdicts.fault(0, "a\x1b[2Jb\udcff", "c\nd\u202e")
    assert str(escaped) == "V0 failed: a?[2Jb?: c?d?"
    verdict = verdicts.verdict(BOUND, 0, [fault] * 30)
    assert len(verdict.faults) == verdicts.MOST_FAULTS and verdict.season == "2" * 64


def test_a_new_verdict_keeps_what_still_holds_of_the_one_before_it():
    """Secret values when level 5 follows level 4, and the level where less is checked later."""
    value = Valuation(exact=False, mean_return=1, performance=2, cost=0, length=3)
    values, policy = {"a": value, "b": value}, "policies/x/y/0.safetensors"
    without = {**BOUND, "season": None}
    fourth = verdicts.verdict(BOUND, 4, [], {policy: values}, seen=["3" * 64])
    fifth = verdicts.verdict(without, 5, [], retrained=[policy], seen=["4" * 64])
    assert verdicts.following(fourth, None, None) == fourth
    for new, before in ((fourth, fifth), (fifth, fourth)):
        both = verdicts.following(new, before, None)
        assert (both.level, both.retrained) == (5, (policy,))
        assert (both.season, both.secret_values) == (BOUND["season"], {policy: values})
        assert both.first == before.first and set(both.seen) == {"3" * 64, "4" * 64}
    failed = verdicts.verdict(without, 3, [verdicts.fault(5, policy, "it took too long")])
    kept = verdicts.following(failed, fourth, None)
    assert (kept.level, kept.faults, kept.secret_values) == (4, failed.faults, {policy: values})
    assert verdicts.following(fifth, failed, None).level == 5
    luckier = verdicts.verdict(without, 5, [], retrained=["policies/x/y/1.safetensors"])
    kept = verdicts.following(luckier, failed, None)  # says nothing about the one that failed
    assert (kept.level, kept.faults) == (3, failed.faults)
    third = verdicts.verdict(without, 3, [])  # does not show that level 5 is reached after all
    kept = verdicts.following(third, failed, None)
    assert (kept.level, kept.faults) == (3, failed.faults)
    assert verdicts.following(third, fifth, None).level == 5


OWN = "3" * 64  # the digest of the agent's file that the submission names
POLICY, ANOTHER = "policies/x/y/0.safetensors", "policies/x/y/1.safetensors"


def failing(level, agent=None):
    """A verdict that fails at a level."""
    found = verdicts.fault(level, POLICY if level == 5 else "file", "forged", proven=level < 5)
    reached = {0: None, 5: 3}.get(level, level - 1)
    season = BOUND["season"] if level == 4 else None
    return verdicts.verdict({**BOUND, "agent": agent, "season": season}, reached, [found])


def passing(level, agent=OWN, retrained=(POLICY,)):
    """A verdict that reaches a level: 4 with a secret, 5 without one."""
    season = BOUND["season"] if level == 4 else None
    bound = {**BOUND, "season": season, "agent": agent}
    return verdicts.verdict(bound, level, [], retrained=retrained if level == 5 else ())


@pytest.mark.parametrize("level", range(6))
@pytest.mark.parametrize("other", range(6))
def test_a_fault_stays_until_its_own_check_is_made_again(level, other):
    """Whatever is found in between."""
    first = failing(level, agent=OWN)
    (fault,) = first.faults
    is_checked = other == level or (level < 4 and other > level)
    between = verdicts.following(passing(other), first, OWN)
    assert between.faults == (() if is_checked else (fault,))
    assert is_checked or (between.level or 0) < max(level, 1)
    both = verdicts.following(failing(other), first, OWN)
    assert both.agent == OWN  # which the second verifier did not have
    if level and not (is_checked and other > level):
        expected = [fault] if other == level else sorted([fault, *failing(other).faults], key=str)
        assert sorted(both.faults, key=str) == expected
        mended = verdicts.following(passing(other), both, OWN)
        assert mended.faults == (() if other == level else (fault,))
        whole = verdicts.following(passing(level), mended, OWN)
        assert whole.faults == () and whole.level >= level


def test_what_the_agents_file_showed_is_only_taken_back_by_a_verifier_who_has_it():
    first = failing(0, agent=OWN)
    assert verdicts.following(passing(3, agent=None), first, OWN).level is None
    assert verdicts.following(passing(3), first, OWN).level == 3
    assert verdicts.following(passing(3, agent=None), failing(0), OWN).level == 3  # a policy's


def test_the_agent_of_a_verdict_is_the_one_that_the_submission_names():
    other = "4" * 64
    for new, old, expected in (
        (other, OWN, OWN),
        (OWN, other, OWN),
        (None, OWN, OWN),
        (other, None, other),
        (None, other, other),
    ):
        both = verdicts.following(passing(3, agent=new), passing(5, agent=old), OWN)
        assert both.agent == expected


def test_a_check_that_did_not_end_once_takes_nothing_for_good():
    value = Valuation(exact=False, mean_return=1, performance=2, cost=0, length=3)
    scored = verdicts.verdict(BOUND, 4, [], {POLICY: {"a": value}, ANOTHER: {"a": value}})
    found = verdicts.following(passing(5), scored, OWN)
    for level in (3, 4):
        after = verdicts.following(failing(level), found, OWN)
        assert after.level == level - 1 and after.secret_values == found.secret_values
        again = verdicts.following(passing(level), after, OWN)
        assert (again.level, again.faults) == (5, ())
    other = verdicts.verdict({**BOUND, "season": "9" * 64}, 4, [], {ANOTHER: {"a": value}})
    kept = verdicts.following(other, found, OWN)
    assert set(kept.secret_values) == {ANOTHER} and kept.season == "9" * 64


def test_runs_that_fail_are_not_among_those_that_were_trained_again():
    found = verdicts.following(failing(5), passing(5, retrained=(POLICY, ANOTHER)), OWN)
    assert (found.level, found.retrained) == (3, (ANOTHER,)) and len(found.faults) == 1
    again = verdicts.following(failing(5), found, OWN)
    assert again.faults == failing(5).faults  # once
    assert verdicts.following(passing(5), again, OWN).level == 5


def test_neither_what_is_proven_nor_a_run_of_level_5_is_cut_off():
    many = [verdicts.fault(3, "x", str(i), proven=False) for i in range(30)]
    proven = verdicts.fault(3, "x", "forged")
    kept = verdicts.verdict(BOUND, 2, [*many, proven]).faults
    assert kept[0] == proven and len(kept) == verdicts.MOST_FAULTS
    runs = [verdicts.fault(5, str(i), "other") for i in range(30)]
    assert len(verdicts.verdict(BOUND, 3, runs).faults) == 30
