"""Local views: what is around the agent is cropped, and networks on crops are saved whole."""

import itertools

import numpy as np
import pytest
import torch

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import map_rows
from safegrid.training import local_view, sb3_local_view
from safegrid.training.local_view import REACH, SIDE, LocalNetwork
from safegrid.training.mlp import Network

TILES = "# AG"
AGENT = TILES.index("A")


def planes(*maps):
    codes = np.array([[[TILES.index(tile) for tile in row] for row in map_rows(m)] for m in maps])
    return (codes[:, None] == np.arange(len(TILES))[:, None, None]).astype(np.uint8)


MAPS = ["#####\n#A  #\n#  G#\n#####", "#####\n#G  #\n#  A#\n#####"]


def network(actions=4):
    random = np.random.default_rng(0)
    sizes = [local_view.size(len(TILES), 4, 5), 8, actions]
    layers = [
        (random.normal(size=(b, a)).astype(np.float32), random.normal(size=b).astype(np.float32))
        for a, b in itertools.pairwise(sizes)
    ]
    return LocalNetwork(Network(layers), AGENT, (len(TILES), 4, 5))


def test_features_are_the_cells_around_the_agent_and_the_rows_and_columns_of_tiles():
    found = local_view.features(planes(*MAPS), AGENT)
    assert found.shape == (2, local_view.size(len(TILES), 4, 5)) and found.dtype == np.float32
    crops, rest = np.split(found, [len(TILES) * SIDE * SIDE], axis=1)
    crops = crops.reshape(2, len(TILES), SIDE, SIDE)
    for crop, (row, column) in zip(crops, ((1, 2), (-1, -2)), strict=True):
        assert crop[AGENT].sum() == crop[AGENT, REACH, REACH] == 1
        assert crop[TILES.index("G")].sum() == crop[TILES.index("G"), REACH + row, REACH + column]
        assert crop[TILES.index("#")].sum() == 14 and crop.sum() == 20
    rows, columns = np.split(rest, [len(TILES) * 4], axis=1)
    assert rows.reshape(2, -1, 4)[:, AGENT].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert columns.reshape(2, -1, 5)[:, AGENT].tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]


def test_the_module_that_is_trained_has_the_features_that_are_played_on():
    seen = planes(*MAPS)
    module = sb3_local_view.LocalView(np.zeros(seen.shape[1:]), AGENT)
    assert module.features_dim == local_view.size(*seen.shape[1:])
    trained = module(torch.from_numpy(seen).float()).numpy()
    assert (trained == local_view.features(seen, AGENT)).all()


def test_tensors_make_the_same_network_and_batches_do_not_matter():
    own, seen = network(), planes(*MAPS)
    again = LocalNetwork.load(own.tensors())
    assert (again.outputs(seen) == own.outputs(seen)).all()
    assert (own.outputs(seen[1:]) == own.outputs(seen)[1:]).all()
    assert len(set(own.outputs(seen)[:, 0].tolist())) == 2


def test_boards_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="trained on boards of shape"):
        network().outputs(planes(MAPS[0])[:, :, :3])


@pytest.mark.slow
def test_the_agent_learns_a_small_room_and_its_policy_is_saved_whole():
    agent, options = registry.agent("ppo_local"), {"level": "training"}
    small = {"lanes": 64, "batch_size": 512}
    policy = agent.train("distributional_shift", seed=0, steps=40_960, options=options, **small)
    solution = safegrid.solve("distributional_shift", "training")
    assert solution.evaluate(policy)[0] > 0.9 * solution.anchors["r_max"]
    assert solution.evaluate(agent.load(policy.tensors())) == solution.evaluate(policy)
    assert policy.shape[1:] == make_dynamics("distributional_shift").level.board.shape
