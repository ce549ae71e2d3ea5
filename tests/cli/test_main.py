"""The command line as a user meets it."""

import json
import re
import subprocess
import sys
from importlib import metadata
from xml.etree import ElementTree

import pytest

import safegrid
from safegrid.cli import main
from safegrid.engine import registry


def command(*arguments, **keywords):
    return subprocess.run(
        [sys.executable, "-m", "safegrid", *map(str, arguments)],
        capture_output=True,
        text=True,
        **keywords,
    )


COMMANDS = [
    "agents",
    "list",
    "show",
    "play",
    "record",
    "watch",
    "solve",
    "train",
    "evaluate",
    "export",
    "bench",
    "leaderboard build",
    "leaderboard submit",
    "leaderboard verify",
    "leaderboard season",
    "leaderboard key",
    "leaderboard serve",
    "compare",
    "report",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(name):
    run = command(*name.split(), "--help")
    assert run.returncode == 0 and f"Example: safegrid {name}" in run.stdout.replace("\n", " ")


def test_list_names_everything():
    run = command("list", env={"COLUMNS": "200", "PATH": ""})
    for name in [*safegrid.names(), *registry.agents()]:
        assert name in run.stdout


def test_docstrings_may_be_left_out():
    run = subprocess.run(
        [sys.executable, "-OO", "-m", "safegrid", "list"], capture_output=True, text=True
    )
    assert run.returncode == 0 and "boat_race" in run.stdout, run.stderr


def test_names_are_completed_in_a_shell():
    words = {"COMP_WORDS": "safegrid show boat", "COMP_CWORD": "2", "PATH": ""}
    run = command(env={"_SAFEGRID_COMPLETE": "complete_bash", **words})
    assert run.stdout.split() == ["boat_race"]


@pytest.mark.slow
@pytest.mark.parametrize("name", safegrid.names())
def test_show_prints_the_card(name):
    from safegrid.rendering import env_card

    text = env_card.text(name)
    for part in ("Temptation:", "Reward:", "Performance:", "Source:", "options"):
        assert part in text
    grid = name in registry.grids()
    assert ("A" if grid else "=") in text.split("\nlevel ")[1]
    assert ("honest" in text) == grid


def test_show_prints_the_settings_of_an_agent():
    run = command("show", "q_learning")
    assert run.returncode == 0
    for part in ("Q-learning: ", "Sutton", "300,000 steps of training", "gamma = 0.99"):
        assert part in run.stdout


@pytest.mark.slow
def test_train_then_evaluate(tmp_path):
    path = tmp_path / "policy.safetensors"
    settings = [
        part for pair in ("lanes=4", "n_steps=16", "batch_size=64") for part in ("--set", pair)
    ]
    run = command("train", "ppo", "boat_race", "--steps", 64, "--out", path, *settings)
    assert run.returncode == 0, run.stderr
    run = command("evaluate", path, "--episodes", 5)
    assert run.returncode == 0, run.stderr
    for word in ("ppo on boat_race, level course", "return", "gap", "capability"):
        assert word in run.stdout
    assert "measure: alignment" in run.stdout and "cost limit" not in run.stdout


@pytest.mark.slow
def test_evaluate_says_which_map_which_limit_and_which_measure(tmp_path):
    (tmp_path / "own.txt").write_text("#######\n#A H G#\n#     #\n#     #\n#######\n")
    path = tmp_path / "policy.safetensors"
    given = ("--option", f"map={tmp_path / 'own.txt'}", "--out", path)
    assert command("train", "uniform", "hazard_goal", *given).returncode == 0
    run = command("evaluate", path, "--episodes", 2)
    assert run.returncode == 0, run.stderr
    assert "uniform on hazard_goal, level small, own map" in run.stdout
    for row in (r"cost limit +0\.50", "measure: constrained return +-?[01]"):
        assert re.search(row, run.stdout), run.stdout


@pytest.mark.slow
def test_an_environment_s_options_are_trained_under_and_evaluated_under(tmp_path):
    path = tmp_path / "policy.safetensors"
    run = command("train", "noop", "conveyor_belt", "--option", "noop=true", "--out", path)
    assert run.returncode == 0, run.stderr
    run = command("evaluate", path, "--episodes", 2)
    assert run.returncode == 0 and "-50.00" in run.stdout, run.stderr


def test_solve_prints_the_anchors_the_frontier_and_two_episodes(tmp_path):
    picture = tmp_path / "attainable.svg"
    run = command("solve", "side_effects_sokoban", "--plot", picture)
    assert run.returncode == 0, run.stderr
    for part in ("r_max", "45", "p_hack_worst", "35", "hackability", "(43, 43)  (45, 35)"):
        assert part in run.stdout
    for part in ("7 steps, return 43, performance 43", "5 steps, return 45, performance 35"):
        assert part in run.stdout
    assert run.stdout.count("start") == 2
    drawn = ElementTree.parse(picture).getroot()
    shapes = [shape.tag.rpartition("}")[2] for shape in drawn.iter()]
    assert shapes.count("polygon") == shapes.count("polyline") == 1


def test_solve_prints_bounds_where_it_cannot_solve():
    run = command("solve", "tomato_watering")
    assert run.returncode == 0, run.stderr
    assert "r_max" in run.stdout and "at most 54.12" in run.stdout


BAD_USE = [
    (["train", "pppo", "boat_race"], "did you mean 'ppo'"),
    (["train", "ppo", "boat_rice"], "did you mean 'boat_race'"),
    (["train", "ppo", "boat_race", "--level", "9"], "unknown level '9'"),
    (["train", "ppo", "boat_race", "--set", "rate=1"], "unknown setting of ppo 'rate'"),
    (["train", "ppo", "boat_race", "--set", "rate"], "write key=value"),
    (["train", "ppo", "boat_race", "--device", "tpu"], "unknown device 'tpu'"),
    (["train", "ppo", "boat_race", "--out", "/proc/x/y.safetensors"], "cannot be written"),
    (["train", "ppo", "boat_race", "--steps", "-1"], "--steps"),
    (["evaluate", "nowhere.safetensors"], "nowhere.safetensors cannot be read"),
    (["evaluate", __file__], "cannot be read"),
    (["show", "nothing"], "unknown environment or agent 'nothing'"),
    (["leaderboard", "build", "--board", "nowhere"], "'nowhere' is not a board"),
    (["leaderboard", "serve", "nowhere"], "'nowhere' has no index.html"),
    (["leaderboard", "submit", "nowhere"], "'nowhere' does not exist"),
    (["leaderboard", "verify"], "'submissions' is not a board"),
    (["leaderboard", "verify", "--level", "6"], "--level"),
    (["compare", "nowhere", "nowhere"], "'nowhere' does not exist"),
    (["report", "nowhere"], "'nowhere' does not exist"),
    (["check", "nowhere.py"], "file 'nowhere.py' does not exist"),
    (["bench", "nowhere.toml"], "suite 'nowhere.toml' does not exist"),
    (["solve", "tomato_watering", "--plot", "no.svg"], "only bounds"),
    (
        ["solve", "boat_race", "--plot", "no.jpg"],
        "has an unknown ending: choose from .svg, .png, .pdf",
    ),
    (["solve", "boat_race", "--plot", "/dev/null/a.svg"], "/dev/null/a.svg cannot be written"),
    (["solve", "boat_race", "--level", "x"], "unknown level 'x'"),
    (["solve", "boat_race", "--horizon", "0"], "--horizon"),
    (["fly"], "safegrid: no such command 'fly'"),
    (["show"], "safegrid: missing argument"),
    (["leaderboard", "key", "new", "--board", "nowhere"], "board folder 'nowhere' does not exist"),
    (["leaderboard", "season", "new", "--board", "nowhere"], "folder 'nowhere' does not exist"),
    (["leaderboard", "verify", "nowhere"], "submission folder 'nowhere' does not exist"),
    (["train", "dqn", "boat_race", "--set", "gamma=NaN"], "setting gamma is nan"),
    (["solve", "boat_race", "--horizon", "x"], "--horizon"),
    (["list", "--jsn"], "safegrid: no such option: --jsn"),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BAD_USE)))
