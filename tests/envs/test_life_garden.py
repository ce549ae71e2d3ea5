"""The life garden does cell for cell what SafeLife did, and measures side effects as it did."""

import json
from pathlib import Path

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import KEYS
from safegrid.solver import anchors

GARDEN = registry.environment("life_garden").module
GOLDEN = Path(__file__).parents[1] / "golden"
ARRAYS = np.load(GOLDEN / "safelife.npz")
EPISODES = json.loads((GOLDEN / "safelife.json").read_text())
LEVELS = list(registry.environment("life_garden").levels)
STILL = [name for name, episode in EPISODES.items() if not episode["spawn"]]
# SafeLife's actions are noop, moves and toggles, each up, right, down and left
ACTIONS = [
    registry.environment("life_garden").actions.index(name)
    for name in (
        "noop", "up", "right", "down", "left",
        "toggle_up", "toggle_right", "toggle_down", "toggle_left",
    )
]  # fmt: skip
TURN, SPAWNING, MOVABLE = 12, 1 << 7, GARDEN.PUSHABLE | GARDEN.PULLABLE


def recorded(name):
    """Boards [steps + 1, rows, columns], goals, the agent's first cell, actions and rewards."""
    parts = ("boards", "goals0", "agent0", "acts", "rewards")
    boards, goals, agent, actions, rewards = (ARRAYS[f"{name}_{part}"] for part in parts)
    return boards, goals, tuple(map(int, agent[0])), actions.tolist(), rewards


def advanced(board, action, row, column):
    """A recorded board after an action and the automaton's step, and the agent's cell.

    The agent turns to where it acts, which only SafeLife's pictures show.
    """
    cells = board.copy()
    row, column, left = GARDEN.act(cells, row, column, ACTIONS[action])
    assert not left
    if action > 0:
        cells[row, column] &= ~np.uint32(3 << TURN)
        cells[row, column] |= np.uint32((action - 1) % 4 << TURN)
    GARDEN.advance(cells)
    return cells, row, column


def points(cells, goals):
    pairs = zip(cells.ravel().tolist(), goals.ravel().tolist(), strict=True)
    return sum(GARDEN.cell_points(cell, goal) for cell, goal in pairs)


@pytest.mark.parametrize("name", STILL)
def test_every_recorded_board_is_found_again_cell_for_cell(name):
    boards, goals, (row, column), actions, rewards = recorded(name)
    cells = boards[0]
    assert len(actions) == EPISODES[name]["steps"] == 60
    for t, action in enumerate(actions):
        before = points(cells, goals)
        cells, row, column = advanced(cells, action, row, column)
        np.testing.assert_array_equal(cells, boards[t + 1], f"step {t}")
        assert points(cells, goals) - before == pytest.approx(rewards[t], abs=1e-6), f"step {t}"
    assert rewards.sum() == EPISODES[name]["return"]


@pytest.mark.parametrize("name", set(EPISODES) - set(STILL))
def test_with_spawners_only_what_they_may_have_spawned_differs(name):
    boards, _, (row, column), actions, _ = recorded(name)
    for t, action in enumerate(actions):
        cells, row, column = advanced(boards[t], action, row, column)
        differs = np.argwhere(cells != boards[t + 1])
        spawners = np.argwhere(boards[t] & SPAWNING)
        apart = abs(differs[:, None] - spawners)
        apart = np.minimum(apart, boards[t].shape - apart).max(axis=2)
        assert (apart.min(axis=1, initial=99) <= 1).all(), f"step {t}"
        assert boards[t + 1][row, column] & GARDEN.HERE, f"step {t}"


@pytest.mark.parametrize("name", STILL)
def test_side_effects_are_those_that_safelife_measured(name):
    boards, *_ = recorded(name)
    found = GARDEN.side_effects(boards[0], boards[-1], len(boards) - 1)
    expected = EPISODES[name]["side_effects"]
    assert found.keys() == expected.keys()
    for kind, (distance, mass) in expected.items():
        assert found[kind] == pytest.approx((distance, mass), abs=1e-6), kind


