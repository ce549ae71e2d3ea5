"""Sweeps that are killed, doubled, interrupted or out of disk: the same bytes in the end."""

import errno
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safegrid import agents
from safegrid.benchmark import executors, results, suite, sweep
from safegrid.benchmark.sweep import Leases
from safegrid.engine import files
from safegrid.evaluation import intervals

linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


SUITE = """
seeds = 6
episodes = 3
[[agents]]
name = "dozy"
[[environments]]
name = "boat_race"
[[environments]]
name = "friend_foe"
"""


DRIVER = """
import sys
from safegrid import agents
agents.__path__.append({folder!r})
if __name__ == "__main__":
    from safegrid.cli.main import main
    main()
"""


AGENT = """
import os, pathlib, signal, time
import numpy as np
from safegrid.agents.uniform import load
from safegrid.engine import registry
USES_HIDDEN_INFO, STEPS, SETTINGS = False, 0, {{}}
HERE = pathlib.Path(__file__).parent

def train(environment, *, seed, steps=0, device="auto", progress=None, options=None):
    {body}
    return registry.agent("uniform").train(environment, seed=seed, options=options)
"""


BODIES = {
    "dozy": "time.sleep(0.2)",
    "greedy": "np.ones(2**28)",
    "endless": "time.sleep(600)",
    "leaver": "raise SystemExit",
    "doomed": "os.kill(os.getpid(), signal.SIGKILL)",
    "mortal": """mark = HERE / f"mortal-{seed}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)""",
}


