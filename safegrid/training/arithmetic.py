"""Arithmetic of networks whose results have the same bits on every processor, for every batch.

BLAS, NumPy and the C library choose the order of sums and the approximations of functions by the
processor and the size of arrays. Here sums have one order, and functions consist of additions,
multiplications, divisions and square roots of float64, which IEEE 754 defines to the last bit.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from safegrid.engine.compiling import keep, njit
from safegrid.engine.control.elementary import LN2_HIGH, LN2_LOW

LOG2_E = 1.4426950408889634
SHIFT = 1.5 * 2.0**52  # a number plus this is rounded to a whole one, which is in the last bits
MANTISSA, ONE = np.int64(52), np.int64(1023)  # bits of the mantissa; exponent's bits of 1.0
SATURATED, UNDERFLOW = 20.0, -700.0  # tanh is 1 in float32; exp counts as 0
ROOT_HALF = math.sqrt(0.5)


class Affine:
    """A layer of a network: `values @ weight.T + bias`, rounded to float32.

    weight: float32[outputs, inputs]. bias: float32[outputs]. Each sum begins with the bias and goes
    through the inputs in their order, in float64, where products of float32 numbers are exact.
    """

    def __init__(self, weight: NDArray[Any], bias: NDArray[Any]):
        self._columns = np.ascontiguousarray(weight.astype(np.float32).T, np.float64)
        self._bias = bias.astype(np.float64) + 0.0  # which makes 0 of -0
        self._sparse = bool(np.isfinite(self._columns).all())  # 0 times infinity is not 0

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """float32[n, outputs] for values [n, inputs]."""
        given = np.ascontiguousarray(values, np.float32)
        results = np.empty((len(given), len(self._bias)), np.float32)
        total = np.empty((4, len(self._bias)))
        affine(given, self._columns, self._bias, self._sparse, total, results)
        return results


def tanh(values: NDArray[Any]) -> NDArray[np.float32]:
    """float32[...]: the hyperbolic tangent of each of `values` [...]."""
    return _each(_tanh, values, np.float32)


def softmax(values: ArrayLike) -> NDArray[np.float64]:
    """float64[n, k]: exp(value), divided by their sum, in each row of `values` [n, k].

    0 where a value is 700 or more below the greatest of its row.
    """
    given = np.ascontiguousarray(values, np.float64)
    results = np.empty_like(given)
    _softmax(given, results)
    return results


def normal_quantile(chances: ArrayLike) -> NDArray[np.float64]:
    """float64[...]: the quantile of the standard normal distribution for each of `chances` [...].

    chances: above 0 and below 1. Algorithm AS 241, PPND16 (Wichura 1988, Applied Statistics 37,
    477-484).
    """
    return _each(_normal_quantile, chances, np.float64)


def _each(loop: Any, values: ArrayLike, kind: type[np.floating[Any]]) -> NDArray[Any]:
    given = np.ascontiguousarray(values, kind)
    results = np.empty_like(given)
    loop(given.reshape(-1), results.reshape(-1))
    return results


def _loop(function: Any, **options: Any) -> Any:
    """A compiled loop, cached on disk."""
    return keep(lambda **cache: njit(function, nogil=True, **options, **cache))


def _affine(values, columns, bias, sparse, total, results):  # type: ignore[no-untyped-def]
    """Fills `results`. total: scratch [4, outputs].

    Four rows at a time, the last one repeated, which share the loads of the columns. Four inputs at
    a time; where all are zero, as most of a one-hot board are, they are left out if `sparse`.
    """
    last, inputs = len(values) - 1, values.shape[1]
    whole = inputs - inputs % 4
    for row in range(0, len(values), 4):
        e, f, g, h = row, min(row + 1, last), min(row + 2, last), min(row + 3, last)
        for j in range(bias.size):
            for k in range(4):
                total[k, j] = bias[j]
        for i in range(0, whole, 4):
            p0, q0, r0, s0 = values[e, i], values[e, i + 1], values[e, i + 2], values[e, i + 3]
            p1, q1, r1, s1 = values[f, i], values[f, i + 1], values[f, i + 2], values[f, i + 3]
            p2, q2, r2, s2 = values[g, i], values[g, i + 1], values[g, i + 2], values[g, i + 3]
            p3, q3, r3, s3 = values[h, i], values[h, i + 1], values[h, i + 2], values[h, i + 3]
            some = (not sparse) | (p0 != 0) | (q0 != 0) | (r0 != 0) | (s0 != 0)
            some |= (p1 != 0) | (q1 != 0) | (r1 != 0) | (s1 != 0)
            some |= (p2 != 0) | (q2 != 0) | (r2 != 0) | (s2 != 0)
            some |= (p3 != 0) | (q3 != 0) | (r3 != 0) | (s3 != 0)
            if some:
                for j in range(bias.size):
                    w, x = columns[i, j], columns[i + 1, j]
                    y, z = columns[i + 2, j], columns[i + 3, j]
                    total[0, j] = (((total[0, j] + p0 * w) + q0 * x) + r0 * y) + s0 * z
                    total[1, j] = (((total[1, j] + p1 * w) + q1 * x) + r1 * y) + s1 * z
                    total[2, j] = (((total[2, j] + p2 * w) + q2 * x) + r2 * y) + s2 * z
                    total[3, j] = (((total[3, j] + p3 * w) + q3 * x) + r3 * y) + s3 * z
        for i in range(whole, inputs):
            for j in range(bias.size):
                total[0, j] += values[e, i] * columns[i, j]
                total[1, j] += values[f, i] * columns[i, j]
                total[2, j] += values[g, i] * columns[i, j]
                total[3, j] += values[h, i] * columns[i, j]
        for j in range(bias.size):
            results[e, j], results[f, j] = total[0, j], total[1, j]
            results[g, j], results[h, j] = total[2, j], total[3, j]


# Here a multiplication and an addition may be one instruction with one rounding: since the products
# are exact, the sums are the same.
affine = _loop(_affine, fastmath={"contract"})


@njit
def exp_parts(x):  # type: ignore[no-untyped-def]
    """2**n and exp(x - n ln 2) - 1, with the whole number n nearest to x / ln 2; |x| to 700.

    The reduction is that of Cody & Waite (1980, Software Manual for the Elementary Functions,
    chapter 6). The rest of the Taylor series is less than 1e-14.
    """
    shifted = x * LOG2_E + SHIFT
    n = shifted - SHIFT
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = 1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800))
    p = 1 / 720 + r * (1 / 5040 + r * (1 / 40320 + r * p))
    p = 1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * p)))
    bits = (np.float64(shifted).view(np.int64) + ONE) << MANTISSA
    return np.int64(bits).view(np.float64), r + r * r * p


@njit
def log(x):  # type: ignore[no-untyped-def]
    """The natural logarithm of a normal number above 0.

    x = 2**n m with m from 1/2 to 1 or, where that is nearer to 1, twice as much; ln m is
    2 artanh((m - 1) / (m + 1)), as a series.
    """
    bits = np.float64(x).view(np.int64)
    n = (bits >> MANTISSA) - ONE + np.int64(1)
    low = bits & ((np.int64(1) << MANTISSA) - np.int64(1))
    m = np.int64(low | ((ONE - np.int64(1)) << MANTISSA)).view(np.float64)
    if m < ROOT_HALF:
        m, n = 2.0 * m, n - np.int64(1)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1 / 17 + z * (1 / 19 + z * (1 / 21 + z * (1 / 23)))
    p = 1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15 + z * p)))
    p = 1 / 3 + z * (1 / 5 + z * (1 / 7 + z * p))
    return n * LN2_HIGH + (2.0 * s + (2.0 * s * z * p + n * LN2_LOW))


@_loop
def _tanh(values, results):  # type: ignore[no-untyped-def]
    for i in range(values.size):
        x = np.float64(values[i])
        scale, rest = exp_parts(2.0 * min(abs(x), SATURATED))
        grown = scale * rest + (scale - 1.0)  # exp(2 |x|) - 1
        results[i] = math.copysign(grown / (grown + 2.0), x)


@_loop
def _softmax(values, results):  # type: ignore[no-untyped-def]
    for row in range(values.shape[0]):
        greatest, total = values[row, 0], 0.0
        for j in range(values.shape[1]):
            greatest = max(greatest, values[row, j])
        for j in range(values.shape[1]):
            x = values[row, j] - greatest
            scale, rest = exp_parts(max(x, UNDERFLOW))
            results[row, j] = scale + scale * rest if x > UNDERFLOW else 0.0
            total += results[row, j]
        for j in range(values.shape[1]):
            results[row, j] /= total


@_loop
def _normal_quantile(chances, results):  # type: ignore[no-untyped-def]
    for i in range(chances.size):
        q = chances[i] - 0.5
        if abs(q) <= 0.425:
            r = 0.180625 - q * q
            a = 3.3430575583588128105e4 + r * 2.5090809287301226727e3
            a = 4.5921953931549871457e4 + r * (6.7265770927008700853e4 + r * a)
            a = 1.9715909503065514427e3 + r * (1.3731693765509461125e4 + r * a)
            a = 3.3871328727963666080e0 + r * (1.3314166789178437745e2 + r * a)
            b = 2.8729085735721942674e4 + r * 5.2264952788528545610e3
            b = 2.1213794301586595867e4 + r * (3.9307895800092710610e4 + r * b)
            b = 6.8718700749205790830e2 + r * (5.3941960214247511077e3 + r * b)
            results[i] = q * a / (1.0 + r * (4.2313330701600911252e1 + r * b))
            continue
        r = math.sqrt(-log(chances[i] if q < 0 else 1.0 - chances[i]))
        if r <= 5.0:
            r -= 1.6
            a = 2.27238449892691845833e-2 + r * 7.74545014278341407640e-4
            a = 1.27045825245236838258e0 + r * (2.41780725177450611770e-1 + r * a)
            a = 5.76949722146069140550e0 + r * (3.64784832476320460504e0 + r * a)
            a = 1.42343711074968357734e0 + r * (4.63033784615654529590e0 + r * a)
            b = 5.47593808499534494600e-4 + r * 1.05075007164441684324e-9
            b = 1.48103976427480074590e-1 + r * (1.51986665636164571966e-2 + r * b)
            b = 1.67638483018380384940e0 + r * (6.89767334985100004550e-1 + r * b)
            b = 1.0 + r * (2.05319162663775882187e0 + r * b)
        else:
            r -= 5.0
            a = 2.71155556874348757815e-5 + r * 2.01033439929228813265e-7
            a = 2.65321895265761230930e-2 + r * (1.24266094738807843860e-3 + r * a)
            a = 1.78482653991729133580e0 + r * (2.96560571828504891230e-1 + r * a)
            a = 6.65790464350110377720e0 + r * (5.46378491116411436990e0 + r * a)
            b = 1.42151175831644588870e-7 + r * 2.04426310338993978564e-15
            b = 7.86869131145613259100e-4 + r * (1.84631831751005468180e-5 + r * b)
            b = 1.36929880922735805310e-1 + r * (1.48753612908506148525e-2 + r * b)
            b = 1.0 + r * (5.99832206555887937690e-1 + r * b)
        results[i] = -a / b if q < 0 else a / b
