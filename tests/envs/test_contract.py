"""The contract of an environment file, for every file of envs/ and every level in it."""

import ast
import copy
import functools
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safegrid
from safegrid.engine import examples, kernels, registry
from safegrid.engine.chance import count_outcomes as number
from safegrid.engine.chance import list_outcomes as outcomes_of
from safegrid.engine.gridworld import OUTCOME, WALL
from safegrid.engine.observations import Encoder

NAMES = safegrid.names()
GRIDS = registry.grids()
LEVELS = [(name, level) for name in NAMES for level in registry.environment(name).LEVELS]
BOARDS = [(name, level) for name, level in LEVELS if name in GRIDS]
EXAMPLES = [(name, title) for name in GRIDS for title in registry.environment(name).EXAMPLES]
each_name = pytest.mark.parametrize("name", NAMES)
each_grid = pytest.mark.parametrize("name", GRIDS)
each_level = pytest.mark.parametrize(("name", "level"), LEVELS)
each_board = pytest.mark.parametrize(("name", "level"), BOARDS)
model = functools.cache(safegrid.Model)


def draws(declared, count, random):
    """Outcomes of a declared chance, the impossible ones left out."""
    listed = outcomes_of(declared)
    if listed is None:
        return random.integers(0, min(number(declared), 2**62), count)
    return random.choice([outcome for outcome, _ in listed], count)


def step(name, level, states, actions, chances):
    """The states after one step of each, and its outcomes."""
    dynamics, states = model(name, level).dynamics, states.copy()
    outcomes = np.zeros(len(states), OUTCOME)
    dynamics.compiled(kernels.step_states)(states, dynamics.level, actions, chances, outcomes)
    return states, outcomes


def walks(name, level, count=32, steps=40):
    """Random walks side by side: of each step the states before and after it, and its outcomes."""
    dynamics, random = model(name, level).dynamics, np.random.default_rng(0)
    states = np.zeros(count, dynamics.state_type)
    chances = draws(dynamics.reset_chance, count, random)
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    for _ in range(steps):
        if dynamics.continuous:
            actions = random.uniform(-1, 1, (count, len(dynamics.actions)))
        else:
            actions = random.integers(0, len(dynamics.actions), count)
        chances = draws(dynamics.step_chance, count, random)
        after, outcomes = step(name, level, states, actions, chances)
        yield states, actions, chances, after, outcomes
        states = after


def observe(name, level, states):
    dynamics = model(name, level).dynamics
    boards = np.repeat(dynamics.level.background[None], len(states), axis=0)
    dynamics.compiled(kernels.observe_states)(states, dynamics.level, boards)
    return boards


@pytest.mark.fast
@each_grid
def test_tiles_begin_with_wall_and_floor_and_each_is_there_once(name):
    tiles = registry.environment(name).TILES
    assert tiles.startswith("# ") and "A" in tiles
    assert len(set(tiles)) == len(tiles)


@pytest.mark.fast
@each_name
@pytest.mark.parametrize("what", ["Temptation", "Reward", "Performance", "Source"])
def test_the_docstring_says_what_tempts_and_what_counts(name, what):
    assert re.search(rf"^{what}: \S", registry.environment(name).__doc__ or "", re.MULTILINE)


@pytest.mark.fast
@each_grid
def test_an_honest_episode_is_shown(name):
    assert "honest" in registry.environment(name).EXAMPLES


@pytest.mark.fast
@pytest.mark.parametrize(("name", "title"), EXAMPLES)
def test_an_example_comes_out_as_it_says(name, title):
    example = registry.environment(name).EXAMPLES[title]
    wanted = pytest.approx((example.total, example.performance), abs=1e-9)
    assert examples.play(name, example) == wanted


@pytest.mark.fast
@each_level
def test_probabilities_sum_to_one(name, level):
    for chances in (model(name, level).reset_chance, model(name, level).step_chance):
        if chances is not None:
            assert len({outcome for outcome, _ in chances}) == len(chances)
            assert all(0 < probability <= 1 for _, probability in chances)
            assert sum(probability for _, probability in chances) == pytest.approx(1, abs=1e-12)


@pytest.mark.fast
@each_level
def test_a_reset_writes_every_field_but_memory(name, level):
    dynamics, random = model(name, level).dynamics, np.random.default_rng(1)
    chances = draws(dynamics.reset_chance, 16, random)
    clean = np.zeros(16, dynamics.state_type)
    used = np.frombuffer(bytes([0x7F]) * clean.nbytes, clean.dtype).copy()
    for field in getattr(registry.environment(name), "MEMORY", ()):
        used[field] = clean[field]
    for states in (clean, used):
        dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    for field in clean.dtype.names:
        assert clean[field].tobytes() == used[field].tobytes(), field


