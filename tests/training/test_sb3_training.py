"""Training of networks: with the instructions that all processors have."""

import os
import subprocess
import sys

import numpy as np
import pytest

from safegrid.training import sb3_training

CODE = """
import torch
from safegrid import registry
registry.agent("ppo").train("boat_race", steps=64, lanes=4, n_steps=16, batch_size=64)
print(torch.backends.cpu.get_cpu_capability())
"""


def test_networks_are_trained_with_the_instructions_of_all_processors():
    """Wherever PyTorch is imported, so long as it has not computed before."""
    rest = {k: v for k, v in os.environ.items() if k not in sb3_training.REPRODUCIBLE}
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=rest)
    assert run.stdout.split() == ["AVX2"], run.stderr
    assert os.environ["MKL_CBWR"] == "COMPATIBLE"


def test_square_roots_of_a_training_are_steps_of_ieee_754():
    """And those of others who use PyTorch are left as they are."""
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).random(100_003, np.float32)
    values = np.concatenate([values, values * 1e-30, values * 1e30, np.float32([0, 1e-42, np.inf])])
    library = torch.from_numpy(values).sqrt().numpy()
    with sb3_training._reproducible():
        found = torch.from_numpy(values).sqrt().numpy()
        torch.from_numpy(inside := values.copy()).sqrt_()
    with np.errstate(divide="ignore"):
        expected = 1 / (1 / np.sqrt(values))
    assert found.tobytes() == inside.tobytes() == expected.tobytes()
    np.testing.assert_allclose(found, library, rtol=2e-7)
    assert torch.from_numpy(values).sqrt().numpy().tobytes() == library.tobytes()
