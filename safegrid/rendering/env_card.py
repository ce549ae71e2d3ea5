"""The card of an environment: its description, numbers, levels and examples, as text."""

import re
import textwrap
from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np

from safegrid.engine import registry
from safegrid.engine.chance import SEED
from safegrid.engine.contract.environments import EnvironmentSpec
from safegrid.engine.dynamics import PlaneDynamics, TaskDynamics
from safegrid.engine.examples import play
from safegrid.engine.model import Model
from safegrid.engine.plane.lidars import BINS
from safegrid.engine.plane.robot import SENSORS
from safegrid.rendering.tasks.plane_view import PlaneRenderer
from safegrid.rendering.tasks.sprites import character

WIDTH = 100  # characters of a line
LONGEST = 24  # keys of an example that are shown
MOST_OUTCOMES = 24  # of chance that are shown with their probabilities
COMMON = {  # options that several environments have; the others are in their descriptions
    "level": "name or number of a level",
    "map": "lines of characters, or a text file of them, in place of the level's own board",
    "noop": "True adds an action that does nothing",
    "level_seed": "seed of the one map that is played; None draws a new map in every episode",
    "level_count": "play the maps of as many seeds, from level_seed on",
}
SENSOR_ROWS = [  # of a plane task: indices, sensor and unit; see engine/plane/robot.py
    ("0-2", "accelerometer", "m/s^2"),
    ("3-5", "velocimeter", "m/s"),
    ("6-8", "gyro", "rad/s"),
    ("9-11", "magnetometer", "half a unit vector"),
]
DIRECTIONS = "counter-clockwise from straight ahead"
READING = "1 at the robot, falling linearly to 0 out of reach"
ALWAYS = {"#": "wall", " ": "floor", "A": "agent"}


