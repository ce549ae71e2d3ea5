"""Training of networks: with the instructions that all processors have."""

import os
import subprocess
import sys

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
