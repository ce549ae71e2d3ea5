"""Verification: honest submissions pass, and each attack fails at the level it must."""

import json
import os
import shutil
import struct

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, results, suite
from safegrid.benchmark.leaderboard import (
    database,
    entries,
    folder_check,
    keys,
    packing,
    schema,
    secret_seeds,
    verification,
)
from safegrid.benchmark.leaderboard import verdicts as verdict_files
from safegrid.engine import chance, registry
from safegrid.engine.chance import mix_words
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import sha256
from safegrid.evaluation import replay, rollout

EPISODES, RUNS = 20, 2


LEVELS = [("boat_race", "course"), ("friend_foe", "room"), ("hazard_goal", "small")]


PLAN = '''
"""Plan: for words of chance that it knows a list of actions, and the first action for others."""

import numpy as np

USES_HIDDEN_INFO, STEPS, SETTINGS = False, 0, {}


def train(task, run):
    raise ValueError("a plan is made by hand")


class Policy:
    observation, mode, memory = "board", "deterministic", True

    def __init__(self, words, actions, count):
        self.words, self.actions, self.count = words, actions, count

    def begin(self, chance):
        known = {int(word): actions for word, actions in zip(self.words, self.actions)}
        blank = np.zeros(self.actions.shape[1], np.int64)
        return Player(np.array([known.get(int(word), blank) for word in chance]), self.count)

    def tensors(self):
        return {"words": self.words, "actions": self.actions, "count": np.array([self.count])}


class Player:
    def __init__(self, actions, count):
        self.actions, self.count, self.step = actions, count, 0

    def probabilities(self, observations):
        self.step += 1
        return np.eye(self.count)[np.minimum(self.actions[:, self.step - 1], self.count - 1)]


def load(tensors):
    return Policy(tensors["words"], tensors["actions"], int(tensors["count"][0]))
'''


def result(agent, name, level, seed, policy, steps=None):
    cell = suite.make_cell(agent, name, level, seed, steps, EPISODES)
    episodes = safegrid.evaluate(policy, name, EPISODES, seed, level)
    return results.Result(cell, episodes, None, policy_files.encode(policy, cell))


def open_loop(name, level, seed):
    """The best of two lists of actions for each episode of the public seeds, found one by one."""
    rounds = rollout.EPISODES_PER_LANE if name == "friend_foe" else 1
    lanes = EPISODES // rounds
    words = chance.derive_seeds(seed, "policy", lanes)
    words = [mix_words(words + np.uint64(k)) for k in range(rounds)]
    actions = np.zeros((rounds, lanes, 100), np.uint8)
    module = registry.agent("plan").module
    count = len(make_dynamics(name, level).actions)
    for k in range(rounds):
        tried = []
        for pressed in ("uuul", "uuur"):
            actions[k, :, :4] = [
                registry.environment(name).actions.index(key)
                for key in ({"u": "up", "l": "left", "r": "right"}[c] for c in pressed)
            ]
            policy = module.Policy(np.concatenate(words), actions.reshape(-1, 100), count)
            episodes = safegrid.evaluate(policy, name, EPISODES, seed, level)
            tried.append((episodes["return"].reshape(lanes, rounds)[:, k], actions[k].copy()))
        (first, left), (second, right) = tried
        actions[k] = np.where((first >= second)[:, None], left, right)
    return module.Policy(np.concatenate(words), actions.reshape(-1, 100), count)


