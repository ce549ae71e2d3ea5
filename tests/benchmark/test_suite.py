"""Suites, cells and their results: whole or not at all, found again, never lost."""

import os
import signal
import subprocess
import sys
import time

import pytest

from safegrid.benchmark import policy_files, results, suite
from safegrid.engine import registry

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


@pytest.fixture
def suite_file(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return path


def safegrid_command(*arguments, **keywords):
    command = [sys.executable, "-m", "safegrid", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **keywords)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*-*")
        if path.suffix in (".json", *results.BESIDE)
    }


def test_a_suite_has_a_cell_for_every_combination(suite_file):
    cells = suite.read_suite(suite_file).cells()
    assert len(cells) == 2 * 3 and len({cell.key for cell in cells}) == 6
    assert {cell.level for cell in cells} == {"course", "detour", "button"}


def test_a_cell_has_the_same_key_however_its_level_is_called():
    by_name, by_number = (suite.make_cell("uniform", "boat_race", level) for level in ("course", 0))
    assert by_name.key == by_number.key
    changed = [
        suite.make_cell("uniform", "boat_race", seed=1),
        suite.make_cell("uniform", "boat_race", steps=1),
        suite.make_cell("uniform", "boat_race", episodes=1),
        suite.make_cell("uniform", "boat_race", options={"noop": True}),
        suite.make_cell("uniform", "boat_race", options={"map": ["A>", " v"]}),
        suite.make_cell("ppo", "boat_race", steps=0),
    ]
    assert len({by_name.key, *(cell.key for cell in changed)}) == 7


@pytest.mark.slow
def test_the_key_knows_the_dynamics(monkeypatch, tmp_path):
    from safegrid import envs

    source = registry.source("boat_race").read_text()
    (tmp_path / "boat_race_too.py").write_text(source.replace("3.0 * (along", "4.0 * (along"))
    (tmp_path / "boat_race_same.py").write_text(source)
    monkeypatch.setattr(envs, "__path__", [*envs.__path__, str(tmp_path)])
    prints = [
        suite.make_cell("uniform", name).dynamics
        for name in ("boat_race", "boat_race_same", "boat_race_too")
    ]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.slow
def test_a_result_is_the_same_bytes_for_any_number_of_workers(suite_file, tmp_path):
    for workers in (1, 2):
        run = safegrid_command(
            "bench", suite_file, "--results", tmp_path / f"{workers}", "--workers", workers
        )
        assert run.returncode == 0, run.stderr
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert len(one) == 6 * 4 and one == two
    again = safegrid_command("bench", suite_file, "--results", tmp_path / "1")
    assert "6 of 6 cells have a result already" in again.stdout


DAMAGE = [
    (lambda text: text[: len(text) // 2], "cannot be read"),
    (lambda text: text.replace('"boat_race"', '"boat_rice"'), "was edited"),
    (lambda text: text.replace('"episodes": 2', '"episodes": 3'), "was edited"),
    (lambda text: text.replace('"agent"', '"agnet"'), "is not a result"),
    (lambda text: "[]", "is not a result"),
    (lambda text: "", "cannot be read"),
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


@pytest.mark.slow
def test_a_damaged_result_fails_the_check_and_is_set_aside(suite_file, tmp_path):
    folder = tmp_path / "results"
    assert safegrid_command("bench", suite_file, "--results", folder).returncode == 0
    before = contents(folder)
    path = next(folder.rglob("*.json"))
    path.write_text("{")
    run = safegrid_command("leaderboard", "submit", folder, "--board", tmp_path / "board")
    assert run.returncode == 2 and str(path) in run.stderr and not (tmp_path / "board").exists()
    again = safegrid_command("bench", suite_file, "--results", folder)
    assert again.returncode == 0 and f"renamed to {path}.damaged" in again.stderr
    assert path.with_name(f"{path.name}.damaged").read_text() == "{"  # nothing is lost
    assert contents(folder) == before


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
    assert read.training.step[-1] == 512 and read.training.length.sum() <= 512
    assert 0 < read.training.excess.sum() < read.training.cost.sum()


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


@pytest.mark.slow
def test_a_failed_cell_is_reported_and_the_others_finish(suite_file, tmp_path, monkeypatch):
    suite_file.write_text(SUITE + '[[agents]]\nname = "ppo"\nsteps = 1\nsettings = { lanes = 0 }\n')
    run = safegrid_command("bench", suite_file, "--results", tmp_path / "results")
    assert run.returncode == 1
    assert "6 of 12 cells failed" in run.stderr and "1 or more" in run.stderr + run.stdout
    assert len(contents(tmp_path / "results")) == 6 * 4
    failures = results.failures(tmp_path / "results")
    assert len(failures) == 6 and all("1 or more" in failure.error for failure in failures)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_an_interrupted_sweep_keeps_what_is_finished_and_goes_on(suite_file, tmp_path):
    folder = tmp_path / "results"
    slow = '[[agents]]\nname = "ppo"\nsteps = 100000000\n'
    suite_file.write_text(SUITE + slow)
    sweep = subprocess.Popen(
        [sys.executable, "-m", "safegrid", "bench", str(suite_file), "--results", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not contents(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    sweep.send_signal(signal.SIGINT)
    _, errors = sweep.communicate(timeout=240)
    assert sweep.returncode == 130 and "the same command continues" in errors
    assert "Traceback" not in errors
    finished = contents(folder)
    assert finished and not list(folder.rglob("*.part"))
    suite_file.write_text(SUITE)
    assert safegrid_command("bench", suite_file, "--results", folder).returncode == 0
    assert len(contents(folder)) == 6 * 4 and finished.items() <= contents(folder).items()


BAD_SUITES = [
    ("seeds = 0", "seeds"),
    (SUITE.replace("seeds", "sedes"), "sedes"),
    ("seeds = [", "cannot be read"),
    ('[[agents]]\nname = "pppo"\n[[environments]]\nname = "boat_race"', "did you mean 'ppo'"),
    ('[[agents]]\nname = "ppo"\n[[environments]]\nname = "boat"', "unknown environment 'boat'"),
    (SUITE.replace('name = "uniform"', 'name = "ppo"\nsettings = { rate = 1 }'), "'rate'"),
    (SUITE.replace('"detour"', '"nowhere"'), "unknown level 'nowhere'"),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BAD_SUITES)))
def test_a_bad_suite_gets_one_clear_line(number, tmp_path):
    text, message = BAD_SUITES[number]
    path = tmp_path / "bad.toml"
    path.write_text(text)
    run = safegrid_command("bench", path, "--results", tmp_path / "results")
    assert run.returncode == 2 and message in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_a_policy_file_gives_the_policy_back(tmp_path):
    cell = suite.make_cell("ppo", "boat_race", steps=64, settings={"lanes": 2, "n_steps": 32})
    settings = {**cell.settings, "batch_size": 64, "n_epochs": 1}
    policy = registry.agent("ppo").train("boat_race", seed=0, steps=64, device="cpu", **settings)
    policy_files.save(policy, tmp_path / "p.safetensors", cell)
    loaded, read = policy_files.load(tmp_path / "p.safetensors")
    assert read == cell
    assert {k: v.tobytes() for k, v in loaded.tensors().items()} == {
        k: v.tobytes() for k, v in policy.tensors().items()
    }
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "p.safetensors").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cut\.safetensors cannot be read"):
        policy_files.load(tmp_path / "cut.safetensors")
