"""The command line: exit code 0 on success, 1 on a failed check, 2 on bad usage, 130 on Ctrl-C."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from safegrid import files, registry
from safegrid.leaderboard.command import app as leaderboard

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    help="SafeGrid: safe-RL benchmarks that show a reward and hide the performance that is meant.",
)
app.add_typer(leaderboard, name="leaderboard")
console, errors = Console(), Console(stderr=True, soft_wrap=True)

Settings = Annotated[
    list[str], typer.Option("--set", help="key=value, again for each; the value is read as JSON.")
]
Options = Annotated[
    list[str], typer.Option("--option", help="key=value of the environment, again for each.")
]
Level = Annotated[str, typer.Option(help="Name or number of the level.")]
Seed = Annotated[int, typer.Option(min=0, help="Everything random derives from it.")]
Theme = Annotated[str, typer.Option(help="okabe_ito, or paper for the paper's colours.")]
Episodes = Annotated[int, typer.Option(min=1, help="How many episodes to play.")]


@app.command("list", epilog="Example: safegrid list")
def list_names() -> None:
    """The environments and the agents."""
    wide = max(map(len, [*registry.names(), *registry.agents()]))
    for name in registry.names():
        environment = registry.environment(name)
        levels = ", ".join(environment.LEVELS)
        line = f"{name:{wide}}  {registry.identifier(name)}  {environment.CATEGORY}: {levels}"
        console.print(line, soft_wrap=True, highlight=False)
    console.print()
    for name in registry.agents():
        about = (registry.agent(name).__doc__ or "").splitlines()[0].partition(": ")[2]
        console.print(f"{name:{wide}}  {about}", soft_wrap=True, highlight=False)


@app.command("agents", epilog="Example: safegrid agents")
def list_agents() -> None:
    """The agents and what they assume."""
    names = registry.agents()
    wide = max(map(len, names))
    for name in names:
        module = registry.agent(name)
        sees = "hidden information" if module.USES_HIDDEN_INFO else "observations"
        sees += " and remembers" * getattr(module, "MEMORY", False)
        kinds = " or ".join(registry.spaces(name))
        line = f"{name:{wide}}  sees {sees}; {kinds} actions; {module.STEPS:,} steps"
        console.print(line, soft_wrap=True, highlight=False)


@app.command(epilog="Example: safegrid show boat_race")
def show(
    name: str,
    picture: Annotated[
        Path | None, typer.Option(help="A .png of its honest and its tempting example.")
    ] = None,
) -> None:
    """An environment's card: its levels, rules and options."""
    from safegrid import card

    console.print(card.text(name), markup=False, highlight=False, soft_wrap=True)
    if picture is not None:
        from safegrid import record, routes

        record.check(picture, [".png"])
        files.replace(picture, record.png(routes.card(name)))
        console.print(f"\nwrote {picture}", soft_wrap=True)


@app.command(epilog="Example: safegrid play boat_race --terminal")
def play(
    name: str,
    level: Level = "0",
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option(help="Where S writes the game; NAME-LEVEL-SEED.szr by default.")
    ] = None,
    theme: Theme = "okabe_ito",
    tile_size: Annotated[int, typer.Option(help="Pixels of a tile.")] = 48,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="In this terminal, not in a window.")
    ] = False,
    settings: Settings = [],  # noqa: B006
) -> None:
    """A game for a person; --set gives the environment's options."""
    from safegrid.play import Session, in_window

    session = Session(name, level, seed, save, theme, tile_size, **_pairs(settings))
    if terminal:
        from safegrid.terminal import in_terminal

        in_terminal(session)
    else:
        in_window(session)


@app.command(epilog="Example: safegrid record boat_race-course-0.szr --out episode.gif")
def record(
    source: Annotated[Path, typer.Argument(help="A result of a sweep, or a replay.")],
    out: Annotated[Path, typer.Option(help="A .gif or .mp4, or a .png for a film strip.")],
    episode: Annotated[int, typer.Option(min=0, help="Which of its episodes.")] = 0,
    theme: Theme = "okabe_ito",
    tile_size: Annotated[int, typer.Option(help="Pixels of a tile.")] = 32,
    fps: Annotated[int, typer.Option(min=1, max=50, help="Steps a second.")] = 5,
) -> None:
    """Draws a recorded episode, with its performance beside it."""
    from safegrid import record
    from safegrid.render import Painter

    record.check(out)
    game = record.game(record.read(source), episode)
    record.write(out, game, Painter(game.dynamics, theme, tile_size), fps)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command(epilog="Example: safegrid solve boat_race --horizon 50 --plot boat_race.svg")
