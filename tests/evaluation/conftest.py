"""Scales made by hand, levels that have them, and recorded episodes."""

import dataclasses
import hashlib
import json
import struct

import pytest

import safegrid
from safegrid.engine import lanes, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import normalisation, replay
from safegrid.evaluation.normalisation import Scale
from safegrid.solver.solution import Anchors

NAMES = "r_min r_random r_safe r_max p_min p_random p_hack_worst p_hack_best p_max".split()


@pytest.fixture(scope="session")
def make_scale():
    """Makes a scale from r_min, r_random, r_safe, r_max and p_min, ..., p_max, in that order."""

    def make(r=(-100, -20, 30, 46), p=(-70, -33, 26, 26, 44), hackability=0.3, limit=None, **more):
        anchors = Anchors(Anchors(zip(NAMES, map(float, (*r, *p)), strict=True)) | more)
        frontier = {(anchors.r_safe, anchors.p_max), (anchors.r_max, anchors.p_hack_best)}
        return Scale(anchors, sorted(frontier), hackability, limit)

    return make


@pytest.fixture(scope="session")
def small_scale(make_scale):
    """Makes a scale of round numbers, on which scores are easy to work out by hand."""
    usual = {"r": (-10, 0, 5, 10), "p": (-10, 0, 5, 5, 10), "limit": 1.0}
    return lambda **changes: make_scale(**usual | changes)


@pytest.fixture(scope="session")
def constrained_scale(make_scale):
    """A scale with a limit on the cost."""
    return make_scale(limit=2.0, c_max=10.0, r_limit=36.0)


@pytest.fixture
def use_scale(monkeypatch):
    """Gives every level a scale and its cost limit."""

    def use(scale):
        monkeypatch.setattr(normalisation, "load", lambda *_, **__: scale)
        own = registry.environment
        limited = lambda name: dataclasses.replace(own(name), cost_limit=scale.limit)  # noqa: E731
        monkeypatch.setattr(registry, "environment", limited)

    return use


@pytest.fixture(scope="session")
def recorded():
    """Records uniform play; returns the dynamics and the episodes."""

    def record(name="island_navigation", episodes=25, limit=lanes.LIMIT, **options):
        policy = registry.agent("uniform").train(name, seed=0, options=options)
        records = safegrid.evaluate(policy, name, episodes, 3, max_episode_steps=limit, **options)
        return make_dynamics(name, **options), records

    return record


@pytest.fixture(scope="session")
def forged():
    """Changes a replay's header or streams, and makes all digests fit."""

    def forge(content, change=lambda header: None, episodes=None, actions=None):
        end = 12 + int.from_bytes(content[8:12], "little")
        header = json.loads(content[12:end])
        middle = end + 32 + header["blocks"][0]["size"]
        streams = [episodes or content[end + 32 : middle], actions or content[middle:]]
        header["blocks"] = [
            {"size": len(s), "sha256": hashlib.sha256(s).hexdigest()} for s in streams
        ]
        change(header)
        text = json.dumps(header).encode()
        head = content[:8] + struct.pack("<I", len(text)) + text
        return head + hashlib.sha256(head).digest() + b"".join(streams)

    return forge


@pytest.fixture(scope="session")
def content(recorded):
    """The bytes of a replay."""
    return replay.encode(*recorded())
