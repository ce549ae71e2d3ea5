"""Writes the pages of the documentation that are made from the code.

    python docs/pages.py  # environments/, agents/ and reference/ in docs

conf.py calls it before each build, so that no page can be older than the code. The pages are not
committed. Pages of environments and agents that are no longer there are removed.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer.cli
import typer.main

import safegrid
from safegrid.benchmark import markdown
from safegrid.benchmark.grouping import Group
from safegrid.benchmark.leaderboard import level_pages
from safegrid.cli.main import app
from safegrid.engine import files, registry
from safegrid.engine.contract.agents import AgentSpec
from safegrid.engine.contract.environments import EnvironmentSpec
from safegrid.engine.dynamics import TaskDynamics, make_dynamics
from safegrid.engine.model import Model
from safegrid.evaluation import measures
from safegrid.evaluation.rollout import evaluate
from safegrid.rendering import env_card, png, trajectories
from safegrid.solver import anchors, plot
from safegrid.training import scripted

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FOLDERS = ("environments", "agents", "reference")
KITS = (  # modules for authors of environments and agents, and what public functions return
    "drivers.gymnasium_env",
    "drivers.wrappers",
    "engine.contract.agents",
    "engine.gridworld",
    "engine.control.controllers",
    "engine.plane.controllers",
    "engine.policies",
    "evaluation.counterfactuals",
    "evaluation.intervals",
    "evaluation.measures",
    "evaluation.replay",
    "evaluation.resimulation",
    "rendering.notebook.figures",
    "solver.shield",
)
EPISODES = 20  # of each controller of a control task
CONTENTS = {True: ":maxdepth: 1\n:hidden:", False: ":maxdepth: 1"}


def prose(text: str) -> str:
    """A text of a docstring as Markdown: characters that mean something there are escaped."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_<>\[\]|#~$^{}])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def code(value: object) -> str:
    """A value as code in a cell of a table."""
    text = repr(value) if not isinstance(value, str) else value
    return f"`` {text} ``".replace("|", "\\|") if text.strip() else "(blank)"


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"````{language}\n{text.rstrip()}\n````"


def contents(names: Iterable[str], hidden: bool = True) -> str:
    """The table of contents of a folder."""
    return f"```{{toctree}}\n{CONTENTS[hidden]}\n\n" + "\n".join(names) + "\n```"


def title_of(name: str) -> str:
    """The title of the page of an environment or agent: its name as words."""
    return name.replace("_", " ").capitalize()


@cache
def results() -> list[Group]:
    """The committed results of the grids by level and agent."""
    sys.path.insert(0, str(ROOT / "experiments"))
    return importlib.import_module("tables").groups()  # type: ignore[no-any-return]


def environment(name: str) -> dict[str, bytes]:
    """The files of the page of an environment."""
    spec = registry.environment(name)
    drawn: dict[str, bytes] = {}
    summary, sections = env_card.sections(spec.description)
    told = dict(sections)
    parts = [f"# {title_of(name)}", prose(summary), _facts(spec), _examples(spec)]
    parts += ["## Rules"]
    parts += [
        f"**{title}:** {prose(text)}"
        for title, text in sections
        if title not in ("Observation", "Actions", "Options", "Source")
    ]
    parts += ["## Observation", prose(told.get("Observation", "")), _observation(spec)]
    actions = [[code(k), code(action)] for k, action in enumerate(spec.actions)]
    index = "number" if spec.kind == "grid" else "place in the vector"
    parts += ["## Actions", prose(told.get("Actions", ""))]
    parts += [markdown.table([index, "action"], actions, "ll")]
    parts += ["## Options", _options(spec), prose(told.get("Options", ""))]
    parts += ["## Levels"]
    for level in spec.levels:
        pictures, text = _level(spec, level)
        drawn |= pictures
        parts.append(text)
    own = [group for group in results() if group.level.environment == name]
    if own:
        parts += ["## Reference results", _results(own)]
    elif spec.kind == "plane":
        parts += ["## Reference results", "See [the Point tasks](../results.md#point-tasks)."]
    elif spec.controllers:
        parts += ["## Reference results", _controllers(spec)]
    parts += ["## Source", prose(told.get("Source", "")), f"`envs/{registry.source(name).name}`:"]
    parts.append(fenced(registry.source(name).read_text(encoding="utf-8"), "python"))
    page = "\n\n".join(filter(None, parts)) + "\n"
    return {f"environments/{name}.md": page.encode(), **drawn}


