"""Sums and products of floats without rounding error, and the fold of the two-expert router to 82 bits.

An unevaluated sum of two floats, high + low, carries some 100 bits. Near a fold everything hangs on the difference
between the fold's asymmetry and the asymmetry given; with these kernels that difference is right to the last digit.

Formulas only: they hold for NumPy arrays as they stand, and for torch tensors; `fast` compiles the same code, as
scalar code, by numba. They use nothing but + - * /, comparison and the operations imported here from `operations`, so
that every backend rounds alike and returns the same bits.
"""

from __future__ import annotations

from typing import Any

from moecusp._numerics.operations import as_bits, as_float, least, patched, sqrt, take
from moecusp._numerics.series import (
    FOLD_HIGH,
    FOLD_LOW,
    FOLD_NEAR,
    FOLD_TAIL,
    HALF_LOG2_HIGH,
    HALF_LOG2_LOW,
    LOG_HALF_HIGH,
    LOG_HALF_LOW,
    LOG_RECIPROCAL,
    LOG_TAIL,
    SIXTH_HIGH,
    SIXTH_LOW,
)

_SPLITTER = 134217729.0  # 2^27 + 1
_HUGE = 2.0**60  # beyond it sqrt(d (1 + d)) = d + 1/2 to 100 bits
_FRACTION = (1 << 52) - 1
_ONE = 1023 << 52
_TWO = 2046 << 52
_EXPONENT = 2047 << 52
_LARGE = 1075 << 52  # bits of 2^52


def polynomial(coefficients: Any, x: Any) -> Any:
    """Evaluate a polynomial, lowest order first, by Horner's rule."""
    result = coefficients[-1] * x
    result += coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        result *= x
        result += coefficient
    return result


def two_sum(a: Any, b: Any) -> Any:
    """Return the sum and its rounding error, exactly."""
    total = a + b
    back = total - a
    error = a - (total - back)
    error += b - back
    return total, error


def quick_sum(a: Any, b: Any) -> Any:
    """Return the sum and its rounding error, for |a| >= |b| or a = 0."""
    total = a + b
    return total, b - (total - a)


def halves(a: Any) -> Any:
    """Return a as a sum of two floats of 26 bits, for |a| below 2^996."""
    high = _SPLITTER * a
    high -= high - a
    return high, a - high


def two_product(a: Any, b: Any) -> Any:
    """Return the product and its rounding error, for factors below 2^996."""
    product = a * b
    a_high, a_low = halves(a)
    b_high, b_low = halves(b)
    error = a_high * b_high
    error -= product
    error += a_high * b_low
    error += a_low * b_high
    a_low *= b_low
    error += a_low
    return product, error


def square(a: Any) -> Any:
    """Return the square and its rounding error, for |a| below 2^500."""
    product = a * a
    high, low = halves(a)
    error = high * high
    error -= product
    error += 2.0 * high * low
    low *= low
    error += low
    return product, error


def short_product(a: Any, b: Any) -> Any:
    """Return the product and its rounding error, for |a| below 2^996 and b of 26 bits at most."""
    product = a * b
    high, low = halves(a)
    high *= b
    high -= product
    low *= b
    high += low
    return product, high


def horner(x: Any, high: Any, low: Any, coefficient: float, coefficient_low: float) -> Any:
    """Return x (high + low) + coefficient as a pair, where the coefficient is the larger term."""
    product, error = two_product(x, high)
    error = error + x * low
    high, low = quick_sum(coefficient, product)
    return high, low + (error + coefficient_low)


def root_pair(d: Any, d_low: Any) -> Any:
    """Return s = sqrt(x (1 + x)), x = d + d_low > 0, as a pair, and x/s.

    d_low, |d_low| <= 1, counts only beside a large d.
    """
    x = least(d, _HUGE)
    power, error = square(x)
    q, rest = two_sum(power, x)
    s = sqrt(q)
    back, back_error = square(s)
    over = 1.0 / s
    low = (((q - back) - back_error) + (rest + error)) * (0.5 * over)
    s, low = patched((s, low + d_low), d > _HUGE, lambda d, d_low: (d, d_low + 0.5), d, d_low)
    return s, low, x * over


