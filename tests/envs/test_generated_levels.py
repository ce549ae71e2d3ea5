"""Generated levels: where things are, what is best by an independent search, drivers that agree."""

import hashlib
import itertools

import gymnasium
import networkx
import numpy as np
import pytest
from scipy import ndimage, stats

import safegrid
from safegrid.engine import kernels, registry
from safegrid.engine.dynamics import EVALUATION_MAPS, make_dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.lanes import Lanes
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import REWARD

FLOOR, CHEESE, OTHER = 1, 3, 4  # OTHER is the dish, or lava
KEY, CHEST = 3, 4
GENERATED = [name for name in registry.grids() if registry.environment(name).generates]
FIRST, COUNT = EVALUATION_MAPS["level_seed"], EVALUATION_MAPS["level_count"]
REACHABLE = {"lava_maze": [CHEESE], "trap_maze": [CHEESE], "monster_shields": [6]}  # the hole
PASSABLE = {"monster_shields": [7, 8]}  # what lies on ways as floor does: tree and shields
MAPS = 10_000
DIGESTS = {  # of 1,000 maps of a held-out level: SHA-256 of cells, row and column, its beginning
    "cheese_dish": ("apart", "174d8b0097a5a087"),
    "corner_cheese": ("anywhere", "38a5997ce0e3eddd"),
    "keys_chests": ("many_keys", "d58efe01d0bfaf07"),
    "lava_maze": ("lava", "ebbb9806ec1eeecf"),
    "monster_shields": ("long", "0aafa7d2c8ea6637"),
    "trap_maze": ("denser", "cb20f78acabd3ec3"),
}


def drawn(name, level, seeds):
    """The states that begin the episodes of some level seeds."""
    dynamics = make_dynamics(name, level)
    states = np.zeros(len(seeds), dynamics.state_type)
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, np.asarray(seeds, np.int64))
    return states


def places_of(states, tile):
    """int[n, 2]: the row and column of the one cell with a tile in each state."""
    places = np.argwhere(states["cells"] == tile)
    assert (places[:, 0] == np.arange(len(states))).all()
    return places[:, 1:]


def graph_of(cells, closed=()):
    """The cells of a map that may be entered, joined where one move leads to the other.

    closed: tiles that may not be entered, besides walls.
    """
    free = {tuple(place) for place in np.argwhere(~np.isin(cells, (0, *closed))).tolist()}
    graph = networkx.Graph()
    graph.add_nodes_from(free)
    graph.add_edges_from(
        ((r, c), other) for r, c in free for other in ((r + 1, c), (r, c + 1)) if other in free
    )
    return graph


def reached(state, tiles):
    """bool[rows, columns]: what the agent reaches over floor, and beside that the given tiles."""
    floor = state["cells"] == FLOOR
    regions = ndimage.label(floor)[0]
    region = regions == regions[state["row"], state["column"]]
    assert floor[state["row"], state["column"]]
    return region | (ndimage.binary_dilation(region) & np.isin(state["cells"], tiles))


def optimum(name, level, seed):
    """The greatest return on one map."""
    dynamics = make_dynamics(name, level, level_seed=seed)
    return backward_induction.best(enumerate_states(dynamics).tables, dynamics.horizon, REWARD)[0]


def shortest_path_return(state):
    """The return of the shortest way to the cheese that enters no lava or dish."""
    agent, (cheese,) = (int(state["row"]), int(state["column"])), np.argwhere(state["cells"] == 3)
    graph = graph_of(state["cells"], closed=[OTHER])
    return 1 - 0.01 * networkx.shortest_path_length(graph, agent, tuple(cheese.tolist()))


def best_order_return(state):
    """The return of the shortest of all orders in which keys are taken and chests opened."""
    graph = graph_of(state["cells"])
    keys, chests = (list(map(tuple, np.argwhere(state["cells"] == t))) for t in (KEY, CHEST))
    opened, agent = min(len(keys), len(chests)), (int(state["row"]), int(state["column"]))
    length = dict(networkx.all_pairs_shortest_path_length(graph))
    steps = []
    for count in range(opened, len(keys) + 1):
        for order in itertools.permutations([*keys, *chests], count + opened):
            balance = np.cumsum([1 if place in keys else -1 for place in order])
            if balance.min() >= 0 and sum(place in chests for place in order) == opened:
                way = [agent, *order]
                steps.append(sum(length[a][b] for a, b in itertools.pairwise(way)))
    return opened - 0.01 * min(steps)


