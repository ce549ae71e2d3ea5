"""Settings of the whole suite."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def experiment():
    """Loads a script of experiments/ by its name."""

    def load(name):
        path = Path(__file__).resolve().parent.parent / "experiments" / f"{name}.py"
        place = importlib.util.spec_from_file_location(f"experiment_{name}", path)
        module = importlib.util.module_from_spec(place)
        place.loader.exec_module(module)
        return module

    return load
