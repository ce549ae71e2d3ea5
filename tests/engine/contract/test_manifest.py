"""Manifests: what an agent's file states is read without running it."""

import pytest

from safegrid.engine import registry
from safegrid.engine.contract.manifest import read_manifest
from safegrid.engine.files import sha256


@pytest.mark.parametrize("name", registry.agents())
def test_the_manifest_of_every_agent_says_what_its_specification_says(name):
    manifest, spec = registry.manifest(name), registry.agent(name)
    assert manifest[1:5] == (spec.kind, spec.version, spec.uses_hidden_info, spec.steps)
    assert manifest.settings is None or set(manifest.settings) == set(spec.settings)


def test_a_file_is_never_run():
    source = b"USES_HIDDEN_INFO, STEPS = False, 10\nSETTINGS: dict = {'a': 1}\nraise SystemExit"
    assert read_manifest(source) == (sha256(source), "learned", 0, False, 10, {"a": 1})


@pytest.mark.parametrize("source, message", [
    ("USES_HIDDEN_INFO = False", "STEPS is not an int literal"),
    ("STEPS = 10", "USES_HIDDEN_INFO is not a bool literal"),
    ("STEPS = 5 * 2; USES_HIDDEN_INFO = False", "STEPS is not an int literal"),
    ("STEPS = 10; USES_HIDDEN_INFO = open('/etc/passwd')", "USES_HIDDEN_INFO is not a bool"),
    ("STEPS = 10; USES_HIDDEN_INFO = False; VERSION = '1'", "VERSION is not an int literal"),
    ("STEPS = 10; USES_HIDDEN_INFO = False; KIND = kind()", "KIND is not a str literal"),
    ("STEPS =", "it is not Python"),
    ("\0", "it is not Python"),
    ("STEPS = " + "-" * 100_000 + "1", "it is not Python|STEPS is not an int literal"),
])  # fmt: skip
def test_what_is_no_literal_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        read_manifest(source.encode())


def test_an_agent_without_a_file_has_no_manifest():
    assert registry.manifest("nobody") is None
