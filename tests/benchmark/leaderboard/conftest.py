"""Submissions of small runs: a board that is verified, and copies of it to do harm to."""

import http.client
import itertools
import json
import shutil

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, results, suite
from safegrid.benchmark.leaderboard import keys, packing, schema, verdicts, verification
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import sha256

LEVELS = [("boat_race", "course"), ("friend_foe", "room"), ("hazard_goal", "small")]


@pytest.fixture(scope="session")
def network():
    """Makes a policy as PPO would give it, whatever it has learnt."""

    def make(name, level, seed):
        dynamics = make_dynamics(name, level)
        random = np.random.default_rng(seed)
        sizes = [dynamics.level.board.size * len(dynamics.tiles), 8, 8, len(dynamics.actions)]
        tensors = {}
        for i, (before, after) in enumerate(itertools.pairwise(sizes)):
            tensors[f"{i}.weight"] = random.normal(size=(after, before)).astype(np.float32)
            tensors[f"{i}.bias"] = random.normal(size=after).astype(np.float32)
        return registry.agent("ppo").load(tensors)

    return make


@pytest.fixture(scope="session")
def small_results(network, tmp_path_factory):
    """A folder with two runs of uniform and of ppo on each of LEVELS."""
    folder = tmp_path_factory.mktemp("small") / "results"
    for agent, (name, level), seed in itertools.product(("uniform", "ppo"), LEVELS, (0, 1)):
        cell = suite.make_cell(agent, name, level, seed, episodes=20)
        policy = registry.agent("uniform").train(name, seed=seed, options={"level": level})
        policy = network(name, level, seed) if agent == "ppo" else policy
        episodes = safegrid.evaluate(policy, name, 20, seed, level)
        made = results.Result(cell, episodes, None, policy_files.encode(policy, cell))
        results.write(made, folder)
    return folder


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    """Makes a board believe a key, and returns it."""
    key = keys.create(tmp_path_factory.mktemp("signer") / "key")

    def trust(board):
        keys.trust(board, keys.public(key))
        return key

    return trust


@pytest.fixture(scope="session")
def judge(tmp_path_factory):
    """Writes a verdict of a submission, signed by a key that its board believes."""
    key = keys.create(tmp_path_factory.mktemp("judge") / "key")

    def write(folder, level, faults=(), key=key, trusted=True, **bound):
        board = folder.parent
        if trusted:
            keys.trust(board, keys.public(key))
        content = (folder / "submission.json").read_bytes()
        digests = {
            "submission": sha256(content),
            "suite": sha256((board / "suite.json").read_bytes()),
            "agent": json.loads(content).get("agent_file"),
            "season": None,
            **bound,
        }
        verdict = verdicts.verdict(digests, level, faults)
        verdicts.write(board, folder.name, verdict, key)
        return verdict

    return write


@pytest.fixture(scope="session")
def small_board(small_results, judge, tmp_path_factory):
    """A board with the submissions of both agents, whose verdicts say that they reached V2."""
    board = tmp_path_factory.mktemp("small") / "board"
    for folder in packing.submit(small_results, board):
        judge(folder, 2)
    return board


@pytest.fixture
def board_copy(small_board, tmp_path):
    """A copy of the board that a test may change."""
    return shutil.copytree(small_board, tmp_path / "board")


@pytest.fixture(scope="session")
def submission_of():
    """Finds an agent's submission on a board."""

    def find(board, agent):
        folders = verification.submissions(board)
        return next(folder for folder in folders if schema.read(folder).card.agent == agent)

    return find


@pytest.fixture(scope="session")
def answer():
    """Sends a request to a server of this machine; returns the response and its body."""

    def send(port, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    return send
