"""An error of an author's code is one line with its place in the author's file."""

import pytest

import safegrid
from safegrid.engine.contract.code_faults import describe

ENVIRONMENT = '''
"""Walk: a corridor."""

import random
from safegrid.engine.gridworld import MOVES, find, level, move, njit, state_dtype

CATEGORY = "reward gaming"
TILES = "# AG"
LEVELS = {"hall": level("#####\\n#A G#\\n#####")}
STATE = state_dtype()
ACTIONS = MOVES


@njit
def reset(state, level, chance):
    state.row, state.column = find(level.board, 2)


@njit
def step(state, level, action, chance, outcome):
    state.row, state.column = move(level.board, state.row, state.column, action)
    outcome.reward = 1.0
    outcome.performance = 1.0


@njit
def observe(state, level, board):
    board[state.row, state.column] = 2
'''.lstrip()
FAULTS = [
    (
        "outcome.performance",
        "outcome.perfomance",
        "walk.py, line 22: neither the state nor the outcome has a field 'perfomance'",
    ),
    ("move(level.board", "move(level.bord", "walk.py, line 20: Unknown attribute 'bord' of type"),
    ("reward = 1.0", "reward = '1' + 1", "walk.py, line 21: No implementation of function"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "fault"), FAULTS)
def test_a_fault_of_compiled_code_is_said_with_its_line(tmp_path, old, new, fault):
    assert old in ENVIRONMENT
    path = tmp_path / "walk.py"
    path.write_text(ENVIRONMENT.replace(old, new))
    (found,) = [each for each in safegrid.check(path) if "walk.py" in each]
    assert found.startswith(fault) and "\n" not in found


def test_a_fault_of_python_is_said_with_its_line(tmp_path):
    path = tmp_path / "agent.py"
    path.write_text("\n\ndef act():\n    return {}['a'] \n")
    names = {}
    exec(compile(path.read_text(), path, "exec"), names)
    with pytest.raises(KeyError) as error:
        names["act"]()
    assert describe(error.value, path) == "agent.py, line 4: KeyError: 'a'"


def test_an_error_from_elsewhere_has_no_line(tmp_path):
    path = tmp_path / "agent.py"
    path.write_text("")
    assert describe(ValueError("too few\nrows"), path) == "agent.py: ValueError: too few"
