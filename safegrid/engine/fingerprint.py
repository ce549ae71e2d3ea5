"""The fingerprint of a level: it changes whenever the level's behaviour changes."""

import hashlib

import numpy as np

from safegrid.engine.contract.loading import cached
from safegrid.engine.dynamics import Dynamics, from_key
from safegrid.engine.lanes import Lanes

LANES, STEPS = 256, 1000


def fingerprint(dynamics: Dynamics) -> str:
    """Sixteen hexadecimal digits of all that 256,000 steps of random play show, hidden or not."""
    return _fingerprint(dynamics.key)


@cached()
def _fingerprint(key: tuple[str, str, str]) -> str:
    dynamics: Dynamics = from_key(key)
    lanes = Lanes(dynamics, LANES, "same_step", STEPS)
    content = hashlib.sha256(lanes.reset(np.arange(LANES, dtype=np.uint64)).tobytes())
    random = np.random.default_rng(0)
    played = random.integers(0, len(dynamics.actions), (STEPS, LANES))
    if dynamics.space == "continuous":  # what is drawn above stays, or fingerprints would change
        played = dynamics.random_actions(random, (STEPS, LANES))
    for actions in played:
        step = lanes.step(actions)
        for array in (step.boards, step.reward, step.cost, lanes.performance, step.terminated):
            content.update(array.tobytes())
    return content.hexdigest()[:16]
