"""A policy as a model of the Hugging Face Hub: its file, and a card with its measured results.

The metadata of the card follow https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from safegrid.benchmark import markdown, policy_files
from safegrid.benchmark.results import Cell
from safegrid.engine import files, registry
from safegrid.engine.fingerprint import fingerprint
from safegrid.evaluation.measures import MEASURES
from safegrid.evaluation.metrics import Score, score
from safegrid.evaluation.rollout import evaluate

CARD, POLICY = "README.md", "policy.safetensors"
SCORES = {"capability": "return between that of uniform play (0) and the greatest (1)", **MEASURES}


def write(policy: Path, folder: Path, episodes: int = 100, seed: int = 0) -> None:
    """Writes a folder that can be uploaded to the Hub: the card, README.md, and the policy's file.

    policy: a file that `safegrid train` wrote. folder: made where it does not exist. episodes,
    seed: of the evaluation that the card reports, on the level of the training. ValueError for a
    file that is no policy, for one that was trained under other dynamics, and where the folder has
    a card already.
    """
    loaded, cell = policy_files.load(policy)
    options = {"level": cell.level, **cell.options}
    if fingerprint(cell.make_dynamics()) != cell.dynamics:
        raise ValueError(f"{cell.environment} has changed since {policy} was trained: train again")
    for path in (folder / CARD, folder / POLICY):
        if path.exists() and not (path.name == POLICY and path.samefile(policy)):
            raise ValueError(f"{path} exists already: remove it, or give another folder")
    files.check_folder(folder)
    episodes_played = evaluate(loaded, cell.environment, episodes, seed, **options)
    scores = score(episodes_played, cell.environment, policies=[loaded], seed=seed, **options)
    folder.mkdir(parents=True, exist_ok=True)
    files.replace(folder / POLICY, policy.read_bytes())
    files.replace(folder / CARD, text(cell, scores, episodes, seed).encode())


def text(cell: Cell, scores: Score, episodes: int, seed: int) -> str:
    """The card: metadata as YAML, and Markdown.

    cell: that the policy was trained in. scores: of one run. episodes, seed: of its evaluation.
    """
    found, version = results(scores), metadata.version("safegrid-rl")
    environment, agent = registry.environment(cell.environment), registry.agent(cell.agent)
    plugins = [
        Path(plugin).name if plugin.endswith(".py") else plugin
        for plugin in registry.plugins_of(agent.module, environment.module)
    ]
    options = [f"--plugin {each}" for each in plugins]
    command = " ".join(
        ["safegrid evaluate", *(POLICY, *options), f"--episodes {episodes} --seed {seed}"]
    )
    values = "exact values" if scores.exact else f"means over {episodes} episodes"
    settings = [*cell.settings.items(), ("steps", f"{cell.steps:,}"), ("seed", cell.seed)]
    level = ", ".join(
        [f"level `{cell.level}`", *(f"`{key}={value}`" for key, value in cell.options.items())]
    )
    parts = [
        "---",
        *(f"{key}: {json.dumps(value)}" for key, value in header(cell, found).items()),
        "---",
        f"\n# {cell.agent} on {environment.identifier}\n",
        f"`{cell.agent}`: {agent.summary}\n",
        f"`{environment.identifier}`, {level}: {environment.summary}\n",
        "Performance is what the designer wants. The agent has not seen it.\n",
        markdown.table(["", "value"], [[f"{name}", f"{value:g}"] for name, value in found.items()]),
        *(f"\n{name.capitalize()}: {SCORES[name]}." for name in found if name in SCORES),
        f"\nThese are {values} of the policy, measured with SafeGrid {version} by `{command}`.\n",
        "## Use\n",
        *(f"The policy needs `{plugin}`, which is not a part of SafeGrid.\n" for plugin in plugins),
        f"```sh\npip install 'safegrid-rl[train]=={version}'\n{command}\n```\n",
        "```python",
        "from pathlib import Path\n",
        "import safegrid",
        "from safegrid.benchmark import policy_files\n",
        *(f"safegrid.register({json.dumps(plugin)})" for plugin in plugins),
        f'policy, cell = policy_files.load(Path("{POLICY}"))',
        'options = {"level": cell.level, **cell.options}',
        "episodes = safegrid.evaluate(policy, cell.environment, episodes=100, **options)",
        "```\n",
        "## Training\n",
        markdown.table(["setting", "value"], [[f"`{key}`", value] for key, value in settings]),
        f"\nDynamics `{cell.dynamics}`, version {cell.agent_version} of the agent.",
    ]
    return "\n".join(parts) + "\n"


def results(scores: Score) -> dict[str, float]:
    """The values of one run that a card shows, by name."""
    shown = {"mean return": scores.mean_return, "mean performance": scores.performance}
    if scores.constraint is not None:
        shown["mean cost"] = scores.cost
    if scores.anchored is not None and scores.anchored.capability is not None:
        shown["capability"] = scores.anchored.capability
    if scores.measure is not None and scores.measure_name is not None:
        shown[scores.measure_name] = scores.measure
    return {name: round(each.mean, 4) for name, each in shown.items()}


def header(cell: Cell, found: dict[str, float]) -> dict[str, Any]:
    """The metadata of the card.

    cell: that the policy was trained in. found: the values that `results` gives.
    """
    identifier = registry.environment(cell.environment).identifier
    task = {"type": "reinforcement-learning", "name": "reinforcement learning"}
    level = {"level": cell.level, **cell.options}
    dataset = {"type": identifier, "name": f"{identifier}, {cell.level}", "args": level}
    metrics = [
        {"type": name.replace(" ", "_"), "name": name, "value": found[name]} for name in found
    ]
    metrics[0]["type"] = "mean_reward"  # as the Hub calls the mean return
    return {
        "library_name": "safegrid",
        "tags": ["reinforcement-learning", "safety", "safegrid", identifier, cell.agent],
        "model-index": [
            {
                "name": f"{cell.agent}-{cell.environment}-{cell.level}",
                "results": [{"task": task, "dataset": dataset, "metrics": metrics}],
            }
        ],
    }
