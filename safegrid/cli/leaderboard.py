"""Commands of `safegrid leaderboard`: submit, verify, key, season, build, export, serve."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safegrid.benchmark.processes import usable_cores
from safegrid.cli.console import Workers, check_ending, console, errors, progress_bar

app = typer.Typer(no_args_is_help=True, help="Compare agents by verified runs.")

Board = Annotated[Path, typer.Option(help="Folder of the submissions.")]
Secret = Annotated[Path, typer.Argument(help="File of the season's secret.")]
BOARD, SITE = Path("submissions"), Path("site")


@app.command(
    epilog="Example: safegrid leaderboard submit experiments/results/quick --agent-card card.toml"
)
def submit(
    results: Annotated[Path, typer.Argument(help="Folder of results of `safegrid bench`.")],
    agent_card: Annotated[
        Path | None,
        typer.Option(help="TOML file about the agent; by default, all agents are submitted."),
    ] = None,
    board: Board = BOARD,
) -> None:
    """Makes submissions from results: sums over episodes, replays and policies, without pickles."""
    from safegrid.benchmark.leaderboard import packing
    from safegrid.benchmark.leaderboard.schema import read_card
    from safegrid.engine import files

    if not results.is_dir():
        raise ValueError(
            f"results folder {str(results)!r} does not exist: run safegrid bench first"
        )
    files.check_folder(board)
    card = None if agent_card is None else read_card(agent_card)

    def left_out(line: str) -> None:
        errors.print(f"not submitted: {line}", markup=False)

    for folder in packing.submit(results, board, card, left_out):
        console.print(f"submission {folder}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid leaderboard verify --board submissions --level 5 --sample 2")
def verify(
    submissions: Annotated[
        list[Path], typer.Argument(help="Folders of submissions; by default all of the board.")
    ] = [],  # noqa: B006
    board: Board = BOARD,
    level: Annotated[int, typer.Option(min=0, max=5, help="Last level to check.")] = 3,
    secret: Annotated[
        Path | None,
        typer.Option(help="File of the season's secret, for level 4 before it is published."),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Runs of each submission that level 5 trains again.")
    ] = 1,
    key: Annotated[
        Path | None,
        typer.Option(help="File of the verifier's private key; by default $SAFEGRID_KEY."),
    ] = None,
    workers: Workers = usable_cores(),  # noqa: B008
) -> None:
    """Verifies submissions up to a level, and records signed verdicts on the board.

    Level 4 is checked where the season's secret is known. Exits with 1 if a check failed.
    """
    from safegrid.benchmark.leaderboard import keys, schema, secret_seeds, verification
    from safegrid.benchmark.leaderboard.verdicts import has_agent

    depth = max(level, 4) if secret is not None else level
    for each in submissions:
        if not each.is_dir():
            raise ValueError(f"submission folder {str(each)!r} does not exist")
    folders = submissions or verification.submissions(board)
    season_secret = secret_seeds.read_secret(board, secret) if depth >= 4 else None
    if depth == 4 and season_secret is None:
        raise ValueError("level 4 needs the season's secret: give its file as --secret")
    levels = [i for i in range(depth + 1) if i != 4 or season_secret is not None]
    _check_board(board)
    signer = _signer(board, key)
    with progress_bar() as progress:
        tasks = {f"V{i}": progress.add_task(f"V{i}", total=None) for i in levels}
        try:
            verdicts = verification.verify(
                board,
                folders,
                depth,
                season_secret,
                sample,
                signer,
                workers,
                lambda level, done, count: progress.update(
                    tasks[level], completed=done, total=count
                ),
            )
        except KeyboardInterrupt:
            errors.print("interrupted: no verdict was written")
            raise typer.Exit(130) from None
    for folder, verdict in verdicts.items():
        reached = "none" if verdict.level is None else f"V{verdict.level}"
        console.print(f"{folder.name}  {reached}", markup=False, soft_wrap=True, highlight=False)
        for fault in verdict.faults:
            console.print(f"  {fault}", markup=False, soft_wrap=True, highlight=False)
        if 4 in levels and verdict.level in (3, 5) and verdict.season is None:
            note = "V4 was not checked: it was first seen after the season's secret was published"
            console.print(f"  {note}", highlight=False)
        stopped = depth == 5 and verdict.level in (3, 4)  # of a submission that can be read
        if stopped and not has_agent(verdict, schema.read(folder)):
            console.print("  V5 needs the agent's file: name it with --plugin", highlight=False)
    if signer is None:
        errors.print(
            f"no verdict was recorded: {board / keys.VERIFIERS} names other keys than yours, which "
            "safegrid leaderboard key adds",
            markup=False,
            soft_wrap=True,
        )
    if any(verdict.faults for verdict in verdicts.values()):
        raise typer.Exit(1)


def _signer(board: Path, path: Path | None) -> Any:
    """The private key that signs verdicts of a board; None where the board believes others.

    The default key is made at the first use, and a board without verifiers believes it.
    """
    from safegrid.benchmark.leaderboard import keys

    place = path or keys.default_path()
    key = keys.load(place) if path is not None or place.exists() else keys.create(place)
    known = keys.trusted(board)
    if not known:
        keys.trust(board, keys.public(key))
    elif keys.public(key) not in known:
        if path is not None:
            raise ValueError(
                f"{board / keys.VERIFIERS} does not name the key {path}: add it with "
                "safegrid leaderboard key"
            )
        return None
    return key


def _check_board(board: Path) -> None:
    """ValueError where the folder of a board does not exist."""
    if not board.is_dir():
        raise ValueError(f"board folder {str(board)!r} does not exist")


@app.command(epilog="Example: safegrid leaderboard key ~/verifier.key --board submissions")
def key(
    path: Annotated[Path, typer.Argument(help="File of the private key; made if it is not there.")],
    board: Board = BOARD,
) -> None:
    """Makes a verifier's key, and makes a board believe the verdicts that it signs."""
    from safegrid.benchmark.leaderboard import keys

    _check_board(board)
    private = keys.load(path) if path.exists() else keys.create(path)
    keys.trust(board, keys.public(private))
    console.print(
        f"{board / keys.VERIFIERS} names {keys.public(private)}: keep {path} secret",
        markup=False,
        soft_wrap=True,
        highlight=False,
    )


