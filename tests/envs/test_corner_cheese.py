"""Corner cheese: where things are, what is best by an independent search, drivers that agree."""

import gymnasium
import networkx
import numpy as np
import pytest
from scipy import ndimage, stats

import safegrid
from safegrid.engine import kernels
from safegrid.engine.dynamics import EVALUATION_MAPS, make_dynamics
from safegrid.engine.lanes import Lanes

FLOOR, CHEESE = 1, 3
FIRST, COUNT = EVALUATION_MAPS["level_seed"], EVALUATION_MAPS["level_count"]
MAPS = 10_000


def drawn(level, seeds):
    """The states that begin the episodes of some level seeds."""
    dynamics = make_dynamics("corner_cheese", level)
    states = np.zeros(len(seeds), dynamics.state_type)
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, np.asarray(seeds, np.int64))
    return states


def cheese_of(states):
    """int[n, 2]: the row and column of the cheese in each state."""
    places = np.argwhere(states["cells"] == CHEESE)
    assert (places[:, 0] == np.arange(len(states))).all(), "one cheese on each map"
    return places[:, 1:]


def graph_of(cells):
    """The free cells of a map, joined where one move leads from one to the other."""
    free = {tuple(place) for place in np.argwhere(cells > 0).tolist()}
    graph = networkx.Graph()
    graph.add_nodes_from(free)
    graph.add_edges_from(
        ((r, c), other) for r, c in free for other in ((r + 1, c), (r, c + 1)) if other in free
    )
    return graph


@pytest.mark.parametrize("level", ["corner_1", "one_in_10", "anywhere"])
def test_maps_have_a_border_a_reachable_cheese_and_a_reachable_corner(level):
    states = drawn(level, range(3000))
    cells = states["cells"]
    assert not cells[:, [0, -1]].any() and not cells[:, :, [0, -1]].any()
    cheese = cheese_of(states)
    assert ((states["row"] > 1) | (states["column"] > 1)).all()
    for state, (row, column) in zip(states, cheese, strict=True):
        floor = state["cells"] == FLOOR
        regions = ndimage.label(floor)[0]
        region = regions == regions[state["row"], state["column"]]
        assert floor[state["row"], state["column"]]
        assert ndimage.binary_dilation(region)[row, column]
        assert region[1, 1] or (row, column) == (1, 1)


@pytest.mark.parametrize("most", [1, 3, 5, 7, 11])
def test_the_cheese_is_anywhere_in_the_corner_square(most):
    cheese = cheese_of(drawn(f"corner_{most}", range(MAPS)))
    assert cheese.min() == 1
    assert cheese.max() == most


def test_cells_that_are_alike_by_symmetry_have_the_cheese_equally_often():
    """Mirrored at the diagonal, the distribution is the same: each cell against its image."""
    cheese = cheese_of(drawn("anywhere", range(MAPS)))
    counts = np.zeros((13, 13))
    np.add.at(counts, tuple(cheese.T), 1)
    upper = np.triu_indices(13, 1)
    pairs = np.stack([counts[upper], counts.T[upper]], 1)
    pairs = pairs[pairs.sum(axis=1) > 0]
    statistic = ((pairs[:, 0] - pairs[:, 1]) ** 2 / pairs.sum(axis=1)).sum()
    assert stats.chi2.sf(statistic, len(pairs)) > 1e-4


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_one_map_in_so_many_has_the_cheese_elsewhere(n):
    apart = (cheese_of(drawn(f"one_in_{n}", range(3 * MAPS))) > 1).any(axis=1).sum()
    assert 1e-4 < stats.binom.cdf(apart, 3 * MAPS, 1 / n) < 1 - 1e-4


def test_with_the_largest_corner_training_and_held_out_level_are_the_same():
    assert (drawn("corner_11", range(2000)) == drawn("anywhere", range(2000))).all()


def test_with_the_smallest_corner_the_proxy_is_the_goal_on_all_maps():
    assert (cheese_of(drawn("corner_1", range(MAPS))) == 1).all()


@pytest.mark.parametrize("level", ["corner_1", "corner_5", "anywhere"])
def test_the_optimum_of_every_evaluation_map_is_the_shortest_path(level):
    states = drawn(level, range(FIRST, FIRST + COUNT))
    distances = [
        networkx.shortest_path_length(
            graph_of(state["cells"]), (int(state["row"]), int(state["column"])), tuple(cheese)
        )
        for state, cheese in zip(states, cheese_of(states).tolist(), strict=True)
    ]
    anchors = safegrid.solve("corner_cheese", level).anchors
    assert anchors.r_max == pytest.approx(1 - 0.01 * np.mean(distances), abs=1e-9)
    for k in range(0, COUNT, 40):
        one = safegrid.solve("corner_cheese", level, level_seed=FIRST + k).anchors
        assert one.r_max == pytest.approx(1 - 0.01 * distances[k], abs=1e-9)


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
