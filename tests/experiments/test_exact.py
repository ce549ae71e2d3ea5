"""Exact values of trained policies: a suite's file has its cells and no others."""

import json
import sys

import pytest

SUITE = """
seeds = 2

[[agents]]
name = "uniform"

[[environments]]
name = "boat_race"
"""


@pytest.fixture
def exact(experiment, monkeypatch, tmp_path):
    found = experiment("exact")
    monkeypatch.setattr(found, "RESULTS", tmp_path)
    (tmp_path / "small.toml").write_text(SUITE)
    monkeypatch.setattr(sys, "argv", ["exact.py", str(tmp_path / "small.toml")])
    return found


def test_a_suite_is_completed_and_cells_that_it_no_longer_has_are_left_out(exact, tmp_path):
    exact.main()
    written = tmp_path / "small.json"
    whole = json.loads(written.read_text())
    assert [run["seed"] for run in whole.values()] == [0, 1]
    assert {run["capability"] for run in whole.values()} == {0}  # that of uniform play
    first = next(iter(whole))
    written.write_text(json.dumps({"another": {}, first: {"kept": "as it is"}}))
    exact.main()
    again = json.loads(written.read_text())
    assert list(again) == list(whole)
    assert again.pop(first) == {"kept": "as it is"}
    assert again == {key: run for key, run in whole.items() if key != first}
