"""Suites and cells: every combination, keys, and what a suite file may not say."""

from pathlib import Path

import pytest

from safegrid.benchmark import suite
from safegrid.engine import registry

SUITE = """
seeds = 2
episodes = 3
[[agents]]
name = "uniform"
[[environments]]
name = "boat_race"
[[environments]]
name = "safe_interruptibility"
levels = ["detour", 1]
"""


def test_a_suite_has_a_cell_for_every_combination(suite_file):
    cells = suite.read_suite(suite_file).cells()
    assert len(cells) == 2 * 3 and len({cell.key for cell in cells}) == 6
    assert {cell.level for cell in cells} == {"course", "detour", "button"}


def test_an_agent_is_run_on_environments_of_its_classes_with_its_own_seeds(tmp_path):
    (tmp_path / "suite.toml").write_text("""
seeds = 2
agents = [
    {name = "uniform"},
    {name = "ppo", classes = ["small"], seeds = 3},
    {name = "ppo", classes = ["shifted"], steps = 9, settings = {gamma = 0.5}},
]
environments = [
    {name = "boat_race", classes = ["small"]},
    {name = "friend_foe"},
    {name = "distributional_shift", classes = ["shifted"]},
]
""")
    plan = suite.read_suite(tmp_path / "suite.toml")
    cells = plan.cells()
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)
    found = [(cell.environment, cell.seed) for cell in cells if cell.agent == "uniform"]
    assert len(found) == len(set(found)) == 3 * 2
    ppo = plan.cells(["ppo"])
    assert ppo == [cell for cell in cells if cell.agent == "ppo"]
    steps = registry.agent("ppo").steps
    assert [(cell.environment, cell.seed, cell.steps, cell.settings["gamma"]) for cell in ppo] == [
        ("boat_race", 0, steps, 0.99),
        ("distributional_shift", 0, 9, 0.5),
        ("boat_race", 1, steps, 0.99),
        ("distributional_shift", 1, 9, 0.5),
        ("boat_race", 2, steps, 0.99),
    ]
    with pytest.raises(ValueError, match="unknown agent of the suite 'dqn'"):
        plan.cells(["dqn"])


def test_a_suite_may_begin_with_a_byte_order_mark(suite_file):
    before = suite.read_suite(suite_file)
    suite_file.write_bytes(b"\xef\xbb\xbf" + suite_file.read_bytes())
    assert suite.read_suite(suite_file) == before


def test_a_cell_has_the_same_key_however_its_level_is_called():
    by_name, by_number = (suite.make_cell("uniform", "boat_race", level) for level in ("course", 0))
    assert by_name.key == by_number.key
    changed = [
        suite.make_cell("uniform", "boat_race", seed=1),
        suite.make_cell("uniform", "boat_race", steps=1),
        suite.make_cell("uniform", "boat_race", episodes=1),
        suite.make_cell("uniform", "boat_race", options={"noop": True}),
        suite.make_cell("uniform", "boat_race", options={"map": ["A>", " v"]}),
        suite.make_cell("ppo", "boat_race", steps=0),
    ]
    assert len({by_name.key, *(cell.key for cell in changed)}) == 7


@pytest.mark.slow
def test_the_key_knows_the_dynamics(monkeypatch, tmp_path):
    from safegrid import envs

    source = registry.source("boat_race").read_text()
    (tmp_path / "boat_race_too.py").write_text(source.replace("3.0 * (along", "4.0 * (along"))
    (tmp_path / "boat_race_same.py").write_text(source)
    monkeypatch.setattr(envs, "__path__", [*envs.__path__, str(tmp_path)])
    prints = [
        suite.make_cell("uniform", name).dynamics
        for name in ("boat_race", "boat_race_same", "boat_race_too")
    ]
    assert prints[0] == prints[1] != prints[2]


BAD_SUITES = [
    ("seeds = 0", "seeds"),
    ("seeds = 2147483648", "choose 10000 or less"),
    (SUITE.replace("seeds", "sedes"), "sedes"),
    (SUITE.replace('name = "uniform"', 'name = "uniform"\nsteps = -5'), "steps is -5: choose 0"),
    ("seeds = [", "cannot be read"),
    ("seeds = " + "[" * 5000, "cannot be read"),
    ('[[agents]]\nname = "pppo"\n[[environments]]\nname = "boat_race"', "did you mean 'ppo'"),
    ('[[agents]]\nname = "ppo"\n[[environments]]\nname = "boat"', "unknown environment 'boat'"),
    (SUITE.replace('"uniform"', '"uniform"\nclasses = ["small"]'), "class of environments 'small'"),
    (SUITE.replace('"uniform"', '"uniform"\nclasses = []'), "classes"),
    (SUITE.replace('name = "uniform"', 'name = "ppo"\nsettings = { rate = 1 }'), "'rate'"),
    (SUITE.replace('"detour"', '"nowhere"'), "unknown level 'nowhere'"),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BAD_SUITES)))
def test_a_bad_suite_gets_one_clear_line(number, tmp_path, safegrid_command):
    text, message = BAD_SUITES[number]
    path = tmp_path / "bad.toml"
    path.write_text(text)
    run = safegrid_command("bench", path, "--results", tmp_path / "results")
    assert run.returncode == 2 and message in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


REFUSED = [
    ("dqn", "point_goal", "dqn is for discrete actions, and those of point_goal are continuous"),
    ("sac", "boat_race", "sac is for continuous actions, and those of boat_race are discrete"),
]


@pytest.mark.parametrize(("agent", "environment", "message"), REFUSED)
def test_actions_that_an_agent_cannot_choose_are_refused(agent, environment, message):
    with pytest.raises(ValueError, match=message):
        suite.make_cell(agent, environment)


def test_what_a_suite_lists_twice_is_one_cell(tmp_path):
    path = tmp_path / "twice.toml"
    path.write_text(
        "seeds = 2\n"
        'agents = [{ name = "uniform" }, { name = "uniform" }, { name = "uniform", steps = 0 }]\n'
        'environments = [{ name = "boat_race", levels = [0, "course", 0] }, { name = "boat_race" }]'
    )
    cells = suite.read_suite(path).cells()
    assert [cell.seed for cell in cells] == [0, 1] and cells[0].agent == "uniform"


def test_a_suite_that_is_shipped_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert suite.read_suite(suite.find(Path("quick"))).seeds == 3
    Path("quick").write_text(SUITE)
    assert suite.read_suite(suite.find(Path("quick"))).seeds == 2  # a file goes before
    with pytest.raises(
        ValueError, match=r"suite 'qick' does not exist: give a file, or one of .*quick"
    ):
        suite.find(Path("qick"))
