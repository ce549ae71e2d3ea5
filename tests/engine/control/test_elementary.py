"""Functions without the C library: they equal the library's to rounding; deviates are normal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from safegrid.engine.control import elementary


@pytest.mark.fast
@given(st.floats(-690, 690))
def test_the_exponential_is_right_to_rounding(number):
    assert elementary.exp(number) == pytest.approx(math.exp(number), rel=4e-16 * (1 + abs(number)))


@pytest.mark.fast
@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_right_to_rounding(number):
    assert elementary.log(number) == pytest.approx(math.log(number), rel=4e-16, abs=4e-16)


def test_the_exponential_of_a_large_negative_number_is_zero():
    assert elementary.exp(-1e9) == elementary.exp(-math.inf) == 0.0
    assert elementary.exp(0.0) == 1.0 and elementary.log(1.0) == 0.0


def test_deviates_are_normal_and_independent():
    keys = np.arange(20_000, dtype=np.uint64) * np.uint64(7919)
    drawn = np.array([[elementary.normal(key, number) for number in (0, 1)] for key in keys])
    assert np.isfinite(drawn).all()
    assert kstest(drawn.ravel(), "norm").pvalue > 0.001
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.03