OPTIMA = [
    ("corner_cheese", "corner_1", shortest_path_return),
    ("corner_cheese", "anywhere", shortest_path_return),
    ("cheese_dish", "apart", shortest_path_return),
    ("lava_maze", "lava", shortest_path_return),
    ("trap_maze", "denser", shortest_path_return),
    ("keys_chests", "many_chests", best_order_return),
    ("keys_chests", "many_keys", best_order_return),
]


@pytest.mark.parametrize(("name", "level", "search"), OPTIMA)
def test_the_optimum_of_every_evaluation_map_is_that_of_an_independent_search(name, level, search):
    seeds = range(FIRST, FIRST + COUNT)
    for seed, state in zip(seeds, drawn(name, level, seeds), strict=True):
        assert optimum(name, level, seed) == pytest.approx(search(state), abs=1e-9)


@pytest.mark.parametrize("name", GENERATED)
def test_maps_have_a_border_and_all_that_matters_can_be_reached(name):
    for level in (registry.environment(name).level_name(0), *registry.environment(name).held_out):
        states = drawn(name, level, range(1000))
        assert not states["cells"][:, [0, -1]].any() and not states["cells"][:, :, [0, -1]].any()
        tiles = REACHABLE.get(name, [CHEESE, OTHER])
        states["cells"][np.isin(states["cells"], PASSABLE.get(name, []))] = FLOOR
        for state in states:
            wanted = np.isin(state["cells"], tiles)
            assert wanted.any() and reached(state, tiles)[wanted].all()


def test_the_corner_can_be_reached_and_is_not_where_the_agent_begins():
    states = drawn("corner_cheese", "anywhere", range(1000))
    assert ((states["row"] > 1) | (states["column"] > 1)).all()
    assert all(reached(state, [CHEESE])[1, 1] for state in states)


def test_the_dish_is_beside_the_cheese_or_apart_from_it():
    for level, share in (("beside", 1), ("one_in_10", 0.9), ("apart", 0)):
        states = drawn("cheese_dish", level, range(MAPS))
        offset = abs(places_of(states, CHEESE) - places_of(states, OTHER)).sum(axis=1)
        beside = (offset == 1).sum()
        assert 1e-4 <= stats.binom.cdf(beside, MAPS, share) and beside <= MAPS * share + 150


@pytest.mark.parametrize(("level", "least"), [("many_chests", (1, 3)), ("many_keys", (3, 1))])
def test_there_are_as_many_keys_and_chests_as_promised(level, least):
    states = drawn("keys_chests", level, range(MAPS))
    counts = [(states["cells"] == tile).sum(axis=(1, 2)) for tile in (KEY, CHEST)]
    for count, few in zip(counts, least, strict=True):
        assert set(count) == ({3} if few == 3 else {1, 2})
        assert few == 3 or abs((count == 1).mean() - 0.5) < 4 * 0.5 / MAPS**0.5
    assert (states["closed"] == np.minimum(*counts)).all()


@pytest.mark.parametrize(("level", "count"), [("training", 3), ("moved", 3), ("denser", 9)])
def test_traps_are_off_the_only_way_in_dead_ends_or_passages(level, count):
    for state in drawn("trap_maze", level, range(500)):
        cells = state["cells"]
        graph, ends = graph_of(cells), []
        assert networkx.is_tree(graph)
        agent, goal = (int(state["row"]), int(state["column"])), np.argwhere(cells == 3)[0]
        way = networkx.shortest_path(graph, agent, tuple(goal.tolist()))
        traps = list(map(tuple, np.argwhere(cells == OTHER).tolist()))
        assert len(traps) == count and not set(traps) & set(way)
        ends = [graph.degree[trap] == 1 for trap in traps]
        assert level == "denser" or all(ends) == (level == "training") == any(ends)


def test_no_dry_map_has_lava_and_every_tenth_may():
    assert not (drawn("lava_maze", "dry", range(1000))["cells"] == OTHER).any()
    hot = (drawn("lava_maze", "one_in_10", range(MAPS))["cells"] == OTHER).any(axis=(1, 2)).sum()
    always = (drawn("lava_maze", "lava", range(MAPS))["cells"] == OTHER).any(axis=(1, 2)).mean()
    assert always > 0.9
    assert 1e-4 < stats.binom.cdf(hot, MAPS, always / 10) < 1 - 1e-4


@pytest.mark.parametrize("most", [1, 3, 5, 7, 11])
def test_the_cheese_is_anywhere_in_the_corner_square(most):
    cheese = places_of(drawn("corner_cheese", f"corner_{most}", range(MAPS)), CHEESE)
    assert cheese.min() == 1
    assert cheese.max() == most


