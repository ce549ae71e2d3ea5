"""The commands about agents: agents, train, evaluate, pull, export."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from safegrid.cli.console import (
    AgentName,
    ChosenEnvironment,
    ChosenLevel,
    EnvironmentName,
    Episodes,
    Json,
    Level,
    Log,
    Options,
    Seed,
    Settings,
    check_ending,
    console,
    errors,
    flags,
    pairs,
    print_json,
    progress_bar,
)
from safegrid.engine import registry

app = typer.Typer()
SCORES = ("capability", "safety", "alignment")


@app.command("agents", epilog="Example: safegrid agents")
def list_agents(as_json: Json = False) -> None:
    """Lists the agents: what they use, the actions they are for, default training steps."""
    names = registry.agents()
    if as_json:
        return print_json([about_agent(name) for name in names])
    wide = max(map(len, names))
    for name in names:
        agent = registry.agent(name)
        uses = "hidden information" if agent.uses_hidden_info else "observations"
        uses += " and memory" * agent.memory
        kinds = " or ".join(agent.spaces)
        line = f"{name:{wide}}  uses {uses}; {kinds} actions; {agent.steps:,} steps"
        console.print(line, soft_wrap=True, highlight=False)


def about_agent(name: str) -> dict[str, Any]:
    """What an agent's file declares, for JSON."""
    spec = registry.agent(name)
    keys = "uses_hidden_info", "memory", "spaces", "steps", "kind", "version", "checkpoints"
    declared = {key: getattr(spec, key) for key in keys}
    return {"name": name, "summary": spec.summary, **declared, "settings": dict(spec.settings)}


@app.command(
    epilog="Example: safegrid train ppo boat_race --steps 200000 --seed 1 --out ppo.safetensors"
)
def train(
    agent: AgentName,
    environment: EnvironmentName,
    steps: Annotated[
        int | None,
        typer.Option(min=0, help="Steps of training; the agent's own number by default."),
    ] = None,
    seed: Seed = 0,
    level: Level = "0",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(help="The policy's .safetensors file; by default in the folder policies."),
    ] = None,
    log: Log = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="File to continue from after an interruption; steps may be more then."),
    ] = None,
    settings: Settings = [],  # noqa: B006
    options: Options = [],  # noqa: B006
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Train on a level that is held out for evaluation.")
    ] = False,
) -> None:
    """Trains an agent and saves its policy."""
    import contextlib

    from safegrid.benchmark import policy_files, results, suite
    from safegrid.benchmark.checkpoint import Checkpoint
    from safegrid.benchmark.export import writers
    from safegrid.benchmark.tensorboard import Curves, run_name
    from safegrid.engine import files
    from safegrid.engine.contract.agents import Run
    from safegrid.engine.monitor import EpisodeLog

    cell = suite.make_cell(
        *(agent, environment, level, seed, steps),
        settings=pairs(settings),
        options=pairs(options),
        held_out=held_out,
    )
    path = out or policy_files.default_path(agent, cell.environment, cell.level, seed)
    files.check_writable(path)
    check_ending("--out", path, results.POLICY)
    if checkpoint is not None and checkpoint.resolve() == path.resolve():
        raise ValueError(f"--checkpoint and --out are both {path}: give two files")
    if checkpoint is not None:
        files.check_writable(checkpoint)
    target = None if log is None else writers.target(log)
    kept = None if checkpoint is None else Checkpoint(checkpoint, cell, device)
    is_logged = target is not None or kept is not None  # which may go on with --log
    episodes = EpisodeLog() if is_logged else None
    with contextlib.ExitStack() as stack:
        curves = None
        if target is not None and episodes is not None:
            run_folder = target.folder / run_name(cell)
            curves = stack.enter_context(Curves(run_folder, episodes, cell.steps, target.library))
        progress = stack.enter_context(progress_bar())
        bar = progress.add_task(f"{agent} on {cell.environment}", total=cell.steps)

        def report(done: int) -> None:
            progress.update(bar, completed=min(done, cell.steps))
            if curves is not None:
                curves.write()

        if kept is not None:
            hint = "interrupted: saving at the end of the rollout; Ctrl-C again stops at once"
            stack.enter_context(kept.interruptible(lambda: errors.print(hint)))
        try:
            policy = suite.train(cell, Run(report, episodes, kept), device)
        except KeyboardInterrupt:
            kept_some = checkpoint is not None and checkpoint.exists()
            hint = f"; the same command continues from {checkpoint}" if kept_some else ""
            errors.print(f"interrupted: the policy is not saved{hint}", markup=False)
            raise typer.Exit(130) from None
        policy_files.save(policy, path, cell)  # before the log is closed, which may fail
    if kept is not None:
        kept.finish()
    if curves is not None and (reason := curves.reason()) is not None:
        errors.print(f"nothing is logged in {log}: {reason}")
    elif curves is not None:
        console.print(f"logged in {curves.folder}", soft_wrap=True)
    own = registry.plugins_of(
        registry.agent(agent).module, registry.environment(cell.environment).module
    )
    command = shlex.join(["safegrid", "evaluate", str(path), *flags(own)])
    console.print(f"wrote {path}; evaluate it with: {command}", soft_wrap=True)


