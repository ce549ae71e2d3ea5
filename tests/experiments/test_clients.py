"""The programs of other libraries: each says what it is, and a failure is told in one line."""

import json
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def clients(experiment):
    return experiment("clients")


def test_every_program_says_what_it_does_and_needs_and_results_are_of_programs(clients):
    for name, path in clients.programs().items():
        says, needs = clients.about(path)
        assert says.endswith(".") and ": " in says and needs, name
    listed = json.loads(clients.RESULT.read_text(encoding="utf-8"))
    known = [*clients.TESTED, *clients.programs()]
    assert list(listed) == [name for name in known if name in listed] != []


def test_a_program_without_its_needs_is_refused(clients, tmp_path):
    program = tmp_path / "with_x.py"
    program.write_text('"""X: does it."""\n')
    with pytest.raises(ValueError, match=r"with_x.py does not say"):
        clients.about(program)
    program.write_text('# /// script\n# dependencies = ["x"]\n# ///\n"""X: does\nit."""\n')
    assert clients.about(program) == ("X: does it.", ["x"])


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("print('well')", None),
        ("print('so'); raise ValueError('bad rewards')", "ValueError: bad rewards"),
        ("import time; time.sleep(60)", "not done after 1 seconds"),
    ],
)
def test_a_failure_is_the_last_line_of_a_program(clients, tmp_path, monkeypatch, code, fault):
    monkeypatch.setattr(clients, "SECONDS", 1 if "sleep" in code else 60)
    (tmp_path / "program.py").write_text(code)
    assert clients.run(Path(sys.executable), [tmp_path / "program.py"], tmp_path) == fault


def test_the_table_shows_versions_and_what_failed(clients, tmp_path, monkeypatch):
    entry = {"about": "A: this and that.", "versions": {"a": "1.0", "Python": "3"}, "fault": None}
    found = {"a": entry, "b": {"about": "B: it.", "versions": {}, "fault": "no wheel"}}
    monkeypatch.setattr(clients, "RESULT", tmp_path / "clients.json")
    clients.RESULT.write_text(json.dumps(found))
    _, _, *rows = clients.table().splitlines()
    assert rows == ["| A | this and that | a 1.0, Python 3 | works |", "| B | it |  | no wheel |"]
