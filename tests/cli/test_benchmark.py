"""The commands about many runs: what they ask for first, and what they say of other files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from safegrid.benchmark import results, suite
from safegrid.benchmark.leaderboard import packing
from safegrid.cli.main import main

SUITE = """
seeds = 2
episodes = 2
agents = [{ name = "uniform" }, { name = "uniform" }]
environments = [{ name = "boat_race" }]
"""


@pytest.fixture
def suite_path(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture
def folder(tmp_path):
    """A folder of results with one result."""
    results.write(suite.run(suite.make_cell("uniform", "boat_race", episodes=2)), tmp_path / "made")
    return tmp_path / "made"


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs a command in this process; returns its exit code, and what it says."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["safegrid", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


COMMANDS = {
    "bench": "bench {suite} --results {bad}",
    "report": "report {folder} --out {bad}",
    "submit": "leaderboard submit {folder} --board {bad}",
    "build": "leaderboard build --board {folder} --out {bad}",
    "train --log": "train q_learning boat_race --steps 9999999999 --out {good} --log {bad}",
    "train --checkpoint": "train dqn boat_race --steps 9999999999 --out {good} --checkpoint {bad}",
    "train --out": "train dqn boat_race --steps 9999999999 --out {bad}",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    name, command, suite_path, folder, tmp_path, monkeypatch
):
    work = lambda *_, **__: pytest.fail("the work has begun")  # noqa: E731
    monkeypatch.setattr(suite, "train", work)
    monkeypatch.setattr(results, "read_all", work)
    monkeypatch.setattr(packing, "read_all", work)
    (tmp_path / "file").write_text("kept")
    bad, good = tmp_path / "file" / "place", tmp_path / "new" / "policy.safetensors"
    line = COMMANDS[name].format(suite=suite_path, folder=folder, bad=bad, good=good)
    code, out, errors = command(*line.split())
    assert code == 2 and errors.startswith(f"safegrid: {bad}") and "cannot be written" in errors
    assert len(errors.splitlines()) == 1 and not out
    assert (tmp_path / "file").read_text() == "kept" and not good.parent.exists()


def test_a_folder_of_results_may_be_a_file_by_mistake(command, suite_path, tmp_path):
    (tmp_path / "file").write_text("kept")
    code, _, errors = command("bench", suite_path, "--results", tmp_path / "file")
    assert (
        code == 2
        and errors == f"safegrid: {tmp_path / 'file'} cannot be written: Not a directory\n"
    )


def test_reports_name_other_files_and_are_written(command, folder, tmp_path):
    unrelated = [folder / "slurm-17.log", folder / "boat_race" / "notes.json"]
    for path in unrelated:
        path.write_text("[1]\n")
    code, _, errors = command("report", folder, "--out", tmp_path / "report")
    assert code == 0
    assert sorted(errors.splitlines()) == sorted(
        f"skipped {path}: it is not a file of a sweep" for path in unrelated
    )
    assert (tmp_path / "report" / "report.md").exists()


@pytest.mark.parametrize("damaged", ["old", "new"])
def test_a_damaged_result_of_either_folder_fails_a_comparison(command, tmp_path, damaged):
    for name in ("old", "new"):
        for seed in range(2):
            cell = suite.make_cell("uniform", "boat_race", seed=seed, episodes=2)
            results.write(suite.run(cell), tmp_path / name)
    code, _, errors = command("compare", tmp_path / "old", tmp_path / "new")
    assert code == 0 and "fewer than 5 pairs of runs" in errors
    (tmp_path / damaged / cell.path).write_text("{")
    code, _, errors = command("compare", tmp_path / "old", tmp_path / "new")
    assert code == 1
    assert any(
        line.startswith("not compared: ") and str(tmp_path / damaged) in line
        for line in errors.splitlines()
    )


@pytest.mark.parametrize("line, message", [
    ("bench {suite} --address 10.0.0.1:6379", "an address is of the engine ray"),
    ("show noop --picture noop.png", "--picture draws an environment"),
    ("show boat_race --option noop=true --picture boat.png", "takes no options"),
])  # fmt: skip
def test_options_that_would_do_nothing_are_refused(line, message, command, suite_path):
    code, out, errors = command(*line.format(suite=suite_path).split())
    assert code == 2 and message in errors and not out


def test_a_folder_is_no_suite_and_a_suite_has_levels(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick").mkdir()
    assert suite.find(Path("quick")).name == "quick.toml"  # the one that is shipped
    empty = SUITE.replace('name = "boat_race"', 'name = "boat_race", levels = []')
    (tmp_path / "empty.toml").write_text(empty)
    code, _, errors = command("bench", "empty.toml", "--results", "results")
    assert code == 2 and "levels" in errors and len(errors.splitlines()) == 1


def test_a_dry_run_counts_a_cell_once_and_says_what_it_knows(
    command, suite_path, folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # away from the logs of this repository's own sweeps
    code, out, _ = command("bench", suite_path, "--results", folder, "--dry-run")
    assert code == 0 and "1 of 2 cells have a result already" in out
    assert "1 cells to run: for how long is not known" in out and "minutes" not in out
    cell = suite.make_cell("uniform", "boat_race", episodes=2)
    results.log(folder / cell.path, {"error": None, "steps": cell.steps, "seconds": 120})
    _, out, _ = command("bench", suite_path, "--results", folder, "--dry-run", "--workers", "2")
    assert "1 cells to run: about 1.0 minutes with 2 workers\n" in out


def test_a_cell_that_leaves_the_interpreter_fails_the_command(
    command, suite_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(suite, "train", lambda *_: sys.exit(0))
    for _ in range(2):
        code, out, errors = command(
            *("bench", suite_path, "--results", tmp_path / "made", "--engine", "serial")
        )
        assert code == 1 and "2 of 2 cells failed; the same command retries them" in errors
        assert (out + errors).count(": SystemExit: 0") == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_workers_are_as_many_as_the_cores_that_may_be_used():
    code = (
        "import inspect, os\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from safegrid.cli import benchmark, leaderboard\n"
        "for command in (benchmark.bench, leaderboard.verify):\n"
        "    print(inspect.signature(command).parameters['workers'].default)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.split() == ["1", "1"], run.stderr


REFUSED = {
    "show ppo --option x=1": "ppo is an agent: --option is for environments",
    "solve tomato_watering --reset-chance 99": "is bounded, not solved: leave --reset-chance out",
    "pull ppo boat_race --out p.txt": "--out is 'p.txt': give a name that ends in .safetensors",
    "leaderboard verify {folder} --board typo": "board folder 'typo' does not exist",
    "bench {suite} --results {folder} --engine foo": "unknown engine 'foo'",
    "report {folder}": "{path}: cannot be read",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    line, command, suite_path, folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (path,) = folder.rglob("*.json")
    path.write_text("{")
    before = sorted(tmp_path.rglob("*"))
    code, _, errors = command(*line.format(suite=suite_path, folder=folder).split())
    assert code == 2 and REFUSED[line].format(path=path) in errors.splitlines()[-1]
    assert len(errors.splitlines()) == 1 and sorted(tmp_path.rglob("*")) == before


def test_a_log_that_fails_at_its_end_costs_no_policy(command, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safegrid.benchmark.tensorboard.Curves.__exit__", full)
    out = tmp_path / "policy.safetensors"
    line = f"train q_learning boat_race --steps 2000 --out {out} --log {tmp_path / 'log'}"
    code, _, errors = command(*line.split())
    assert code == 2 and "No space left" in errors and out.exists()


def test_what_is_kept_without_a_log_can_go_on_with_one(command, tmp_path, monkeypatch):
    def stop(_, run, __):
        runs.append(run)
        raise KeyboardInterrupt

    runs = []
    monkeypatch.setattr(suite, "train", stop)
    monkeypatch.chdir(tmp_path)
    for more in ("--checkpoint kept", "--log log", ""):
        code, _, _ = command(*f"train ppo boat_race {more}".split())
        assert code == 130
    assert [run.monitor is not None for run in runs] == [True, True, False]