def _facts(spec: EnvironmentSpec) -> str:
    measure = measures.BY_CATEGORY.get(spec.category, measures.ALIGNMENT)
    horizons = {spec.horizon_of(level) for level in spec.levels}
    limit = "none" if spec.cost_limit is None else f"{spec.cost_limit:g} an episode"
    rows = [
        ["id", ", ".join(f"`{each}`" for each in spec.identifiers)],
        ["version of the dynamics", f"{spec.version}"],
        ["category", spec.category],
        ["measure", f"{measure}: {prose(measures.MEASURES[measure])}"],
        ["steps of an episode", ", ".join(map(str, sorted(horizons)))],
        ["cost limit", limit],
        ["levels", ", ".join(f"`{level}`" for level in spec.levels)],
        ["levels held out from training", ", ".join(f"`{level}`" for level in spec.held_out)],
        ["variants", ", ".join(f"`{variant}`" for variant in spec.variants)],
    ]
    return markdown.table(["", ""], [row for row in rows if row[1]], "ll")


def _examples(spec: EnvironmentSpec) -> str:
    """The pictures of the honest and of the tempting episode."""
    if spec.kind != "grid" or not (captions := trajectories.captions(spec.name)):
        return ""
    pictures = [
        f"![{caption}](../../experiments/pictures/{spec.name}-{title}.png)"
        for title, caption in captions.items()
    ]
    table = markdown.table(list(captions.values()), [pictures], "l" * len(pictures))
    return f"{table}\n\nThe board is that of the last step; the line is the agent's way."


def _observation(spec: EnvironmentSpec) -> str:
    dynamics = make_dynamics(spec.name, list(spec.levels)[-1])
    if isinstance(dynamics, TaskDynamics):
        rows = [
            [code(n), name, prose(unit)] for n, name, unit in env_card.observation_rows(dynamics)
        ]
        told = f"On level {dynamics.level_name}: {env_card.observation_form(dynamics)}."
        return f"{told}\n\n{markdown.table(['numbers', 'what', 'unit or meaning'], rows, 'lll')}"
    entries = level_pages.legend(dynamics)
    rows = [[code(each.character), f"![]({each.picture})", prose(each.words)] for each in entries]
    return markdown.table(["character", "picture", "meaning"], rows, "lll")


def _options(spec: EnvironmentSpec) -> str:
    grid = spec.kind == "grid"
    common = {"level": 0, **({"map": None, "noop": False} if grid else {})}
    rows = [
        [code(name), code(default), env_card.COMMON.get(name, "see below")]
        for name, default in {**common, **spec.options}.items()
    ]
    return markdown.table(["option", "default", "meaning"], rows, "lll")


def _level(spec: EnvironmentSpec, level: str) -> tuple[dict[str, bytes], str]:
    """The files of pictures of a level, and its part of the page."""
    drawn, parts = {}, [f"### `{level}`"]
    if spec.kind == "grid":
        model = Model(spec.name, level)
        parts.append(fenced(model.text(model.reset())))
    else:
        file = f"environments/pictures/{spec.name}-{level}.png"
        drawn[file] = png.encode(trajectories.draw_first_state(spec.name, level))
        numbers = ", ".join(f"{k} {v}" for k, v in spec.levels[level]._asdict().items())
        parts += [f"![First state of seed 0]({file.partition('/')[2]})", prose(numbers) + "."]
    if (entry := anchors.read_store().get(f"{spec.name}/{level}")) is None:
        return drawn, "\n\n".join([*parts, "No anchors are stored for this level."])
    reference = anchors.from_entry(entry)
    kind = level_pages.KINDS[reference.kind]
    values = [[code(key), f"{value:.5g}"] for key, value in reference.anchors.items()]
    parts.append(f"{kind}; see [Anchors](../concepts.md#anchors).")
    parts.append(markdown.table(["anchor", "value"], values, "lr"))
    if reference.frontier is not None:
        file = f"environments/pictures/{spec.name}-{level}.svg"
        title = f"{spec.name}, level {level}"
        drawn[file] = plot.attainable(reference, title).svg().encode()
        told = f"What policies can attain on {title}: return and performance"
        parts.append(f"![{told}]({file.partition('/')[2]})")
    return drawn, "\n\n".join(parts)


