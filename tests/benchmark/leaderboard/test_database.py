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


def make_board(folder, environment, seeds):
    for seed in seeds:
        cell = suite.make_cell("uniform", environment, seed=seed, episodes=5)
        policy = registry.agent("uniform").train(environment, seed=seed)
        episodes = safegrid.evaluate(policy, environment, 5, seed)
        made = results.Result(cell, episodes, None, policy_files.encode(policy, cell))
        results.write(made, folder / "made")
    packing.submit(folder / "made", folder / "board")
    return folder / "board"


@pytest.fixture(scope="module")
def board(tmp_path_factory, signer):
    board = make_board(tmp_path_factory.mktemp("index"), "hazard_goal", (0, 1))
    verification.verify(board, verification.submissions(board), 2, key=signer(board), workers=1)
    return board


@pytest.fixture(scope="module")
def other_board(tmp_path_factory):
    return make_board(tmp_path_factory.mktemp("other"), "boat_race", (0,))


def query(url, *statements):
    """The rows of the last statement."""
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            found = connection.execute(sql.text(statement))
        return found.fetchall() if found.returns_rows else []


def check_others_are_kept(url, board, other_board):
    """Tables that are not ours, and the rows of other boards, are as before."""
    query(url, "create table runs (who text)", "insert into runs values ('somebody')")
    query(url, "create table submissions (who text)")
    for each in (board, other_board, board, other_board):
        database.write(url, each)
    assert query(url, "select * from runs") == [("somebody",)]
    assert query(url, "select * from submissions") == []
    counts = "select b.name, b.folder, count(*) from safegrid_boards b join safegrid_runs r"
    counts += " on r.board = b.id group by b.id, b.name, b.folder order by count(*)"
    assert query(url, counts) == [("made", "board", 1), ("made", "board", 2)]
    gone = shutil.copytree(board, board.parent / "copies" / "board", dirs_exist_ok=True)
    assert database.identity(gone) == database.identity(board) != database.identity(other_board)
    shutil.rmtree(verification.submissions(gone)[0])
    assert database.write(url, gone) == 0  # only this board's rows are replaced
    assert query(url, "select count(*) from safegrid_runs") == [(1,)]
    assert query(url, "select count(*) from safegrid_verdicts") == [(0,)]
    renamed = shutil.copytree(board, board.parent / "copies" / "staging", dirs_exist_ok=True)
    assert database.write(url, renamed) == 1
    assert query(url, "select count(*) from safegrid_boards") == [(3,)]


def check_foreign_table_is_refused(url, board, monkeypatch):
    """A table of our name that is not ours is named, and nothing has changed."""
    query(url, "drop table if exists safegrid_verdicts")
    query(url, "create table safegrid_verdicts (who text, judged integer)")
    query(url, "insert into safegrid_verdicts values ('somebody', 1)")
    before = _tables(url)
    with pytest.raises(ValueError, match="another table safegrid_verdicts, with the columns judge"):
        database.write(url, board)
    assert query(url, "select * from safegrid_verdicts") == [("somebody", 1)]
    assert _tables(url) == before
    query(url, "drop table safegrid_verdicts")
    database.write(url, board)
    counted = query(url, "select count(*) from safegrid_runs")
    once = database._rows
    monkeypatch.setattr(database, "_rows", lambda *given: [*once(*given), *once(*given)])
    with pytest.raises(ValueError, match="cannot be written"):
        database.write(url, board)
    assert query(url, "select count(*) from safegrid_runs") == counted  # one transaction


def _tables(url):
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    return sorted(sql.inspect(engine).get_table_names())


def check(url, board):
    """The tables say what the files say, however often they are made."""
    folder = verification.submissions(board)[0]
    rows = schema.read_rows(folder, schema.digests(schema.read(folder)))
    for _ in range(2):
        assert database.write(url, board) == 1
    engine = sql.create_engine(url)
    with engine.connect() as connection:
        (entry,) = connection.execute(sql.select(database.SUBMISSIONS)).mappings()
        assert (entry["id"], entry["agent"], entry["runs"]) == (folder.name, "uniform", 2)
        assert entry["level"] == 2 and entry["uses_hidden_info"] is False
        listed = connection.execute(
            sql.select(database.RUNS).order_by(database.RUNS.c.run)
        ).mappings()
        found = [
            {k: v for k, v in row.items() if k not in ("board", "submission") and v is not None}
            for row in listed
        ]
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
        assert plain.execute("select count(*) from safegrid_runs").fetchone() == (2,)


def test_sqlite_keeps_what_is_not_of_this_board(board, other_board, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    check_others_are_kept(url, board, other_board)
    check_foreign_table_is_refused(url, board, monkeypatch)


def test_the_site_s_own_database_has_one_board(board, other_board, tmp_path):
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    database.write(url, other_board)
    database.write(url, board, alone=True)
    assert query(url, "select id from safegrid_boards") == [(database.identity(board),)]
    assert query(url, "select count(*) from safegrid_runs") == [(2,)]


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


def test_postgresql_keeps_what_is_not_of_this_board(server, board, other_board, monkeypatch):
    pytest.importorskip("psycopg")
    check_others_are_kept(server, board, other_board)
    check_foreign_table_is_refused(server, board, monkeypatch)