@pytest.fixture(scope="module")
def board(tmp_path_factory, network):
    """Two honest agents, and a plan that poses as a policy."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "agents").mkdir()
    (folder / "agents" / "plan.py").write_text(PLAN)
    registry.register(folder / "agents" / "plan.py")
    made = folder / "made" / "tiny"
    for name, level in LEVELS:
        for seed in range(RUNS):
            uniform = registry.agent("uniform").train(name, seed=seed)
            for given in (
                result("uniform", name, level, seed, uniform),
                result("ppo", name, level, seed, network(name, level, seed)),
                result("plan", name, level, seed, open_loop(name, level, seed)),
            ):
                results.write(given, made)
    yield made, folder / "board"
    registry.unregister(folder / "agents" / "plan.py")


def reseal(folder):
    """What a forger does who knows the format: all digests and the id are made to fit."""
    path = folder / "submission.json"
    content = json.loads(path.read_bytes())
    content["files"] = [file.model_dump() for file in files(folder)]
    path.write_bytes(schema.canonical(content))
    return folder.rename(folder.parent / sha256(path.read_bytes())[:12])


def files(folder):
    (folder / "submission.json").rename(folder.parent / "aside")
    listed = packing._files(folder)
    (folder.parent / "aside").rename(folder / "submission.json")
    return listed


def hide(folder, _):
    manifest(folder, lambda content: content.update(uses_hidden_info=True))


def more_runs(folder, _):
    manifest(folder, lambda content: content.update(runs=9))


def backwards(folder, _):
    rows(folder, lambda lines: lines[::-1])


def rows(folder, change):
    """Changes the lines of runs.jsonl, each as a dictionary."""
    path = folder / "runs.jsonl"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    lines = change(lines) or lines
    path.write_bytes(b"".join(map(schema.canonical, lines)))


def flip(folder, name, place=-5):
    content = bytearray((folder / name).read_bytes())
    content[place] ^= 1
    (folder / name).write_bytes(content)


def manifest(folder, change):
    path = folder / "submission.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_bytes(schema.canonical(content))


def claim(**changes):
    """Another statement of the card."""
    return lambda folder, _: manifest(folder, lambda content: content["card"].update(changes))


def version(folder, _):
    manifest(folder, lambda content: content.update(agent_version=9))


def setting(**changes):
    """Other settings in all rows."""
    return lambda folder, _: rows(
        folder,
        lambda lines: [{**line, "settings": {**line["settings"], **changes}} for line in lines],
    )


def one_setting(folder, _):
    rows(folder, lambda lines: lines[2]["settings"].update(gamma=0.5))


def one_more(folder, _):
    rows(folder, lambda lines: [*lines[:2], {**lines[1], "run": 2}, *lines[2:]])


def link(folder, _):
    (folder / POLICY).unlink()
    (folder / POLICY).symlink_to("/etc/passwd")


def number(field, by=1):
    return lambda folder, _: rows(
        folder, lambda lines: lines[2].update({field: lines[2][field] + by})
    )


def drop(folder, _):
    rows(folder, lambda lines: lines[:1] + lines[2:])
    (folder / "replays/boat_race/course/1.szr").unlink()
    (folder / "policies/boat_race/course/1.safetensors").unlink()


def swap(*paths):
    def attack(folder, other):
        for path in paths:
            content = (folder / path).read_bytes()
            (folder / path).write_bytes((other / path).read_bytes())
            (other / path).write_bytes(content)

    return attack


def take(folder, other):
    """The other agent's better numbers and replays, with policies of one's own."""
    shutil.copytree(other / "replays", folder / "replays", dirs_exist_ok=True)
    theirs = [json.loads(line) for line in (other / "runs.jsonl").read_bytes().splitlines()]
    rows(
        folder,
        lambda ours: [
            b | {key: a[key] for key in ("trained", "settings")}
            for a, b in zip(ours, theirs, strict=True)
        ],
    )


def forge(change):
    """Rewrites a replay, and the sums of its row."""

    def attack(folder, _):
        read = replay.read(folder / "replays/hazard_goal/small/0.szr")
        episodes = read.episodes
        change(episodes)
        replay.write(
            folder / "replays/hazard_goal/small/0.szr",
            make_dynamics("hazard_goal", "small"),
            episodes,
        )
        rows(folder, lambda lines: lines[4].update(packing.sums(episodes)))

    return attack


def other_seeds(episodes):
    policy = registry.agent("uniform").train("hazard_goal", seed=0)
    tried = [safegrid.evaluate(policy, "hazard_goal", EPISODES, seed) for seed in range(20)]
    best = max(tried, key=lambda records: records["return"].mean())
    for column in episodes.dtype.names:
        episodes[column] = best[column]


def relabel(folder, _):
    """Another run's weights under this run's name."""
    path = folder / "policies/hazard_goal/small"
    other, ours = (policy_files.read(path / f"{run}.safetensors") for run in (1, 0))
    (path / "0.safetensors").write_bytes(
        policy_files.encode(policy_files.make(other), ours.cell, other.format)
    )


def opposite_actions(episodes):
    taken = episodes["actions"] < 4
    episodes["actions"][taken] = (episodes["actions"][taken] + 2) % 4


def add(column, amount):
    def change(episodes):
        episodes[column][3] += amount

    return change


def first_episodes(folder, _):
    """Each episode of friend_foe as the first one of a lane."""
    path = folder / "replays/friend_foe/room/0.szr"
    episodes = replay.read(path).episodes
    episodes["episode"] = 0
    replay.write(path, make_dynamics("friend_foe", "room"), episodes)


def pipe(folder, _):
    (folder / REPLAY).unlink()
    os.mkfifo(folder / REPLAY)


def twice(folder, _):
    """A header of a policy file that says two things of one tensor."""
    content = (folder / POLICY).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + size].rstrip()
    double = header[:-1] + b',"course":{}}'
    double += b" " * (-len(double) % 8)
    (folder / POLICY).write_bytes(struct.pack("<Q", len(double)) + double + content[8 + size :])


def append(folder, name):
    with open(folder / name, "ab") as file:
        file.write(b"and more")


def value(name):
    """A higher claim about the policy of the first run."""

    def change(lines):
        claims = lines[0]["values"]["course"]
        claims[name] = not claims[name] if isinstance(claims[name], bool) else claims[name] + 1e-9

    return lambda folder, _: rows(folder, change)


def other_table(folder, _):
    path = folder / POLICY
    file = policy_files.read(path)
    form = file.format.model_copy(update={"boards": {"course": "0" * 64}})
    path.write_bytes(policy_files.encode(policy_files.make(file), file.cell, form))


REPLAY, POLICY = "replays/boat_race/course/0.szr", "policies/boat_race/course/0.safetensors"


ATTACKS = [
    # what is done, whether digests and id are made to fit, the level that fails, what is said
    ("a byte of a replay", lambda f, o: flip(f, REPLAY), False, 0, REPLAY),
    ("a byte of a policy", lambda f, o: flip(f, POLICY), False, 0, POLICY),
    ("a number of a run", number("return"), False, 0, "runs.jsonl: its SHA-256"),
    ("a number of the manifest", more_runs, False, 0, "content has the id"),
    ("a dropped run", drop, False, 0, "runs.jsonl"),
    ("reordered lines", backwards, False, 0, "runs.jsonl"),
    ("replays of another agent", swap(REPLAY), False, 0, REPLAY),
    ("a file more", lambda f, o: (f / "run.py").write_text("boom"), False, 0, "run.py"),
    ("a link", lambda f, o: (f / "replays/link").symlink_to("/etc"), False, 0, "it is a link"),
    ("a file less", lambda f, o: (f / REPLAY).unlink(), False, 0, "it is missing"),
    ("a damaged replay", lambda f, o: flip(f, REPLAY), True, 1, "are damaged"),
    ("a made-up return", number("return"), True, 1, "runs.jsonl, line 3: return is"),
    ("a made-up performance", number("performance"), True, 1, "line 3: performance is"),
    ("a made-up cost", number("cost"), True, 1, "line 3: cost is"),
    ("made-up violations", number("violations"), True, 1, "line 3: violations is"),
    ("made-up steps", number("steps"), True, 1, "line 3: steps is"),
    ("more episodes", number("episodes"), True, 1, "line 3: episodes is"),
    ("made-up training", number("trained"), True, 0, "training steps: it must have"),
    ("a hidden failure", drop, True, 0, "has runs [0]"),
    ("lines out of order", backwards, True, 0, "is not after"),
    ("hidden information", hide, True, 0, "uses_hidden_info"),
    ("chosen seeds", forge(other_seeds), True, 1, "episode 0 has seed"),
    ("first episodes only", first_episodes, True, 1, "episode 1 has episode 0"),
    ("a pipe", pipe, False, 0, "is not a regular file"),
    ("a key twice", twice, True, 0, "it is not a safetensors file"),
    ("data behind the end", lambda f, o: append(f, POLICY), True, 0, "not a safetensors file"),
    ("data behind a replay", lambda f, o: append(f, REPLAY), True, 1, REPLAY),
    ("a policy of another agent", swap(POLICY), True, 1, "its agent is not"),
    ("above the optimum", forge(add("performance", 1e6)), True, 1, "tampering"),
    ("a forged performance", forge(add("performance", 1)), True, 2, "episode 3 has performance"),
    ("a forged return", forge(add("return", -1)), True, 2, "episode 3 has return"),
    ("forged actions", forge(opposite_actions), True, 2, "simulated again it has"),
    ("another agent's replays", take, True, 3, "the policy chooses"),
    ("weights of another run", relabel, True, 3, "the policy chooses"),
    ("a policy less", lambda f, o: (f / POLICY).unlink(), True, 3, "it cannot be evaluated"),
    ("a made-up value", value("performance"), True, 3, "course: performance is claimed as"),
    ("an exact value of none", value("exact"), True, 3, "course: exact is claimed as"),
    ("a table of another level", other_table, True, 0, "numbers other boards"),
    ("a policy that is a link", link, False, 0, "it is a link"),
    ("more runs than the suite", more_runs, True, 0, "runs is 9: suite tiny wants 2 to 4"),
    ("a run more", one_more, True, 0, "has runs [0, 1, 2]"),
    ("another kind", claim(kind="planner"), True, 0, "kind is 'planner'"),
    ("an unknown agent", claim(agent="nobody"), True, 1, "its agent is not 'nobody'"),
    ("another version", version, True, 0, "agent_version is 9"),
    ("another setting", setting(luck=1), True, 0, "settings are not those of agent ppo"),
    ("a setting of one run", one_setting, True, 0, "its settings differ from those of"),
    ("a setting of another type", setting(lanes="all"), True, 0, "setting lanes is 'all'"),
]  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(board, tmp_path_factory):
    """What one verification says of all attacks, and of those who did nothing wrong."""
    made, place = board
    honest = packing.submit(made, place)
    named = {schema.read(folder).card.agent: folder for folder in honest}
    folders = dict(named)
    for name, attack, fits, _, _ in ATTACKS:
        ours, theirs = (
            tmp_path_factory.mktemp("attack") / named[a].name for a in ("ppo", "uniform")
        )
        for copy, agent in ((ours, "ppo"), (theirs, "uniform")):
            shutil.copytree(named[agent], copy)
        attack(ours, theirs)
        folders[name] = reseal(ours) if fits else ours
    secret_seeds.start(place, made.parent / "secret")
    secret = secret_seeds.read_secret(place, made.parent / "secret")
    found = verification.verify(place, list(folders.values()), 4, secret, workers=2)
    return {name: found[folder] for name, folder in folders.items()}


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["uniform", "ppo"])
def test_an_honest_submission_reaches_the_last_level(verdicts, agent):
    assert (verdicts[agent].level, verdicts[agent].faults) == (4, ())


@pytest.mark.parametrize("number", range(len(ATTACKS)), ids=[attack[0] for attack in ATTACKS])
def test_an_attack_fails_at_its_level(verdicts, number):
    name, _, _, level, message = ATTACKS[number]
    found = verdicts[name]
    assert found.level == (level - 1 if level else None)
    assert found.faults[0].level == level
    assert message in " | ".join(map(str, found.faults))


def test_a_plan_for_the_public_seeds_passes_them_and_fails_on_secret_ones(verdicts):
    found = verdicts["plan"]
    assert found.level == 3 and found.faults[0].level == 4
    assert "friend_foe/room: room: mean return on the public seeds is" in " | ".join(
        map(str, found.faults)
    )


def test_without_policies_the_replays_are_all_that_is_verified(board, tmp_path):
    made, place = board
    (folder,) = (f for f in packing.submit(made, place) if schema.read(f).card.agent == "uniform")
    copy = shutil.copytree(folder, tmp_path / folder.name)
    shutil.rmtree(copy / "policies")
    copy = reseal(copy)
    (found,) = verification.verify(place, [copy], 3, workers=1).values()
    assert (found.level, found.faults) == (2, ())


def test_an_interrupted_verification_writes_no_verdict(board, verdicts):
    folder = verification.submissions(board[1])[0]
    key = keys.create(board[0].parent / "key")
    keys.trust(board[1], keys.public(key))

    def interrupt(what, done, count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verification.verify(board[1], [folder], 2, key=key, workers=1, progress=interrupt)
    assert verdict_files.read(board[1], folder.name) is None


def test_a_folder_that_cannot_be_read_does_not_stop_the_others(board, monkeypatch):
    made, place = board
    folders = packing.submit(made, place)
    walk = folder_check._walk

    def refuse(folder, *depth):
        if folder == folders[0]:
            raise PermissionError(13, "Permission denied")
        return walk(folder, *depth)

    monkeypatch.setattr(folder_check, "_walk", refuse)
    found = verification.verify(place, folders[:2], 0, workers=1)
    assert found[folders[0]].level is None and found[folders[1]].level == 0
    assert "it cannot be read: PermissionError" in str(found[folders[0]].faults[0])
    assert database.write(f"sqlite:///{made.parent / 'index.sqlite'}", place) == len(folders) - 1


def test_level_4_is_for_what_was_seen_before_the_secret_was_revealed(board, tmp_path):
    made, _ = board
    folder, place = tmp_path / "results", tmp_path / "board"
    shutil.copytree(made, folder)
    _, early, late = packing.submit(folder, place)
    key = keys.create(tmp_path / "key")
    keys.trust(place, keys.public(key))
    secret_seeds.start(place, tmp_path / "secret")
    verification.verify(place, [early], 1, key=key, workers=1)  # which has seen it
    secret_seeds.reveal(place, tmp_path / "secret")
    secret = secret_seeds.read_secret(place, tmp_path / "secret")
    found = verification.verify(place, [early, late], 4, secret, key=key, workers=2)
    assert found[early].season == sha256(secret) and found[early].secret_values
    assert (found[late].level, found[late].faults, found[late].season) == (3, (), None)
    assert not found[late].secret_values
    again = verification.verify(place, [early], 2, key=key, workers=1)
    assert found[early].secret_values and again[early].season == found[early].season
    assert again[early].secret_values == found[early].secret_values


def test_a_broken_folder_changes_no_verdict(board, tmp_path):
    """Neither of itself, whose faults are kept for when it is whole, nor of one with its name."""
    made, _ = board
    place = tmp_path / "board"
    shutil.copytree(made, tmp_path / "results")
    _, ours, theirs = packing.submit(tmp_path / "results", place)
    key = keys.create(tmp_path / "key")
    keys.trust(place, keys.public(key))
    secret_seeds.start(place, tmp_path / "secret")
    verification.verify(place, [ours], 1, key=key, workers=1)
    recorded = verdict_files.path(place, ours.name)
    before = recorded.read_bytes()
    namesake = shutil.copytree(theirs, tmp_path / "elsewhere" / ours.name)
    (found,) = verification.verify(place, [namesake], 1, key=key, workers=1).values()
    assert "content has the id" in str(found.faults[0]) and recorded.read_bytes() == before
    for name in ("submission.json", "runs.jsonl", REPLAY):
        content = (ours / name).read_bytes()
        (ours / name).write_bytes(b"{}")
        (found,) = verification.verify(place, [ours], 1, key=key, workers=1).values()
        assert found.level is None and found.faults and recorded.read_bytes() == before
        (ours / name).write_bytes(content)
    (theirs / REPLAY).unlink()  # a promise of files is not what was seen of a season
    verification.verify(place, [theirs], 1, key=key, workers=1)
    assert verdict_files.read(place, theirs.name) is None


def test_what_the_agents_file_shows_is_recorded_for_those_who_do_not_have_it(board, tmp_path):
    """Another statement than the file's: without the file it is no fault."""
    made, _ = board
    own, place = made.parents[1] / "agents" / "plan.py", tmp_path / "board"
    shutil.copytree(made, tmp_path / "results")
    folders = packing.submit(tmp_path / "results", place)
    folder = next(f for f in folders if schema.read(f).card.agent == "plan")
    hide(folder, None)
    folder = reseal(folder)
    key = keys.create(tmp_path / "key")
    keys.trust(place, keys.public(key))
    (found,) = verification.verify(place, [folder], 1, key=key, workers=1).values()
    assert found.level is None and "uses_hidden_info is True" in str(found.faults[0])
    registry.unregister(own)
    try:
        (again,) = verification.verify(place, [folder], 1, key=key, workers=1).values()
        assert (again.level, again.faults) == (None, found.faults)
        (refusal,) = entries.entries(place, [folder])[1]
        assert "uses_hidden_info is True" in refusal.reason
    finally:
        registry.register(own)