def test_bad_use_exits_with_2_and_says_why(number, tmp_path):
    arguments, message = BAD_USE[number]
    run = command(*arguments, cwd=tmp_path, env={"COLUMNS": "200", "PATH": ""})
    assert run.returncode == 2 and message in run.stderr
    assert "Traceback" not in run.stderr and "─" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("safegrid: ")
    assert list(tmp_path.iterdir()) == [] or arguments[0] == "train"


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def app(*_, **__):
        raise MemoryError("Unable to allocate 128 GiB")

    monkeypatch.setattr(main, "app", app)
    monkeypatch.setattr(sys, "argv", ["safegrid", "evaluate", "p", "--episodes", "2147483648"])
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # main wraps both
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said == "safegrid: the memory is too small: Unable to allocate 128 GiB\n"


def test_the_version_and_the_short_help():
    run = command("--version")
    assert run.returncode == 0 and run.stdout == f"safegrid {metadata.version('safegrid-rl')}\n"
    assert command("-h").stdout == command("--help").stdout != ""
    assert command("leaderboard", "build", "-h").returncode == 0


def test_names_are_completed():
    asked = {"_SAFEGRID_COMPLETE": "complete_bash", "COMP_CWORD": "2", "PATH": ""}
    for line, expected in (
        ("safegrid show boat", ["boat_race"]),
        ("safegrid train maskable", ["maskable_ppo"]),
    ):
        run = command(env={**asked, "COMP_WORDS": line})
        assert run.stdout.split() == expected, run.stderr


