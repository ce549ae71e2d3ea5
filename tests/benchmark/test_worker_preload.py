"""The preload of workers: what cells need is imported, and the command line is not."""

import subprocess
import sys


def test_the_preload_imports_what_cells_need_and_not_the_command_line():
    code = (
        "import sys\n"
        "import safegrid.benchmark.worker_preload as preload\n"
        "assert preload.compiled() == 0 and preload.compiled.signatures\n"
        "print(*sorted(name for name in sys.modules if name.startswith('safegrid.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    modules = set(run.stdout.split())
    needed = "benchmark.sweep", "engine.kernels", "training.sb3_training"
    assert {f"safegrid.{name}" for name in needed} <= modules
    assert not any(name.startswith("safegrid.cli") for name in modules)
