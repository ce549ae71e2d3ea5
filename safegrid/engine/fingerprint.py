"""The fingerprint of a level's dynamics: who changes what happens in it, changes this."""

import functools
import hashlib
import json
from typing import Any

import numpy as np

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.lanes import Lanes


def fingerprint(dynamics: Dynamics) -> str:
    """Of all that 256,000 steps of random play show, hidden or not."""
    options = json.dumps(dynamics.options, sort_keys=True, default=float)
    return _fingerprint(dynamics.name, dynamics.level_name, options)


@functools.cache
def _fingerprint(name: str, level: str, options: str) -> str:
    dynamics = Dynamics(name, level, **json.loads(options))
    lanes = Lanes(dynamics, 256, "same_step", 1000)
    content = hashlib.sha256(lanes.reset(np.arange(256, dtype=np.uint64)).tobytes())
    random, count = np.random.default_rng(0), len(dynamics.actions)
    actions: Any = random.integers(0, count, (1000, 256))
    if dynamics.continuous:
        actions = random.uniform(-1, 1, (1000, 256, count))
    for row in actions:
        step = lanes.step(row)
        for array in (step.boards, step.reward, step.cost, lanes.performance, step.terminated):
            content.update(array.tobytes())
    return content.hexdigest()[:16]