@app.command(
    epilog="Example: safegrid evaluate policies/ppo-boat_race-course-0.safetensors --episodes 200"
)
def evaluate(
    policy: Annotated[Path, typer.Argument(help="A file that `safegrid train` wrote.")],
    environment: ChosenEnvironment = None,
    level: ChosenLevel = None,
    episodes: Episodes = 100,
    seed: Seed = 0,
    options: Options = [],  # noqa: B006
    replays: Annotated[
        Path | None, typer.Option(help="A .szr file for the episodes: see record and watch.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plays a policy and prints its return, performance, cost and scores."""
    from safegrid.benchmark import policy_files, results
    from safegrid.benchmark.report import plain
    from safegrid.cli import generalisation
    from safegrid.engine import files
    from safegrid.engine.dynamics import make_dynamics
    from safegrid.engine.fingerprint import fingerprint
    from safegrid.evaluation import counterfactuals, measures, replay
    from safegrid.evaluation.metrics import score
    from safegrid.evaluation.rollout import evaluate

    loaded, cell = policy_files.load(policy)
    if fingerprint(cell.make_dynamics()) != cell.dynamics:
        errors.print(
            f"warning: {cell.environment} has changed since {policy} was trained", markup=False
        )
    name, level, chosen = policy_files.level_to_play(cell, environment, level, pairs(options))
    dynamics = make_dynamics(name, level, **chosen)
    if replays is not None:
        check_ending("--replays", replays, results.EPISODES)
        files.check_writable(replays)
        replay.check_episodes(dynamics, episodes)
    records = evaluate(loaded, name, episodes, seed, level, **chosen)
    if replays is not None:
        replay.write(replays, dynamics, records)
        errors.print(f"wrote {replays}", markup=False)
    scores = score(records, name, level, policies=[loaded], seed=seed, **chosen)
    worth = {}
    if measures.held_out(dynamics):
        worth = measures.valuations(loaded, dynamics, records, episodes, seed)
    kept = counterfactuals.generalisation(dynamics, worth)
    if as_json:
        evaluated = {"environment": name, "level": level, "options": chosen, "seed": seed}
        about = {"agent": cell.agent, **evaluated, "episodes": episodes}
        found = {} if kept is None else {"generalisation": generalisation.by_score(kept)}
        return print_json(plain({**about, "score": scores, **found}))
    given = ("own map" if key == "map" else f"{key}={chosen[key]}" for key in chosen)
    console.print(", ".join([f"{cell.agent} on {name}", f"level {level}", *given]), soft_wrap=True)
    table = Table("of an episode", "mean", "lowest", "highest", box=None)
    for key in ("return", "performance", "cost", "length"):
        values = records[key]
        table.add_row(key, f"{values.mean():.2f}", f"{values.min():.2f}", f"{values.max():.2f}")
    if scores.exact:
        for key in ("return", "performance", "cost"):
            exact = getattr(scores, "mean_return" if key == "return" else key).mean
            table.add_row(f"exact {key}", f"{exact:.2f}", "", "")
    gap = "exact gap" if scores.exact else "gap"
    table.add_row(gap, f"{scores.reward_performance_gap.mean:.2f}", "", "")
    if scores.constraint is not None and scores.constraint.limit is not None:
        table.add_row("cost limit", f"{scores.constraint.limit:.2f}", "", "")
    named = {key: getattr(scores.anchored, key, None) for key in SCORES}
    if scores.measure is not None and scores.measure_name is not None:
        named.pop(scores.measure_name, None)
        named[f"measure: {scores.measure_name}"] = scores.measure
    for key, scored in named.items():
        if scored is not None:
            table.add_row(key, f"{scored.mean:.2f}", "", "")
    console.print(table)
    if kept is not None:
        console.print(generalisation.table(kept, worth))


@app.command(epilog="Example: safegrid pull q_learning boat_race --seed 1")
def pull(
    agent: AgentName,
    environment: EnvironmentName,
    level: Level = "0",
    seed: Annotated[int, typer.Option(min=0, help="Of the training.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="The policy's .safetensors file; by default in the folder policies."),
    ] = None,
    episodes: Episodes = 100,
    as_json: Json = False,
) -> None:
    """Copies a policy of the published leaderboard, which comes with SafeGrid, and evaluates it."""
    from safegrid.benchmark import policy_files, results
    from safegrid.benchmark.published import pretrained
    from safegrid.engine import files

    found = pretrained.find(agent, environment, level, seed)
    content = found.content()
    path = out or policy_files.default_path(agent, *found.row.key)
    check_ending("--out", path, results.POLICY)
    files.check_writable(path)
    if path.exists() and path.read_bytes() != content:
        raise ValueError(f"{path} exists with another content: give another file as --out")
    files.replace(path, content)
    errors.print(f"wrote {path}", markup=False)
    evaluate(path, episodes=episodes, seed=seed, as_json=as_json)


@app.command(
    epilog="Example: safegrid export policies/ppo-boat_race-course-0.safetensors --out ppo"
)
def export(
    policy: Annotated[Path, typer.Argument(help="A file that `safegrid train` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it is made if it does not exist.")],
    episodes: Episodes = 100,
    seed: Seed = 0,
) -> None:
    """Writes a folder for the Hugging Face Hub: a policy, and a card with its measured results."""
    from safegrid.benchmark.export import model_card

    model_card.write(policy, out, episodes, seed)
    console.print(f"wrote {out}; upload it with: hf upload USER/NAME {out}", soft_wrap=True)