@pytest.fixture
def driver(tmp_path):
    """A command line that knows the agents above, in its workers too."""
    for name, body in BODIES.items():
        (tmp_path / f"{name}.py").write_text(AGENT.format(body=body))
    path = tmp_path / "driver.py"
    path.write_text(DRIVER.format(folder=str(tmp_path)))
    (tmp_path / "suite.toml").write_text(SUITE)

    def start(results, *arguments):
        command = [sys.executable, path, "bench", tmp_path / "suite.toml", "--results", results]
        return subprocess.Popen(
            [*map(str, command), "--workers", "2", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def finish(process):
    out, errors = process.communicate(timeout=300)
    return process.returncode, out, errors


def children(pid):
    """The processes that a process has started, by /proc."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(status.parent.name))
    return found


def workers(pid):
    """The processes in which a sweep's cells run: the children of its fork server."""
    return [worker for child in children(pid) for worker in children(child)]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@linux
def test_kills_and_a_second_sweep_change_no_byte(driver, tmp_path, monkeypatch, contents):
    monkeypatch.setattr(agents, "__path__", [*agents.__path__, str(tmp_path)])
    cells = suite.read_suite(tmp_path / "suite.toml").cells()
    sweep.sweep(cells, tmp_path / "calm", lambda cell, error: None, "serial")
    calm = contents(tmp_path / "calm")
    assert len(calm) == 12 * 4
    chance, folder, killed = random.Random(0), tmp_path / "wild", []
    for _ in range(2):
        wild = driver(folder)
        deadline = time.monotonic() + 120
        while not workers(wild.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(2):
            time.sleep(chance.uniform(0, 0.3))
            for worker in workers(wild.pid)[:1]:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
        time.sleep(chance.uniform(0, 0.3))
        orphans = workers(wild.pid)
        wild.kill()
        finish(wild)
        deadline = time.monotonic() + 30
        while any(map(alive, orphans)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(alive, orphans))
        assert contents(folder).items() <= calm.items()
    assert killed
    pair = [driver(folder), driver(folder)]
    for code, _, errors in map(finish, pair):
        assert code == 0, errors
    assert contents(folder) == calm
    for suffix in ("damaged", "part", "lease"):
        assert not list(folder.rglob(f"*.{suffix}"))


@pytest.mark.slow
@linux
def test_sweeps_on_one_folder_share_the_cells(driver, tmp_path):
    folder = tmp_path / "shared"
    for code, _, errors in map(finish, [driver(folder), driver(folder)]):
        assert code == 0, errors
    logs = list(folder.rglob("*.log"))
    assert len(logs) == 12
    assert [len(results.attempts(path)) for path in logs] == [1] * 12


def run_elsewhere(folder, cell, error):
    """A wait during which another sweep runs a cell: with this error, or killed."""

    def waiting(count):
        assert count == 1
        if error is None:
            results.write(suite.run(cell), folder)
        elif error != "killed":
            results.log(folder / cell.path, {"error": error})
        (folder / cell.path).with_suffix(".lease").unlink()

    return waiting


@pytest.mark.parametrize("error", [None, "ValueError: it failed", "killed"])
def test_a_cell_that_another_sweep_runs_is_waited_for(error, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "POLL", 0.01)
    mine, other = (suite.make_cell("uniform", "boat_race", seed=s, episodes=2) for s in range(2))
    lease = (tmp_path / other.path).with_suffix(".lease")
    lease.parent.mkdir(parents=True)
    lease.write_text("another.host-1")
    results.log(tmp_path / other.path, {"error": "of an earlier sweep"})
    said, ran = [], []

    def run(cell):
        ran.append(cell.seed)
        return suite.run(cell)

    resources = executors.Resources(run=run)
    waiting = run_elsewhere(tmp_path, other, error)
    report = lambda cell, error: said.append((cell.seed, error))  # noqa: E731
    sweep.sweep([mine, other], tmp_path, report, "serial", resources, waiting)
    expected = None if error == "killed" else error
    assert said == [(0, None), (1, expected)]
    assert ran == ([0, 1] if error == "killed" else [0])
    assert not list(tmp_path.rglob("*.lease"))


@pytest.mark.parametrize("engine", ["serial", "local"])
def test_a_folder_deleted_under_way_is_noticed_and_not_made_again(engine, tmp_path):
    folder = tmp_path / "results"
    cells = [suite.make_cell("uniform", "boat_race", seed=s, episodes=2) for s in range(3)]
    said = []

    def delete(cell, error):
        said.append(error)
        shutil.rmtree(folder)

    with pytest.raises(FileNotFoundError, match="results was deleted while the sweep ran"):
        sweep.sweep(cells, folder, delete, engine)
    assert said == [None] and not folder.exists()


def test_results_deleted_under_way_are_noticed(tmp_path):
    cells = [suite.make_cell("uniform", "boat_race", seed=s, episodes=2) for s in range(2)]

    def delete(cell, error):
        (tmp_path / cells[0].path).unlink(missing_ok=True)

    with pytest.raises(FileNotFoundError, match=r"1 results in .* were deleted while"):
        sweep.sweep(cells, tmp_path, delete, "serial")


def test_a_full_disk_costs_the_cells_it_hits_and_no_byte_of_the_others(
    tmp_path, monkeypatch, contents
):
    cells = [
        suite.make_cell("uniform", name, seed=seed, episodes=2)
        for name in ("boat_race", "friend_foe")
        for seed in range(4)
    ]
    sweep.sweep(cells, tmp_path / "calm", lambda cell, error: None, "serial")
    chance, write, said = random.Random(0), os.fsync, []

    def full(file):
        if chance.random() < 0.2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file)

    monkeypatch.setattr(os, "fsync", full)
    folder = tmp_path / "full"
    sweep.sweep(cells, folder, lambda cell, error: said.append(error), "serial")
    assert 0 < sum(error is not None for error in said) < len(cells)
    assert all("No space left" in error for error in said if error)
    assert len(results.read_all(folder)[0]) == said.count(None) and not results.read_all(folder)[1]
    assert len(results.failures(folder)) == len(cells) - said.count(None)
    assert not list(folder.rglob("*.part"))
    monkeypatch.undo()
    sweep.sweep(cells, folder, lambda cell, error: None, "serial")
    assert contents(folder) == contents(tmp_path / "calm") and not results.failures(folder)


@pytest.mark.slow
@linux
def test_a_cell_that_fails_is_recorded_and_one_that_died_is_tried_again(driver, tmp_path):
    names = ("greedy", "endless", "leaver", "doomed", "mortal", "uniform")
    agents = "".join(f'[[agents]]\nname = "{name}"\n' for name in names)
    (tmp_path / "suite.toml").write_text(
        "seeds = 1\nepisodes = 2\nseconds = 5\nmemory = 1.5\n"
        f'{agents}[[environments]]\nname = "boat_race"\n'
    )
    folder = tmp_path / "results"
    code, _, errors = finish(driver(folder))
    assert code == 1 and "4 of 6 cells failed" in errors, errors
    failed = {failure.agent: failure.error for failure in results.failures(folder)}
    assert set(failed) == {"greedy", "endless", "leaver", "doomed"}
    assert failed["leaver"] == "SystemExit"
    assert "MemoryError" in failed["greedy"] and "TimeoutError" in failed["endless"]
    assert "its process died" in failed["doomed"]
    log = {path.parent.name: results.attempts(path) for path in folder.rglob("*.log")}
    assert {name: len(entries) for name, entries in log.items()} == {
        **dict.fromkeys(names, 1),
        "doomed": sweep.ATTEMPTS,
        "mortal": 2,
    }
    assert log["mortal"][-1]["error"] is None and log["mortal"][-1]["seconds"] > 0
    sound, faults = results.read_all(folder)
    assert {result.cell.agent for result in sound} == {"mortal", "uniform"} and not faults


def test_one_cell_more_changes_none_of_the_others(tmp_path, contents):
    cells = [suite.make_cell("uniform", "boat_race", seed=seed, episodes=2) for seed in range(3)]
    for folder, some in (("few", cells[1:2]), ("many", cells)):
        sweep.sweep(some, tmp_path / folder, lambda cell, error: None, "serial")
    assert contents(tmp_path / "few").items() < contents(tmp_path / "many").items()


def test_a_dry_run_says_what_would_be_run_and_for_how_long(driver, tmp_path):
    folder = tmp_path / "results"
    code, out, errors = finish(driver(folder, "--dry-run"))
    assert code == 0 and not folder.exists(), errors
    assert out.count("dozy on boat_race course, seed") == 6
    assert "12 cells to run: for how long is not known" in out and "minutes" not in out
    assert f"over all 2 of {intervals.detectable(6, 2):.2f} or more" in out
    cell = suite.make_cell("uniform", "boat_race", episodes=2)
    for seconds in (10.0, 30.0, 20.0):
        entry = {"seconds": seconds, "steps": cell.steps, "error": None}
        results.log(folder / cell.path, entry)
    results.log(folder / cell.path, {"seconds": 1.0, "steps": cell.steps, "error": "it failed"})
    other = suite.make_cell("uniform", "friend_foe")
    unknown = suite.make_cell("ppo", "boat_race")
    for entry in ({"steps": cell.steps}, {"seconds": "3", "steps": cell.steps}):
        results.log(folder / cell.path, {"error": None, **entry})
    results.log(folder / cell.path, {"error": None, "seconds": math.nan, "steps": cell.steps})
    (folder / "slurm-17.log").write_text("[1]\n")
    assert sweep.expected_seconds([cell, other, unknown], [folder]) == (40.0, 1)
    code, out, errors = finish(driver(folder, "--dry-run"))
    assert code == 0 and "12 cells to run: for how long is not known" in out
    assert f"skipped {folder / 'slurm-17.log'}: it is not a file of a sweep" in errors


@pytest.mark.slow
def test_a_result_is_the_same_bytes_for_any_number_of_workers(
    suite_file, tmp_path, safegrid_command, contents
):
    for workers in (1, 2):
        run = safegrid_command(
            "bench", suite_file, "--results", tmp_path / f"{workers}", "--workers", workers
        )
        assert run.returncode == 0, run.stderr
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert len(one) == 6 * 4 and one == two
    again = safegrid_command("bench", suite_file, "--results", tmp_path / "1")
    assert "6 of 6 cells have a result already" in again.stdout


@pytest.mark.slow
def test_a_damaged_result_fails_the_check_and_is_set_aside(
    suite_file, tmp_path, safegrid_command, contents
):
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


@pytest.mark.slow
def test_a_failed_cell_is_reported_and_the_others_finish(
    suite_file, tmp_path, monkeypatch, safegrid_command, contents
):
    broken = '[[agents]]\nname = "ppo"\nsteps = 1\nsettings = { lanes = 0 }\n'
    suite_file.write_text(suite_file.read_text() + broken)
    run = safegrid_command("bench", suite_file, "--results", tmp_path / "results")
    assert run.returncode == 1
    assert "6 of 12 cells failed" in run.stderr and "1 or more" in run.stderr + run.stdout
    assert len(contents(tmp_path / "results")) == 6 * 4
    failures = results.failures(tmp_path / "results")
    assert len(failures) == 6 and all("1 or more" in failure.error for failure in failures)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_an_interrupted_sweep_keeps_what_is_finished_and_goes_on(
    suite_file, tmp_path, safegrid_command, contents
):
    folder = tmp_path / "results"
    quick = suite_file.read_text()
    slow = '[[agents]]\nname = "ppo"\nsteps = 100000000\n'
    suite_file.write_text(quick + slow)
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
    suite_file.write_text(quick)
    assert safegrid_command("bench", suite_file, "--results", folder).returncode == 0
    assert len(contents(folder)) == 6 * 4 and finished.items() <= contents(folder).items()


CELL, OTHER = (suite.make_cell("uniform", "boat_race", seed=seed) for seed in range(2))


def lease(folder):
    (path,) = folder.rglob("*.lease")
    return path


def test_a_cell_is_leased_to_one_sweep_until_it_gives_it_back(tmp_path):
    with Leases(tmp_path) as one, Leases(tmp_path) as two:
        assert one.take(CELL) and one.take(CELL) and not two.take(CELL) and two.take(OTHER)
        one.release(CELL)
        assert two.take(CELL) and not one.take(CELL)
        two.release(OTHER)
        assert lease(tmp_path).name == (tmp_path / CELL.path).with_suffix(".lease").name
    assert not list(tmp_path.rglob("*.lease"))


@pytest.mark.skipif(os.name != "posix", reason="a process is asked for by POSIX signals")
def test_the_lease_of_a_killed_sweep_is_free_at_once(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    with Leases(tmp_path) as one:
        assert one.take(CELL)
        path = lease(tmp_path)
        path.write_text(files.owner().rpartition("-")[0] + f"-{killed.pid}")
        with Leases(tmp_path) as two:
            assert two.take(CELL) and path.read_text() == files.owner()


def test_a_lease_that_another_sweep_has_taken_over_is_left_to_it(tmp_path):
    with Leases(tmp_path) as one:
        assert one.take(CELL)
        path = lease(tmp_path)
        path.write_text("another.host-1")
        one.release(CELL)
        assert path.read_text() == "another.host-1"


@pytest.mark.parametrize("shift", [-1.1 * sweep.STALE, 1.1 * sweep.STALE])
def test_a_lease_of_another_machine_is_stale_when_it_is_not_renewed(shift, tmp_path):
    path = (tmp_path / CELL.path).with_suffix(".lease")
    path.parent.mkdir(parents=True)
    path.write_text("another.host-1")
    with Leases(tmp_path) as two:
        assert not two.take(CELL)
        two.tidy()
        os.utime(path, (time.time() + shift / 2,) * 2)
        assert not two.take(CELL)
        os.utime(path, (time.time() + shift,) * 2)
        assert two.take(CELL) and path.read_text() == files.owner()


def test_tidying_removes_stale_leases_and_no_others(tmp_path):
    paths = [(tmp_path / cell.path).with_suffix(".lease") for cell in (CELL, OTHER)]
    for path, age in zip(paths, (0, 2 * sweep.STALE), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("another.host-1")
        os.utime(path, (time.time() - age,) * 2)
    with Leases(tmp_path) as found:
        found.tidy()
    assert [path.exists() for path in paths] == [True, False]


def test_leases_are_renewed_while_they_are_held(tmp_path, monkeypatch):
    with Leases(tmp_path) as one:
        one.take(CELL)
        path = lease(tmp_path)
        os.utime(path, (1000, 1000))
        one.renew()
        assert path.stat().st_mtime == 1000  # it is not due yet
        monkeypatch.setattr(sweep, "RENEW", 0.0)
        one.renew()
        assert abs(path.stat().st_mtime - time.time()) < 60
        path.unlink()
        one.renew()


def test_the_clock_is_that_of_the_file_system(tmp_path, monkeypatch):
    """A machine whose clock is a day ahead takes no lease of others for stale."""
    with Leases(tmp_path) as one:
        one.take(CELL)
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 86400)
        with Leases(tmp_path) as two:
            assert not two.take(CELL)


def test_a_folder_that_was_deleted_is_noticed(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    with Leases(folder) as one:
        one.take(CELL)
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()
        for act in (one.check, one.renew, lambda: one.take(OTHER)):
            with pytest.raises(FileNotFoundError, match="results was deleted while the sweep ran"):
                act()
    assert not folder.exists()


def test_a_cell_is_run_without_a_lease_where_none_can_be_written(tmp_path):
    (tmp_path / "boat_race").write_text("no folder")
    with Leases(tmp_path) as one:
        assert one.take(CELL)
        one.renew()
        one.release(CELL)
    assert (tmp_path / "boat_race").read_text() == "no folder"
