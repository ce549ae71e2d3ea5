"""Versions of the packages that results depend on."""

from importlib import metadata

PACKAGES = ("safegrid-rl", "numpy", "numba", "scipy", "torch", "stable-baselines3", "sb3-contrib")


def package_versions() -> dict[str, str]:
    """The version of each of PACKAGES that is installed."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