def solve(
    name: str,
    level: Level = "0",
    horizon: Annotated[int, typer.Option(min=1, help="Steps of an episode.")] = 100,
    reset_chance: Annotated[int | None, typer.Option(help="One outcome of the reset.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Where a picture (SVG) of what is attainable goes.")
    ] = None,
) -> None:
    """The exact anchors of a level, the safest episode, and a perfect reward maximiser's."""
    from safegrid import anchors, demonstration
    from safegrid.dynamics import Dynamics
    from safegrid.files import replace
    from safegrid.solver import Solution

    settled, solution = Dynamics(name, level), None
    title = f"{name}, level {settled.level_name}, {horizon} steps"
    if anchors.bounded(settled):
        reference = anchors.Reference("bound", anchors.bounds(settled, horizon))
    else:
        with errors.status(f"solving {title}"):
            solution = Solution(settled, horizon, reset_chance)
        reference = anchors.exact(solution)
    if plot is not None:
        from safegrid.plot import attainable

        if plot.suffix != ".svg":
            raise ValueError(f"--plot {str(plot)!r} is no SVG: give a name that ends in .svg")
        replace(plot, attainable(reference, title).encode())
    console.print(title, highlight=False)
    _print_reference(reference)
    if solution is not None:
        console.print(f"{len(solution.enumeration.states):,} states", highlight=False)
        console.print(demonstration.pair(solution), markup=False, highlight=False, soft_wrap=True)


def _print_reference(reference: Any) -> None:
    signs = {"min": "at least", "max": "at most"} if reference.kind == "bound" else {}
    table = Table("anchor", "", "constant", "", box=None)
    constants = list(reference.constants._asdict().items()) if reference.constants else []
    for i, (anchor, value) in enumerate(reference.anchors.items()):
        key, constant = constants[i] if i < len(constants) else ("", None)
        shown = "" if not key else "-" if constant is None else f"{constant:.3f}"
        sign = signs.get(anchor.partition("_")[2], "")
        table.add_row(anchor, f"{sign} {value:g}".strip(), key.replace("_", " "), shown)
    console.print(table)
    if reference.frontier is not None:
        vertices = "  ".join(f"({reward:g}, {value:g})" for reward, value in reference.frontier)
        line = f"frontier (return, performance): {vertices}"
        console.print(line, highlight=False, soft_wrap=True)


@app.command(
    epilog="Example: safegrid train ppo boat_race --steps 200000 --seed 1 --out ppo.safetensors"
)
def train(
    agent: str,
    environment: str,
    steps: Annotated[int | None, typer.Option(min=0, help="Steps of the environment.")] = None,
    seed: Seed = 0,
    level: Level = "0",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Where the policy goes.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="A folder for TensorBoard: return, and performance.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A file to go on from after an interruption.")
    ] = None,
    settings: Settings = [],  # noqa: B006
    options: Options = [],  # noqa: B006
) -> None:
    """Trains an agent and saves its policy."""
    from safegrid import benchmark, policies

    told, place = _pairs(settings), _pairs(options)
    cell = benchmark.cell(agent, environment, level, seed, steps, settings=told, options=place)
    path = out or Path("policies", f"{agent}-{environment}-{cell.level}-{seed}.safetensors")
    policies.check_writable(path)
    with _progress(TextColumn("steps/s {task.speed:,.0f}", justify="right")) as progress:
        task = progress.add_task(f"{agent} on {environment}", total=cell.steps)
        try:
            policy = benchmark.train(
                cell,
                device,
                lambda done: progress.update(task, completed=min(done, cell.steps)),
                log,
                checkpoint,
            )
        except KeyboardInterrupt:
            kept = checkpoint is not None and checkpoint.exists()
            goes_on = f"; the same command goes on from {checkpoint}" if kept else ""
            errors.print(f"interrupted: the policy is not saved{goes_on}")
            raise typer.Exit(130) from None
    policies.save(policy, path, cell)
    console.print(
        f"policy in {path}; safegrid evaluate {path} shows how safe it is", soft_wrap=True
    )


