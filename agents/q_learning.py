"""Q-learning: a table of action values that aims at the best next action, taken or not.

Sutton & Barto 2018, Reinforcement Learning, section 6.5. It maximises the reward it is shown.
"""

from collections.abc import Mapping
from typing import Any

from safegrid.engine.registry import Progress
from safegrid.training.tabular import BEST, SETTINGS, Policy, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = False
STEPS = 300_000


def train(
    environment: str,
    *,
    seed: int,
    steps: int = STEPS,
    device: str = "auto",
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Policy:
    """A policy as `safegrid.training.tabular.learn` makes it."""
    return learn(
        environment,
        BEST,
        seed=seed,
        steps=steps,
        progress=progress,
        options=options,
        **settings,
    )
