"""Generated maps: borders, counts, connectedness, and the probabilities that are promised."""

import itertools

import numpy as np
import pytest
from scipy import ndimage, stats

from safegrid.engine.generation import generators
from safegrid.engine.gridworld import FLOOR, WALL

MAPS = 10_000
SHARE = 0.3
MAKERS = {
    "open": lambda cells, key: generators.open_room(cells),
    "blocks": lambda cells, key: generators.blocks(cells, key, SHARE),
    "edges": lambda cells, key: generators.edges(cells, key, SHARE),
    "tree": lambda cells, key: generators.tree(cells, key),
}
each_maker = pytest.mark.parametrize("name", MAKERS)


def maps(name, rows=9, columns=13, count=MAPS):
    """uint8[count, rows, columns]: maps of a generator, of the keys from 0 on."""
    cells = np.full((count, rows, columns), 77, np.uint8)
    for key in range(count):
        MAKERS[name](cells[key], np.uint64(key))
    return cells


def fits(counts, expected):
    """Whether counts have these expected values, by a chi-squared test."""
    return stats.chisquare(np.ravel(counts), np.ravel(expected)).pvalue > 1e-4


def fits_share(opened, share):
    """Whether counts of opened cells [n, ...] among MAPS have a share, by a chi-squared test."""
    counts = np.stack([opened, MAPS - opened])
    expected = np.stack(
        [np.full(opened.shape, MAPS * share), np.full(opened.shape, MAPS * (1 - share))]
    )
    return stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), opened.size) > 1e-4


@each_maker
def test_maps_have_walls_around_and_nothing_but_walls_and_floor(name):
    cells = maps(name)
    assert np.isin(cells, (WALL, FLOOR)).all()
    inside = cells[:, 1:-1, 1:-1].astype(int)
    assert inside.sum() * FLOOR == (cells == FLOOR).sum()


@pytest.mark.fast
@each_maker
def test_a_key_has_one_map_and_other_keys_have_others(name):
    first, again = maps(name, count=20), maps(name, count=20)
    assert (first == again).all()
    assert len({each.tobytes() for each in first}) == (1 if name == "open" else 20)


@pytest.mark.fast
def test_streams_do_not_depend_on_the_size_of_the_array_that_holds_the_map():
    large = np.zeros((13, 13), np.uint8)
    for name, make in MAKERS.items():
        make(large[:9, :9], np.uint64(5))
        assert (large[:9, :9] == maps(name, 9, 9, 6)[5]).all()


def test_a_room_is_floor_inside():
    assert (maps("open", count=1)[0, 1:-1, 1:-1] == FLOOR).all()


def test_each_cell_is_a_block_with_the_same_probability():
    inside = maps("blocks")[:, 1:-1, 1:-1] == WALL
    assert fits_share(inside.sum(axis=0), SHARE)
    pairs = inside.reshape(MAPS, -1)[:, :2] @ [1, 2]  # neighbours are independent
    p = np.array([(1 - SHARE) ** 2, SHARE * (1 - SHARE), SHARE * (1 - SHARE), SHARE**2])
    assert fits(np.bincount(pairs), MAPS * p)


def test_each_edge_of_a_maze_is_open_with_the_same_probability():
    cells = maps("edges") == FLOOR
    assert cells[:, 1::2, 1::2].all()
    assert not cells[:, ::2, ::2].any()
    for opened in (cells[:, 1::2, 2:-1:2], cells[:, 2:-1:2, 1::2]):
        assert fits_share(opened.sum(axis=0), SHARE)


def test_a_tree_connects_all_nodes_without_a_cycle():
    cells = maps("tree") == FLOOR
    nodes = 4 * 6
    assert (cells.sum(axis=(1, 2)) == 2 * nodes - 1).all()
    assert all(ndimage.label(each)[1] == 1 for each in cells)


def test_all_spanning_trees_of_four_nodes_are_equally_likely():
    trees = maps("tree", 5, 5)
    counts = np.unique(trees.reshape(MAPS, -1), axis=0, return_counts=True)[1]
    assert len(counts) == 4
    assert fits(counts, [MAPS / 4] * 4)


def test_trees_have_the_probabilities_of_kruskal_on_shuffled_edges():
    """Six nodes in two rows: enumerated over all orders of the seven edges."""
    nodes = list(itertools.product(range(2), range(3)))
    edges = [
        (a, b)
        for a, b in itertools.combinations(nodes, 2)
        if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1
    ]
    expected = {}
    for order in itertools.permutations(edges):
        component = {node: {node} for node in nodes}
        chosen = set()
        for a, b in order:
            if component[a] is not component[b]:
                joined = component[a] | component[b]
                component |= dict.fromkeys(joined, joined)
                chosen.add((a[0] + b[0] + 1, a[1] + b[1] + 1))  # the cell between them
        expected[frozenset(chosen)] = expected.get(frozenset(chosen), 0) + MAPS / 5040
    found = dict.fromkeys(expected, 0)
    for cells in maps("tree", 5, 7):
        places = np.argwhere(cells == FLOOR)
        found[frozenset((r, c) for r, c in places.tolist() if (r + c) % 2)] += 1
    assert len(expected) == 15
    assert fits(list(found.values()), list(expected.values()))


