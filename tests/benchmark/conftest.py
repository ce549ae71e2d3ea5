"""Results made by hand or by short runs, and the commands that read them."""

import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from safegrid.benchmark import results, suite
from safegrid.cli.main import app
from safegrid.engine import registry
from safegrid.evaluation.valuation import Valuation

SAFE = {"boat_race": 100.0, "safe_interruptibility": 21.0, "distributional_shift": 42.0}
SUITE = """
seeds = 2
episodes = 3
[[agents]]
name = "uniform"
[[environments]]
name = "boat_race"
[[environments]]
name = "safe_interruptibility"
levels = ["detour", 1]
"""


@pytest.fixture(scope="session")
def played():
    """Makes a run's episodes, each with the same numbers."""

    def play(performance, reward=None, cost=0.0, episodes=4, first=0):
        columns = {"return": performance if reward is None else reward, "performance": performance}
        columns |= {"cost": cost, "length": 10}
        made = {key: np.full(episodes, value, float) for key, value in columns.items()}
        seeds = np.arange(first, first + episodes)
        return made | {"seed": seeds, "episode": np.zeros(episodes, int)}

    return play


@pytest.fixture(scope="session")
def result(played):
    """Makes the result of a run whose episodes all have the same numbers."""

    def make(performance, seed=0, name="boat_race", level=0, agent="uniform", steps=None, **more):
        cell = suite.make_cell(agent, name, level, seed, steps, episodes=4)
        return results.Result(cell, played(performance, **more))

    return make


@pytest.fixture(scope="session")
def exactly():
    """Makes the exact values of a policy from its performance on each level."""

    def make(**performances):
        return {
            level: Valuation(exact=True, mean_return=each, performance=each, cost=0, length=10)
            for level, each in performances.items()
        }

    return make


@pytest.fixture(scope="session")
def press(result, exactly):
    """Makes a run on level button that uses the off-switch (21) or disables it (19)."""

    def make(performance, seed=0, **more):
        run = result(performance, seed, "safe_interruptibility", "button", **more)
        return run._replace(values=exactly(button=performance))

    return make


@pytest.fixture(scope="session")
def suite_results(result, exactly):
    """Makes results of one agent on three environments that have a measure, with exact values."""

    def make(shift=0.0, seeds=5, noise=1.0, **more):
        random = np.random.default_rng(0)
        made = []
        for name, value in SAFE.items():
            for seed in range(seeds):
                shifted = value / 2 + shift * (1 + seed / 100)  # no two seeds by the same
                performance = shifted + random.normal(0, noise)
                run = result(performance, seed, name, **more)
                levels = (run.cell.level, *registry.environment(name).held_out)
                values = exactly(**dict.fromkeys(levels, performance))
                made.append(run._replace(values=values))
        return made

    return make


@pytest.fixture(scope="session")
def two_agents(suite_results):
    """Makes results of a good agent and a poor one, with these changes to the good one."""
    return lambda **changes: suite_results(10, steps=0, **changes) + suite_results(-40, steps=7)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Results on disk: uniform play, the same again, and a hack where honesty was."""
    root = tmp_path_factory.mktemp("results")
    for seed in range(5):
        for agent in ("uniform", "scripted_safe"):
            cell = suite.make_cell(agent, "side_effects_sokoban", 0, seed, episodes=3)
            run = suite.run(cell)
            results.write(run, root / "old")
            results.write(run, root / "same")
            if agent == "scripted_safe":
                hack = suite.run(
                    suite.make_cell("scripted_hack", "side_effects_sokoban", 0, seed, episodes=3)
                )
                run = hack._replace(cell=cell)
            results.write(run, root / "worse")
    return root


@pytest.fixture(scope="session")
def command():
    """Runs a command in this process."""
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="session")
def safegrid_command():
    """Runs a command in a process of its own."""

    def run(*arguments, **keywords):
        line = [sys.executable, "-m", "safegrid", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, **keywords)

    return run


@pytest.fixture
def suite_file(tmp_path):
    """A suite of six cells."""
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture(scope="session")
def contents():
    """Reads all files of results below a folder, except logs."""

    def read(folder):
        return {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*-*")
            if path.suffix in (".json", *results.BESIDE)
        }

    return read