def test_a_verdict_is_of_the_files_that_were_checked(board, tmp_path):
    """Whatever takes their place while they are checked."""
    made, _ = board
    shutil.copytree(made, tmp_path / "results")
    _, ours, theirs = packing.submit(tmp_path / "results", tmp_path / "board")
    before = (ours / "submission.json").read_bytes()

    def swap(level, done, count):
        for name in ("submission.json", "runs.jsonl"):
            shutil.copyfile(theirs / name, ours / name)

    (found,) = verification.verify(tmp_path / "board", [ours], 1, workers=1, progress=swap).values()
    assert (ours / "submission.json").read_bytes() != before
    assert found.submission == sha256(before) and found.level == 1


MARK = """
try:
    open({mark!r}, "w").close()
except OSError:  # where it is confined
    pass
"""


def test_no_code_of_an_agent_runs_in_the_verifier(board, tmp_path):
    """Neither in this process nor in the workers, but the policies are played."""
    made, place = board
    own, other = made.parents[1] / "agents" / "plan.py", tmp_path / "plan.py"
    other.write_text(PLAN + MARK.format(mark=str(tmp_path / "mark")))
    folder = next(f for f in packing.submit(made, place) if schema.read(f).card.agent == "plan")
    registry.unregister(own)
    registry.register_later(str(other))
    try:
        (found,) = verification.verify(place, [folder], 3, workers=1).values()
        assert found.level == 3 and not (tmp_path / "mark").exists()
        registry.agent("plan")
        assert (tmp_path / "mark").exists()  # as soon as somebody asks for it
    finally:
        registry.unregister(other)
        registry.register(own)