def scattered(count, tile=4):
    cells = maps("open", 5, 6)
    for key in range(MAPS):
        cells[key, 2, 2] = WALL
        generators.scatter(cells[key], np.uint64(key), tile, count)
    return cells[:, 1:-1, 1:-1] == tile


def test_scattered_tiles_are_on_distinct_cells_of_the_floor_all_equally_likely():
    placed = scattered(3)
    assert (placed.sum(axis=(1, 2)) == 3).all()
    counts = np.delete(placed.sum(axis=0).ravel(), 5)  # the wall at row 2, column 2
    assert placed[:, 1, 1].sum() == 0
    assert abs(counts - MAPS * 3 / 11).max() < 4.5 * (MAPS * 3 / 11 * 8 / 11) ** 0.5


def test_all_pairs_of_scattered_tiles_are_equally_likely():
    pairs = np.unique(scattered(2).reshape(MAPS, -1), axis=0, return_counts=True)[1]
    assert len(pairs) == 55
    assert fits(pairs, [MAPS / 55] * 55)


def reference_noise(key, y, x):
    """Gradient noise, written from Perlin's description: four dot products, weighted."""
    total = 0.0
    for i, j in itertools.product((0, 1), (0, 1)):
        row, column = int(y) + i, int(x) + j
        angle = generators.below(key, 256 * row + column, generators.DIRECTIONS)
        turn = 2 * np.pi * angle / generators.DIRECTIONS
        dy, dx = y - row, x - column
        fade = np.prod([6 * t**5 - 15 * t**4 + 10 * t**3 for t in (1 - abs(dy), 1 - abs(dx))])
        total += fade * (np.cos(turn) * dy + np.sin(turn) * dx)
    return total


def test_noise_is_gradient_noise():
    random = np.random.default_rng(0)
    for key, (y, x) in enumerate(random.uniform(0, 5, (300, 2))):
        found = generators.gradient_noise(np.uint64(key), y, x)
        assert found == pytest.approx(reference_noise(np.uint64(key), y, x), abs=1e-12)
        assert abs(found) < 1
        assert generators.gradient_noise(np.uint64(key), float(int(y)), float(int(x))) == 0


def test_noise_covers_only_floor_and_as_much_above_a_threshold_as_below_its_negative():
    before, high, low = (maps("blocks") for _ in range(3))
    for key in range(MAPS):
        generators.noise(high[key], np.uint64(key), 4, 0.25, 4.0)
        generators.noise(low[key], np.uint64(key), 4, -0.25, 4.0)
    assert ((high == before) | ((high == 4) & (before == FLOOR))).all()
    assert (low[high == 4] == 4).all()  # what is above the higher threshold is above the lower
    low[before == FLOOR] = np.where(low[before == FLOOR] == FLOOR, 4, FLOOR)
    shares = [
        (cells == 4).sum(axis=(1, 2)) / (cells != WALL).sum(axis=(1, 2)) for cells in (high, low)
    ]
    error = np.hypot(*(share.std() for share in shares)) / MAPS**0.5
    assert abs(shares[0].mean() - shares[1].mean()) < 4 * error
    assert 0.1 < shares[0].mean() < 0.3


def test_noise_is_equally_likely_on_cells_that_lie_alike_between_the_gradients():
    """Of 4 x 4 cells between gradients every second block is taken: they share no gradient."""
    covered = np.zeros((4, 4, 4, 4), int)  # block rows and columns, cells of a block
    cells = np.empty((34, 34), np.uint8)
    for key in range(MAPS):
        generators.open_room(cells)
        generators.noise(cells, np.uint64(key), 4, 0.1, 4.0)
        assert not cells[[0, -1]].any() and not cells[:, [0, -1]].any()
        blocks = (cells[:32, :32] == 4).reshape(8, 4, 8, 4)[1::2, :, 1::2]
        covered += blocks.swapaxes(1, 2)
    for counts in covered.reshape(16, 16).T:
        assert 0.05 * MAPS < counts.mean() < 0.45 * MAPS
        table = np.stack([counts, MAPS - counts])
        assert stats.chi2_contingency(table).pvalue > 1e-4
