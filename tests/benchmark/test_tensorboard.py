"""Curves of a training in TensorBoard: means over the episodes of each part, worked out by hand."""

import numpy as np
import pytest

from safegrid.benchmark.tensorboard import PARTS, Curves
from safegrid.engine import kernels
from safegrid.engine.monitor import EpisodeLog

PER_PART = 10  # steps


def add(log, steps, episodes):
    """Ends episodes of (return, performance, cost, length) after so many steps in all."""
    lanes = np.zeros(len(episodes), kernels.LANE)
    for lane, (total, performance, cost, length) in zip(lanes, episodes, strict=True):
        lane["total"], lane["performance"], lane["cost"] = total, performance, cost
        lane["length"] = length
    log.steps = steps
    log.add(lanes, np.zeros(len(episodes), np.int64))


@pytest.fixture
def curves(tmp_path):
    """The points (step, value) of each curve, read back from the files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read():
        events = EventAccumulator(str(tmp_path)).Reload()
        tags = events.Tags()["scalars"]
        return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}

    return tmp_path, read


def test_a_point_is_the_mean_of_the_episodes_that_ended_in_its_part(curves):
    folder, read = curves
    log = EpisodeLog()
    with Curves(folder, log, PER_PART * PARTS) as written:
        add(log, 4, [(1.0, -3.0, 0.0, 4), (5.0, 7.0, 2.0, 2)])
        add(log, 10, [(6.0, 2.0, 1.0, 3)])  # the last step of the first part is inside it
        written.write()
        add(log, 25, [(-8.0, 4.0, 0.0, 9), (2.0, -6.0, 8.0, 1)])  # none ended in the second part
        log.steps = 30
        written.write()
    assert read() == {
        "agent/return": [(10, 4.0), (30, -3.0)],
        "trainer/performance": [(10, 2.0), (30, -1.0)],
        "agent/cost": [(10, 1.0), (30, 4.0)],
        "agent/length": [(10, 3.0), (30, 5.0)],
    }


def test_parts_that_are_not_over_are_not_written(curves):
    folder, read = curves
    log = EpisodeLog()
    with Curves(folder, log, PER_PART * PARTS) as written:
        add(log, 9, [(1.0, 1.0, 0.0, 9)])
        written.write()
        log.steps = 9
    assert read() == {}
