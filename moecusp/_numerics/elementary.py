"""The exponential and tanh, to the last digits for the roots and roughly for the way to them.

Formulas only, under the same rule as `double`: every backend runs this code and returns the same bits.
"""

from __future__ import annotations

from math import factorial
from typing import Any

from moecusp._numerics.double import polynomial, quick_sum, two_product, two_sum
from moecusp._numerics.operations import as_bits, as_float, least, patched, split, where
from moecusp._numerics.series import (
    COTH,
    LOG2_HIGH,
    LOG2_LOW,
    SINH_LIMIT,
    SINH_NUMERATOR,
    TANH_DENOMINATOR,
    TANH_LIMIT,
    TANH_NUMERATOR,
    THIRD_LOW,
)

_ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding and subtracting it rounds to an integer
_LARGE = 1075 << 52  # bits of 2^52
_PER_LOG2 = 1.4426950408889634
_EXPONENTIAL_TAIL = tuple(1.0 / factorial(n) for n in range(3, 17))  # for |r| <= log(2)/2: the next is below 1e-22
_SINH_TAIL = SINH_NUMERATOR[2:]
_TINY, _RAISED, _LOWERED = 2.0**-300, 2.0**300, 2.0**-900  # below the first a cube is taken of numbers raised


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


def quarter_exponential(x: Any) -> Any:
    """Return exp(x)/4 as a pair of 57 bits, for x from 0 up to 711.5; inf and some number where it overflows."""
    n = (x * _PER_LOG2 + _ROUNDER) - _ROUNDER
    r, low = two_sum(x - n * LOG2_HIGH, -(n * LOG2_LOW))
    square, error = two_product(r, r)
    total, first = quick_sum(1.0, r)
    total, second = quick_sum(total, 0.5 * square)
    total, third = quick_sum(total, r * square * polynomial(_EXPONENTIAL_TAIL, r))
    low = (first + second) + (third + (0.5 * error + (r * low + low)))
    power = as_float(as_bits(_ROUNDER + (1020.0 + n)) << 52)  # 2^(n - 3)
    return 2.0 * (total * power), 2.0 * (low * power)


def curve_sums(u: Any) -> Any:
    """Return cosh^2 u and sinh u cosh u - u for u >= 0, of a flat array, to 0.8 ulp and to 0.6."""
    e, low = quarter_exponential(least(2.0 * u, 711.5))
    inverse = 0.0625 / e
    inverse = inverse - 16.0 * low * inverse * inverse  # exp(-2 u)/4
    total, error = two_sum(e, 0.5)
    square = where(e < 1e300, total + (error + (low + inverse)), e + low)
    total, error = two_sum(e, -u)
    product = where(e < 1e300, total + (error + (low - inverse)), e + low)
    return square, patched((product,), u < 0.5 * SINH_LIMIT, curve_near, u)[0]


def curve_near(u: Any) -> Any:
    """Return sinh u cosh u - u for 0 <= u <= SINH_LIMIT/2, as a tuple of one: with x = 2 u it is (sinh x - x)/2."""
    tiny = u < _TINY
    x = 2.0 * u
    x = where(tiny, x * _RAISED, x)
    y, y_low = two_product(x, x)
    cube, cube_low = two_product(y, x)
    cube_low = cube_low + y_low * x
    y, y_low = where(tiny, 0.0, y), where(tiny, 0.0, y_low)
    high, low = quick_sum(SINH_NUMERATOR[1], y * polynomial(_SINH_TAIL, y))
    product, error = two_product(y, high)
    error = error + (y * low + y_low * high)
    high, low = quick_sum(SINH_NUMERATOR[0], product)
    low = low + (error + 0.5 * THIRD_LOW)
    product, error = two_product(cube, high)
    result = 0.5 * (product + (error + (cube * low + cube_low * high)))
    return (where(tiny, result * _LOWERED, result),)


def tanh_parts(x: Any) -> Any:
    """Return whether x is below TANH_LIMIT, x or else 1, and that less tanh x without cancellation, for x >= 0."""
    near = x < TANH_LIMIT
    above, below = split(near, deficit_near, deficit_far, x)
    return near, where(near, x, 1.0), above / below


def deficit_near(x: Any) -> Any:
    """Return x - tanh x for 0 <= x < TANH_LIMIT as a fraction."""
    y = x * x
    return x * y * polynomial(TANH_NUMERATOR, y), polynomial(TANH_DENOMINATOR, y)


def deficit_far(x: Any) -> Any:
    """Return 1 - tanh x for x >= 0 as a fraction."""
    a, b = exponential_fraction(x)
    return a + a, a + b


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
    below = polynomial((2027025.0, 945945.0, 51975.0, 630.0, 1.0), y)
    rest = inside * y * polynomial((675675.0, 45045.0, 594.0, 1.0), y)
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
