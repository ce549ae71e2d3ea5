"""The fuzzer of the command line: inputs that commands refuse, and faults that it would see."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "fuzz_commands.py"


@pytest.mark.slow
def test_mutated_inputs_of_commands_end_with_a_line():
    command = [sys.executable, SCRIPT, "--count", "160", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "160 inputs, no fault" in run.stdout


def test_tracebacks_long_errors_and_other_exit_codes_are_faults(experiment, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    fuzzer = experiment("fuzz_commands")
    assert fuzzer.run(["show", "nowhere"]) == (2, None)

    def ends(error):
        def main():
            print("safegrid: a\nsafegrid: b", file=sys.stderr)
            raise error

        monkeypatch.setattr(fuzzer.cli, "main", main)
        return fuzzer.run([])

    assert ends(SystemExit(3)) == (3, "exit code 3")
    assert ends(SystemExit(1)) == (1, None)
    assert "exit code 2 and" in ends(SystemExit(2))[1]
    code, fault = ends(TypeError("unhashable"))
    assert code is None and fault.endswith("TypeError: unhashable")
