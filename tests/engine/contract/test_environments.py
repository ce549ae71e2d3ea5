"""The contract of an environment: what is misspelt, missing or of a wrong kind is named."""

import dataclasses
from pathlib import Path

import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.contract.environments import EnvironmentSpec

GOOD = '''
"""Corridor: a way to the goal.

Temptation: none.
Reward: -1 a step.
Performance: the reward.
Observation: the board, uint8[3, 5].
Actions: up, down, left, right.
Source: a test.
"""

import numpy as np

from safegrid.engine.gridworld import MOVES, Example, find, level, move, njit, state_dtype

CATEGORY = "control"
TILES = "# AGH"
AGENT, GOAL, HAZARD = 2, 3, 4
LEVELS = {"hall": level("#####\\n#A G#\\n#####")}
STATE = state_dtype(("broken", np.bool_))
ACTIONS = MOVES
COST_LIMIT = 0.5
COLOURS = {"H": (1, 2, 3)}
PICTURES = {"H": "hazard"}
MEMORY = ("broken",)
HELD_OUT = ()
LIMITS = {"H": 3}
EXAMPLES = {"honest": Example("rr", -2, -2)}


def STEP_CHANCE(slip_probability=0.1):
    return {"straight": 1 - slip_probability, "slips": slip_probability}


def truth(state, level, board):
    board[state.row, state.column] = AGENT


@njit
def reset(state, level, chance):
    state.row, state.column = find(level.board, AGENT)


@njit
def step(state, level, action, chance, outcome):
    if chance == 0:
        state.row, state.column = move(level.board, state.row, state.column, action)
    outcome.terminated = level.board[state.row, state.column] == GOAL
    outcome.cost = 1.0 * (level.board[state.row, state.column] == HAZARD)
    outcome.reward = -1.0
    outcome.performance = -1.0


@njit
def observe(state, level, board):
    board[state.row, state.column] = AGENT
'''


@pytest.fixture
def load(tmp_path):
    """The specification of a file with some of its text replaced."""
    made = []

    def load(*changes, name="corridor"):
        text = GOOD.lstrip()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        made.append(path)
        return registry.environment(registry.register(path))

    yield load
    for path in made:
        if str(path.resolve()) in registry.plugins():
            registry.unregister(path)


def test_a_sound_file_is_read_as_it_declares(load):
    spec = load()
    assert (spec.name, spec.kind, spec.cost_limit, spec.memory) == (
        "corridor", "grid", 0.5, ("broken",)
    )  # fmt: skip
    assert spec.options == {"slip_probability": 0.1}
    assert spec.identifier == "safegrid/Corridor-v0" and spec.horizon == 100
    assert safegrid.Model("corridor").step_chance == [(0, 0.9), (1, 0.1)]
    with pytest.raises(AttributeError):
        spec.horizon = 3


def test_a_level_may_have_a_horizon_of_its_own(load):
    spec = load(("HELD_OUT = ()", 'HORIZON = {"hall": 7}'))
    assert [spec.horizon_of(level) for level in spec.levels] == [7]
    assert safegrid.solve("corridor").horizon == 7


MISSPELT = [  # what stands in the file, and what was meant
    ("def STEP_CHANCE(", "def STEP_CHANCES(", "STEP_CHANCES", "STEP_CHANCE"),  # a letter more
    ("def STEP_CHANCE(", "def STEP_CHNCE(", "STEP_CHNCE", "STEP_CHANCE"),  # a letter less
    ("COST_LIMIT =", "COSTLIMIT =", "COSTLIMIT", "COST_LIMIT"),  # no underscore
    ("COST_LIMIT =", "LIMIT_COST =", "LIMIT_COST", "COST_LIMIT"),  # the words the other way round
    ("MEMORY =", "MEMROY =", "MEMROY", "MEMORY"),  # two letters swapped
    ("PICTURES =", "PICTURE =", "PICTURE", "PICTURES"),  # one for many
    ("HELD_OUT =", "Held_Out =", "Held_Out", "HELD_OUT"),  # not in capitals
    ("def STEP_CHANCE(", "def step_chance(", "step_chance", "STEP_CHANCE"),
    ("def truth(", "def truht(", "truht", "truth"),  # a function
    ("COLOURS =", "COLORS =", "COLORS", "COLOURS"),  # another spelling
    ("COST_LIMIT = 0.5", "MAXIMAL_COST = 0.5\nCOST_LIM = MAXIMAL_COST", "COST_LIM", "COST_LIMIT"),
    ("CATEGORY =", "CATEGORIE =", "CATEGORIE", "CATEGORY"),  # one that must be there
]


