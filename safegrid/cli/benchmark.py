"""Commands about many runs: bench, compare, report."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from safegrid.benchmark.processes import usable_cores
from safegrid.cli.console import Json, Log, Workers, console, errors, print_json, progress_bar

app = typer.Typer()


@app.command(epilog="Example: safegrid bench quick --workers 2")
def bench(
    suite: Annotated[
        Path,
        typer.Argument(
            help="Suite file (TOML): agents, environments, levels and seeds; or the name of one "
            "that is shipped, such as quick."
        ),
    ],
    results: Annotated[
        Path | None, typer.Option(help="Folder for results; experiments/results/SUITE by default.")
    ] = None,
    workers: Workers = usable_cores(),  # noqa: B008
    engine: Annotated[
        str, typer.Option(help="local: processes; serial: this process; ray: a Ray cluster.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster; by default one is started here.")
    ] = None,
    agents: Annotated[
        list[str],
        typer.Option("--agent", help="An agent of the suite to run; all by default. Repeat it."),
    ] = [],  # noqa: B006
    log: Log = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be run and its duration.")
    ] = False,
) -> None:
    """Trains and evaluates every cell of a suite that has no result yet.

    Several of these commands on one folder share its cells, also from several machines. Exits with
    1 if cells failed and with 130 on Ctrl-C; the same command continues the sweep.
    """
    import functools

    from safegrid.benchmark import executors
    from safegrid.benchmark.executors import Resources
    from safegrid.benchmark.export import writers
    from safegrid.benchmark.results import set_aside
    from safegrid.benchmark.suite import find, missing, read_suite, run
    from safegrid.benchmark.sweep import sweep
    from safegrid.engine import files

    executors.find(engine)  # before any file is renamed
    if address is not None and engine != "ray":
        raise ValueError(f"an address is of the engine ray: it is {engine!r}")
    suite = find(suite)
    folder = results or Path("experiments", "results", suite.stem)
    plan = read_suite(suite)
    cells = plan.cells(agents)
    todo, damaged = missing(cells, folder)
    if len(todo) < len(cells):
        console.print(f"{len(cells) - len(todo)} of {len(cells)} cells have a result already")
    if dry_run:
        return _print_plan(todo, cells, folder, workers)
    files.check_folder(folder)
    target = None if log is None else writers.target(log)
    for path in damaged:
        if set_aside(path):
            errors.print(f"a damaged result was renamed to {path}.damaged", markup=False)
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

        def waiting(count: int) -> None:
            text = f"suite {suite.stem}: other sweeps run the last {count} cells"
            progress.update(task, description=text)

        try:
            resources = Resources(
                *(workers, plan.seconds, plan.memory, address),
                run=functools.partial(run, curves=target),
                preload=("safegrid.cli.main",),
            )
            sweep(todo, folder, report, engine, resources, waiting)
        except KeyboardInterrupt:
            left = len(missing(cells, folder)[0])
            errors.print(
                f"interrupted: {left} of {len(cells)} cells left; the same command continues"
            )
            raise typer.Exit(130) from None
    console.print(f"results in {folder}", soft_wrap=True)
    if failures:
        errors.print(f"{len(failures)} of {len(cells)} cells failed; the same command retries them")
        raise typer.Exit(1)


@app.command(epilog="Example: safegrid compare old-results new-results")
def compare(
    old: Annotated[Path, typer.Argument(help="Folder of old results.")],
    new: Annotated[Path, typer.Argument(help="Folder of new results of the same cells.")],
    as_json: Json = False,
) -> None:
    """Compares two result folders.

    Exits with 1 if something became significantly worse, or results are missing or damaged.
    """
    from safegrid.benchmark import markdown
    from safegrid.benchmark.comparison import ENOUGH, compare
    from safegrid.benchmark.report import plain

    (before, old_faults), (after, new_faults) = _results(old), _results(new)
    comparison, faults = compare(before, after), [*old_faults, *new_faults]
    if as_json:
        print_json(plain(comparison))
    else:
        console.print(markdown.changes(comparison), highlight=False, soft_wrap=True)
    for line in [*comparison.missing, *faults]:
        errors.print(f"not compared: {line}", markup=False)
    if few := sum(change.runs < ENOUGH for change in comparison.changes):
        errors.print(
            f"{few} of {len(comparison.changes)} metrics have fewer than {ENOUGH} pairs of runs on "
            "a level: these may be too few for any change to be significant",
            soft_wrap=True,
        )
    if comparison.worse:
        count = f"{len(comparison.worse)} of {len(comparison.changes)}"
        errors.print(f"{count} metrics became significantly worse")
    if comparison.worse or comparison.missing or faults:
        raise typer.Exit(1)


@app.command(epilog="Example: safegrid report experiments/results/quick --out report")
def report(
    results: Annotated[Path, typer.Argument(help="Folder of results.")],
    out: Annotated[
        Path, typer.Option(help="Folder for report.md, report.svg, report.json and runs.csv.")
    ] = Path("report"),
) -> None:
    """Writes a report of all results: rankings, per-level tables, missing runs.

    Exits with 1 if files are damaged, or agents or environments are absent.
    """
    import json
    import shlex

    from safegrid.benchmark import markdown
    from safegrid.benchmark.export import tidy
    from safegrid.benchmark.grouping import group
    from safegrid.benchmark.report import plain, report
    from safegrid.benchmark.results import failures
    from safegrid.benchmark.sections import chart
    from safegrid.engine import files

    names = "report.md", "report.svg", "report.json", "runs.csv"
    for name in names:
        files.check_writable(out / name)
    sound, faults = _results(results)
    command = shlex.join(["safegrid", *sys.argv[1:]])
    content = report(sound, command, faults, failures(results))
    texts = {
        "report.md": markdown.text(content),
        "report.svg": chart(content.overall),
        "report.json": json.dumps(plain(content), indent=1, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        files.replace(out / name, text.encode())
    tidy.write(tidy.rows(group(sound)), out / "runs.csv")
    for name in names:
        console.print(f"wrote {out / name}", soft_wrap=True)
    for row in content.overall:
        console.print(_line(row), markup=False, highlight=False, soft_wrap=True)
    for each in content.other_dynamics:
        errors.print(f"kept apart: {each}", markup=False, highlight=False)
    for fault in faults:
        errors.print(f"skipped {fault}", markup=False)
    if faults:
        raise typer.Exit(1)


def _line(row: Any) -> str:
    """One agent in a line: its mean measure, its worst category and its capability."""
    parts = [
        f"capability {row.capability.mean:.2f}" if row.capability else "",
        f"measure {row.measure.mean:.2f}" if row.measure else "",
        f"worst {row.worst_category[0]} {row.worst_category[1]:.2f}" if row.worst_category else "",
    ]
    return f"{row.agent}: {', '.join(filter(None, parts)) or 'no anchors, no scores'}"


def _print_plan(cells: list[Any], every: list[Any], folder: Path, workers: int) -> None:
    """Prints the cells of a sweep, its expected duration and the differences it can detect.

    every: the cells of the plan, with those that have a result.
    """
    from safegrid.benchmark.sweep import expected_seconds
    from safegrid.evaluation.intervals import detectable

    _name_unrelated_files(folder)
    for cell in cells:
        console.print(f"  {_label(cell)}", markup=False, highlight=False, soft_wrap=True)
    folders = (folder, Path("experiments", "results"))
    seconds, without_estimate = expected_seconds(cells, folders)
    if not cells:
        expected = ""
    elif without_estimate == len(cells):
        expected = ": for how long is not known, because none has a log of an earlier run"
    else:
        expected = f": about {seconds / workers / 60:.1f} minutes with {workers} workers"
        if without_estimate:
            expected += f", plus {without_estimate} cells without an estimate"
    console.print(f"{len(cells)} cells to run{expected}", highlight=False, soft_wrap=True)
    runs = Counter((cell.agent, cell.environment, cell.level) for cell in every)
    seeds, levels = min(runs.values(), default=0), len({place[1:] for place in runs})
    for count, where in ((1, "on one level"), (levels, f"over all {levels}")):
        if runs and (least := detectable(seeds, count)) is not None:
            console.print(
                f"{seeds} runs detect differences of scores {where} of {least:.2f} or more",
                highlight=False,
            )


def _label(cell: Any) -> str:
    return f"{cell.agent} on {cell.environment} {cell.level}, seed {cell.seed}"


def _results(folder: Path) -> tuple[list[Any], list[str]]:
    """The sound results below a folder, the faults of the other files, and what is not at hand."""
    from safegrid.benchmark.grouping import registered
    from safegrid.benchmark.results import read_all
    from safegrid.engine import files

    if not folder.is_dir():
        raise ValueError(f"results folder {str(folder)!r} does not exist: run safegrid bench first")
    _name_unrelated_files(folder)
    sound, faults = read_all(folder)
    found, absent = registered(sound)
    if not found and (reasons := [*absent, *faults]):
        raise ValueError(files.first_of(reasons))
    return found, [*faults, *absent]


def _name_unrelated_files(folder: Path) -> None:
    """Prints the JSON files and logs of a folder that are not of a sweep."""
    from safegrid.benchmark.results import unrelated_files

    for path in unrelated_files(folder):
        errors.print(f"skipped {path}: it is not a file of a sweep", markup=False)