def text(name: str, **options: Any) -> str:
    """The card of an environment, its examples played live.

    options: of the environment, under which its levels are drawn. ValueError for an unknown name,
    and for an option that is not valid.
    """
    spec = registry.environment(name)
    dynamics = Model(name, **options).dynamics
    grid = spec.kind == "grid"
    common = {"level": 0, "map": None, "noop": False}
    for option in ("map",) * spec.generates or ("map", "noop") * (not grid):
        del common[option]
    defaults = [f"{key}={value}" for key, value in {**common, **spec.options}.items()]
    wide = max(map(len, defaults))
    lines = [
        f"{option:{wide}}  {COMMON.get(option.partition('=')[0], '')}".rstrip()
        for option in defaults
    ]
    parts = [spec.description]
    if isinstance(dynamics, TaskDynamics):
        parts[0] += "\n\n" + observation(dynamics)
    one = isinstance(spec.horizon, int)
    steps = [f"{spec.horizon_of(level)} on {level}" for level in spec.levels]
    rows = {
        "id": f"{', '.join(spec.identifiers)}, version {spec.version} of its dynamics",
        "category": spec.category,
        "horizon": f"{spec.horizon if one else ', '.join(steps)} steps an episode",
        "cost limit": "none" if spec.cost_limit is None else f"{spec.cost_limit:g} an episode",
        "actions": ", ".join(spec.actions),
        "options": f"\n{'':14}".join(lines),
        "characters": ", ".join(f"{tile} {words}" for tile, words in legend(spec).items()),
    }
    for when, chance in (("reset", dynamics.reset_chance), ("step", dynamics.step_chance)):
        if chance is not None:
            rows[f"{when} chance"] = _chance(chance)
    parts.append("\n".join(f"{label:12}  {value}" for label, value in rows.items()))
    for level, drawing in spec.levels.items():
        model = Model(name, level, **options)
        numbers = "" if grid else ", ".join(f"{k}={v}" for k, v in drawing._asdict().items())
        parts.append(f"level {level}\n{numbers or model.text(model.reset())}")
    if spec.examples:
        lines, width = ["examples"], max(8, *map(len, spec.examples))
        for title, example in spec.examples.items():
            total, performance = play(name, example)
            keys = example.keys
            if len(keys) > LONGEST:
                keys = f"{keys[: LONGEST - 3]}... ({len(keys)} keys)"
            lines.append(f"  {title:{width}} {keys}  return {total:g}, performance {performance:g}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def sections(description: str) -> tuple[str, list[tuple[str, str]]]:
    """The first sentence of an environment's description, and its (title, text) paragraphs.

    A text without a title belongs to the paragraph before it.
    """
    first, _, rest = description.partition("\n")
    titled: list[tuple[str, str]] = []
    for line in rest.strip().splitlines():
        title, colon, text = line.partition(": ")
        if colon and title.isalpha() and title[0].isupper():
            titled.append((title, text))
        elif titled and line.strip():
            titled[-1] = (titled[-1][0], f"{titled[-1][1]} {line.strip()}")
    sentence = first.partition(": ")[2]
    return sentence[:1].upper() + sentence[1:], titled


def legend(spec: EnvironmentSpec) -> dict[str, str]:
    """What each character of an environment's boards or maps means; the blank is "(blank)".

    The words are those of the paragraph `Observation:` of its docstring, where a list of characters
    has the words behind it, and of a continuous task the names of its objects.
    """
    if spec.kind != "grid":
        names = {">^<v": "robot"} if spec.kind == "plane" else {}
        for task in spec.levels.values():
            for name, _, _ in spec.scene(np.zeros(1, spec.state(task))[0], task):
                names.setdefault(character(name), name.replace("_", " "))
        return names
    found = re.search(r"^Observation: (.*?)(?=^\w+: |\Z)", spec.description, re.M | re.S)
    text = " ".join(found[1].split()).replace("(blank)", " ") if found else ""
    one = "|".join(map(re.escape, spec.tiles))
    words = dict.fromkeys(spec.tiles, "")
    listed = (
        rf"(?<!\S)((?:(?:{one})(?:, | or | and | ))+)([a-z][a-z' -]*?)(?=[,.;:]| or \S | and \S |$)"
    )
    for group in re.finditer(listed, text):
        for tile in re.findall(rf"(?<!\S)({one})(?=[ ,])", group[1]):
            words[tile] = words[tile] or group[2]
    drawn = {} if callable(spec.pictures) else spec.pictures
    return {
        "(blank)" if tile == " " else tile: each
        for tile in spec.tiles
        if (each := words[tile] or ALWAYS.get(tile) or drawn.get(tile, "").replace("_", " "))
    }


def observation_rows(dynamics: TaskDynamics) -> list[tuple[str, str, str]]:
    """(indices, what, meaning or unit) of the numbers of a task's observation, in order."""
    if not isinstance(dynamics, PlaneDynamics):
        return [(str(k), name, unit) for k, (name, unit) in enumerate(dynamics.spec.signals)]
    renderer = PlaneRenderer(dynamics, "okabe_ito", 32)
    state = np.zeros(1, dynamics.state_type)[0]
    lidars = [
        (f"{start}-{start + BINS - 1}", name, f"lidar of {BINS} bins, {DIRECTIONS}: {READING}")
        for start, (name, _) in zip(count(SENSORS, BINS), renderer.lidars(state), strict=False)
    ]
    return [*SENSOR_ROWS, *lidars]


def observation_form(dynamics: TaskDynamics) -> str:
    """The shape of a task's observation, and in which frame it is."""
    plane = isinstance(dynamics, PlaneDynamics)
    where = ", in the robot's frame (forward, left, up)" if plane else ""
    return f"float64[{dynamics.level.background.size}]{where}"


def observation(dynamics: TaskDynamics) -> str:
    """What the numbers of a task's observation are, as a paragraph of its description."""
    rows = observation_rows(dynamics)
    first = len(SENSOR_ROWS) if isinstance(dynamics, PlaneDynamics) else len(rows)
    seen = f"Observation: on level {dynamics.level_name} {observation_form(dynamics)}: "
    seen += ", ".join(f"{name} {numbers} ({unit})" for numbers, name, unit in rows[:first])
    if lidars := rows[first:]:
        listed = ", ".join(f"{name} {numbers}" for numbers, name, _ in lidars)
        seen += f"; then a lidar of {BINS} bins, {DIRECTIONS}, for {listed}: {READING}"
    return textwrap.fill(seen + ".", WIDTH)


def _chance(chance: object) -> str:
    if isinstance(chance, Mapping):
        if len(chance) > MOST_OUTCOMES:
            even = max(chance.values()) - min(chance.values()) < 1e-12
            return f"{len(chance)} outcomes{', all equally likely' if even else ''}"
        return ", ".join(f"{outcome} {probability:g}" for outcome, probability in chance.items())
    return "a random 64-bit word" if chance == SEED else str(chance)
