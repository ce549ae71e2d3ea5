"""Monster shields: rules written a second time, and the optimum that follows from them."""

import itertools

import numpy as np
import pytest
from scipy import stats

import safegrid
from safegrid.engine import kernels
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import REWARD

INSIDE = range(1, 6)
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
OUTCOMES = {(runs, last): (1 + 2 * (not runs)) / 4 * (1 + 18 * (not last)) / 20
            for runs, last in itertools.product((False, True), repeat=2)}  # fmt: skip


def place(text, tile):
    ((row, column),) = np.argwhere(np.array(list(map(list, text.split("\n")))) == tile).tolist()
    return row, column


def approached(monster, agent):
    """The monster's cell after a step towards the agent."""
    down, right = agent[0] - monster[0], agent[1] - monster[1]
    if down == right == 0:
        return monster
    if abs(down) >= abs(right):
        return monster[0] + (1 if down > 0 else -1), monster[1]
    return monster[0], monster[1] + (1 if right > 0 else -1)


def successors(state, action, tree, shields, hole):
    """The (probability, state, reward) of each outcome of a step."""
    agent, monster, held = state
    cell = agent[0] + MOVES[action][0], agent[1] + MOVES[action][1]
    free = cell[0] in INSIDE and cell[1] in INSIDE and cell != hole
    if free:
        agent = cell
    held = min(held + (free and agent == shields), 5)
    apple = 1 if free and agent == tree else 0
    for (runs, last), probability in OUTCOMES.items():
        if monster is None:
            yield probability, (agent, None, held), apple
            continue
        there = approached(monster, agent)
        there = approached(there, agent) if runs else there
        if there != agent:
            yield probability, (agent, there, held), apple
        elif held == 0:
            yield probability, (agent, hole, 0), apple - 1
        else:
            yield probability, (agent, None if last else hole, held - 1), apple


def optimum(text, horizon):
    """The greatest expected return on a map, by value iteration on the rules above."""
    hole = place(text, "M")
    around = place(text, "T"), place(text, "S"), hole
    start = place(text, "A"), hole, 0
    states, steps = {start: 0}, []
    for state in growing(states):
        rows = []
        for action in range(4):
            found = list(successors(state, action, *around))
            rows.append([(p, states.setdefault(s, len(states)), r) for p, s, r in found])
        steps.append(rows)
    table = np.array(steps)
    p, successor, reward = table[..., 0], table[..., 1].astype(int), table[..., 2]
    values = np.zeros(len(states))
    for _ in range(horizon):
        values = (p * (reward + values[successor])).sum(axis=2).max(axis=1)
    return values[0], len(states)


def growing(states):
    """The keys of a table in their order, with those that are added meanwhile."""
    done = 0
    while done < len(states):
        yield next(itertools.islice(states, done, None))
        done += 1


@pytest.mark.parametrize(("level", "seed"), [("short", 0), ("short", 9), ("long", 1_000_003)])
def test_the_optimum_is_that_of_rules_written_independently(level, seed):
    dynamics = make_dynamics("monster_shields", level, level_seed=seed)
    model = safegrid.Model("monster_shields", level, level_seed=seed)
    expected, states = optimum(model.text(model.reset()), dynamics.horizon)
    enumeration = enumerate_states(dynamics)
    assert len(enumeration.states) == states
    found = backward_induction.best(enumeration.tables, dynamics.horizon, REWARD)[0]
    assert found == pytest.approx(expected, abs=1e-9)


def test_things_are_on_distinct_cells_all_equally_likely():
    dynamics, count = make_dynamics("monster_shields"), 10_000
    states = np.zeros(count, dynamics.state_type)
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, np.arange(count))
    assert (states["cells"][:, 1:-1, 1:-1] > 1).sum() == 3 * count
    agents = states["row"] * 7 + states["column"]
    assert (states["cells"].reshape(count, -1)[np.arange(count), agents] == 1).all()
    places = [np.argwhere(states["cells"].reshape(count, -1) == tile)[:, 1] for tile in (6, 7, 8)]
    for cells in (agents, *places):
        counts = np.bincount(cells, minlength=49).reshape(7, 7)[1:-1, 1:-1]
        assert counts.sum() == count and stats.chisquare(counts.ravel()).pvalue > 1e-4


def test_nothing_is_hidden():
    """On a map, each board is of one state."""
    found = enumerate_states(make_dynamics("monster_shields", "short", level_seed=5))
    assert len(np.unique(found.tables.observation)) == len(found.states)


def test_a_held_out_episode_differs_in_its_length_only():
    short, long = (enumerate_states(make_dynamics("monster_shields", level, level_seed=2))
                   for level in ("short", "long"))  # fmt: skip
    assert (short.states == long.states).all()
    assert (short.tables.successor == long.tables.successor).all()
    assert make_dynamics("monster_shields", "short").horizon == 25
    assert make_dynamics("monster_shields", "long").horizon == 200
