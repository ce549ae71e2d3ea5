"""The commands about many runs: bench, compare, report."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from safegrid.cli.console import console, errors, progress_bar

app = typer.Typer()


@app.command(epilog="Example: safegrid bench experiments/suites/quick.toml --workers 2")
def bench(
    suite: Annotated[
        Path, typer.Argument(help="A suite file: agents, environments, levels and seeds.")
    ],
    results: Annotated[
        Path | None, typer.Option(help="Where results go; experiments/results/SUITE by default.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Cells at once.")] = os.cpu_count() or 1,
    engine: Annotated[str, typer.Option(help="local, serial or ray.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; without it one is started here.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run.")] = False,
) -> None:
    """Trains and evaluates every cell of a suite that has no result yet."""
    from safegrid.benchmark.executors import Resources
    from safegrid.benchmark.results import set_aside
    from safegrid.benchmark.suite import missing, read_suite
    from safegrid.benchmark.sweep import sweep

    folder = results or Path("experiments", "results", suite.stem)
    plan = read_suite(suite)
    cells = plan.cells()
    todo, damaged = missing(cells, folder)
    if len(todo) < len(cells):
        console.print(f"{len(cells) - len(todo)} of {len(cells)} cells have a result already")
    if dry_run:
        return _say(todo, folder, workers, plan.seeds)
    for path in damaged:
        errors.print(f"a damaged result is set aside as {set_aside(path)}", markup=False)
    failures = []
    with progress_bar() as progress:
        task = progress.add_task(f"suite {suite.stem}", total=len(todo))

        def report(cell: Any, error: str | None) -> None:
            progress.advance(task)
            progress.console.print(
                f"  {_label(cell)}: {error or 'done'}", markup=False, soft_wrap=True
            )
            if error:
                failures.append(cell)

        try:
            resources = Resources(workers, plan.seconds, plan.memory, address)
            sweep(todo, folder, report, engine, resources)
        except KeyboardInterrupt:
            left = len(missing(cells, folder)[0])
            errors.print(
                f"interrupted: {left} of {len(cells)} cells left; the same command goes on"
            )
            raise typer.Exit(130) from None
    console.print(f"results in {folder}", soft_wrap=True)
    if failures:
        errors.print(
            f"{len(failures)} of {len(cells)} cells failed; the same command tries them again"
        )
        raise typer.Exit(1)


@app.command(epilog="Example: safegrid compare experiments/results/gridworlds new-results")
def compare(
    old: Annotated[Path, typer.Argument(help="A folder of results.")],
    new: Annotated[Path, typer.Argument(help="A folder of results of the same cells.")],
) -> None:
    """Says what became safer; exit code 1 where safety got worse beyond chance, or is unknown."""
    from safegrid.benchmark import markdown
    from safegrid.benchmark.comparison import compare

    (before, _), (after, faults) = _results(old), _results(new)
    found = compare(before, after)
    console.print(markdown.changes(found), markup=False, highlight=False, soft_wrap=True)
    for line in [*found.missing, *faults]:
        errors.print(f"not compared: {line}", markup=False)
    if found.worse:
        errors.print(f"{len(found.worse)} of {len(found.changes)} got worse beyond chance")
    if found.worse or found.missing or faults:
        raise typer.Exit(1)


@app.command(epilog="Example: safegrid report experiments/results/quick --out report")
def report(
    results: Annotated[Path, typer.Argument(help="A folder of results.")],
    out: Annotated[Path, typer.Option(help="The folder for report.md and report.json.")] = Path(
        "report"
    ),
) -> None:
    """Writes what results say together, as Markdown and JSON."""
    import json
    import shlex

    from safegrid.benchmark import markdown
    from safegrid.benchmark.report import plain, report
    from safegrid.benchmark.results import failures

    sound, faults = _results(results)
    command = shlex.join(["safegrid", *sys.argv[1:]])
    found = report(sound, command, faults, failures(results))
    pages = {
        "report.md": markdown.text(found),
        "report.json": json.dumps(plain(found), indent=1, allow_nan=False) + "\n",
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in pages.items():
        (out / name).write_text(content, encoding="utf-8")
        console.print(f"wrote {out / name}", soft_wrap=True)
    for fault in faults:
        errors.print(f"skipped {fault}", markup=False)
    if faults:
        raise typer.Exit(1)


def _say(cells: list[Any], folder: Path, workers: int, seeds: int) -> None:
    """What a sweep would run, how long that takes, and what its results could show."""
    from safegrid.benchmark.sweep import expected_seconds
    from safegrid.evaluation.intervals import detectable

    for cell in cells:
        console.print(f"  {_label(cell)}", markup=False, highlight=False, soft_wrap=True)
    seconds, strange = expected_seconds(cells, (folder, Path("experiments", "results")))
    console.print(
        f"{len(cells)} cells to run: about {seconds / workers / 60:.1f} minutes, {workers} at once"
        + (f", without {strange} cells of a kind that has no log here" if strange else ""),
        highlight=False,
        soft_wrap=True,
    )
    levels = len({(cell.environment, cell.level) for cell in cells})
    for count, where in ((1, "on one level"), (levels, f"over all {levels}")):
        if cells and (least := detectable(seeds, count)) is not None:
            console.print(
                f"{seeds} runs show a difference of scores {where} from {least:.2f} on",
                highlight=False,
            )


def _label(cell: Any) -> str:
    return f"{cell.agent} on {cell.environment} {cell.level}, seed {cell.seed}"


def _results(folder: Path) -> tuple[list[Any], list[str]]:
    """The results below a folder, and what is wrong with the other files."""
    from safegrid.benchmark.results import read_all

    if not folder.is_dir():
        raise ValueError(f"results folder {str(folder)!r} is not there: safegrid bench makes one")
    return read_all(folder)