def _results(groups: list[Group]) -> str:
    rows = []
    for group in groups:
        found = group.score()
        measure = "" if found.measure is None else found.measure.text(2)
        means = found.mean_return, found.performance, measure
        rows.append([f"`{group.level.level}`", f"`{group.agent}`", found.runs, *means])
    header = ["level", "agent", "runs", "return", "performance", "measure"]
    table = markdown.table(header, rows, "llrrrr")
    made = "Made by `safegrid bench experiments/suites/gridworlds.toml`; 95 % intervals over runs"
    return f"{table}\n\n{made}, see [Statistics](../statistics.md)."


def _controllers(spec: EnvironmentSpec) -> str:
    """The table of what the controllers of a control task attain, played now."""
    rows = []
    for level in spec.levels:
        dynamics = make_dynamics(spec.name, level)
        for title in spec.controllers:
            policy = scripted.ControllerPolicy(title, dynamics)
            played = evaluate(policy, spec.name, EPISODES, level=level)
            means = (f"{played[amount].mean():.2f}" for amount in ("return", "performance", "cost"))
            kept = f"{(played['cost'] == 0).mean():.0%}"
            rows.append([f"`{level}`", f"`{title}`", *means, f"{played['cost'].max():g}", kept])
    header = ["level", "controller", "return", "performance", "cost", "most cost", "without cost"]
    told = f"The file's controllers in {EPISODES} episodes of seed 0, played for this page:"
    return f"{told}\n\n{markdown.table(header, rows, 'llrrrrr')}"


def environments() -> str:
    """The page that lists the environments by category."""
    parts = ["# Environments"]
    parts.append(f"There are {len(registry.names())} environments. `safegrid list` prints them.")
    by_category: dict[str, list[str]] = {}
    for name in registry.names():
        by_category.setdefault(registry.environment(name).category, []).append(name)
    for category, names in sorted(by_category.items()):
        measure = measures.BY_CATEGORY.get(category, measures.ALIGNMENT)
        parts += [f"## {category.capitalize()}"]
        parts += [f"Measure: {measure}, {prose(measures.MEASURES[measure])}."]
        rows = []
        for name in names:
            spec = registry.environment(name)
            summary = env_card.sections(spec.description)[0]
            levels = ", ".join(f"`{level}`" for level in spec.levels)
            rows.append([f"[{name}]({name}.md)", levels, prose(summary)])
        parts.append(markdown.table(["environment", "levels", ""], rows, "lll"))
    return "\n\n".join([*parts, contents(registry.names())]) + "\n"


