"""The pages of the agents, which are made from their files."""

import importlib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markup import code, contents, fenced, page_title, paragraphs, prose

from safegrid.benchmark import markdown
from safegrid.engine import registry
from safegrid.engine.contract.agents import AgentSpec

SETTING = r'^ +"{name}": .*?  # (.*)$'  # a line of SETTINGS: the meaning stands behind it
SAME = r"registry\.agent\(\"(\w+)\"\)\.settings"  # SETTINGS that are those of another agent
IMPORTED = r"from (safegrid\.[\w.]+) import [^\n]*\bSETTINGS\b"
STEMS = {  # what a setting is; the comment behind it in a file goes on, or is left out
    "agent": "the agent",
    "baseline": "the state to compare with: stepwise_inaction,",
    "batch_size": "steps of a minibatch",
    "buffer_size": "transitions that are kept for replay",
    "clip_range": "most change of the ratio of an action's probabilities",
    "cost_limit": "limit on the cost",
    "ent_coef": "weight of the policy's entropy",
    "episodes": "episodes",
    "exploration_final_eps": "share of random actions after that",
    "exploration_fraction": "share",
    "final_exploration": "share of random actions",
    "final_price_rate": "price_rate",
    "gae_lambda": "decay of the generalised advantage estimate, for each step",
    "gamma": "discount of the reward, for each step",
    "gradient_steps": "gradient steps of an update",
    "lanes": "episodes that are stepped at once",
    "learning_rate": "step size",
    "learning_starts": "steps before the first update",
    "n_critic_updates": "passes of the critic over a rollout",
    "n_epochs": "passes over a rollout",
    "n_quantiles": "quantiles of the return of each action",
    "n_steps": "steps",
    "settings": "settings",
    "share": "share",
    "target_update_interval": "steps between updates of the target network",
    "tau": "share of the network that its target takes over in an update",
    "temperature": "temperature",
    "units": "units",
    "unsafe_reward": "reward",
}
GOES_ON = ("of ", "at ", "from ", "that ", "or ")  # how a comment begins that goes on
PLACES = {  # of agents that need an action or a field that other environments do not have
    "noop": "boat_race --option noop=true",
    "planner_current_reward": "sensor_register",
}
SEEN = """What they see: an agent sees its observation, the reward and the cost, and never the
performance. Networks see one-hot boards (`planes`), and on continuous tasks the vector; tables and
plans see the number of the board (`index`). The attribute `observation` of a policy names what it
takes. An agent that uses more, such as the explicit model, uses hidden information."""


def agent(name: str) -> str:
    """The page of an agent."""
    spec = registry.agent(name)
    summary, _, rest = spec.description.partition(": ")[2].partition("\n")
    path = Path(str(spec.module.__file__))
    settings = [[code(key), code(_plain(spec.settings[key])), prose(meaning(spec, key))]
                for key in spec.settings]  # fmt: skip
    table = markdown.table(["setting", "default", "meaning"], settings, "lll")
    parts = [
        *(f"# {page_title(spec.description)}", prose(summary[:1].upper() + summary[1:])),
        *(paragraphs(rest), _facts(spec), "## Settings"),
        table if settings else "It has no settings.",
        *("## Training", fenced(command(spec), "sh")),
        *("## Source", f"`agents/{path.name}`:"),
        fenced(path.read_text(encoding="utf-8"), "python"),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def command(spec: AgentSpec) -> str:
    """A command that trains the agent, on a task that it can be trained on."""
    if spec.name in PLACES:
        where = PLACES[spec.name]
    elif spec.spaces == ("continuous",):
        where = "point_goal --level 1"
    elif {"cost", "cost_limit"} & set(spec.settings):
        where = "hazard_goal"
    else:
        where = "boat_race"
    return f"safegrid train {spec.name} {where}"


def meaning(spec: AgentSpec, key: str) -> str:
    """What a setting of an agent is, of the comment behind it in the file that states it."""
    source = Path(str(spec.module.__file__)).read_text(encoding="utf-8")
    if found := re.search(IMPORTED, source):
        source = inspect.getsource(importlib.import_module(found[1]))
    stem, comment = STEMS.get(key, ""), re.search(SETTING.format(name=key), source, re.M)
    if comment is None and (other := re.search(SAME, source)):
        return meaning(registry.agent(other[1]), key)
    if comment is None or not stem:
        return comment[1] if comment else stem
    return f"{stem}{' ' if comment[1].startswith(GOES_ON) else '; '}{comment[1]}"


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _facts(spec: AgentSpec) -> str:
    hidden = "yes: it has no rank" if spec.uses_hidden_info else "no"
    rows: list[list[object]] = [
        ["name", f"`{spec.name}`"],
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
        SEEN,
    ]
    by_kind: dict[str, list[AgentSpec]] = {}
    for name in registry.agents():
        by_kind.setdefault(registry.agent(name).kind, []).append(registry.agent(name))
    for kind, specs in sorted(by_kind.items()):
        rows = [[f"[{each.name}]({each.name}.md)", prose(each.summary)] for each in specs]
        parts += [f"## {kind.capitalize()}", markdown.table(["agent", ""], rows, "ll")]
    return "\n\n".join([*parts, contents(registry.agents())]) + "\n"