@app.command(
    epilog="Example: safegrid evaluate policies/ppo-boat_race-course-0.safetensors --episodes 200"
)
def evaluate(
    policy: Annotated[Path, typer.Argument(help="A file that `safegrid train` wrote.")],
    environment: Annotated[
        str | None, typer.Option(help="Another environment than it was trained on.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Another level than it was trained on.")] = None,
    episodes: Episodes = 100,
    seed: Seed = 0,
) -> None:
    """Plays a policy and reports its return beside its true performance."""
    from safegrid import policies
    from safegrid.dynamics import Dynamics
    from safegrid.evaluation import evaluate
    from safegrid.fingerprint import fingerprint
    from safegrid.scores import score

    loaded, cell = policies.load(policy)
    trained = Dynamics(cell.environment, cell.level, **cell.options)
    if fingerprint(trained) != cell.dynamics:
        errors.print(f"{cell.environment} is no longer what {policy} was trained on", markup=False)
    place, where = (
        environment or cell.environment,
        level or (cell.level if environment is None else "0"),
    )
    records = evaluate(loaded, place, episodes, seed, where, **cell.options)
    reached = score([records], place, where, **cell.options)
    title = f"{cell.agent} on {place}, level {where}"
    table = Table("", "mean an episode", "lowest", "highest", title=title, box=None)
    for key in ("return", "performance", "cost", "length"):
        values = records[key]
        table.add_row(key, f"{values.mean():.2f}", f"{values.min():.2f}", f"{values.max():.2f}")
    table.add_row("gap", f"{reached.gap.mean:.2f}", "", "")
    for key in ("capability", "safety", "alignment"):
        if (scored := getattr(reached.anchored, key, None)) is not None:
            table.add_row(key, f"{scored.mean:.2f}", "", "")
    console.print(table)


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
    from safegrid import benchmark
    from safegrid.executors import Means
    from safegrid.results import set_aside
    from safegrid.sweep import sweep

    folder = results or Path("experiments", "results", suite.stem)
    plan = benchmark.read_suite(suite)
    cells = plan.cells()
    todo, damaged = benchmark.missing(cells, folder)
    if len(todo) < len(cells):
        console.print(f"{len(cells) - len(todo)} of {len(cells)} cells have a result already")
    if dry_run:
        return _say(todo, folder, workers, plan.seeds)
    for path in damaged:
        errors.print(f"a damaged result is set aside as {set_aside(path)}", markup=False)
    failures = []
    with _progress() as progress:
        task = progress.add_task(f"suite {suite.stem}", total=len(todo))

        def report(cell: Any, error: str | None) -> None:
            progress.advance(task)
            progress.console.print(
                f"  {_label(cell)}: {error or 'done'}", markup=False, soft_wrap=True
            )
            if error:
                failures.append(cell)

        try:
            means = Means(workers, plan.seconds, plan.memory, address)
            sweep(todo, folder, report, engine, means)
        except KeyboardInterrupt:
            left = len(benchmark.missing(cells, folder)[0])
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
    from safegrid import markdown
    from safegrid.comparison import compare

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

    from safegrid import markdown
    from safegrid.report import plain, report
    from safegrid.results import failures

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
    from safegrid.intervals import detectable
    from safegrid.sweep import expected_seconds

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
    from safegrid.results import read_all

    if not folder.is_dir():
        raise ValueError(f"results folder {str(folder)!r} is not there: safegrid bench makes one")
    return read_all(folder)


def _progress(*extra: Any) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def _pairs(settings: list[str]) -> dict[str, Any]:
    import json

    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} has no value: write key=value")
        try:
            pairs[key] = json.loads(value)
        except json.JSONDecodeError:
            pairs[key] = value
    return pairs


def main() -> None:
    """Runs the command line; errors are one line that says what to do."""
    try:
        app()
    except (ValueError, OSError) as error:
        errors.print(f"safegrid: {error}", markup=False, highlight=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        errors.print(
            f"safegrid: {error.name} is not installed: pip install 'safegrid-rl[all]'", markup=False
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
