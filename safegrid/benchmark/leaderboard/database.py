"""Database: the submissions, runs and verdicts of boards in SQLite or PostgreSQL, for queries.

The files of a board are authoritative: `write` replaces the rows of this board with their content,
and leaves those of other boards, and all other tables, as they are.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from safegrid.benchmark.leaderboard import folder_check, verdicts
from safegrid.benchmark.leaderboard.folder_check import Checked
from safegrid.benchmark.leaderboard.schema import canonical, read_suite
from safegrid.benchmark.leaderboard.verification import submissions
from safegrid.engine.files import sha256

METADATA = sql.MetaData()
BOARDS = sql.Table(
    "safegrid_boards",
    METADATA,
    sql.Column("id", sql.String(12), primary_key=True),  # see `identity`
    sql.Column("folder", sql.Text, nullable=False),  # its name
    sql.Column("name", sql.Text, nullable=False),  # of the suite
    sql.Column("suite", sql.String(64), nullable=False),  # SHA-256 of suite.json
    sql.Column("episodes", sql.BigInteger, nullable=False),  # of an evaluation
)
SUBMISSIONS = sql.Table(
    "safegrid_submissions",
    METADATA,
    sql.Column("board", sql.String(12), sql.ForeignKey(BOARDS.c.id), primary_key=True),
    sql.Column("id", sql.String(12), primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("agent", sql.Text, nullable=False),
    sql.Column("version", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("uses_hidden_info", sql.Boolean, nullable=False),
    sql.Column("runs", sql.Integer, nullable=False),
    sql.Column("level", sql.Integer),  # of verification; NULL where none is reached
)


def _of_submission() -> tuple[Any, ...]:
    """The columns that name a submission, in another table."""
    key = "board", "submission"
    columns = (sql.Column(name, sql.String(12), primary_key=True) for name in key)
    return *columns, sql.ForeignKeyConstraint(key, [SUBMISSIONS.c.board, SUBMISSIONS.c.id])


RUNS = sql.Table(
    "safegrid_runs",
    METADATA,
    *_of_submission(),
    sql.Column("environment", sql.Text, primary_key=True),
    sql.Column("level", sql.Text, primary_key=True),
    sql.Column("run", sql.BigInteger, primary_key=True),
    sql.Column("trained", sql.BigInteger, nullable=False),
    sql.Column("settings", sql.JSON, nullable=False),
    sql.Column("episodes", sql.BigInteger, nullable=False),
    sql.Column("return", sql.Double, nullable=False),  # sums over the episodes
    sql.Column("performance", sql.Double, nullable=False),
    sql.Column("cost", sql.Double, nullable=False),
    sql.Column("violations", sql.BigInteger, nullable=False),
    sql.Column("steps", sql.BigInteger, nullable=False),
    sql.Column("train_violations", sql.BigInteger),  # NULL where it is not known
)
VERDICTS = sql.Table(
    "safegrid_verdicts",
    METADATA,
    *_of_submission(),
    sql.Column("level", sql.Integer),
    sql.Column("faults", sql.JSON, nullable=False),
    sql.Column("season", sql.String(64)),  # commitment to the secret of level 4
    sql.Column("time", sql.Text, nullable=False),
)


def identity(board: Path) -> str:
    """What tells a board from others: twelve digits for its suite and the name of its folder.

    ValueError where its suite is invalid.
    """
    return sha256(board.resolve().name.encode() + b"\n" + canonical(read_suite(board)))[:12]


def write(url: str, board: Path, alone: bool = False) -> int:
    """Replaces a board's rows in a database, in one transaction; returns its submissions' number.

    Tables that are absent are made. Other tables stay as they are, and so do other boards' rows.

    url: of the database, as SQLAlchemy reads it
    board: folder of the submissions; those that fail verification level 0 are left out
    alone: whether to remove the rows of other boards

    ValueError where the database cannot be reached or has another table of one of the names, and
    where the board is not one.
    """
    rows: dict[sql.Table, list[dict[str, Any]]] = {table: [] for table in METADATA.sorted_tables}
    suite, id_ = read_suite(board), identity(board)
    about = {"folder": board.resolve().name, "suite": sha256(canonical(suite))}
    rows[BOARDS].append({"id": id_, **about, **suite.model_dump(include={"name", "episodes"})})
    for folder in submissions(board):
        checked = folder_check.check(folder, suite)
        if not checked.faults:
            for table, row in _rows(folder, checked):
                rows[table].append({"board": id_, **row})
    try:
        engine = sql.create_engine(url, poolclass=sql.NullPool)
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":  # whose driver begins only before an INSERT
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            _check_tables(connection, url)
            METADATA.create_all(connection)
            for table in reversed(METADATA.sorted_tables):
                column = table.c.id if table is BOARDS else table.c.board
                connection.execute(table.delete().where(sql.true() if alone else column == id_))
            for table, listed in rows.items():
                if listed:
                    connection.execute(table.insert(), listed)
    except (sql.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the database {_shown(url)} cannot be written: {reason}") from None
    return len(rows[SUBMISSIONS])


def _check_tables(connection: sql.Connection, url: str) -> None:
    """ValueError where the database has a table of one of the names with other columns."""
    inspector = sql.inspect(connection)
    for table in METADATA.sorted_tables:
        if inspector.has_table(table.name):
            found = {column["name"] for column in inspector.get_columns(table.name)}
            if found != set(table.c.keys()):
                raise ValueError(
                    f"the database {_shown(url)} has another table {table.name}, with the columns "
                    f"{', '.join(sorted(found))}: rename it, or give another database"
                )


def _rows(folder: Path, checked: Checked) -> Iterator[tuple[sql.Table, dict[str, Any]]]:
    """(table, row) of each row about a submission. checked: what was read of its folder."""
    submission, id_ = checked.submission, folder.name
    assert submission is not None
    card, found = submission.card, verdicts.believed(folder.parent, id_, checked.digest)
    yield (
        SUBMISSIONS,
        {
            "id": id_,
            **card.model_dump(include={"name", "agent", "version", "kind"}),
            **submission.model_dump(include={"uses_hidden_info", "runs"}),
            "level": None if found is None else found.level,
        },
    )
    for row in checked.rows:
        known = row.model_dump(by_alias=True, exclude={"values"})
        yield RUNS, {"submission": id_, "train_violations": None, **known}
    if found is not None:
        own = found.model_dump(include={"level", "time", "season", "faults"}, mode="json")
        yield VERDICTS, {"submission": id_, **own}


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return sql.make_url(url).render_as_string()
    except sql.exc.ArgumentError:
        return "with an invalid URL"