@pytest.mark.parametrize(("old", "new", "written", "meant"), MISSPELT)
def test_a_misspelt_name_is_refused_with_the_right_one(load, old, new, written, meant):
    with pytest.raises(ValueError) as error:
        load((old, new))
    assert str(error.value) == (
        f"environment corridor: unknown name {written}: did you mean {meant}?"
    )
    assert "corridor" not in safegrid.names()


FAULTS = [
    (("CATEGORY = \"control\"", "CATEGORY = 3"), "CATEGORY is 3: it must be a text"),
    (("CATEGORY = \"control\"\n", ""), "CATEGORY is missing: it must be a text"),
    (("TILES = \"# AGH\"", "TILES = \" #AGH\""), "TILES is ' #AGH': it must be a text that begins"),
    (("COST_LIMIT = 0.5", "COST_LIMIT = -1"), "COST_LIMIT is -1: it must be a number, 0 or more"),
    (("MEMORY = (\"broken\",)", "MEMORY = \"broken\""), "MEMORY is 'broken': it must be a tuple"),
    (("(\"broken\",)", "(\"brokn\",)"), "MEMORY: unknown name 'brokn' (did you mean 'broken'?)"),
    (("HELD_OUT = ()", "REWARD_PARAMETERS = (\"brokn\",)"), "REWARD_PARAMETERS: unknown"),
    (("HELD_OUT = ()", "HELD_OUT = (\"hal\",)"), "HELD_OUT: unknown name 'hal' (did you"),
    (("HELD_OUT = ()", "HORIZON = {\"hal\": 9}"), "HORIZON: unknown name 'hal' (did you mean"),
    (("HELD_OUT = ()", "HORIZON = {\"hall\": 0}"), "HORIZON is {'hall': 0}: it must be a whole"),
    (("LIMITS = {\"H\": 3}", "LIMITS = {\"Q\": 3}"), "LIMITS: unknown name 'Q'"),
    (("LIMITS = {\"H\": 3}", "LIMITS = {\"H\": (3, 1)}"), "LIMITS is {'H': (3, 1)}: it must be a"),
    (("LIMITS = {\"H\": 3}", "LIMITS = {\"H\": (True, 3)}"), "LIMITS is {'H': (True, 3)}: it must"),
    (("LIMITS = {\"H\": 3}", "LIMITS = {\"H\": (1, 2, 3)}"), "LIMITS is {'H': (1, 2, 3)}: it must"),
    (("LIMITS = {\"H\": 3}", "LIMITS = {\"G\": (2, 3)}"), "LEVELS['hall']: map has 1 of 'G'"),
    (("state, level, action, chance, outcome", "state, level, action, outcome"),
     "step is step(state, level, action, outcome): it must be a function of (state, level, action"),
    (("return {\"straight\": 1 - slip", "return {\"straight\": 1 + slip"),
     "STEP_CHANCE is straight 1.1, slips 0.1: probabilities must sum to 1, none negative"),
    (("Example(\"rr\"", "Example(\"rx\""), "EXAMPLES['honest']: unknown key 'x': choose from u, d"),
    (("-2, -2)", "-2, -2, level=\"hal\")"), "EXAMPLES['honest']: unknown level 'hal' (did"),
    (("#A G#", "# QG#"), "LEVELS['hall']: map row 1 '# QG#' has the unknown character 'Q'"),
    (("#A G#", "#  G#"), "LEVELS['hall']: map has 0 agents ('A'): place exactly 1"),
    (("HELD_OUT", "LIDARS"), "LIDARS is for plane environments only"),
    (("import numpy as np", "import nupmy as np"), "cannot be loaded: ModuleNotFoundError"),
    (("import numpy as np", "raise SystemExit(0)"), "cannot be loaded: SystemExit: 0"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_what_breaks_the_contract_is_said_in_one_line(load, change, said):
    with pytest.raises(ValueError) as error:
        load(change)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_name_that_is_taken_is_refused(load):
    with pytest.raises(ValueError, match="environment boat_race is there already"):
        load(name="boat_race")


def test_every_shipped_name_is_a_specification():
    for name in registry.names():
        spec = registry.environment(name)
        assert spec is registry.environment(name) and spec.summary and spec.levels


def test_no_contract_name_is_looked_up_by_a_literal():
    """Names of the contract are fields of the specification; nobody asks a module for them."""
    import re

    lookup = re.compile(r"(?:get|has)attr\([^)]*\"[A-Z][A-Z_]*\"")
    for path in Path(safegrid.__file__).parent.rglob("*.py"):
        assert not lookup.search(path.read_text()), path


def test_contributing_documents_all_that_a_file_may_hold():
    text = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text()
    for field in dataclasses.fields(EnvironmentSpec):
        if field.name not in ("name", "module", "kind"):
            called = f"`{field.name}(" in text
            assert called or f"`{field.name.upper()}`" in text, field.name
