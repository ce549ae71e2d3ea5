"""Results: whole or not at all, read back as they were, and no damage goes unnoticed."""

import json
import os
import sys
import types
from pathlib import Path

import pytest

import safegrid
from safegrid.benchmark import policy_files, results, suite
from safegrid.benchmark.report import report
from safegrid.cli import main
from safegrid.engine import registry
from safegrid.engine.files import sha256

DAMAGE = [
    (lambda text: text[: len(text) // 2], "cannot be read"),
    (lambda text: text.replace('"boat_race"', '"boat_rice"'), "was edited"),
    (lambda text: text.replace('"episodes": 2', '"episodes": 3'), "was edited"),
    (lambda text: text.replace('"agent"', '"agnet"'), "is not a result"),
    (lambda text: "[]", "is not a result"),
    (lambda text: "", "cannot be read"),
    (lambda text: "[" * 100_000, "cannot be read"),
    (lambda text: "1" * 10_000, "cannot be read"),
]


@pytest.mark.parametrize("number", range(len(DAMAGE)))
def test_a_damaged_result_is_named_and_skipped(number, tmp_path):
    damage, reason = DAMAGE[number]
    for seed in (0, 1):
        cell = suite.make_cell("uniform", "boat_race", seed=seed, episodes=2)
        path = results.write(suite.run(cell), tmp_path)
    path.write_text(damage(path.read_text()))
    sound, faults = results.read_all(tmp_path)
    assert [result.cell.seed for result in sound] == [0]
    assert len(faults) == 1 and str(path) in faults[0] and reason in faults[0]
    assert suite.missing([cell], tmp_path) == ([cell], [path])


@pytest.mark.parametrize("suffix", results.BESIDE)
def test_damage_beside_a_result_is_damage_too(suffix, tmp_path):
    cell = suite.make_cell("uniform", "boat_race", episodes=2)
    path = results.write(suite.run(cell), tmp_path)
    beside = path.with_suffix(suffix)
    content = bytearray(beside.read_bytes())
    content[len(content) // 2] ^= 1
    beside.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{beside.name}: was edited"):
        results.read(path)
    beside.unlink()
    if suffix == results.POLICY:  # it is large, and may be kept elsewhere
        assert results.read(path).policy is None
    else:
        with pytest.raises(ValueError, match=rf"{beside.name}: is missing"):
            results.read(path)


def test_the_replay_of_another_cell_is_refused(tmp_path):
    cell = suite.make_cell("uniform", "boat_race", episodes=2)
    other = suite.run(suite.make_cell("uniform", "boat_race", episodes=3))
    path = results.write(other._replace(cell=cell), tmp_path)
    with pytest.raises(ValueError, match="the replay has episodes 3 and the cell has 2"):
        results.read(path)


def test_a_result_reads_back_as_it_was(tmp_path):
    settings = {"lanes": 2, "n_steps": 64, "batch_size": 128}
    cell = suite.make_cell("ppo", "hazard_goal", "small", 1, 512, 4, settings, {"noop": True})
    result = suite.run(cell)
    read = results.read(results.write(result, tmp_path))
    assert read.cell == cell and read.policy == result.policy
    assert read.episodes.tobytes() == result.episodes.tobytes()
    assert read.training.tobytes() == result.training.tobytes()
    assert read.values == result.values and set(read.values) == {"small"}
    assert read.training.step[-1] == 512 and read.training.length.sum() <= 512
    assert 0 < read.training.excess.sum() < read.training.cost.sum()


LEARNED = [
    ("q_learning", "absent_supervisor", "room"),
    ("q_learning", "hazard_goal", "small"),
    ("q_learning", "whisky_gold", "bar"),
    ("uniform", "conveyor_belt", "sushi_goal"),
    ("ppo", "boat_race", "course"),
]


@pytest.mark.parametrize(("agent", "name", "level"), LEARNED)
def test_exact_values_in_a_file_are_those_of_the_solver_bit_for_bit(agent, name, level, tmp_path):
    settings = {"lanes": 2, "n_steps": 64, "batch_size": 128} if agent == "ppo" else {}
    cell = suite.make_cell(agent, name, level, 0, 1024, 4, settings)
    read = results.read(results.write(suite.run(cell), tmp_path))
    found, solution = read.values[level], safegrid.solve(name, level)
    policy = policy_files.make(policy_files.decode(read.policy))
    assert found.exact
    assert (found.mean_return, found.performance) == solution.evaluate(policy)
    assert (found.cost, found.length) == (solution.cost(policy), solution.length(policy))
    violation = solution.violation(policy)
    assert found.violation == violation.probability
    assert (found.shortest is None) == (violation.episode is None)


def age(path):
    """Makes the file of an older version: no values, and episodes with a cost in the training."""
    table = path.with_suffix(results.TRAINING)
    table.write_text(table.read_text().replace("violating", "violations", 1))
    body = json.loads(path.read_text())
    del body["values"], body["digest"]
    body["beside"][results.TRAINING] = sha256(table.read_bytes())
    digest = sha256(json.dumps(body, sort_keys=True).encode())
    path.write_text(json.dumps({**body, "digest": digest}))


@pytest.mark.parametrize(("name", "known"), [("hazard_goal", True), ("island_navigation", False)])
def test_old_trainings_tell_of_costs_and_not_of_other_violations(name, known, tmp_path):
    result = suite.run(suite.make_cell("q_learning", name, 0, 0, 2000, 4))
    assert result.training.violating.sum() > 0
    assert (registry.environment(name).violates is None) == known
    path = results.write(result, tmp_path)
    age(path)
    read = results.read(path)
    assert read.values == {}
    if known:
        assert read.training.tobytes() == result.training.tobytes()
    else:
        assert set(read.training.violating) == {-1}
        for column in set(read.training.dtype.names) - {"violating"}:
            assert (read.training[column] == result.training[column]).all()
    for run, told in ((result, True), (read, known)):
        (entry,) = report([run]).levels[0].entries
        assert (entry.training.violations is not None) == told  # what is not known is not 0
        assert (entry.score.measure is not None) == told


def test_a_copied_or_misplaced_result_does_not_count(tmp_path):
    cells = [suite.make_cell("uniform", "boat_race", seed=s, episodes=2) for s in (0, 1)]
    paths = [results.write(suite.run(cell), tmp_path) for cell in cells]
    copy = paths[0].with_name("7-000000000000.json")
    copy.write_bytes(paths[0].read_bytes())
    sound, faults = results.read_all(tmp_path)
    assert [result.cell for result in sound] == cells
    assert len(faults) == 1 and str(copy) in faults[0] and "copied" in faults[0]
    paths[1].write_bytes(paths[0].read_bytes())
    assert suite.missing(cells, tmp_path)[0] == [cells[1]]


def test_results_are_found_from_a_folder_below(tmp_path, monkeypatch):
    path = results.write(suite.run(suite.make_cell("uniform", "boat_race", episodes=2)), tmp_path)
    monkeypatch.chdir(path.parent)
    assert [len(found) for found in results.read_all(Path("."))] == [1, 0]


def test_only_damaged_results_are_set_aside(tmp_path):
    path = results.write(suite.run(suite.make_cell("uniform", "boat_race", episodes=2)), tmp_path)
    assert not results.set_aside(path)  # another sweep has made it again
    assert results.read(path)
    path.write_text("{")
    assert results.set_aside(path)
    assert results.set_aside(path)  # another sweep was first
    assert {each.suffix for each in path.parent.iterdir()} == {".damaged"}


def test_the_first_writer_of_a_result_wins(tmp_path):
    result = suite.run(suite.make_cell("uniform", "boat_race", episodes=2))
    path = results.write(result, tmp_path)
    before = path.stat()
    assert results.write(result, tmp_path) == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert {p.name for p in path.parent.iterdir()} == {
        path.with_suffix(suffix).name for suffix in (".json", *results.BESIDE)
    }


def test_a_full_disk_leaves_no_half_result(tmp_path, monkeypatch):
    result = suite.run(suite.make_cell("uniform", "boat_race", episodes=2))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        results.write(result, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_log_has_an_entry_for_each_attempt_and_incomplete_lines_are_ignored(tmp_path):
    cell = suite.make_cell("uniform", "boat_race", episodes=2)
    path = tmp_path / cell.path
    for error in ("MemoryError: 4 GiB", "it died"):
        results.log(path, {"error": error})
    with path.with_suffix(".log").open("a") as file:
        file.write('{"error": nu')
    assert [entry["error"] for entry in results.attempts(path.with_suffix(".log"))] == [
        "MemoryError: 4 GiB",
        "it died",
    ]
    (failure,) = results.failures(tmp_path)
    assert failure == ("boat_race", "course", "uniform", 0, "it died")
    results.write(suite.run(cell), tmp_path)
    assert results.failures(tmp_path) == []


def test_the_means_are_in_the_file_and_in_a_row_for_each_run(tmp_path, monkeypatch):
    made = [
        suite.run(suite.make_cell("uniform", name, seed=seed, episodes=3, options=options))
        for name, options, seed in (("boat_race", {}, 0), ("conveyor_belt", {"noop": True}, 4))
    ]
    path = results.write(made[0], tmp_path)
    found = json.loads(path.read_text())["means"]
    for key in ("return", "performance", "cost", "length"):
        assert found[key] == sum(made[0].episodes[key]) / 3
    first, second = results.rows(made)
    assert {**found, "agent": "uniform", "seed": 0, "options": "{}"}.items() <= first.items()
    assert second["options"] == '{"noop": true}' and list(first) == list(second)
    pandas = types.SimpleNamespace(DataFrame=lambda rows: ("frame", rows))
    monkeypatch.setitem(sys.modules, "pandas", pandas)  # which is not among our dependencies
    assert results.to_pandas(made) == ("frame", [first, second])


def test_a_result_of_an_older_version_has_no_means(tmp_path):
    path = results.write(suite.run(suite.make_cell("uniform", "boat_race", episodes=3)), tmp_path)
    body = json.loads(path.read_text())
    del body["means"], body["digest"]
    text = json.dumps(body, sort_keys=True)
    path.write_text(json.dumps({**body, "digest": sha256(text.encode())}))
    assert results.read(path).cell.agent == "uniform"


def test_unrelated_files_are_named_and_not_read(tmp_path):
    cell = suite.make_cell("uniform", "boat_race", episodes=2)
    results.write(suite.run(cell), tmp_path)
    failed = suite.make_cell("uniform", "boat_race", seed=1, episodes=2)
    results.log(tmp_path / failed.path, {"error": "it failed"})
    here = (tmp_path / cell.path).parent
    foreign = {
        tmp_path / "slurm-17.log": "srun: job 17\n",
        tmp_path / "settings.json": "{}",
        tmp_path / "deep.json": "[" * 100_000,
        here / "events.log": '{"error": "of another tool"}\n',
        here / "notes.json": "not JSON",
        here / "2-000000000000.log": '[1]\nnull\n{"error": 3}\n{"seconds": 1}\n' + "[" * 100_000,
    }
    for path, text in foreign.items():
        path.write_text(text)
    (tmp_path / "folder.json").mkdir()
    assert results.unrelated_files(tmp_path) == sorted(foreign)
    sound, faults = results.read_all(tmp_path)
    assert [result.cell for result in sound] == [cell] and not faults
    assert [failure.seed for failure in results.failures(tmp_path)] == [1]
    assert results.attempts(here / "2-000000000000.log") == []
    assert results.attempts(here / "3-000000000000.log") == []


def test_absent_agents_and_environments_are_left_out_and_named(tmp_path, monkeypatch, capsys):
    for agent in ("uniform", "noop"):
        cell = suite.make_cell(agent, "boat_race", episodes=2, options={"noop": True})
        results.write(suite.run(cell), tmp_path / "results")
    present, gone = registry._shipped, {"noop"}
    monkeypatch.setattr(
        registry, "_shipped", lambda what: [name for name in present(what) if name not in gone]
    )

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["safegrid", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main.main()
        return stop.value.code or 0, capsys.readouterr().err

    noop = "agent noop: it has no file here; name one with --plugin"
    report = "report", tmp_path / "results", "--out", tmp_path / "report"
    assert run(*report) == (1, f"skipped {noop}\n")
    assert "uniform" in (tmp_path / "report" / "report.md").read_text()
    submit = "leaderboard", "submit", tmp_path / "results", "--board", tmp_path / "board"
    assert run(*submit) == (0, f"not submitted: {noop}\n")
    assert len(list((tmp_path / "board").glob("*/submission.json"))) == 1
    gone = {"boat_race"}
    assert run(*report) == (
        2,
        f"safegrid: {noop.replace('agent noop', 'environment boat_race')}\n",
    )


def test_a_folder_that_is_not_there_has_no_results_to_read(tmp_path):
    with pytest.raises(ValueError, match=r"results folder .* does not exist"):
        results.read_all(tmp_path / "nowhere")
