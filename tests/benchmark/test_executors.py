"""Executors: outcomes of cells in this process, in others and on a Ray cluster."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

import pytest

from safegrid.benchmark import executors, suite, sweep


def fails(cell):
    raise ValueError(f"no luck with {cell.seed}\nand more")


def leaves(cell):
    sys.exit(cell.seed)


def vanishes(cell):
    os._exit(cell.seed)


def sleeps(cell):
    time.sleep(60)


CELLS = [suite.make_cell("uniform", "boat_race", seed=seed, episodes=2) for seed in range(3)]


@pytest.mark.slow
def test_a_ray_cluster_gives_the_same_bytes(tmp_path, contents):
    pytest.importorskip("ray", reason="ray is not installed")
    cells = [
        suite.make_cell("uniform", "boat_race", episodes=2),
        suite.make_cell(
            *("ppo", "friend_foe", 0, 0, 256, 2),
            settings={"lanes": 2, "n_steps": 64, "batch_size": 128},
        ),
        suite.make_cell("ppo", "boat_race", steps=1, settings={"lanes": 0}),
    ]
    cells_file = tmp_path / "cells.json"
    cells_file.write_text(json.dumps([cell.model_dump() for cell in cells]))
    code = (
        "import json, pathlib, sys\n"
        "from safegrid.benchmark import executors, results, sweep\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "cells = json.loads((folder / 'cells.json').read_text())\n"
        "cells = [results.Cell.model_validate(cell) for cell in cells]\n"
        "for engine in ('ray', 'local'):\n"
        "    sweep.sweep(cells, folder / engine, lambda cell, error: print(error), engine,\n"
        "        executors.Resources(workers=2, memory=8, seconds=200))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("1 or more") == 2 and run.stdout.count("None") == 4
    cluster = contents(tmp_path / "ray")
    assert len(cluster) == 2 * 4 and cluster == contents(tmp_path / "local")


def test_an_unknown_engine_gets_a_clear_line(tmp_path):
    with pytest.raises(ValueError, match=r"unknown engine 'cluster'.*local, serial, ray"):
        sweep.sweep([], tmp_path, lambda cell, error: None, "cluster")
    assert set(executors.EXECUTORS) == {"local", "serial", "ray"}


def test_an_attempt_has_a_result_or_an_error_of_one_line():
    outcome = executors.attempt(CELLS[1], lambda cell: cell.seed)
    assert (outcome.result, outcome.error, outcome.died) == (1, None, False)
    assert outcome.log["seconds"] >= 0 and outcome.log["packages"]["numpy"]
    outcome = executors.attempt(CELLS[1], fails)
    assert (outcome.result, outcome.error) == (None, "ValueError: no luck with 1")


@pytest.mark.skipif(sys.platform == "win32", reason="the limit needs POSIX signals")
def test_an_attempt_ends_after_its_seconds():
    outcome = executors.attempt(CELLS[0], sleeps, seconds=0.2)
    assert outcome.error == f"TimeoutError: {executors.LATE}" and outcome.log["seconds"] < 30


@pytest.mark.parametrize("name", ["serial", "local"])
def test_executors_give_the_outcome_of_every_cell(name):
    found = list(executors.EXECUTORS[name](iter(CELLS), executors.Resources(2)))
    assert sorted(cell.seed for cell, _ in found) == [0, 1, 2]
    for cell, outcome in found:
        assert outcome.result.cell == cell and outcome.error is None
        assert len(outcome.result.episodes) == 2


@pytest.mark.parametrize("name", ["serial", "local"])
def test_a_cell_that_ends_the_interpreter_is_its_own_failure(name):
    resources = executors.Resources(2, run=leaves)
    found = sorted(
        (cell.seed, outcome.error, outcome.died)
        for cell, outcome in executors.EXECUTORS[name](iter(CELLS), resources)
    )
    assert found == [(seed, f"SystemExit: {seed}", False) for seed in range(3)]


@pytest.mark.slow
def test_a_cell_that_ends_its_process_is_its_own_failure():
    found = dict(
        (cell.seed, outcome)
        for cell, outcome in executors.local(iter(CELLS), executors.Resources(2, run=vanishes))
    )
    assert len(found) == 3
    for seed, outcome in found.items():
        line = f"its process died: it ended with exit code {seed} and without a result"
        assert outcome.error == line and not outcome.died and outcome.result is None


def test_ctrl_c_is_no_failure_of_a_cell():
    def interrupted(cell):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executors.attempt(CELLS[0], interrupted)


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
@pytest.mark.parametrize("given", [True, False])
def test_an_address_where_no_cluster_listens_ends_in_a_line(form, given, monkeypatch):
    pytest.importorskip("ray", reason="ray is not installed")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        address = form.format(free.getsockname()[1])
    if not given:
        monkeypatch.setenv("RAY_ADDRESS", address)
    began = time.monotonic()
    resources = executors.Resources(address=address if given else None)
    with pytest.raises(ConnectionError, match=f"no Ray cluster answers at {address}: ") as error:
        next(executors.ray(iter(CELLS), resources))
    assert time.monotonic() - began < 30 and "\n" not in str(error.value)
