"""Agents written by a test, and policy files of theirs."""

import itertools
import textwrap

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics

AGENT = '''
"""Stranger: an agent of a test."""

import ctypes, os, signal, socket, subprocess, sys, threading, time
import numpy as np

USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
STEPS = 0
SETTINGS = {}


class Policy:
    observation, mode, memory = "OBSERVATION", "stochastic", False

    def tensors(self):
        return {"values": np.zeros(1)}

    def probabilities(self, observations):
        chosen = np.full((len(observations), 4), 0.25)
        CHOOSE
        return chosen

    def act(self, observations, chance):
        chosen = 2 * chance - 1
        CHOOSE
        return chosen


def train(task, run):
    return Policy()


def load(tensors):
    LOAD
    return Policy()
'''
_numbers = itertools.count()


@pytest.fixture
def write_agent(tmp_path):
    """Registers an agent of a test with code of its own; returns a policy file of it.

    choose, load: lines that run where it chooses and where it is loaded, or whole functions.
    """
    written = []

    def write(choose="pass", load="pass", name="boat_race", level=0, observation=None):
        path = tmp_path / f"stranger_{next(_numbers)}.py"
        dynamics = make_dynamics(name, level)
        source = AGENT.replace("OBSERVATION", observation or dynamics.observation_kinds[0])
        for key, code in (("CHOOSE", choose), ("LOAD", load)):
            for indent in ("        ", "    "):
                block = textwrap.indent(textwrap.dedent(code), indent)
                source = source.replace(f"\n{indent}{key}\n", f"\n{block}\n")
        path.write_text(source)
        registry.register(path)
        written.append(path)
        cell = suite.make_cell(path.stem, name, dynamics.level_name, 0, episodes=3)
        policy_files.save(registry.agent(path.stem).train(name), path.with_suffix(".st"), cell)
        return path.with_suffix(".st")

    yield write
    for path in written:
        registry.unregister(path)


@pytest.fixture
def save_policy(tmp_path):
    """Trains an agent on a level and saves its policy; returns the file."""

    def save(agent, name, level=0, steps=0, **settings):
        dynamics = make_dynamics(name, level)
        options = {"level": dynamics.level_name}
        policy = registry.agent(agent).train(name, steps=steps, options=options, **settings)
        path = tmp_path / f"{agent}-{name}.safetensors"
        policy_files.save(policy, path, suite.make_cell(agent, name, dynamics.level_name, 0))
        return path

    return save


@pytest.fixture
def plainly():
    """Evaluates a policy file in this process."""

    def evaluate(path, name, episodes, seed=0, level=0):
        return safegrid.evaluate(policy_files.load(path)[0], name, episodes, seed, level)

    return evaluate


@pytest.fixture
def same_bytes():
    """Whether two recordings have the same bytes."""
    return lambda one, other: (
        one.dtype == other.dtype and np.array_equal(one.view(np.uint8), other.view(np.uint8))
    )