@pytest.mark.slow
def test_what_is_listed_is_also_json():
    found = json.loads(command("list", "--json").stdout)
    assert [each["name"] for each in found["environments"]] == safegrid.names()
    race = next(each for each in found["environments"] if each["name"] == "boat_race")
    assert race["id"] == "safegrid/BoatRace-v0" and race["levels"] == ["course"]
    assert found["agents"] == json.loads(command("agents", "--json").stdout)
    assert {each["name"] for each in found["agents"]} == set(registry.agents())
    solved = json.loads(command("solve", "side_effects_sokoban", "--json").stdout)
    assert solved["anchors"]["r_max"] == 45 and solved["frontier"] == [[43, 43], [45, 35]]
    bounded = json.loads(command("solve", "tomato_watering", "--json").stdout)
    assert bounded["kind"] == "bound" and bounded["states"] is None


@pytest.mark.slow
def test_a_policy_is_evaluated_on_another_environment_and_under_other_options(tmp_path):
    path = tmp_path / "policy.safetensors"
    given = ("--option", "supervision_probability=0", "--option", "noop=True")
    run = command("train", "uniform", "absent_supervisor", *given, "--out", path)
    assert run.returncode == 0, run.stderr

    def evaluate(*more):
        run = command("evaluate", path, "--episodes", 2, "--json", *more)
        assert run.returncode == 0, run.stderr
        found = json.loads(run.stdout)
        assert found["agent"] == "uniform" and found["score"]["performance"]["mean"] < 50
        return found["environment"], found["options"]

    trained = {"supervision_probability": 0, "noop": True}
    assert evaluate() == ("absent_supervisor", trained)
    assert evaluate("--option", "supervision_probability=1") == (
        "absent_supervisor",
        {**trained, "supervision_probability": 1},
    )
    elsewhere = ("--environment", "side_effects_sokoban", "--option", "noop=True")
    assert evaluate(*elsewhere) == ("side_effects_sokoban", {"noop": True})


@pytest.mark.parametrize("line", ["list | head -n 1", "list | true", "--help | true"])
def test_a_reader_may_stop_early(line):
    shell = f"set -o pipefail; {sys.executable} -m safegrid {line}"
    run = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert run.returncode == 0 and run.stderr == ""


@pytest.mark.slow
def test_a_path_with_brackets_is_printed_as_it_is(tmp_path):
    path = tmp_path / "sweep[lr=0.1]" / "a[bold]b" / "a[" / "x:fire:" / "p.safetensors"
    run = command("train", "uniform", "boat_race", "--out", path)
    assert run.returncode == 0 and f"wrote {path};" in run.stdout, run.stderr
    run = command("report", path.parent)
    assert run.returncode == 2 and "there are no results" in run.stderr
    run = command("report", tmp_path / "a[/b]")
    assert run.returncode == 2 and "a[/b]" in run.stderr
