"""Versions: those of the packages that are installed, and of no others."""

from importlib import metadata

from safegrid.benchmark import versions


def test_the_versions_are_those_that_are_installed(monkeypatch):
    found = versions.package_versions()
    assert found["safegrid-rl"] == metadata.version("safegrid-rl")
    assert {"numpy", "numba", "scipy"} <= set(found) <= set(versions.PACKAGES)
    monkeypatch.setattr(versions, "PACKAGES", ("numpy", "there-is-no-such-package"))
    assert versions.package_versions() == {"numpy": metadata.version("numpy")}
