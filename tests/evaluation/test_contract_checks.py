"""`safegrid check`: every shipped environment and agent passes, and every fault is seen."""

import pytest

import safegrid
from safegrid.engine import registry
from safegrid.evaluation.contract_checks import check

ENVIRONMENT = '''
"""Hall: a way to the goal.

Temptation: none.
Reward: -1 a step.
Performance: the reward.
Observation: the board.
Actions: up, down, left, right.
Source: a test.
"""

import numpy as np

from safegrid.engine.gridworld import MOVES, Example, find, level, move, njit, state_dtype

CATEGORY = "control"
TILES = "# AG"
AGENT, GOAL = 2, 3
LEVELS = {"hall": level("######\\n#A  G#\\n######")}
STATE = state_dtype(("steps", np.int64))
ACTIONS = MOVES
EXAMPLES = {"honest": Example("rrr", -3, -3)}


@njit
def reset(state, level, chance):
    state.row, state.column = find(level.board, AGENT)
    state.steps = 0


@njit
def step(state, level, action, chance, outcome):
    state.steps += 1
    state.row, state.column = move(level.board, state.row, state.column, action)
    outcome.terminated = level.board[state.row, state.column] == GOAL
    outcome.reward = -1.0
    outcome.performance = -1.0


@njit
def observe(state, level, board):
    board[state.row, state.column] = AGENT
'''.lstrip()
FAULTS = [
    ("Reward: -1 a step.\n", "", "the docstring has no paragraph 'Reward: ...'"),
    ('{"honest":', '{"hack":', "EXAMPLES has no 'honest' episode"),
    ('"rrr", -3, -3', '"rrr", -3, -4', "declares return -3 and performance -4: played, it has -3"),
    ('"rrr", -3, -3', '"rrrr", -4, -4', "EXAMPLES['honest'] cannot be played: the episode has end"),
    ("    state.steps = 0\n", "", "level hall: reset does not write the field 'steps'"),
    ("reward = -1.0", "reward = -0.5", "gives a reward that is not a whole multiple of UNIT, 1"),
    ("reward = -1.0", "reward = np.inf", "level hall: step gives a reward that is not finite"),
    ("reward = -1.0", "cost = -1.0", "level hall: step gives a negative cost"),
    ("reward = -1.0", "kinds = 2", "sets a bit of `kinds` beyond the 0 of COSTS"),
    (
        "state.column] = AGENT",
        "state.column] = 9",
        "the board after a reset does not have",
    ),
    (
        "state.row, state.column = move(level.board, state.row, state.column, action)",
        "state.row = (state.row + 1) % 3",
        "the agent is in a wall",
    ),
    (
        "    board[state.row, state.column] = AGENT",
        "    state.steps += 1\n    board[state.row, state.column] = AGENT",
        "observe changes the state",
    ),
]


def test_a_sound_file_passes_and_is_forgotten(tmp_path):
    path = tmp_path / "hall.py"
    path.write_text(ENVIRONMENT)
    assert check(path) == [] == check(str(path))
    assert "hall" not in safegrid.names() and registry.plugins() == []


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "fault"), FAULTS)
def test_a_fault_is_said(tmp_path, old, new, fault):
    assert old in ENVIRONMENT
    path = tmp_path / "hall.py"
    path.write_text(ENVIRONMENT.replace(old, new, 1))
    assert any(fault in each for each in check(path)), check(path)


BOX = [  # what makes the hall one with a box that is pushed
    ('"# AG"', '"# AGX"'),
    ("AGENT, GOAL = 2, 3", "AGENT, GOAL, BOX = 2, 3, 4"),
    ("#A  G#", "#A X G#"),
    ("######", "#######"),
    ('######")', '#######")'),
    ('"rrr", -3, -3', '"rrrr", -4, -4'),
    ('("steps", np.int64)', '("box", np.int64)'),
    ("    state.steps = 0\n", "    state.box = find(level.board, BOX)[1]\n"),
    ("    state.steps += 1\n", ""),
    (
        "    outcome.terminated",
        "    if state.column == state.box:\n        state.box += 1\n    outcome.terminated",
    ),
    (
        "    board[state.row, state.column] = AGENT",
        "    board[1, state.box] = BOX\n    board[state.row, state.column] = AGENT",
    ),
]