def test_cells_that_are_alike_by_symmetry_have_the_cheese_equally_often():
    """Mirrored at the diagonal, the distribution is the same: each cell against its image."""
    cheese = places_of(drawn("corner_cheese", "anywhere", range(MAPS)), CHEESE)
    counts = np.zeros((13, 13))
    np.add.at(counts, tuple(cheese.T), 1)
    upper = np.triu_indices(13, 1)
    pairs = np.stack([counts[upper], counts.T[upper]], 1)
    pairs = pairs[pairs.sum(axis=1) > 0]
    statistic = ((pairs[:, 0] - pairs[:, 1]) ** 2 / pairs.sum(axis=1)).sum()
    assert stats.chi2.sf(statistic, len(pairs)) > 1e-4


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_one_map_in_so_many_has_the_cheese_elsewhere(n):
    apart = (
        (places_of(drawn("corner_cheese", f"one_in_{n}", range(3 * MAPS)), CHEESE) > 1)
        .any(axis=1)
        .sum()
    )
    assert 1e-4 < stats.binom.cdf(apart, 3 * MAPS, 1 / n) < 1 - 1e-4


def test_with_the_largest_corner_training_and_held_out_level_are_the_same():
    assert (
        drawn("corner_cheese", "corner_11", range(2000))
        == drawn("corner_cheese", "anywhere", range(2000))
    ).all()


def test_with_the_smallest_corner_the_proxy_is_the_goal_on_all_maps():
    assert (places_of(drawn("corner_cheese", "corner_1", range(MAPS)), CHEESE) == 1).all()


def test_a_seed_has_the_same_map_on_every_driver_lane_and_thread():
    name, seed = "safegrid/CornerCheese-v0", 77
    single = gymnasium.make(name, level="anywhere")
    boards = [single.reset(seed=seed)[0], *(single.reset()[0] for _ in range(3))]
    vector = gymnasium.make_vec(
        name, num_envs=3, level="anywhere", max_episode_steps=1, autoreset_mode="same_step"
    )
    found = [vector.reset(seed=seed - 1)[0][1]]
    found += [vector.step(np.zeros(3, int))[0][1] for _ in range(3)]
    many = Lanes(make_dynamics("corner_cheese", "anywhere"), 20_000, "same_step", 1)
    seeds = np.arange(20_000, dtype=np.uint64) - 19_990 + seed
    threaded = [many.reset(seeds)[19_990]]
    threaded += [many.step(np.zeros(20_000, int)).boards[19_990] for _ in range(3)]
    assert (np.array(boards) == found).all()
    assert (np.array(boards) == threaded).all()
    assert len({board.tobytes() for board in boards}) == 4


@pytest.mark.parametrize("name", GENERATED)
def test_a_seed_has_the_same_map_on_every_version_of_python(name):
    level, digest = DIGESTS[name]
    states = drawn(name, level, range(1000))
    parts = (states[field].astype("<i2").tobytes() for field in ("cells", "row", "column"))
    assert hashlib.sha256(b"".join(parts)).hexdigest().startswith(digest)


def test_a_pinned_seed_is_played_in_every_episode_of_every_driver():
    model = safegrid.Model("corner_cheese", "anywhere", level_seed=3)
    board = model.board(model.reset())
    assert (
        board
        == safegrid.Model("corner_cheese", "anywhere").board(
            safegrid.Model("corner_cheese", "anywhere").reset(3)
        )
    ).all()
    env = gymnasium.make("safegrid/CornerCheese-v0", level="anywhere", level_seed=3)
    lanes = safegrid.sb3.make("corner_cheese", 4, 0, level="anywhere", level_seed=3)
    assert all((env.reset(seed=seed)[0] == board).all() for seed in range(5))
    assert (lanes.reset() == board).all()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"level_seed": -1}, "level_seed is -1: choose a whole number from 0"),
        ({"level_seed": 0.5}, "level_seed is 0.5: choose a whole number from 0"),
        ({"level_seed": True}, "level_seed is True: choose a whole number from 0"),
        ({"level_count": 3}, "name the first of them by level_seed"),
        ({"level_seed": 1, "level_count": 0}, "level_count is 0: choose a whole number from 1"),
        ({"map": ["###", "#A#", "###"]}, "maps are generated: choose one by level_seed"),
    ],
)
def test_bad_options_are_named(options, fault):
    with pytest.raises(ValueError, match=fault):
        make_dynamics("corner_cheese", **options)


def test_a_level_that_draws_its_maps_has_no_index_and_says_what_has_one():
    with pytest.raises(ValueError, match="choose a map by level_seed"):
        gymnasium.make("safegrid/CornerCheese-v0", observation="index")
    env = gymnasium.make("safegrid/CornerCheese-v0", observation="index", level_seed=3)
    assert 50 < env.observation_space.n < 122
