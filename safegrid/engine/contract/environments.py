"""The contract of an environment: a frozen specification, read from its module and checked."""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from safegrid.engine.chance import check_declared
from safegrid.engine.contract.names import check_option_names, entry, function, read, unknown
from safegrid.engine.contract.values import (
    is_chance,
    is_colours,
    is_dtype,
    is_limits,
    is_number,
    is_texts,
    is_whole,
    table_of,
)
from safegrid.engine.gridworld import KEYS, Drawing, Example, Level, encode_level

LIMIT = 100  # steps of an episode where the environment declares no HORIZON
KINDS = {"arena": "plane", "plant": "control"}  # of environments with a function of this name
FIELDS = {  # that a state must have, by kind
    "grid": ("row", "column", "ended"),
    "plane": ("pose", "layout", "ended"),
    "control": ("body", "inputs", "signals", "ended"),
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class EnvironmentSpec:
    """What a file of envs/ declares.

    A grid has TILES. A continuous task has `arena` (plane) or `plant` (control) instead: its LEVELS
    hold named tuples of numbers, of which `arena(task)` or `plant(task)` makes the level and
    `STATE(task)` the state's dtype.
    """

    name: str
    module: ModuleType
    kind: str  # "grid", "plane" or "control"
    category: str = entry("a text", lambda value: isinstance(value, str))
    levels: Mapping[str, Any] = entry(
        "a table of levels by name", lambda value: isinstance(value, Mapping) and len(value) > 0
    )
    state: Any = entry(
        "a record dtype (or of a continuous task a function that makes it)", is_dtype
    )
    actions: tuple[str, ...] = entry(
        "a tuple of names", lambda value: is_texts(value) and len(value) > 0
    )
    reset: Any = function("state, level, chance")
    step: Any = function("state, level, action, chance, outcome")
    observe: Any = function("state, level, board")
    # after a step: whether it violated safety; without it a violation is a step with a cost
    violates: Any = function("state, level, outcome", None)
    version: int = entry("a whole number, 0 or more", is_whole, 0)  # of the dynamics
    aliases: tuple[str, ...] = entry("a tuple of names", is_texts, ())  # in more Gymnasium ids
    horizon: int | Mapping[str, int] = entry(  # steps of an episode, of all levels or of each
        "a whole number, 1 or more, or a table of these by level",
        lambda v: all(
            is_whole(n) and n > 0 for n in (v.values() if isinstance(v, Mapping) else [v])
        ),
        LIMIT,
    )
    memory: tuple[str, ...] = entry(
        "a tuple of state fields", is_texts, ()
    )  # that outlive episodes
    # what decides how states are rewarded, and can change in an episode
    reward_parameters: tuple[str, ...] = entry("a tuple of state fields", is_texts, ())
    held_out: tuple[str, ...] = entry("a tuple of levels", is_texts, ())  # that nobody trains on
    # options of each variant in whose worst case an agent is judged, by name
    variants: Mapping[str, Mapping[str, Any]] = entry(
        "a table of options by name", table_of(Mapping), {}
    )
    cost_limit: float | None = entry("a number, 0 or more", is_number, None)  # of an episode's cost
    costs: tuple[str, ...] = entry(  # what a cost is for: the bits of an outcome's `kinds`
        "a tuple of at most 8 names", lambda value: is_texts(value) and len(value) <= 8, ()
    )
    # the option that turns a supervisor or an interruption on at 1 and off at 0
    switch: str | None = entry("the name of an option", lambda value: isinstance(value, str), None)
    # the state field that says whether the agent has disabled the switch
    disabled: str | None = entry("a state field", lambda value: isinstance(value, str), None)
    canonical: Any = function("state", None)  # states of equal look and future get equal bytes
    truth: Any = function("state, level, board", None)  # corrects a board to what is true
    # (level, horizon, number of actions, options) -> proven bounds of the anchors, by name; says
    # that the levels have too many states to be solved
    bounds: Any = function("level, horizon, actions", None)
    examples: Mapping[str, Example] = entry("a table of Example", table_of(Example), {})
    # grids
    tiles: str = entry(
        "a text that begins with '# ' and has 'A', each character once",
        lambda value: (
            isinstance(value, str)
            and value.startswith("# ")
            and "A" in value
            and len(set(value)) == len(value)
        ),
        kinds="grid",
    )
    unit: float = entry("a number above 0", lambda v: is_number(v) and v > 0, 1, "grid")
    limits: Mapping[str, Any] = entry("a table of most or (least, most)", is_limits, {}, "grid")
    movers: str = entry("a text of tiles", lambda v: isinstance(v, str), "A", "grid")
    objects: str = entry("a text of tiles", lambda v: isinstance(v, str), "", "grid")
    colours: Mapping[str, Any] = entry("a table of (red, green, blue)", is_colours, {}, "grid")
    pictures: Any = entry(  # of safegrid/rendering: terrain.py, items.py, garden.py; by tile
        "a table of picture names by tile, or a function of the level that makes it",
        lambda value: callable(value) or table_of(str)(value),
        {},
        "grid",
    )
    reset_chance: Any = entry(
        "a table of probabilities, Independent or SEED", is_chance, None, "grid"
    )
    step_chance: Any = entry(
        "a table of probabilities, Independent or SEED", is_chance, None, "grid"
    )
    cell_data: Any = function("board", None, "grid")  # int16[k, rows, columns] for the level
    # continuous tasks
    scene: Any = function("state, task", kinds="plane control")  # [(name, points [n, 2], size m)]
    controllers: Mapping[str, Any] = entry(  # (observations [n, numbers], task) -> actions
        "a table of functions", lambda v: isinstance(v, Mapping) and all(map(callable, v.values())),
        {}, "plane control",
    )  # fmt: skip
    arena: Any = function("task", kinds="plane")
    lidars: tuple[str, ...] = entry("a tuple of names", is_texts, (), "plane")  # what each one sees
    plant: Any = function("task", kinds="control")
    signals: tuple[tuple[str, str], ...] = entry(  # of an observation, in order
        "a tuple of (name, unit)", lambda v: isinstance(v, tuple) and all(map(is_texts, v)),
        kinds="control",
    )  # fmt: skip
    view: tuple[float, ...] = entry(  # of a picture, m: least x and y, most x and y
        "a tuple of four numbers", lambda value: isinstance(value, tuple) and len(value) == 4,
        kinds="control",
    )  # fmt: skip

    def __repr__(self) -> str:
        return f"EnvironmentSpec({self.name!r})"

    @property
    def description(self) -> str:
        """The module's docstring, or a line in its place where Python runs without docstrings."""
        return (self.module.__doc__ or f"{self.name}: no description.").strip()

    @property
    def summary(self) -> str:
        """What the environment is, in one sentence."""
        return self.description.splitlines()[0].partition(": ")[2]

    @property
    def identifier(self) -> str:
        """The Gymnasium id: safegrid/BoatRace-v0 for boat_race."""
        return self.identifiers[0]

    @property
    def identifiers(self) -> list[str]:
        """The Gymnasium ids: its own, and those of its aliases."""
        return [f"safegrid/{n}-v{self.version}" for n in (camel_case(self.name), *self.aliases)]

    @property
    def options(self) -> dict[str, Any]:
        """The keywords besides level, map and noop, and their defaults."""
        if self.kind != "grid":
            return dict(next(iter(self.levels.values()))._asdict())
        return {
            option: parameter.default
            for declared in (self.reset_chance, self.step_chance)
            if callable(declared)
            for option, parameter in inspect.signature(declared).parameters.items()
            if option != "level"
        }

    @property
    def generates(self) -> bool:
        """Whether a reset draws the map, unless its options choose one."""
        return "level_seed" in self.options

    def level_name(self, level: int | str) -> str:
        """The name of a level, given by its name or number. ValueError for another one."""
        if isinstance(level, str) and level in self.levels:
            return level
        by_number = {str(i): name for i, name in enumerate(self.levels)}
        if not isinstance(level, bool) and str(level) in by_number:
            return by_number[str(level)]
        numbered = ", ".join(f"{i} ({name})" for i, name in by_number.items())
        raise ValueError(f"unknown level {level!r}: choose from {numbered}")

    def horizon_of(self, level: str) -> int:
        """The steps of an episode of a level, given by its name."""
        return self.horizon if isinstance(self.horizon, int) else self.horizon.get(level, LIMIT)

    def encode(self, drawing: Drawing) -> Level:
        """A grid's drawing as arrays. ValueError for a tile that is not allowed."""
        return encode_level(
            drawing, self.tiles, self.limits, self.movers, self.objects, self.cell_data
        )

    def chance(self, when: str, level: Level, options: Mapping[str, Any]) -> Any:
        """The distribution at each "reset" or "step" of a grid, with the user's options in it.

        ValueError where its probabilities do not sum to one.
        """
        declared = self.reset_chance if when == "reset" else self.step_chance
        if callable(declared):
            given = {**options, "level": level}
            names = inspect.signature(declared).parameters
            declared = declared(**{name: given[name] for name in names if name in given})
        check_declared(declared, f"environment {self.name}: {when.upper()}_CHANCE")
        return declared


def camel_case(name: str) -> str:
    """An environment's name as it stands in its Gymnasium id: BoatRace for boat_race."""
    return "".join(word.capitalize() for word in name.split("_"))


def read_environment(name: str, module: ModuleType) -> EnvironmentSpec:
    """The specification of a module. ValueError, in one line, for its first fault."""
    what = f"environment {name}"
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ValueError(f"{what}: choose a name of small letters, digits and underscores")
    kind = next((kind for mark, kind in KINDS.items() if hasattr(module, mark)), "grid")
    spec = EnvironmentSpec(name, module, kind, **read(EnvironmentSpec, module, what, kind))
    _check_levels(spec, what)
    _check_words(spec, what)
    for title, example in spec.examples.items():
        _check_example(spec, example, f"{what}: EXAMPLES[{title!r}]")
    return spec


def _check_levels(spec: EnvironmentSpec, what: str) -> None:
    """ValueError for a level, a state or a chance that cannot be made."""
    for name, level in spec.levels.items():
        if not re.fullmatch("[A-Za-z0-9_]+", str(name)):
            raise ValueError(f"{what}: level {name!r} needs a name of letters, digits, underscores")
        if (spec.kind == "grid") != isinstance(level, Drawing):
            wanted = "level(text)" if spec.kind == "grid" else "a named tuple of numbers"
            raise ValueError(f"{what}: LEVELS[{name!r}] must be made by {wanted}")
        if spec.kind != "grid":
            _check_fields(spec.state(level), FIELDS[spec.kind], what)
            continue
        try:
            encoded = spec.encode(level)
        except ValueError as error:
            raise ValueError(f"{what}: LEVELS[{name!r}]: {error}") from None
        for when in ("reset", "step"):
            spec.chance(when, encoded, {})
    if spec.kind == "grid":
        _check_fields(spec.state, FIELDS["grid"], what)


def _check_fields(state: Any, needed: tuple[str, ...], what: str) -> None:
    for field in needed:
        if field not in (state.names or ()):
            raise ValueError(f"{what}: STATE has no field {field}: make it with state_dtype(...)")


def _check_words(spec: EnvironmentSpec, what: str) -> None:
    """ValueError for a tile, field, level or option that is named and not there, or not allowed."""
    try:
        check_option_names(spec.options)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    state = spec.state if spec.kind == "grid" else spec.state(next(iter(spec.levels.values())))
    named: list[tuple[str, Any, Any]] = [
        ("MEMORY", spec.memory, state.names),
        ("REWARD_PARAMETERS", spec.reward_parameters, state.names),
        ("DISABLED", [spec.disabled] * (spec.disabled is not None), state.names),
        ("HORIZON", [] if isinstance(spec.horizon, int) else list(spec.horizon), list(spec.levels)),
        ("HELD_OUT", spec.held_out, list(spec.levels)),
        ("SWITCH", [spec.switch] * (spec.switch is not None), list(spec.options)),
    ]
    if spec.kind == "grid":
        pictures = {} if callable(spec.pictures) else spec.pictures
        for key in ("LIMITS", "MOVERS", "OBJECTS", "COLOURS"):
            named.append((key, "".join(getattr(spec, key.lower())), spec.tiles))
        named.append(("PICTURES", list(pictures), spec.tiles))
    for key, used, allowed in named:
        for each in used:
            if each not in allowed:
                raise ValueError(f"{what}: {key}: {unknown('name', each, allowed)}")


def _check_example(spec: EnvironmentSpec, example: Example, what: str) -> None:
    """ValueError for an example that cannot be played; `check` plays it."""
    levels = list(spec.levels)
    if example.level not in levels and example.level not in range(len(levels)):
        raise ValueError(f"{what}: {unknown('level', example.level, levels)}")
    for key in example.keys:
        if KEYS.get(key) not in (*spec.actions, "noop"):
            raise ValueError(f"{what}: {unknown('key', key, KEYS)}")
    if example.step_chances and len(example.step_chances) != len(example.keys):
        raise ValueError(
            f"{what} has {len(example.keys)} keys and {len(example.step_chances)} step_chances: "
            "give one for each key"
        )
