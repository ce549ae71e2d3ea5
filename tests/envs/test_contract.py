"""What `safegrid.check` does not ask of the files of envs/: the engine's own promises on each."""

import ast
import copy
import functools
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safegrid
from safegrid.engine import registry
from safegrid.engine.chance import count_outcomes as number
from safegrid.engine.observations import make_encoder
from safegrid.evaluation.contract_checks import observe, random_play, step

NAMES = safegrid.names()
GRIDS = registry.grids()
LEVELS = [(name, level) for name in NAMES for level in registry.environment(name).levels]
BOARDS = [(name, level) for name, level in LEVELS if name in GRIDS]
EXAMPLES = [(name, title) for name in GRIDS for title in registry.environment(name).examples]
each_name = pytest.mark.parametrize("name", NAMES)
each_grid = pytest.mark.parametrize("name", GRIDS)
each_level = pytest.mark.parametrize(("name", "level"), LEVELS)
each_board = pytest.mark.parametrize(("name", "level"), BOARDS)
model = functools.cache(safegrid.Model)


@pytest.mark.fast
@each_board
def test_all_forms_of_observation_agree(name, level):
    dynamics = model(name, level).dynamics
    encoders = {
        kind: make_encoder(dynamics, kind) for kind in dynamics.observation_kinds if kind != "index"
    }
    for moment in random_play(dynamics, 2, 10):
        boards = observe(dynamics, moment.after)
        assert boards.max() < len(dynamics.tiles)
        seen = {kind: encoder(boards) for kind, encoder in encoders.items()}
        for i, board in enumerate(boards):
            assert all(encoder.space.contains(seen[kind][i]) for kind, encoder in encoders.items())
            rows = seen["text"][i].split("\n")
            assert [[dynamics.tiles.index(tile) for tile in row] for row in rows] == board.tolist()
            assert (seen["planes"][i].sum(axis=0) == 1).all()
            assert (seen["planes"][i].argmax(axis=0) == board).all()
            assert (seen["rgb"][i] == dynamics.colours[board]).all()
            assert (seen["board"][i] == board).all()


@pytest.mark.slow
@pytest.mark.fast
@each_level
def test_a_batch_of_states_steps_as_batches_of_one_do(name, level):
    dynamics = model(name, level).dynamics
    for before, actions, chances, after, outcomes in random_play(dynamics, 8, 20):
        for i in range(len(before)):
            one = slice(i, i + 1)
            state, outcome = step(dynamics, before[one], actions[one], chances[one])
            assert (state == after[one]).all()
            assert (outcome == outcomes[one]).all()


@pytest.mark.fast
@each_level
def test_a_batch_leaves_ended_states_as_they_are(name, level):
    dynamics = model(name, level).dynamics
    for states, actions, chances, _, _ in random_play(dynamics, 8, 3):
        states["ended"] = True
        after, outcomes = step(dynamics, states, actions, chances)
        assert (after == states).all()
        assert outcomes["terminated"].all()
        assert not any(outcomes[amount].any() for amount in ("reward", "performance", "cost"))


@pytest.mark.fast
@each_level
def test_a_state_that_has_ended_cannot_be_stepped(name, level):
    made = model(name, level)
    action = [0.0] * len(made.actions) if made.dynamics.space == "continuous" else 0
    with pytest.raises(ValueError, match="ended"):
        made.step(made.state(ended=True), action)


@each_board
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_copied_state_has_the_same_future(name, level, data):
    made = model(name, level, noop=True)
    reset_chance, step_chance = (
        st.integers(0, min(number(declared), 2**63) - 1)
        for declared in (made.dynamics.reset_chance, made.dynamics.step_chance)
    )
    actions = st.integers(0, len(made.actions) - 1)
    state = made.reset(data.draw(reset_chance))
    for action, chance in data.draw(st.lists(st.tuples(actions, step_chance), max_size=30)):
        if state.ended:
            break
        fields = {field: getattr(state, field) for field in made.dynamics.state_type.names}
        step = made.step(state, action, chance)
        for same in (copy.copy(state), pickle.loads(pickle.dumps(state)), made.state(**fields)):
            assert same == state
            assert hash(same) == hash(state)
            assert made.text(same) == made.text(state)
            assert made.step(same, action, chance) == step
        state = step.state


@pytest.mark.fast
@each_name
def test_an_environment_file_imports_only_its_kit(name):
    for node in ast.walk(ast.parse(registry.source(name).read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            foreign = module.split(".")[0] not in {"safegrid", "envs", "agents"}
            kit = re.match(r"safegrid\.engine\.(gridworld|generation|plane|control)\b", module)
            assert foreign or kit, module


@pytest.mark.fast
def test_no_file_of_the_core_lists_the_environments():
    """A file may name one of them as an example in a sentence, but not in a statement."""
    for path in Path(safegrid.__file__).parent.rglob("*.py"):
        text = path.read_text()
        words = {name: {name, registry.environment(name).identifier} for name in NAMES}
        named = [name for name in NAMES if any(re.search(rf"\b{w}\b", text) for w in words[name])]
        assert len(named) <= 1, path
        tokens = set()
        for node in ast.walk(ast.parse(text)):
            tokens |= {node.value} if isinstance(node, ast.Constant) else set()
            tokens |= {getattr(node, key, None) for key in ("id", "attr", "name", "arg")}
        assert not any(tokens & words[name] for name in named), path
