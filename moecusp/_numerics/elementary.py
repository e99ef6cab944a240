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


def tanh_parts(x: Any) -> Any:
    """Return whether x is below TANH_LIMIT, x or else 1, and that less tanh x without cancellation, for x >= 0."""
    near = x < TANH_LIMIT
    inside = least(x, TANH_LIMIT)
    y = inside * inside
    a, b = exponential_fraction(x)
    above = where(near, inside * y * polynomial(TANH_NUMERATOR, y), a + a)
    ratio = above / where(near, polynomial(TANH_DENOMINATOR, y), a + b)
    return near, where(near, x, 1.0), ratio


def tanh_pair(x: Any) -> Any:
    """Return tanh x and x - tanh x for x >= 0, both without cancellation."""
    _, base, ratio = tanh_parts(x)
    return base - ratio, (x - base) + ratio


def quick_fraction(x: Any) -> Any:
    """Return T, R, D with tanh x = T/D and x - tanh x = R/D, for x >= 0.

    It is the continued fraction down to 15, within 1.3e-5 up to 5.2; beyond it tanh x stays, which is within 8e-5.
    """
    inside = least(x, 5.2)
    y = inside * inside
    below = 2027025.0 + y * (945945.0 + y * (51975.0 + y * (630.0 + y)))
    rest = inside * y * (675675.0 + y * (45045.0 + y * (594.0 + y)))
    return inside * below - rest, rest + (x - inside) * below, below


def rough_root(x: Any) -> Any:
    """Return the cube root of x > 0 within 4 %: a third of the exponent."""
    return as_float((as_bits(x) >> 32) * 1431655766 + 3071306043645493248)


def rough_log(x: Any) -> Any:
    """Return log x within 0.06."""
    scaled = as_float((as_bits(x) >> 12) | _LARGE) - 4503599627370496.0  # the bits, as a number, over 2^12
    return scaled * 6.304136882681135e-13 - 709.06  # log 2/2^40


def rough_reciprocal_sqrt(x: Any) -> Any:
    """Return 1/sqrt(x) for x > 0 within 0.2 %: minus half the exponent, and a step."""
    y = as_float(6910469410427058089 - (as_bits(x) >> 1))
    return y * (1.5008789 - 0.5 * x * y * y)


def rough_sqrt(x: Any) -> Any:
    """Return the square root of x > 0 within 0.2 %."""
    return x * rough_reciprocal_sqrt(x)


def rough_tanh(x: Any) -> Any:
    """Return tanh x for x >= 0 within 3 %."""
    inside = least(x, 2.2)
    y = inside * inside
    return inside * (0.973 + y * (y * 0.0219 - 0.213))