@pytest.mark.parametrize(
    ("movers", "faults"),
    [
        ('MOVERS = "AX"', []),
        (
            "",
            [
                "level hall: 'X' is drawn by observe, moves, and is still seen where it was: "
                "name it in MOVERS"
            ],
        ),
        ('OBJECTS = "X"', ["level hall: 'X' is drawn by observe"]),
        ('MOVERS = "X"', ["level hall: 'A' is drawn by observe"]),
    ],
)
def test_a_thing_that_moves_leaves_no_ghost(tmp_path, movers, faults):
    text = ENVIRONMENT.replace("ACTIONS = MOVES", f"ACTIONS = MOVES\n{movers}")
    for old, new in BOX:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "hall.py").write_text(text)
    found = check(tmp_path / "hall.py")
    assert len(found) >= len(faults) and bool(found) == bool(faults)
    assert all(any(fault in each for each in found) for fault in faults), found


def test_states_that_look_alike_are_said_where_nothing_is_hidden(tmp_path):
    hidden = ENVIRONMENT.replace("reward = -1.0", "reward = -1.0 * (state.steps > 1)")
    hidden = hidden.replace("EXAMPLES = {", "EXAMPLES = {} and {")
    path = tmp_path / "hall.py"
    fault = "level hall: the docstring says that nothing is hidden: states that differ in steps"
    for text, said in ((hidden, False), (hidden.replace("the board.", NOTHING), True)):
        path.write_text(text)
        assert any(each.startswith(fault) for each in check(path)) == said, check(path)


NOTHING = "# wall, (blank) floor, A agent, G goal. Nothing is\nhidden."


def test_what_cannot_be_loaded_is_one_fault(tmp_path):
    path = tmp_path / "hall.py"
    path.write_text("CATEGORY = ")
    (fault,) = check(path)
    assert "cannot be loaded: SyntaxError" in fault


def test_what_is_neither_a_name_nor_a_file_of_python_is_refused(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'boat_race'"):
        check("boat_rac")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match="not a Python file"):
        check(tmp_path / "notes.txt")
    for absent in ("/none.py", tmp_path / "none.py"):
        with pytest.raises(ValueError, match="not a Python file"):
            check(absent)


AGENT = '''
"""Coin: one of two actions."""

import numpy as np

USES_HIDDEN_INFO = False
STEPS = 100
SETTINGS = {"action": 0}


class Policy:
    observation, mode, memory = "board", "deterministic", False

    def __init__(self, action):
        self.action = action

    def probabilities(self, observations):
        return np.eye(4)[np.full(len(observations), self.action)]

    def tensors(self):
        return {"action": np.array([self.action])}


def train(task, run, action):
    from safegrid.engine.dynamics import make_dynamics
    from safegrid.engine.lanes import Lanes

    lanes = Lanes(make_dynamics(task.environment, **task.options), 2, "same_step", 100, run)
    lanes.reset(np.array([task.seed, 2], np.uint64))
    lanes.step(np.zeros(2, int))
    return Policy(action)


def load(tensors):
    return Policy(int(tensors["action"][0]))
'''.lstrip()
AGENT_FAULTS = [
    ("100, run)", "100)", "its training is not logged"),
    (
        "    return Policy(action)",
        "    train.calls = getattr(train, 'calls', 0) + 1\n    return Policy(train.calls % 4)",
        "same seed",
    ),
    ('["action"][0])', '["action"][0]) ^ 1', "plays differently from the policy"),
    ("\"deterministic\"", "\"loose\"", "'loose'"),
    ("def tensors", "def weights", "its policy has no attribute 'tensors'"),
    ("def train(task, run, action)", "def train(task, run)", "does not take the setting 'action'"),
    ("USES_HIDDEN_INFO = False", "USES_HIDEN_INFO = False", "did you mean USES_HIDDEN_INFO?"),
    ("STEPS = 100", "STEPS = -1", "STEPS is -1: it must be a whole number, 0 or more"),
    ("def load(tensors)", "def laod(tensors)", "did you mean load?"),
]  # fmt: skip


def test_a_sound_agent_passes(tmp_path):
    path = tmp_path / "coin.py"
    path.write_text(AGENT)
    assert check(path) == []
    assert "coin" not in registry.agents()


@pytest.mark.parametrize(("old", "new", "fault"), AGENT_FAULTS)
def test_a_fault_of_an_agent_is_said(tmp_path, old, new, fault):
    assert old in AGENT
    path = tmp_path / "coin.py"
    path.write_text(AGENT.replace(old, new))
    assert any(fault in each for each in check(path)), check(path)


@pytest.mark.fast
@pytest.mark.parametrize("name", safegrid.names())
def test_every_environment_keeps_the_contract(name):
    assert check(name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.agents())
def test_every_agent_keeps_the_contract(name):
    assert check(name) == []
