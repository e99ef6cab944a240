"""Double-double arithmetic on arrays: numbers kept as an unevaluated sum high + low, some 31 digits.

It serves the few places where the answer is a small difference of larger numbers, such as the distance to a fold.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np

from moecusp._numerics.double import polynomial, quick_sum, two_product, two_sum
from moecusp._numerics.operations import namespace, parts, scaled, where

Pair = Any  # (high, low), two arrays or tensors of one shape
_TERMS = 24  # of the exponential series for |r| <= log(2)/2: the next is below 1e-36
_LOG2 = (0.6931471805592082, 7.371002565161996e-13, 5.8029889835956905e-25)  # the first two have 40 bits: exact times k
_REMAINDER_TERMS = 22  # of (sinh x - x)/x^3 for |x| <= 3


def _parts(value: Fraction) -> tuple[float, float]:
    return float(value), float(value - Fraction(float(value)))


_EXPONENTIAL = [_parts(Fraction(1, factorial(n))) for n in range(1, _TERMS + 1)]
_EXPONENTIAL_TAIL = tuple(1.0 / factorial(n) for n in range(3, 17))  # for |r| <= log(2)/2: the next is below 1e-22
_SINH = [_parts(Fraction(1, factorial(2 * n + 3))) for n in range(_REMAINDER_TERMS)]


def add(a: Pair, b: Pair) -> Pair:
    """Return a + b."""
    s, e = two_sum(a[0], b[0])
    t, f = two_sum(a[1], b[1])
    s, e = quick_sum(s, e + t)
    return quick_sum(s, e + f)


def negative(a: Pair) -> Pair:
    """Return -a."""
    return -a[0], -a[1]


def multiply(a: Pair, b: Pair) -> Pair:
    """Return a b."""
    p, e = two_product(a[0], b[0])
    return quick_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


def divide(a: Pair, b: Pair) -> Pair:
    """Return a/b."""
    first = a[0] / b[0]
    rest = add(a, negative(multiply(b, (first, 0.0 * first))))
    second = rest[0] / b[0]
    rest = add(rest, negative(multiply(b, (second, 0.0 * second))))
    high, low = quick_sum(first, second)
    return quick_sum(high, low + rest[0] / b[0])


def square_root(a: Pair) -> Pair:
    """Return the square root of a > 0, by one Newton step from the float's."""
    x = namespace(a[0]).sqrt(a[0])
    rest = add(a, negative(two_product(x, x)))
    return quick_sum(x, rest[0] / (2.0 * x))


def single(a: Any) -> Pair:
    """Return a float as a pair."""
    return a, namespace(a).zeros_like(a)


def rounded(a: Pair) -> Any:
    """Return a pair as a float; high alone where it is infinite."""
    return where(abs(a[0]) < np.inf, a[0] + a[1], a[0])


def _horner(coefficients: list[tuple[float, float]], x: Pair) -> Pair:
    full = namespace(x[0]).full_like
    first, *rest = reversed(coefficients)
    result = tuple(full(x[0], part) for part in first)
    for coefficient in rest:
        result = add(multiply((result[0], result[1]), x), tuple(full(x[0], c) for c in coefficient))
    return result[0], result[1]


def head(coefficients: tuple[float, ...], x: Pair, count: int) -> Pair:
    """Evaluate a polynomial of float coefficients as a pair: the lowest few terms carefully, the rest as floats."""
    result = single(polynomial(coefficients[count:], x[0]))
    for coefficient in coefficients[count - 1 :: -1]:
        high, low = multiply(result, x)
        total, error = two_sum(high, coefficient)
        result = quick_sum(total, error + low)
    return result


def expm1(x: Pair) -> Pair:
    """Return exp(x) - 1 for |x| < 700, with a small relative error everywhere."""
    xp = namespace(x[0])
    k = xp.round(x[0] * 1.4426950408889634)
    r = add((x[0] - k * _LOG2[0], x[1]), two_sum(-k * _LOG2[1], -k * _LOG2[2]))
    inner = multiply(r, _horner(_EXPONENTIAL, r))
    scale = scaled(xp.ones_like(k), k)
    grown = add((inner[0] * scale, inner[1] * scale), two_sum(scale, xp.full_like(scale, -1.0)))
    here = k == 0.0
    return where(here, inner[0], grown[0]), where(here, inner[1], grown[1])


def sinh_remainder(x: Pair) -> Pair:
    """Return sinh x - x for 0 <= x < 700, with a small relative error everywhere."""
    small = x[0] <= 3.0
    inside = where(small, x[0], 3.0), where(small, x[1], 0.0)
    square = multiply(inside, inside)
    near = multiply(multiply(inside, square), _horner(_SINH, square))
    e = expm1(x)
    reciprocal = divide(e, add(e, (1.0 + 0.0 * e[0], 0.0 * e[0])))  # 1 - exp(-x)
    double = add(e, reciprocal)
    far = add((0.5 * double[0], 0.5 * double[1]), negative(x))
    return where(small, near[0], far[0]), where(small, near[1], far[1])


def exp_parts(x: Pair) -> tuple[Any, Any, Any]:
    """Return (high, low, k) with exp(x) = (high + low) 2^k to 57 bits, high near 1; |x| is cut at 2000.

    In basic operations alone, so that every backend returns the same bits.
    """
    xp = namespace(x[0])
    inside = xp.clip(x[0], -2000.0, 2000.0)
    k = xp.round(inside * 1.4426950408889634)
    r, low = two_sum(inside - k * _LOG2[0], -k * _LOG2[1])
    beside = where(abs(x[0]) <= 2000.0, x[1], 0.0)
    r, low = quick_sum(r, low + (beside - k * _LOG2[2]))
    square, error = two_product(r, r)
    rest = 0.5 * error + (r * low + low)
    total, e1 = quick_sum(1.0, r)
    total, e2 = quick_sum(total, 0.5 * square)
    total, e3 = quick_sum(total, r * square * polynomial(_EXPONENTIAL_TAIL, r))
    high, low = quick_sum(total, (e1 + e2) + (e3 + rest))
    return high, low, where(k == k, k, 0.0)


def exp_pair(x: Pair) -> Pair:
    """Return exp(x) as a pair of 57 bits, for |x| < 700."""
    high, low, k = exp_parts(x)
    return scaled(high, k), scaled(low, k)


def exp(x: Pair) -> Any:
    """Return exp(high + low) as a float: the low part keeps large arguments from losing digits."""
    with np.errstate(all="ignore"):
        high, _, k = exp_parts(x)
        return scaled(high, k)


def times_exp(factor: Pair, x: Pair, twos: Any = 0.0) -> Any:
    """Return factor exp(x) 2^twos rounded once, also where exp(x) alone would leave the range of a float."""
    with np.errstate(all="ignore"):
        high, low, k = exp_parts(x)
        mantissa, power = parts(factor[0])
        rest = scaled(factor[1], -power)
        product, error = two_product(mantissa, high)
        return scaled(product + (error + (mantissa * low + rest * high)), k + power + twos)
