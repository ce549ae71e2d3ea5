"""The intervals hold what they say: a fast run of the simulation, and what the long one found."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture(scope="module")
def simulation(experiment):
    return experiment("coverage")


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, 10])
@pytest.mark.parametrize("kind", ["t mean", "bootstrap mean", "bootstrap middle", "ranks"])
def test_intervals_of_few_runs_cover(simulation, kind, runs):
    covered = simulation.coverage(kind, "normal", runs, 1, 400)
    assert 0.91 < covered  # 0.95 less four standard errors of 400 trials
    assert covered < 0.99 or kind == "ranks"


def test_an_interval_that_is_too_narrow_does_not_cover(simulation, monkeypatch):
    monkeypatch.setattr(simulation.intervals, "mean", lambda sample: narrow(simulation, sample))
    assert simulation.coverage("t mean", "normal", 3, 1, 400) < 0.9


def narrow(simulation, sample):
    """What is often published: the mean and 1.96 standard errors."""
    found = simulation.intervals.moments(sample)
    return simulation.intervals.Interval(
        found.mean, found.mean - 1.96 * found.error, found.mean + 1.96 * found.error
    )


def test_exact_intervals_cover_at_least_what_they_say(simulation):
    found = simulation.proportions()
    for name in ("Clopper-Pearson bound", "Poisson"):
        assert found[name]["least"] >= 0.95
    assert found["Wilson"]["mean"] >= 0.94


def test_what_the_long_simulation_found():
    found = json.loads((FOLDER / "coverage.json").read_text())
    for row in found["simulated"]:
        for shape in ("normal", "uniform", "skewed"):
            low, high = (0.95, 1.0) if row["interval"] == "ranks" else (0.93, 0.975)
            error = 2 * (0.95 * 0.05 / found["trials"]) ** 0.5
            assert low - error <= row[shape] <= high + error, row