@pytest.mark.fast
@each_board
def test_a_new_episode_shows_one_agent_on_free_ground(name, level):
    made = model(name, level)
    for chance in draws(made.dynamics.reset_chance, 8, np.random.default_rng(2)):
        state = made.reset(chance)
        assert not state.ended
        assert made.text(state).count("A") == 1
        assert made.board(state)[state.row, state.column] == made.dynamics.tiles.index("A")


@pytest.mark.fast
@each_level
def test_looking_changes_nothing_and_shows_the_same_again(name, level):
    for _, _, _, states, _ in walks(name, level, count=8, steps=20):
        before = states.tobytes()
        first, second = observe(name, level, states), observe(name, level, states)
        assert states.tobytes() == before
        assert first.tobytes() == second.tobytes()


@pytest.mark.fast
@each_board
def test_all_forms_of_observation_agree(name, level):
    dynamics = model(name, level).dynamics
    encoders = {kind: Encoder(dynamics, kind) for kind in Encoder.kinds if kind != "index"}
    for _, _, _, states, _ in walks(name, level, count=2, steps=10):
        boards = observe(name, level, states)
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


@pytest.mark.fast
@each_board
def test_every_state_on_the_way_is_inside_the_map(name, level):
    ground = model(name, level).dynamics.level.board
    for _, _, _, states, _ in walks(name, level):
        rows, columns = states["row"], states["column"]
        assert ((rows >= 0) & (rows < ground.shape[0])).all()
        assert ((columns >= 0) & (columns < ground.shape[1])).all()
        assert (ground[rows, columns] != WALL).all()


@pytest.mark.fast
@each_level
def test_every_amount_on_the_way_is_finite(name, level):
    for _, _, _, states, outcomes in walks(name, level):
        assert np.isfinite(observe(name, level, states)).all()
        for amount in ("reward", "performance", "cost"):
            assert np.isfinite(outcomes[amount]).all(), amount


@pytest.mark.fast
@each_board
def test_amounts_are_whole_multiples_of_the_unit(name, level):
    unit = getattr(registry.environment(name), "UNIT", 1)
    for _, _, _, _, outcomes in walks(name, level):
        for amount in ("reward", "performance", "cost"):
            units = outcomes[amount] / unit
            assert units == pytest.approx(np.round(units), abs=1e-9), amount


@pytest.mark.fast
@each_level
def test_a_batch_of_states_steps_as_batches_of_one_do(name, level):
    for before, actions, chances, after, outcomes in walks(name, level, count=8, steps=20):
        for i in range(len(before)):
            one = slice(i, i + 1)
            state, outcome = step(name, level, before[one], actions[one], chances[one])
            assert (state == after[one]).all()
            assert (outcome == outcomes[one]).all()


@pytest.mark.fast
@each_level
def test_a_batch_leaves_ended_states_as_they_are(name, level):
    for states, actions, chances, _, _ in walks(name, level, count=8, steps=3):
        states["ended"] = True
        after, outcomes = step(name, level, states, actions, chances)
        assert (after == states).all()
        assert outcomes["terminated"].all()
        assert not any(outcomes[amount].any() for amount in ("reward", "performance", "cost"))


@pytest.mark.fast
@each_level
def test_a_state_that_has_ended_cannot_be_stepped(name, level):
    made = model(name, level)
    action = [0.0] * len(made.actions) if made.dynamics.continuous else 0
    with pytest.raises(ValueError, match="ended"):
        made.step(made.state(ended=True), action)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "level"), [c for c in LEVELS if hasattr(registry.environment(c[0]), "canonical")]
)
def test_a_canonical_state_looks_the_same_and_has_the_same_future(name, level):
    canonical = model(name, level).dynamics.compiled(kernels.canonical_states)
    for states, actions, chances, after, outcomes in walks(name, level, 256, 100):
        alike = states.copy()
        canonical(alike)
        assert (observe(name, level, alike) == observe(name, level, states)).all()
        following, brought = step(name, level, alike, actions, chances)
        assert (brought == outcomes).all()
        expected = after.copy()
        for end in (following, expected):
            canonical(end)
        assert (following == expected).all()


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
            assert foreign or re.match(r"safegrid\.engine\.(gridworld|plane)\b", module), module


@pytest.mark.fast
def test_no_file_of_the_core_lists_the_environments():
    """A file may name one of them as an example in a sentence, but not in a statement."""
    for path in Path(safegrid.__file__).parent.rglob("*.py"):
        text = path.read_text()
        words = {name: {name, registry.identifier(name)} for name in NAMES}
        named = [name for name in NAMES if any(re.search(rf"\b{w}\b", text) for w in words[name])]
        assert len(named) <= 1, path
        tokens = set()
        for node in ast.walk(ast.parse(text)):
            tokens |= {node.value} if isinstance(node, ast.Constant) else set()
            tokens |= {getattr(node, key, None) for key in ("id", "attr", "name", "arg")}
        assert not any(tokens & words[name] for name in named), path
