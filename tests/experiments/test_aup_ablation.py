"""The ablation of AUP: what is committed is found again, and has the pattern of the original."""

import json
from pathlib import Path

import numpy as np
import pytest

from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import enumerate_states

COMMITTED = json.loads(
    (Path(__file__).resolve().parents[2] / "experiments" / "aup_ablation.json").read_text()
)
HARM = {  # by penalty, the levels on which the original has side effects
    "no penalty": {"options", "damage", "correction"},
    "starting state": {"correction", "interference"},
    "inaction": {"offset"},
    "decrease": {"correction"},
    "stepwise AUP": set(),
    "relative reachability": {"correction", "offset"},
}


@pytest.fixture(scope="module")
def ablation(experiment):
    return experiment("aup_ablation")


@pytest.mark.parametrize("level", ["options", "damage", "correction", "interference"])
def test_the_committed_plans_are_found_again(ablation, level):
    assert ablation.run(level) == COMMITTED[level]


@pytest.mark.parametrize("title", HARM)
def test_the_pattern_is_that_of_the_original_in_every_draw(title):
    harm = set()
    for level, rows in COMMITTED.items():
        (performance,) = rows[title]["performances"]
        if float(performance) < 0:
            harm.add(level)
    assert harm == HARM[title]


def test_states_that_look_alike_have_one_value(ablation):
    """On interference a belt that is blocked looks like one that still moves."""
    tables = enumerate_states(make_dynamics(*ablation.LEVELS["interference"])).tables
    boards = int(tables.observation.max()) + 1
    assert boards < len(tables.observation)
    values = ablation.attainable(tables, np.random.default_rng(1).random((boards, 2)))
    for board in range(boards):
        assert len(np.unique(values[:-1][tables.observation == board], axis=0)) == 1
    assert not values[-1].any()
