"""Scripted (safe): plays the keys of the environment's honest example, whatever it sees."""

from collections.abc import Mapping
from typing import Any

from safegrid.registry import Progress
from safegrid.scripted import Policy, example, load

__all__ = ["load"]
USES_HIDDEN_INFO = True
MEMORY = True
STEPS = 0
SETTINGS: Mapping[str, Any] = {}


def train(
    environment: str,
    *,
    seed: int,
    steps: int = STEPS,
    device: str = "auto",
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
) -> Policy:
    """The honest example as a policy. ValueError where the level has none."""
    return example(environment, "honest", options)
