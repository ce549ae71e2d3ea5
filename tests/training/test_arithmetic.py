"""Layers and functions of networks: near NumPy's, the same bits in every batch and processor."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from safegrid.training import arithmetic
from safegrid.training.arithmetic import Affine

RANDOM = np.random.default_rng(0)
DIGEST = """
import hashlib, numpy as np
from safegrid.training import arithmetic
random, digest = np.random.default_rng(0), hashlib.sha256()
for inputs, outputs in ((61, 64), (64, 3), (1, 1)):
    values = random.normal(size=(9, inputs)) * (random.random((9, inputs)) < 0.7)
    layer = arithmetic.Affine(random.normal(size=(outputs, inputs)), random.normal(size=outputs))
    digest.update(layer(values.astype(np.float32)))
digest.update(arithmetic.tanh(random.normal(size=9999).astype(np.float32)))
digest.update(arithmetic.softmax(random.normal(size=(999, 5)) * 9))
digest.update(arithmetic.normal_quantile(random.random(9999)))
print(digest.hexdigest())
"""


def ulps(found, expected):
    """The greatest distance in units in the last place of float32."""
    pairs = (np.asarray(a, np.float32) for a in (found, expected))
    one, other = (
        np.where(a.view(np.int32) < 0, -(a.view(np.int32) & 0x7FFFFFFF), a.view(np.int32))
        for a in pairs
    )
    return int(np.abs(one.astype(np.int64) - other).max())


@pytest.mark.parametrize(("inputs", "outputs"), [(60, 64), (64, 2), (7, 3), (125, 256), (1, 1)])
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_a_layer_is_within_one_ulp_of_its_value_in_float64(inputs, outputs, density):
    values = RANDOM.normal(size=(37, inputs)) * (RANDOM.random((37, inputs)) < density)
    values = values.astype(np.float32)
    weight = RANDOM.normal(size=(outputs, inputs)).astype(np.float32)
    bias = RANDOM.normal(size=outputs).astype(np.float32)
    found = Affine(weight, bias)(values)
    assert found.dtype == np.float32
    assert ulps(found, values.astype(float) @ weight.T.astype(float) + bias) <= 1


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_a_row_of_a_batch_equals_a_batch_of_one(rows, inputs, outputs, seed):
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, inputs)) * random.integers(0, 2, (rows, inputs))
    layer = Affine(random.normal(size=(outputs, inputs)), random.normal(size=outputs))
    together = layer(values.astype(np.float32))
    for row in range(rows):
        alone = layer(values[row : row + 1].astype(np.float32))
        np.testing.assert_array_equal(alone.view(np.int32), together[row : row + 1].view(np.int32))


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan, 0.0])
def test_zero_inputs_do_not_depend_on_the_batch(number):
    """Zero times infinity is not zero, and zero plus minus zero is not minus zero."""
    values = np.zeros((4, 8), np.float32)
    values[3] = 1.0
    layer = Affine(np.full((2, 8), number), np.array([-0.0, 1.0]))
    alone = np.concatenate([layer(values[i : i + 1]) for i in range(4)])
    np.testing.assert_array_equal(layer(values).view(np.int32), alone.view(np.int32))


def test_a_layer_takes_no_rows():
    assert Affine(np.ones((2, 3)), np.ones(2))(np.zeros((0, 3))).shape == (0, 2)


def test_tanh_is_within_one_ulp():
    values = np.concatenate(
        [
            RANDOM.normal(size=10**5) * 3,
            np.exp(-RANDOM.uniform(0, 87, 10**5)),
            np.linspace(-12, 12, 9999),
        ]
    ).astype(np.float32)
    assert ulps(arithmetic.tanh(values), np.tanh(values.astype(float))) <= 1
    special = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, 3e38], np.float32)
    np.testing.assert_array_equal(arithmetic.tanh(special), np.tanh(special))
    assert np.isnan(arithmetic.tanh(np.array([[np.nan]], np.float32))).all()


def test_softmax_is_within_one_ulp():
    values = RANDOM.normal(size=(10**4, 5)) * RANDOM.uniform(0, 40, (10**4, 1))
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    expected = weights / weights.sum(axis=1, keepdims=True)
    found = arithmetic.softmax(values)
    assert ulps(found, expected) <= 1
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-15)
    extreme = arithmetic.softmax([[0.0, -800.0, -np.inf], [1e300, 0.0, 0.0]])
    np.testing.assert_array_equal(extreme, [[1, 0, 0], [1, 0, 0]])


def test_the_normal_quantile_is_within_one_ulp():
    chances = np.concatenate(
        [RANDOM.random(10**5), np.exp(-RANDOM.uniform(0, 36.7, 10**5)), [0.5, 0.075, 0.925]]
    )
    chances = np.concatenate([chances, 1 - chances[chances > 1e-9]])
    found = arithmetic.normal_quantile(chances)
    assert ulps(found, ndtri(chances)) <= 1
    np.testing.assert_allclose(found, ndtri(chances), rtol=1e-13, atol=1e-15)


@pytest.mark.slow
def test_code_for_an_old_processor_gives_the_same_bits(tmp_path):
    """Without vectors and without an instruction for a multiplication and an addition."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **variables},
            check=True,
            capture_output=True,
        ).stdout
        for variables in (
            {},
            {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
            {"NUMBA_OPT": "0"},
            {"NUMBA_DISABLE_JIT": "1"},
        )
    }
    assert len(digests) == 1