@pytest.mark.parametrize("name", STILL)
def test_points_to_earn_are_those_of_safelife(name):
    """What `reset` computes on a map of ours, from the cells and goals of the recording."""
    boards, goals, *_ = recorded(name)
    best = sum(GARDEN.cell_points(GARDEN.LIFE, goal) for goal in goals[goals & GARDEN.BLUE > 0])
    fixed = (boards[0] & GARDEN.FROZEN > 0) & (boards[0] & MOVABLE == 0)
    best -= sum(GARDEN.cell_points(GARDEN.LIFE, goal) for goal in goals[fixed])
    available = best - points(boards[0], goals)
    assert available == EPISODES[name]["available"]
    assert np.ceil(available / 2) == EPISODES[name]["required"]


def test_moving_mass_costs_less_than_losing_it_and_edges_are_crossed_one_way():
    before, after = np.zeros((2, 9, 9))
    before[4, 4] = after[4, 6] = 1
    assert GARDEN.earth_movers_distance(before, after) == pytest.approx(np.tanh(2 / 5))
    assert GARDEN.earth_movers_distance(before, 0 * after) == 1
    assert GARDEN.earth_movers_distance(before, before) == 0
    after[0, 0] = 0.5
    assert GARDEN.earth_movers_distance(before, after) == pytest.approx(np.tanh(2 / 5) + 0.5)
    edge, other = np.zeros((2, 9, 9))
    edge[4, 0] = other[4, 8] = 1
    assert GARDEN.earth_movers_distance(other, edge) == pytest.approx(np.tanh(1 / 5))
    assert GARDEN.earth_movers_distance(edge, other) == pytest.approx(np.tanh(8 / 5))


@pytest.mark.parametrize("level", LEVELS)
def test_gardens_are_still_while_nobody_acts(level):
    model = safegrid.Model("life_garden", level)
    start = state = model.reset()
    for _ in range(10):
        step = model.step(state, 4)
        state = step.state
        assert (state.cells == start.cells).all()
        assert (step.reward, step.performance) == (0, 0)


def cells_of(model, state):
    """The cells of a state's map, which may be smaller than the greatest."""
    rows, columns = model.dynamics.level.board.shape
    return state.cells[:rows, :columns].copy()


def play(model, actions):
    """The transitions of actions until the episode ends."""
    state = model.reset()
    for action in actions:
        step = model.step(state, int(action))
        yield state, int(action), step
        state = step.state
        if state.ended:
            return


@pytest.mark.parametrize("level", LEVELS)
def test_sums_that_are_kept_are_those_of_the_whole_board(level):
    """Only rows beside a change are computed: all others must be as if they had been."""
    model = safegrid.Model("life_garden", level)
    start, goals = model.dynamics.level.cell_data.astype(np.int64) & GARDEN.LOWER
    random = np.random.default_rng(0)
    for before, action, step in play(model, random.integers(0, 9, 300)):
        cells, after = cells_of(model, before), step.state
        GARDEN.act(cells, before.row, before.column, action)
        GARDEN.advance(cells)
        now = cells_of(model, after)
        exits = GARDEN.EXIT | GARDEN.RED * (cells & GARDEN.EXIT > 0)  # are set after the step
        assert (cells & ~exits == now & ~exits).all()
        green, was = (np.vectorize(GARDEN.is_green)(part) for part in (now, start))
        assert after.points == points(now, goals)
        assert (after.lost, after.gained) == ((was & ~green).sum(), (green & ~was).sum())


@pytest.mark.parametrize("level", LEVELS)
def test_a_settled_garden_has_at_most_as_much_distance_as_the_performance_loses(level):
    """Cells that came and went are matched at a cost below 1, and all others cost 1."""
    model = safegrid.Model("life_garden", level)
    random, settled, distances = np.random.default_rng(1), 0, set()
    for _ in range(20):
        steps = list(play(model, random.integers(0, 9, 40)))
        state, played = steps[-1][2].state, len(steps)
        while not state.ended and played < 200:
            step = model.step(state, 4)
            if (step.state.cells == state.cells).all():
                break
            state, played = step.state, played + 1
        else:
            continue
        boards = (cells_of(model, each) for each in (model.reset(), state))
        effects = GARDEN.side_effects(*boards, played, samples=1)
        distance, settled = effects["life-green"][0], settled + 1
        assert distance <= max(state.lost, state.gained) + 1e-9
        distances.add(round(distance, 9))
    assert settled >= 5 and len(distances) > 1


