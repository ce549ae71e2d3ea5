"""Chance: a training leaves the global random generators as they were."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from safegrid.engine import chance, registry

SMALL = {"lanes": 4, "n_steps": 8, "batch_size": 32, "n_epochs": 1}


def states():
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def assert_equal(before, after):
    assert before[0] == after[0]
    assert all(map(np.array_equal, before[1], after[1]))
    assert torch.equal(before[2], after[2])


def test_a_training_leaves_the_global_generators_as_they_were():
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    before = states()
    registry.agent("ppo").train("boat_race", seed=0, steps=32, device="cpu", **SMALL)
    assert_equal(before, states())


def test_an_error_leaves_them_as_they_were_too():
    before = states()
    with pytest.raises(KeyError), chance.keep_global_generators():
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        raise KeyError
    assert_equal(before, states())


def test_torch_that_a_training_imports_is_not_left_seeded():
    code = """
import sys, safegrid.engine.chance
assert "torch" not in sys.modules
with safegrid.engine.chance.keep_global_generators():
    import torch
    torch.manual_seed(5)
print(torch.rand(1).item())
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert len({run.stdout for run in runs}) == 2


@pytest.mark.parametrize("seed", [-1, 0.5, "1", None])
def test_a_seed_that_is_none_is_named(seed):
    with pytest.raises(ValueError, match=f"seed is {seed!r}: choose a whole number, 0 or more"):
        chance.derive_seeds(seed, "evaluate")
