"""The index: derived from the files, in SQLite and on a real PostgreSQL server."""

import contextlib
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sql

import safegrid
from safegrid.benchmark import policy_files, results, suite
from safegrid.benchmark.leaderboard import database, packing, schema, verification
from safegrid.engine import registry

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if os.name == "posix" else []
ACCOUNT = "postgres"  # the server refuses to run as root


@pytest.fixture(scope="module")
def board(tmp_path_factory, signer):
    folder = tmp_path_factory.mktemp("index")
    for seed in (0, 1):
        cell = suite.make_cell("uniform", "hazard_goal", seed=seed, episodes=5)
        policy = registry.agent("uniform").train("hazard_goal", seed=seed)
        episodes = safegrid.evaluate(policy, "hazard_goal", 5, seed)
        made = results.Result(cell, episodes, None, policy_files.encode(policy, cell))
        results.write(made, folder / "made")
    packing.submit(folder / "made", folder / "board")
    key, folders = signer(folder / "board"), verification.submissions(folder / "board")
    verification.verify(folder / "board", folders, 2, key=key, workers=1)
    return folder / "board"


def check(url, board):
    """The tables say what the files say, however often they are made."""
    folder = verification.submissions(board)[0]
    rows = schema.read_rows(folder)
    for _ in range(2):
        assert database.write(url, board) == 1
    engine = sql.create_engine(url)
    with engine.connect() as connection:
        (entry,) = connection.execute(sql.select(database.SUBMISSIONS)).mappings()
        assert (entry["id"], entry["agent"], entry["runs"]) == (folder.name, "uniform", 2)
        assert entry["level"] == 2 and entry["uses_hidden_info"] is False
        assert entry["settings"] == schema.read(folder).settings
        listed = connection.execute(
            sql.select(database.RUNS).order_by(database.RUNS.c.run)
        ).mappings()
        found = [{k: v for k, v in row.items() if k != "submission"} for row in listed]
        assert found == [row.model_dump(by_alias=True, exclude={"values"}) for row in rows]
        mean = sql.func.sum(database.RUNS.c.performance) / sql.func.sum(database.RUNS.c.episodes)
        performance = connection.execute(sql.select(mean)).scalar()
        assert performance == pytest.approx(sum(row.performance for row in rows) / 10)
        (judged,) = connection.execute(sql.select(database.VERDICTS)).mappings()
        assert (judged["level"], judged["faults"]) == (2, [])
    engine.dispose()


@pytest.mark.slow
def test_the_index_is_made_from_the_files_in_sqlite(board, tmp_path):
    check(f"sqlite:///{tmp_path / 'index.sqlite'}", board)
    with contextlib.closing(sqlite3.connect(tmp_path / "index.sqlite")) as plain:
        assert plain.execute("select count(*) from runs").fetchone() == (2,)


def test_a_damaged_submission_is_not_in_the_index(board, tmp_path):
    copy = shutil.copytree(board, tmp_path / "board")
    (verification.submissions(copy)[0] / "runs.jsonl").write_bytes(b"{}\n")
    assert database.write(f"sqlite:///{tmp_path / 'index.sqlite'}", copy) == 0


def test_a_database_that_is_not_there_is_named_without_its_password(board):
    for url, shown in (
        ("sqlite:////nowhere/at/all.sqlite", "/nowhere/at/all.sqlite"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "127.0.0.1:1"),
        ("nothing", "with an invalid URL"),
        ("oracle://me:secret@host/x", "host"),
    ):
        with pytest.raises(ValueError, match="cannot be written") as error:
            database.write(url, board)
        assert shown in str(error.value) and "secret" not in str(error.value)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A PostgreSQL server of its own on loopback."""
    if not FOUND:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    account, root = None, os.geteuid() == 0
    if root:
        try:
            account = pwd.getpwnam(ACCOUNT).pw_name
        except KeyError:
            pytest.skip(f"PostgreSQL does not run as root, and there is no account {ACCOUNT!r}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path("/tmp") / f"safegrid-postgresql-{os.getpid()}"  # one that the account can reach
    folder.mkdir()
    if account:
        shutil.chown(folder, account)
    data, start = folder / "data", f"-h 127.0.0.1 -p {port} -k {folder} -F"

    def run(program, *arguments):
        command = [FOUND[-1] / program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, user=account, cwd=folder)
        assert done.returncode == 0, done.stderr

    try:
        run("initdb", "-D", data, "-U", "safegrid", "--auth=trust", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", start, "start")
        yield f"postgresql+psycopg://safegrid@127.0.0.1:{port}/postgres"
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def test_the_index_is_made_from_the_files_in_postgresql(server, board):
    pytest.importorskip("psycopg")
    check(server, board)
