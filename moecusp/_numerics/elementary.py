"""The exponential and tanh, to the last digits for the roots and roughly for the way to them.

Formulas only, under the same rule as `double`: every backend runs this code and returns the same bits.
"""

from __future__ import annotations

from typing import Any

from moecusp._numerics.double import polynomial
from moecusp._numerics.operations import as_bits, as_float, least, where
from moecusp._numerics.series import COTH, LOG2_HIGH, LOG2_LOW, TANH_DENOMINATOR, TANH_LIMIT, TANH_NUMERATOR

_ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding and subtracting it rounds to an integer
_LARGE = 1075 << 52  # bits of 2^52
_PER_LOG2 = 1.4426950408889634


def exponential_fraction(x: Any) -> Any:
    """Return a and b with exp(-2 x) = a/b, for x >= 0 (beyond 354 for 354), by exp r = (c + 2 r)/c.

    c = r coth(r/2) - r is a short series.
    """
    double = 2.0 * least(x, 354.0)
    n = (double * _PER_LOG2 + _ROUNDER) - _ROUNDER
    r = (n * LOG2_HIGH - double) + n * LOG2_LOW
    y = r * r
    c = 2.0 - (r - y * polynomial(COTH, y))
    power = as_float(as_bits(_ROUNDER + (1023.0 - n)) << 52)  # 2^-n
    return power * (c + 2.0 * r), c


def tanh_pair(x: Any) -> Any:
    """Return tanh x and x - tanh x for x >= 0, both without cancellation."""
    near = x < TANH_LIMIT
    inside = least(x, TANH_LIMIT)
    y = inside * inside
    a, b = exponential_fraction(x)
    above = where(near, inside * y * polynomial(TANH_NUMERATOR, y), a + a)
    ratio = above / where(near, polynomial(TANH_DENOMINATOR, y), a + b)  # x - tanh x, or 1 - tanh x
    base = where(near, x, 1.0)
    return base - ratio, (x - base) + ratio


def quick_fraction(x: Any) -> Any:
    """Return T, R, D with tanh x = T/D and x - tanh x = R/D within a few parts in 1e5, for x >= 0.

    It is the continued fraction down to 13, in x up to 4.7.
    """
    inside = least(x, 4.7)
    y = inside * inside
    below = 135135.0 + y * (62370.0 + y * (3150.0 + y * 28.0))
    rest = inside * y * (45045.0 + y * (2772.0 + y * 27.0))
    return inside * below - rest, rest + (x - inside) * below, below


def rough_root(x: Any) -> Any:
    """Return the cube root of x > 0 within 4 %: a third of the exponent."""
    return as_float((as_bits(x) >> 32) * 1431655766 + 3071306043645493248)


def rough_log(x: Any) -> Any:
    """Return log x within 0.06."""
    scaled = as_float((as_bits(x) >> 12) | _LARGE) - 4503599627370496.0  # the bits, as a number, over 2^12
    return scaled * 6.304136882681135e-13 - 709.06  # log 2/2^40


def rough_sqrt(x: Any) -> Any:
    """Return the square root of x > 0 within 0.2 %: minus half the exponent, and one step for 1/sqrt(x)."""
    y = as_float(6910469410427058089 - (as_bits(x) >> 1))
    return x * (y * (1.5008789 - 0.5 * x * y * y))


def rough_tanh(x: Any) -> Any:
    """Return tanh x for x >= 0 within 3 %."""
    inside = least(x, 2.2)
    y = inside * inside
    return inside * (0.973 + y * (y * 0.0219 - 0.213))
