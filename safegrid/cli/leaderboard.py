"""`safegrid leaderboard`: submit, verify, season, build, serve."""

import os
from pathlib import Path
from typing import Annotated

import typer

from safegrid.cli.console import console, errors, progress_bar

app = typer.Typer(no_args_is_help=True, help="Compare agents by runs that are done again.")

Board = Annotated[Path, typer.Option(help="The folder of the submissions.")]
Secret = Annotated[Path, typer.Argument(help="The file of the season's secret.")]
BOARD, SITE = Path("submissions"), Path("site")


@app.command(
    epilog="Example: safegrid leaderboard submit experiments/results/quick --agent-card card.toml"
)
def submit(
    results: Annotated[Path, typer.Argument(help="A folder that `safegrid bench` filled.")],
    agent_card: Annotated[
        Path | None,
        typer.Option(help="TOML: who made it and how; without it, all agents of the results."),
    ] = None,
    board: Board = BOARD,
) -> None:
    """Makes submissions from results: raw sums, replays and policies, and nothing to unpickle."""
    from safegrid.benchmark.leaderboard import packing
    from safegrid.benchmark.leaderboard.schema import read_card

    if not results.is_dir():
        raise ValueError(f"results folder {str(results)!r} is not there: run safegrid bench first")
    card = None if agent_card is None else read_card(agent_card)
    for folder in packing.submit(results, board, card):
        console.print(f"submission {folder}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid leaderboard verify --board submissions --level 2")
def verify(
    submissions: Annotated[
        list[Path], typer.Argument(help="Folders of submissions; all of the board by default.")
    ] = [],  # noqa: B006
    board: Board = BOARD,
    level: Annotated[int, typer.Option(min=0, max=4, help="The last level to check.")] = 3,
    secret: Annotated[
        Path | None,
        typer.Option(help="Of the season, for level 4, unless it is revealed."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Checks at once.")] = os.cpu_count() or 1,
) -> None:
    """Says how far each submission can be done again, and appends the verdicts."""
    from safegrid.benchmark.leaderboard import secret_seeds, verification

    depth = 4 if secret is not None else level
    folders = submissions or verification.submissions(board)
    word = secret_seeds.read_secret(board, secret) if depth == 4 else None
    if depth == 4 and word is None:
        raise ValueError("level 4 needs the season's secret: name its file with --secret")
    with progress_bar() as progress:
        tasks = {f"V{i}": progress.add_task(f"V{i}", total=None) for i in range(1, depth + 1)}
        try:
            verdicts = verification.verify(
                board,
                folders,
                depth,
                word,
                workers,
                lambda what, done, count: progress.update(tasks[what], completed=done, total=count),
            )
        except KeyboardInterrupt:
            errors.print("interrupted: no verdict is written")
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
    reveal: Annotated[bool, typer.Option("--reveal", help="End the season instead.")] = False,
) -> None:
    """Starts a season with a new secret, or ends it by publishing the secret."""
    from safegrid.benchmark.leaderboard import secret_seeds

    opened = secret_seeds.reveal(board, secret) if reveal else secret_seeds.start(board, secret)
    done = "is over: anybody can audit it" if reveal else f"has begun: keep {secret} to yourself"
    console.print(f"season {opened.commitment[:12]} {done}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid leaderboard build --board submissions --out site")
def build(
    board: Board = BOARD,
    out: Annotated[Path, typer.Option(help="Where the pages go.")] = SITE,
    index: Annotated[
        str | None, typer.Option(help="A database for the index besides the site's own, by URL.")
    ] = None,
) -> None:
    """Writes the leaderboard as pages that open in any browser, from what is verified."""
    from safegrid.benchmark.leaderboard import database as database
    from safegrid.benchmark.leaderboard import site

    refused = site.build(board, out)
    if index is not None:
        database.write(index, board)
    console.print(f"wrote {out / 'index.html'}", soft_wrap=True, highlight=False)
    for folder, reason in refused:
        errors.print(f"not shown: {folder.name}: {reason}", markup=False)


@app.command(epilog="Example: safegrid leaderboard serve site --port 8000")
def serve(
    folder: Annotated[Path, typer.Argument(help="What build has written.")] = SITE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="By default nobody else can reach it.")] = "127.0.0.1",
) -> None:
    """Shows the pages at an address of this machine until Ctrl-C."""
    from safegrid.benchmark.leaderboard.server import server

    with server(folder, port, host) as running:
        console.print(f"http://{host}:{running.server_port}/", soft_wrap=True, highlight=False)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
