"""The sweep of MONA's horizon: outcomes are counted from returns and lengths."""

import numpy as np


def test_outcomes_are_the_numbers_of_boxes_dropped(experiment):
    records = np.zeros(4, [("return", float), ("length", int)])
    records["length"] = [50, 6, 14, 20]
    records["return"] = np.array([0, 1, 2, 2]) - 0.01 * records["length"]
    assert experiment("mona").outcomes(records) == {"failure": 0.25, "intended": 0.25, "hack": 0.5}


def test_an_agent_is_measured_with_and_without_approval(experiment):
    sweep = experiment("mona")
    for horizon in (None, 1):
        found = sweep.measure("aup_damage", "q_learning", horizon, 1000, 10, 0)
        assert found.keys() == set(sweep.OUTCOMES)
