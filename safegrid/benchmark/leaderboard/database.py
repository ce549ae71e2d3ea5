"""Database: the submissions, runs and verdicts of a board in SQLite or PostgreSQL, for queries.

The files of the board are authoritative: `write` replaces the tables with their content.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from safegrid.benchmark.leaderboard import folder_check, verdicts
from safegrid.benchmark.leaderboard.schema import canonical, read, read_rows, read_suite
from safegrid.benchmark.leaderboard.verification import submissions
from safegrid.engine.files import sha256

METADATA = sql.MetaData()
SUBMISSIONS = sql.Table(
    "submissions",
    METADATA,
    sql.Column("id", sql.String(12), primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("agent", sql.Text, nullable=False),
    sql.Column("version", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("uses_hidden_info", sql.Boolean, nullable=False),
    sql.Column("settings", sql.JSON, nullable=False),
    sql.Column("runs", sql.Integer, nullable=False),
    sql.Column("level", sql.Integer),  # of verification; NULL where none is reached
)
SUBMISSION = "submissions.id"
RUNS = sql.Table(
    "runs",
    METADATA,
    sql.Column("submission", sql.String(12), sql.ForeignKey(SUBMISSION), primary_key=True),
    sql.Column("environment", sql.Text, primary_key=True),
    sql.Column("level", sql.Text, primary_key=True),
    sql.Column("run", sql.BigInteger, primary_key=True),
    sql.Column("trained", sql.BigInteger, nullable=False),
    sql.Column("episodes", sql.BigInteger, nullable=False),
    sql.Column("return", sql.Double, nullable=False),  # sums over the episodes
    sql.Column("performance", sql.Double, nullable=False),
    sql.Column("cost", sql.Double, nullable=False),
    sql.Column("violations", sql.BigInteger, nullable=False),
    sql.Column("steps", sql.BigInteger, nullable=False),
)
VERDICTS = sql.Table(
    "verdicts",
    METADATA,
    sql.Column("submission", sql.String(12), sql.ForeignKey(SUBMISSION), primary_key=True),
    sql.Column("level", sql.Integer),
    sql.Column("faults", sql.JSON, nullable=False),
    sql.Column("time", sql.Text, nullable=False),
    sql.Column("season", sql.String(64)),  # NULL without secret seeds
)


def write(url: str, board: Path) -> int:
    """Replaces the tables of a database in one transaction; returns the number of submissions.

    url: of the database, as SQLAlchemy reads it
    board: folder of the submissions; those that fail verification level 0 are left out

    ValueError where the database cannot be reached, and where the board is not one.
    """
    rows: dict[sql.Table, list[dict[str, Any]]] = {table: [] for table in METADATA.sorted_tables}
    suite = read_suite(board)
    for folder in submissions(board):
        if not any(folder_check.check(folder, suite)):
            for table, row in _rows(folder):
                rows[table].append(row)
    try:
        engine = sql.create_engine(url)
        with engine.begin() as connection:
            METADATA.drop_all(connection)
            METADATA.create_all(connection)
            for table, listed in rows.items():
                if listed:
                    connection.execute(table.insert(), listed)
        engine.dispose()
    except (sql.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the database {_shown(url)} cannot be written: {reason}") from None
    return len(rows[SUBMISSIONS])


def _rows(folder: Path) -> Iterator[tuple[sql.Table, dict[str, Any]]]:
    """(table, row) of each row about a submission."""
    submission, card, id_, found = read(folder), read(folder).card, folder.name, None
    with contextlib.suppress(ValueError):
        found = verdicts.read(folder.parent, id_)
    if found is not None and found.submission != sha256(canonical(submission)):
        found = None
    yield (
        SUBMISSIONS,
        {
            "id": id_,
            **card.model_dump(include={"name", "agent", "version", "kind"}),
            **submission.model_dump(include={"uses_hidden_info", "settings", "runs"}),
            "level": None if found is None else found.level,
        },
    )
    for row in read_rows(folder):
        yield RUNS, {"submission": id_, **row.model_dump(by_alias=True, exclude={"values"})}
    if found is not None:
        own = found.model_dump(include={"level", "time", "season", "faults"}, mode="json")
        yield VERDICTS, {"submission": id_, **own}


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return sql.make_url(url).render_as_string()
    except sql.exc.ArgumentError:
        return "with an invalid URL"
