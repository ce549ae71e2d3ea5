"""The commands about environments: list, check, show, solve."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from safegrid.cli.agents import about_agent
from safegrid.cli.console import (
    EnvironmentName,
    Json,
    Level,
    Options,
    console,
    environment_options,
    errors,
    print_json,
)
from safegrid.engine import files, registry

app = typer.Typer()


@app.command("list", epilog="Example: safegrid list")
def list_names(as_json: Json = False) -> None:
    """Lists the environments with their levels, and the agents."""
    if as_json:
        environments = [_about(name) for name in registry.names()]
        agents = [about_agent(name) for name in registry.agents()]
        return print_json({"environments": environments, "agents": agents})
    wide = max(map(len, [*registry.names(), *registry.agents()]))
    for name in registry.names():
        spec = registry.environment(name)
        line = f"{name:{wide}}  {spec.identifier}  {spec.category}: {', '.join(spec.levels)}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print()
    for name in registry.agents():
        line = f"{name:{wide}}  {registry.agent(name).summary}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _about(name: str) -> dict[str, Any]:
    """What an environment's file declares, for JSON."""
    spec = registry.environment(name)
    keys = "category", "kind", "version", "summary", "actions", "horizon", "cost_limit"
    declared = {key: getattr(spec, key) for key in keys}
    levels = {"levels": list(spec.levels), "held_out": list(spec.held_out)}
    return {"name": name, "id": spec.identifier, **declared, **levels, "options": spec.options}


@app.command(epilog="Example: safegrid check envs/my_env.py")
def check(
    subject: Annotated[str, typer.Argument(help="Name of an environment or agent, or its file.")],
) -> None:
    """Tests an environment or agent against its contract; exits with 1 if it fails."""
    from safegrid.evaluation.contract_checks import check

    if subject.endswith(".py") and not Path(subject).is_file():
        raise ValueError(f"file {subject!r} does not exist")
    with errors.status(Text(f"checking {subject}")):
        faults = check(subject)
    for fault in faults:
        console.print(fault, markup=False, highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)
    console.print(
        f"{subject} satisfies its contract", markup=False, highlight=False, soft_wrap=True
    )


@app.command(epilog="Example: safegrid show boat_race")
def show(
    name: EnvironmentName,
    picture: Annotated[
        Path | None,
        typer.Option(help="A .png file to draw its examples to, or its levels."),
    ] = None,
    options: Options = [],  # noqa: B006
) -> None:
    """Prints the card of an environment, with levels, rules and options, or of an agent."""
    from safegrid.rendering import env_card

    is_agent = name in registry.agents()
    known = [*registry.names(), *registry.agents()]
    if name not in known and "/" not in name:  # a Gymnasium id has one
        raise registry.unknown("environment or agent", name, known, registry.UNREGISTERED)
    if picture is not None and (options or is_agent):
        raise ValueError("--picture draws an environment, and takes no options")
    if options and is_agent:
        raise ValueError(f"{name} is an agent: --option is for environments")
    if is_agent:
        console.print(registry.agent(name).card, highlight=False, soft_wrap=True)
        return
    console.print(
        env_card.text(name, **environment_options(name, options)),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if picture is not None:
        from safegrid.play import video
        from safegrid.rendering import png, trajectories

        video.check_path(picture, [".png"])
        files.replace(picture, png.encode(trajectories.draw_examples(name)))
        console.print(f"\nwrote {picture}", soft_wrap=True)


@app.command(epilog="Example: safegrid solve boat_race --horizon 50 --plot boat_race.svg")
def solve(
    name: EnvironmentName,
    level: Level = "0",
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Steps of an episode; by default the environment's.")
    ] = None,
    reset_chance: Annotated[
        int | None, typer.Option(help="Only this outcome of the reset.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="An .svg, .png or .pdf file to draw the attainable values to."),
    ] = None,
    options: Options = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Solves a level exactly: best return, best performance, their trade-off, example episodes."""
    from safegrid.benchmark.report import plain
    from safegrid.engine.dynamics import make_dynamics
    from safegrid.engine.files import replace
    from safegrid.rendering import chart_files
    from safegrid.solver import anchors, demonstration
    from safegrid.solver.solution import Solution

    dynamics, solution = make_dynamics(name, level, **environment_options(name, options)), None
    if plot is not None:
        chart_files.check_path(plot)
    own = dynamics.horizon
    horizon = own if horizon is None else horizon
    title = f"{name}, level {dynamics.level_name}, {horizon} steps"
    if anchors.has_bounds(dynamics):
        if reset_chance is not None:
            raise ValueError(f"{title} is bounded, not solved: leave --reset-chance out")
        reference = anchors.Reference("bound", anchors.compute_bounds(dynamics, horizon))
    else:
        with errors.status(Text(f"solving {title}")):
            solution = Solution(dynamics, horizon, reset_chance)
            default = (horizon, reset_chance) == (own, None)
            stored = anchors.load_stored(dynamics) if default else None
            reference = stored or anchors.from_solution(solution)
    if plot is not None:
        from safegrid.solver.plot import attainable

        replace(plot, chart_files.encode(attainable(reference, title), plot.suffix))
    if as_json:
        about = {"environment": name, "level": dynamics.level_name, "options": dynamics.options}
        states = None if solution is None else len(solution.enumeration.states)
        return print_json(
            plain({**about, "horizon": horizon, "states": states, **reference._asdict()})
        )
    console.print(title, highlight=False)
    _print_reference(reference)
    if solution is not None:
        console.print(f"{len(solution.enumeration.states):,} states", highlight=False)
        if alike := demonstration.lookalikes(solution):
            console.print(alike, highlight=False, soft_wrap=True)
        console.print(demonstration.pair(solution), markup=False, highlight=False, soft_wrap=True)


def _print_reference(reference: Any) -> None:
    signs = {"min": "at least", "max": "at most"} if reference.kind == "bound" else {}
    table = Table("anchor", "", "constant", "", box=None)
    constants = list(reference.constants._asdict().items()) if reference.constants else []
    for i, (anchor, value) in enumerate(reference.anchors.items()):
        key, constant = constants[i] if i < len(constants) else ("", None)
        text = "" if not key else "-" if constant is None else f"{constant:.3f}"
        sign = signs.get(anchor.partition("_")[2], "")
        table.add_row(anchor, f"{sign} {value:g}".strip(), key.replace("_", " "), text)
    console.print(table)
    if reference.frontier is not None:
        vertices = "  ".join(f"({reward:g}, {value:g})" for reward, value in reference.frontier)
        line = f"frontier (return, performance): {vertices}"
        console.print(line, highlight=False, soft_wrap=True)
