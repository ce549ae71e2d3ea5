"""Writes the pages of the documentation that are made from the code.

    python docs/pages.py  # environments/, agents/ and reference/ in docs

conf.py calls it before each build, so that no page can be older than the code. The pages are not
committed. Pages of environments and agents that are no longer there are removed.
"""

import importlib
import sys
from functools import cache
from pathlib import Path

from agent_pages import agent, agents
from markup import code, contents, fenced, page_title, prose
from reference_pages import reference

from safegrid.benchmark import markdown
from safegrid.benchmark.grouping import Group
from safegrid.benchmark.leaderboard import level_pages
from safegrid.engine import files, registry
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
EPISODES = 20  # of each controller of a control task


@cache
def results() -> list[Group]:
    """The published runs by level and agent."""
    sys.path.insert(0, str(ROOT / "experiments"))
    return importlib.import_module("tables").published_groups()  # type: ignore[no-any-return]


def environment(name: str) -> dict[str, bytes]:
    """The files of the page of an environment."""
    spec = registry.environment(name)
    drawn: dict[str, bytes] = {}
    summary, sections = env_card.sections(spec.description)
    told = dict(sections)
    parts = [f"# {page_title(spec.description)}", prose(summary), _facts(spec), _examples(spec)]
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
        ["name", f"`{spec.name}`"],
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
    made = "Of the [published submissions](../results.md#published-submissions)"
    return f"{table}\n\n{made}; 95 % intervals over runs, see [Statistics](../statistics.md)."


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