@app.command(epilog="Example: safegrid leaderboard season ~/secret --board submissions")
def season(
    secret: Secret,
    board: Board = BOARD,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="End the season and publish its secret.")
    ] = False,
) -> None:
    """Starts a season with a new secret, or ends it and publishes the secret."""
    from safegrid.benchmark.leaderboard import secret_seeds

    _check_board(board)
    season = secret_seeds.reveal(board, secret) if reveal else secret_seeds.start(board, secret)
    number = secret_seeds.number(secret_seeds.read(board), season.commitment)
    message = "ended: its secret is public" if reveal else f"started: keep {secret} secret"
    about = f"season {number} ({season.commitment[:12]}) {message}"
    console.print(about, soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid leaderboard build --board submissions --out site")
def build(
    board: Board = BOARD,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = SITE,
    index: Annotated[
        str | None,
        typer.Option(
            help="URL of a database to write this board's rows to, besides the site's own."
        ),
    ] = None,
) -> None:
    """Writes the verified submissions of a board as a static site."""
    from safegrid.benchmark.leaderboard import database, site
    from safegrid.engine import files

    files.check_folder(out)
    if index is not None:
        database.write(index, board)
    refused = site.build(board, out)
    console.print(f"wrote {out / 'index.html'}", soft_wrap=True, highlight=False)
    for name, reason in refused:
        errors.print(f"not shown: {name}: {reason}", markup=False)


@app.command(epilog="Example: safegrid leaderboard export runs.parquet --board submissions")
def export(
    out: Annotated[Path, typer.Argument(help="A file that ends in .csv or .parquet.")],
    board: Board = BOARD,
) -> None:
    """Writes the runs of the verified submissions as one table, with all metrics of each run."""
    from safegrid.benchmark.export import tidy
    from safegrid.benchmark.leaderboard import entries, verification
    from safegrid.engine import files

    check_ending("OUT", out, ".csv", ".parquet")
    files.check_writable(out)
    tidy.check_libraries(out)
    shown, refused = entries.entries(board, verification.submissions(board))
    tidy.write(tidy.rows(group for entry in shown for group in entry.groups), out)
    console.print(f"wrote {out}", soft_wrap=True, highlight=False)
    for name, reason in refused:
        errors.print(f"not shown: {name}: {reason}", markup=False)


@app.command(epilog="Example: safegrid leaderboard serve site --port 8000")
def serve(
    folder: Annotated[Path, typer.Argument(help="Folder that build has written.")] = SITE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 chooses a free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; by default only this machine has access.")
    ] = "127.0.0.1",
) -> None:
    """Serves the pages over HTTP until Ctrl-C."""
    from safegrid.benchmark.leaderboard.server import server

    with server(folder, port, host) as running:
        console.print(f"http://{host}:{running.server_port}/", soft_wrap=True, highlight=False)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
