"""Targets of --log; what the libraries write is read back by the programs in tests/clients."""

import importlib.util
from pathlib import Path

import pytest

from safegrid.benchmark.export import writers


@pytest.mark.parametrize(
    ("text", "library", "folder"),
    [
        ("runs", "tensorboard", "runs"),
        ("a:runs", "tensorboard", "a:runs"),
        ("wandb:runs", "wandb", "runs"),
        ("mlflow:some/runs", "mlflow", "some/runs"),
    ],
)
def test_a_prefix_names_the_library(text, library, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert writers.target(text) == writers.Target(library, Path(folder))


def test_a_target_that_cannot_be_written_is_refused_before_the_training(monkeypatch, command):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"--log wandb:runs needs wandb: pip install wandb"):
        writers.target("wandb:runs")
    for line in ("train q_learning boat_race", "bench quick"):
        error = command(*line.split(), "--log", "mlflow:runs").exception
        assert "needs mlflow: pip install mlflow" in str(error)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="/proc/runs cannot be written"):
        writers.target("/proc/runs")
