"""Exponential, logarithm and normal deviates, to rounding.

No function of the C library is used, since their last digits depend on the platform.
"""

import math

from safegrid.engine.chance import uniform
from safegrid.engine.compiling import njit, njit_called
from safegrid.engine.plane.robot import cos_sin

LN2 = 0.6931471805599453
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # sum to ln 2; few bits in the first
LEAST = -700.0  # exponents below have an exponential of 0


@njit
def exp(exponent):
    """The exponential of a number that is at most 700, by Taylor series; 0 below -700."""
    if exponent < LEAST:
        return 0.0
    doublings = math.floor(exponent / LN2 + 0.5)
    r = (exponent - doublings * LN2_HIGH) - doublings * LN2_LOW
    rest = 1.0
    for k in range(14, 0, -1):
        rest = 1.0 + r / k * rest
    return math.ldexp(rest, int(doublings))


@njit
def log(number):
    """The natural logarithm of a number above 0, by the series of the inverse hyperbolic tangent.

    The number is halved or doubled until it is from 0.7 to 1.4.
    """
    part, doublings = math.frexp(number)
    if part < math.sqrt(0.5):
        part, doublings = 2.0 * part, doublings - 1
    s = (part - 1.0) / (part + 1.0)
    z = s * s
    rest = 0.0
    for k in range(21, 0, -2):
        rest = 1.0 / k + z * rest
    return (2.0 * s * rest + doublings * LN2_LOW) + doublings * LN2_HIGH


@njit_called
def normal(key, number):
    """Standard normal deviate `number` from the 64-bit key `key` (Box & Muller 1958).

    It is made of the uniform draws 2 `number` and 2 `number` + 1.
    """
    radius = math.sqrt(-2.0 * log(1.0 - uniform(key, 2 * number)))
    cosine, _ = cos_sin(2.0 * math.pi * uniform(key, 2 * number + 1))
    return radius * cosine