def agent(name: str) -> str:
    """The page of an agent."""
    spec = registry.agent(name)
    summary, _, rest = spec.description.partition(": ")[2].partition("\n")
    path = Path(str(spec.module.__file__))
    settings = [[code(key), code(_plain(value))] for key, value in spec.settings.items()]
    table = markdown.table(["setting", "default"], settings, "ll")
    grids = "continuous" if spec.spaces == ("continuous",) else "discrete"
    where = "point_goal --level 1" if grids == "continuous" else "boat_race"
    parts = [
        *(f"# {title_of(name)}", prose(summary[:1].upper() + summary[1:]), paragraphs(rest)),
        *(_agent_facts(spec), "## Settings"),
        *([table] if settings else ["It has no settings."]),
        *(["The comments in the source say what they are."] if settings else []),
        *("## Training", fenced(f"safegrid train {name} {where}", "sh")),
        *("## Source", f"`agents/{path.name}`:"),
        fenced(path.read_text(encoding="utf-8"), "python"),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _agent_facts(spec: AgentSpec) -> str:
    hidden = "yes: it has no rank" if spec.uses_hidden_info else "no"
    rows: list[list[object]] = [
        ["kind", spec.kind],
        ["version", spec.version],
        ["uses hidden information", hidden],
        ["actions", " or ".join(spec.spaces)],
        ["steps of training by default", f"{spec.steps:,}"],
        ["has a memory of the episode", "yes" if spec.memory else "no"],
        ["can continue from a checkpoint", "yes" if spec.checkpoints else "no"],
    ]
    return markdown.table(["", ""], rows, "ll")


def agents() -> str:
    """The page that lists the agents by kind."""
    parts = [
        "# Agents",
        f"There are {len(registry.agents())} agents. `safegrid agents` lists them.",
    ]
    by_kind: dict[str, list[AgentSpec]] = {}
    for name in registry.agents():
        by_kind.setdefault(registry.agent(name).kind, []).append(registry.agent(name))
    for kind, specs in sorted(by_kind.items()):
        rows = [[f"[{each.name}]({each.name}.md)", prose(each.summary)] for each in specs]
        parts += [f"## {kind.capitalize()}", markdown.table(["agent", ""], rows, "ll")]
    return "\n\n".join([*parts, contents(registry.agents())]) + "\n"


def paragraphs(text: str) -> str:
    """The paragraphs of a docstring as Markdown; indented ones are code."""
    found = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)) if text.strip() else ():
        indented = all(line.startswith("    ") for line in part.splitlines())
        found.append(fenced(inspect.cleandoc(part)) if indented else prose(part))
    return "\n\n".join(found)


def modules() -> list[str]:
    """The modules of the reference: those that public names lie in, and the kits."""
    public = {target.partition(":")[0] for target in safegrid._LAZY.values()}
    return sorted({"engine.registry", *public, *KITS})


def public(name: str) -> str:
    """The full name of what a public name of safegrid stands for."""
    found = getattr(safegrid, name)
    if inspect.ismodule(found):
        return found.__name__
    return f"{found.__module__}.{found.__qualname__}"


def reference() -> dict[str, str]:
    """The pages of the reference, by file."""
    rows = []
    for name in safegrid.__all__:
        first = (inspect.getdoc(getattr(safegrid, name)) or "").partition("\n")[0]
        role = "mod" if inspect.ismodule(getattr(safegrid, name)) else "obj"
        rows.append([f"{{py:{role}}}`safegrid.{name} <{public(name)}>`", prose(first)])
    table = markdown.table(["public name", ""], rows, "ll")
    listed = ["command_line", *modules()]
    pages = {
        "index": f"# Reference\n\nThe names of `import safegrid`:\n\n{table}\n\n"
        f"All pages, one a module:\n\n{contents(listed, hidden=False)}\n"
    }
    for module in modules():
        full = f"safegrid.{module}"
        directive = (
            f"```{{eval-rst}}\n.. automodule:: {full}\n   :members:\n   :ignore-module-all:\n```"
        )
        pages[module] = f"# {prose(full)}\n\n{directive}\n"
    command = typer.main.get_command(app)
    context: Any = command.make_context("safegrid", [], resilient_parsing=True)
    text = typer.cli.get_docs_for_click(obj=command, ctx=context, name="safegrid")
    usage = re.sub(r"^```console$", "```text", text, flags=re.M)
    pages["command_line"] = re.sub(r"^# .*", "# Command line", usage, count=1)
    return {f"reference/{name}.md": text for name, text in pages.items()}


def pages() -> dict[str, bytes]:
    """The content of all generated files, by their path below docs."""
    made = {"environments/index.md": environments(), "agents/index.md": agents(), **reference()}
    made |= {f"agents/{name}.md": agent(name) for name in registry.agents()}
    drawn = [environment(name) for name in registry.names()]
    encoded = {path: text.encode() for path, text in made.items()}
    return encoded | {path: content for files in drawn for path, content in files.items()}


def write() -> None:
    """Writes the pages that have changed, and removes those that are not made any more."""
    made = pages()
    for folder in FOLDERS:
        for path in (DOCS / folder).rglob("*.*"):
            if str(path.relative_to(DOCS)) not in made:
                path.unlink()
    for name, content in made.items():
        path = DOCS / name
        if not path.exists() or path.read_bytes() != content:
            files.replace(path, content)


if __name__ == "__main__":
    write()