def test_the_exit_opens_at_half_of_the_points_and_closes_again():
    model = safegrid.Model("life_garden")
    place = model.text(model.reset()).index("E")
    blocks = registry.environment("life_garden").examples["honest"].keys[:22]
    actions = [model.actions.index(KEYS[key]) for key in blocks]
    steps = [step for *_, step in play(model, actions)]
    state = steps[-1].state
    assert (state.points, state.required) == (24, 18)
    for step in steps:
        assert (model.text(step.state)[place] == "G") == (step.state.points >= 18)
    cells = state.cells.copy()
    cells[2:4, 3:5] = 0  # one block is gone
    closed = model.step(model.state(cells=cells, row=1, column=9, points=12, required=18), 4)
    assert model.text(closed.state)[place] == "E"


CRATES = ["#######", "#A    #", "# XX  #", "#     #", "#######"]
MOVED = [  # keys, and the rows that differ from CRATES
    ("dr", {1: "#     #", 2: "#AXX  #"}),  # two crates are not pushed at once
    ("rd", {1: "#     #", 2: "# AX  #", 3: "# X   #"}),
    ("rdd", {1: "#     #", 2: "# AX  #", 3: "# X   #"}),  # nor into a wall
    ("rD", {1: "# A   #", 2: "#  X  #", 3: "# X   #"}),  # shoved
    ("rDd", {1: "#     #", 2: "# AX  #", 3: "# X   #"}),
    ("rrrrdl", {1: "#     #", 2: "# XXA #"}),  # blocked by the other one
    ("rrrrdlr", {1: "#     #", 2: "# X XA#"}),  # pulled
]


@pytest.mark.parametrize(("keys", "rows"), MOVED)
def test_crates_are_pushed_pulled_and_shoved(keys, rows):
    model = safegrid.Model("life_garden", "navigate", map=CRATES)
    *_, (_, _, last) = play(model, [model.actions.index(KEYS[key]) for key in keys])
    expected = [rows.get(number, row) for number, row in enumerate(CRATES)]
    assert model.text(last.state).split("\n") == expected


def test_a_crate_leaves_by_the_exit_and_then_the_agent():
    model = safegrid.Model("life_garden", "navigate", map=["#######", "#AX G##", "#######"])
    texts, rewards = [], []
    for *_, step in play(model, [3, 3, 3, 3]):
        texts.append(model.text(step.state).split("\n")[1])
        rewards.append(step.reward)
    assert texts == ["# AXG##", "#  AG##", "#   A##"]
    assert rewards == [0, 0, 1] and step.terminated


def test_a_map_without_an_edge_is_a_torus():
    model = safegrid.Model("life_garden", map=["    ", "A   ", "    ", "    "])
    assert model.step(model.reset(), 2).state.column == 3
    left = model.step(model.step(model.reset(), 0).state, 0).state
    assert (left.row, left.column) == (3, 0)


def test_larger_maps_are_refused():
    with pytest.raises(ValueError, match="15 rows and 12 columns: at most 14"):
        safegrid.Model("life_garden", map=["A" + " " * 11, *[" " * 12] * 14])


@pytest.mark.parametrize("level", LEVELS)
def test_no_play_goes_beyond_the_bounds(level):
    dynamics = make_dynamics("life_garden", level)
    bounds = anchors.compute_bounds(dynamics, dynamics.spec.horizon)
    examples = dynamics.spec.examples.values()
    reached = [each.total for each in examples if each.level in (level, LEVELS.index(level))]
    assert max(reached) == bounds.r_max
    played = safegrid.evaluate(
        lambda boards: np.full((len(boards), 9), 1 / 9), "life_garden", 200, level=level
    )
    for letter, sums in (("r", played["return"]), ("p", played.performance)):
        assert bounds[f"{letter}_min"] <= sums.min() and sums.max() <= bounds[f"{letter}_max"]
