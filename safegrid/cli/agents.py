"""The commands about agents: agents, train, evaluate."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TextColumn
from rich.table import Table

from safegrid.cli.console import (
    Episodes,
    Level,
    Options,
    Seed,
    Settings,
    console,
    errors,
    pairs,
    progress_bar,
)
from safegrid.engine import registry

app = typer.Typer()


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
    from safegrid.benchmark import policy_files, suite
    from safegrid.engine import files

    told, place = pairs(settings), pairs(options)
    cell = suite.make_cell(agent, environment, level, seed, steps, settings=told, options=place)
    path = out or Path("policies", f"{agent}-{environment}-{cell.level}-{seed}.safetensors")
    files.check_writable(path)
    with progress_bar(TextColumn("steps/s {task.speed:,.0f}", justify="right")) as progress:
        task = progress.add_task(f"{agent} on {environment}", total=cell.steps)
        try:
            policy = suite.train(
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
    policy_files.save(policy, path, cell)
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
    from safegrid.benchmark import policy_files
    from safegrid.engine.dynamics import Dynamics
    from safegrid.engine.fingerprint import fingerprint
    from safegrid.evaluation.metrics import score
    from safegrid.evaluation.rollout import evaluate

    loaded, cell = policy_files.load(policy)
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