def fold_series(d: Any, s: Any, s_low: Any) -> Any:
    """Return eta_f(1 + d) for 0 < d <= FOLD_NEAR as a pair: s d (2/3 - 8 d/15 + ...), s = sqrt(d (1 + d))."""
    high, low = quick_sum(FOLD_HIGH[3], d * polynomial(FOLD_TAIL, d))
    low = low + FOLD_LOW[3]
    high, low = horner(d, high, low, FOLD_HIGH[2], FOLD_LOW[2])
    high, low = horner(d, high, low, FOLD_HIGH[1], FOLD_LOW[1])
    high, low = horner(d, high, low, FOLD_HIGH[0], FOLD_LOW[0])
    cube, error = two_product(d, s)
    error = error + d * s_low
    product, rest = two_product(cube, high)
    return quick_sum(product, rest + (cube * low + error * high))


def near_cusp(d: Any, s: Any, s_low: Any) -> Any:
    """Return eta_f(1 + d) as a pair and u_f, for 0 < d <= FOLD_NEAR."""
    high, low = fold_series(d, s, s_low)
    return high, low, s + (s_low - high)


def arsinh_root(d: Any, d_low: Any, s: Any, s_low: Any) -> Any:
    """Return arsinh sqrt(d) = log(1 + 2 (d + s))/2, s = sqrt(d (1 + d)), as a pair, for d >= FOLD_NEAR.

    (1 + 2 (d + s))/4 = 2^n m is brought to m r = 1 + z with |z| < 1/800 by a tabulated reciprocal r, and
    log(1 + z)/2 = z (1/2 - z (1/4 - z (1/6 - ...))), of which the terms shown are taken as pairs.
    """
    high, low = two_sum(0.5 * d, 0.5 * s)
    high, error = two_sum(high, 0.25)
    high, low = quick_sum(high, error + (low + 0.5 * (s_low + d_low)))
    bits = as_bits(high)
    m = as_float((bits & _FRACTION) | _ONE)
    scale = as_float(_TWO - (bits & _EXPONENT))  # m over high, but where high overflows
    twos = (as_float((bits >> 52) | _LARGE) - 4503599627370496.0) - 1021.0  # n + 2
    index = (bits >> 43) & 511
    r = take(LOG_RECIPROCAL, index)
    product, error = short_product(m, r)
    z, z_low = two_sum(product - 1.0, error + (low * scale) * r)
    part, part_low = quick_sum(SIXTH_HIGH, z * polynomial(LOG_TAIL, z))
    part, part_low = horner(z, part, part_low + SIXTH_LOW, -0.25, 0.0)
    part, part_low = horner(z, part, part_low, 0.5, 0.0)
    high, low = two_product(z, part)
    low = low + (z * part_low + z_low * (0.5 - 0.5 * z * (1.0 - z * (1.0 - z))))
    known, known_low = two_sum(twos * HALF_LOG2_HIGH, take(LOG_HALF_HIGH, index))
    total, error = two_sum(known, high)
    return quick_sum(total, error + (known_low + (low + (twos * HALF_LOG2_LOW + take(LOG_HALF_LOW, index)))))


def fold_point(d: Any, d_low: Any) -> Any:
    """Return eta_f(1 + d + d_low) = sqrt(d (1 + d)) - arsinh sqrt(d) as a pair, u_f = arsinh sqrt(d) and tanh u_f.

    For d > 0.
    """
    s, s_low, tanh = root_pair(d, d_low)
    v, v_low = arsinh_root(d, d_low, s, s_low)
    high, error = two_sum(s, -v)
    high, low = quick_sum(high, error + (s_low - v_low))
    high, low, turn = patched((high, low, v), d < FOLD_NEAR, near_cusp, d, s, s_low)
    return high, low, turn, tanh
