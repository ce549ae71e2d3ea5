"""What results say together: standings, cards of levels, what is missing, where it comes from."""

import json
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from safegrid.benchmark.grouping import Group, LevelKey, group
from safegrid.benchmark.results import Failure, Result
from safegrid.benchmark.standings import Pair, ResultTable, Standing
from safegrid.evaluation.goodhart import Goodhart, goodhart
from safegrid.evaluation.metrics import Score, score
from safegrid.evaluation.normalisation import Scale
from safegrid.evaluation.safetywashing import Safetywashing, safetywashing
from safegrid.evaluation.training_cost import TrainingCost, training_cost

FEW = 10  # runs; with fewer, a rare catastrophe may not have shown
LIBRARIES = ("numpy", "scipy", "torch", "stable-baselines3", "sb3-contrib")


class Entry(NamedTuple):
    """An agent on a level."""

    agent: str
    seeds: list[int]
    score: Score
    worst: str  # the file of the run of the lowest performance
    training: TrainingCost | None  # None where nobody watched every training


class Card(NamedTuple):
    """A level and the agents on it."""

    place: LevelKey
    scale: Scale | None
    goodhart: Goodhart  # over all agents' episodes
    entries: list[Entry]


class Report(NamedTuple):
    """Everything; `markdown.text` is a reader's form."""

    overall: list[Standing]
    categories: dict[str, list[Standing]]
    pairs: list[Pair]
    cards: list[Card]
    safetywashing: dict[
        str, dict[str, Safetywashing]
    ]  # by category and metric; none for too few agents
    missing: list[str]
    faults: list[str]
    few: bool  # whether a level has fewer than FEW runs of an agent
    command: str
    versions: dict[str, str]
    dynamics: dict[str, str]  # fingerprints, by level
    suite: str  # a file that makes such results


def report(
    results: Iterable[Result],
    command: str = "",
    faults: Sequence[str] = (),
    failures: Sequence[Failure] = (),
) -> Report:
    """The report of results. ValueError without any.

    There should be a cell for every agent on every level with every seed; `failures` are those that
    were tried without success.
    """
    groups = group(results)
    if not groups:
        raise ValueError("there are no results to report: safegrid bench makes them")
    field = ResultTable(groups)
    categories = sorted({place.category for place in field.places})
    overall = field.standings()
    standings = {category: field.standings(category) for category in categories}
    return Report(
        overall=overall,
        categories=standings,
        pairs=field.pairs(overall),
        cards=[_card(place, field) for place in field.places],
        safetywashing={
            category: found for category, rows in standings.items() if (found := _wash(field, rows))
        },
        missing=_missing(field, failures),
        faults=list(faults),
        few=min(len(each.results) for each in groups) < FEW,
        command=command,
        versions=_versions(),
        dynamics={str(each.place): each.results[0].cell.dynamics for each in groups},
        suite=suite(groups),
    )


def plain(value: Any) -> Any:
    """A report, or a part of one, as what JSON can hold."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def suite(groups: Sequence[Group]) -> str:
    """A suite file with every agent, level and seed of the groups."""
    cells = [result.cell for each in groups for result in each.results]
    head = {
        "seeds": max(cell.seed for cell in cells) + 1,
        "episodes": max(cell.episodes for cell in cells),
    }
    agents = [
        {"name": cell.agent, "steps": cell.steps, "settings": cell.settings} for cell in cells
    ]
    levels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        levels[_toml({"name": cell.environment, "options": cell.options})].append(cell.level)
    blocks = [_toml(head)]
    blocks += [f"[[agents]]\n{text}" for text in dict.fromkeys(map(_toml, agents))]
    for text, names in levels.items():
        blocks.append(
            f"[[environments]]\n{text}levels = {json.dumps(list(dict.fromkeys(names)))}\n"
        )
    return "\n".join(blocks)


def _missing(field: ResultTable, failures: Sequence[Failure]) -> list[str]:
    """The cells without a result, and those that failed and that no other result would suggest."""
    errors = {(f.agent, f.environment, f.level, f.seed): f.error for f in failures}
    missing = {
        (agent.split()[0], place.environment, place.level.split()[0], seed): (agent, place)
        for agent, place, seed in field.missing()
    }
    lines = [
        f"{agent} on {place}, seed {key[-1]}: {errors.get(key, 'no result')}"
        for key, (agent, place) in missing.items()
    ]
    return lines + [
        f"{agent} on {environment} {level}, seed {seed}: {error}"
        for (agent, environment, level, seed), error in errors.items()
        if (agent, environment, level, seed) not in missing
    ]


def _card(place: LevelKey, field: ResultTable) -> Card:
    mine = [each for (_, where), each in sorted(field.groups.items()) if where == place]
    settled = mine[0].scale()
    entries = []
    for each in mine:
        cell = each.results[0].cell
        found = score(each.runs, cell.environment, cell.level, **cell.options)
        worst = each.results[found.worst].cell.path.as_posix()
        watched = [run.training for run in each.results if run.training is not None]
        training = None
        if len(watched) == len(each.results) and all(run["episodes"].sum() for run in watched):
            training = training_cost(watched, cell.environment, cell.level, **cell.options)
        entries.append(Entry(each.agent, each.seeds, found, worst, training))
    return Card(
        place, settled, goodhart([run for each in mine for run in each.runs], settled), entries
    )


def _wash(field: ResultTable, rows: list[Standing]) -> dict[str, Safetywashing]:
    """How safety and alignment in a category go along with capability on control levels."""
    settled = {place: each.scale() for (_, place), each in field.groups.items()}
    control = [place for place, known in settled.items() if known is not None and known.control]
    abilities = {
        agent: [float(np.mean(runs)) for runs in field.runs(agent, "capability", control)]
        for agent in field.agents
        if all(field.runs(agent, "capability", control))
    }
    found = {}
    for metric in ("safety", "alignment"):
        scores = {
            row.agent: value.mean for row in rows if (value := getattr(row, metric)) is not None
        }
        if control and (washed := safetywashing(abilities, scores)) is not None:
            found[metric] = washed
    return found


def _versions() -> dict[str, str]:
    found = {"safegrid": metadata.version("safegrid-rl"), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _toml(table: Mapping[str, Any]) -> str:
    """The entries of a table; without those that have no value, which TOML cannot hold."""
    return "".join(
        f"{key} = {_value(value)}\n" for key, value in table.items() if value not in (None, {})
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{key} = {_value(each)}" for key, each in value.items() if each is not None)
        return f"{{{', '.join(inner)}}}"
    return json.dumps(value)
