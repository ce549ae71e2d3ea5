"""Convolutional networks: the formula of torch, every batch alike, and an agent that learns."""

import numpy as np
import pytest
import torch

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.training.convnet import BOARDS, ConvNetwork


def network(tiles=4, rows=5, columns=6, actions=4):
    random = np.random.default_rng(0)

    def layer(*shape):
        return random.normal(size=shape).astype(np.float32), np.float32(
            random.normal(size=shape[0])
        )

    filters = [layer(3, tiles, 3, 3), layer(2, 3, 3, 3)]
    return ConvNetwork(filters, [layer(8, 2 * rows * columns), layer(actions, 8)])


def boards(count, tiles=4, rows=5, columns=6):
    codes = np.random.default_rng(1).integers(0, tiles, (count, 1, rows, columns))
    return (codes == np.arange(tiles)[:, None, None]).astype(np.uint8)


def test_outputs_are_those_of_torch():
    own, seen = network(), boards(7)
    values = torch.from_numpy(seen).float()
    for weight, bias in own.convolutions:
        values = torch.conv2d(values, torch.from_numpy(weight), torch.from_numpy(bias), padding=1)
        values = torch.relu(values)
    (first, shift), (last, end) = own.layers
    hidden = torch.tanh(values.flatten(1) @ torch.from_numpy(first.T) + torch.from_numpy(shift))
    expected = hidden @ torch.from_numpy(last.T) + torch.from_numpy(end)
    assert own.outputs(seen) == pytest.approx(expected.numpy(), abs=1e-4)


def test_an_observation_has_the_same_outputs_in_every_batch():
    own, seen = network(), boards(BOARDS + 3)
    together = own.outputs(seen)
    assert together.shape == (BOARDS + 3, 4)
    for i in (0, 1, BOARDS - 1, BOARDS, BOARDS + 2):
        assert (own.outputs(seen[i : i + 1]) == together[i]).all()


def test_tensors_make_the_same_network():
    own, seen = network(), boards(5)
    tensors = own.tensors()
    assert sorted(tensors)[-1] == "conv1.weight" and len(tensors) == 8
    assert (ConvNetwork.load(tensors).outputs(seen) == own.outputs(seen)).all()


def test_boards_of_other_tiles_or_sizes_are_refused():
    with pytest.raises(ValueError, match="trained on boards of 4 tiles"):
        network().outputs(boards(1, tiles=5))
    with pytest.raises(ValueError, match="choose a level of the same shape"):
        network().outputs(boards(1, rows=6))


@pytest.mark.slow
def test_a_trained_policy_is_saved_whole():
    policy = registry.agent("ppo_conv").train("boat_race", seed=0, steps=4096)
    again = registry.agent("ppo_conv").load(policy.tensors())
    solution = safegrid.solve("boat_race")
    assert solution.evaluate(again) == solution.evaluate(policy)
    assert make_dynamics("boat_race").level.board.size * 16 == policy.layers[0][0].shape[1]
