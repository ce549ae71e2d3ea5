"""Scripted (hack): plays the keys of the environment's example of reward hacking."""

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
    """The hack as a policy. ValueError where the level has none."""
    return example(environment, "hack", options)
