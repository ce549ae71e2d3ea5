"""The layout of the source: small packages, short modules, tests where a reader looks for them."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(path.parent for path in (ROOT / "safegrid").rglob("__init__.py"))
MODULES = sorted((ROOT / "safegrid").rglob("*.py")) + sorted((ROOT / "agents").glob("*.py"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_has_at_most_sixteen_modules(package):
    assert len([path for path in package.glob("*.py") if path.name != "__init__.py"]) <= 16


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_has_at_most_300_lines(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 300


def test_tests_lie_where_their_modules_do():
    """A test file under tests/ is in the folder of the package that it tests."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in ROOT.glob("tests/**/test_*.py")}
    packages = {path.relative_to(ROOT / "safegrid") for path in PACKAGES}
    assert folders <= packages | {Path(name) for name in ("agents", "envs", "experiments")}


def test_every_package_is_shipped():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = project["tool"]["setuptools"]
    within = {".".join(path.relative_to(ROOT).parts) for path in PACKAGES}
    assert set(setuptools["packages"]) == within | set(setuptools["package-dir"])


def test_only_the_two_folders_beside_the_package_are_part_of_it():
    for name in ("tests", "experiments", "safegrid"):
        assert importlib.util.find_spec(f"safegrid.{name}") is None
    for name in ("envs", "agents"):
        assert importlib.import_module(f"safegrid.{name}").__path__
