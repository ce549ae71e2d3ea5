"""Commands of `safegrid leaderboard`: submit, verify, season, build, serve."""

from pathlib import Path
from typing import Annotated

import typer

from safegrid.benchmark.processes import usable_cores
from safegrid.cli.console import Workers, console, errors, progress_bar

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
    for folder in packing.submit(results, board, card):
        console.print(f"submission {folder}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid leaderboard verify --board submissions --level 2")
def verify(
    submissions: Annotated[
        list[Path], typer.Argument(help="Folders of submissions; by default all of the board.")
    ] = [],  # noqa: B006
    board: Board = BOARD,
    level: Annotated[int, typer.Option(min=0, max=4, help="Last level to check.")] = 3,
    secret: Annotated[
        Path | None,
        typer.Option(help="File of the season's secret, for level 4 before it is published."),
    ] = None,
    workers: Workers = usable_cores(),  # noqa: B008
) -> None:
    """Verifies submissions up to a level, and appends the verdicts to their logs.

    Exits with 1 if a check failed.
    """
    from safegrid.benchmark.leaderboard import secret_seeds, verification

    depth = 4 if secret is not None else level
    folders = submissions or verification.submissions(board)
    season_secret = secret_seeds.read_secret(board, secret) if depth == 4 else None
    if depth == 4 and season_secret is None:
        raise ValueError("level 4 needs the season's secret: give its file as --secret")
    with progress_bar() as progress:
        tasks = {f"V{i}": progress.add_task(f"V{i}", total=None) for i in range(1, depth + 1)}
        try:
            verdicts = verification.verify(
                board,
                folders,
                depth,
                season_secret,
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
        console.print(f"{folder.name}  {reached}", soft_wrap=True, highlight=False)
        for fault in verdict.faults:
            console.print(f"  {fault}", markup=False, soft_wrap=True, highlight=False)
    if any(verdict.faults for verdict in verdicts.values()):
        raise typer.Exit(1)


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

    current = secret_seeds.reveal(board, secret) if reveal else secret_seeds.start(board, secret)
    message = "ended: its secret is public" if reveal else f"started: keep {secret} secret"
    console.print(f"season {current.commitment[:12]} {message}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid leaderboard build --board submissions --out site")
def build(
    board: Board = BOARD,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = SITE,
    index: Annotated[
        str | None, typer.Option(help="URL of a database to write in addition to the site's own.")
    ] = None,
) -> None:
    """Writes the verified submissions of a board as a static site."""
    from safegrid.benchmark.leaderboard import database, site
    from safegrid.engine import files

    files.check_folder(out)
    refused = site.build(board, out)
    if index is not None:
        database.write(index, board)
    console.print(f"wrote {out / 'index.html'}", soft_wrap=True, highlight=False)
    for folder, reason in refused:
        errors.print(f"not shown: {folder.name}: {reason}", markup=False)


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
