"""Double-double arithmetic on arrays: numbers kept as an unevaluated sum high + low, some 31 digits.

It serves the few places where the answer is a small difference of larger numbers, such as the distance to a fold.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np

from moecusp._numerics.double import quick_sum, two_product, two_sum
from moecusp._numerics.operations import Array

Pair = Any  # (high, low), two arrays of one shape
_TERMS = 24  # of the exponential series for |r| <= log(2)/2: the next is below 1e-36
_LOG2 = (0.6931471805592082, 7.371002565161996e-13, 5.8029889835956905e-25)  # the first two have 40 bits: exact times k
_REMAINDER_TERMS = 22  # of (sinh x - x)/x^3 for |x| <= 3


def _parts(value: Fraction) -> tuple[float, float]:
    return float(value), float(value - Fraction(float(value)))


_EXPONENTIAL = [_parts(Fraction(1, factorial(n))) for n in range(1, _TERMS + 1)]
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
    rest = add(a, negative(multiply(b, (first, np.zeros_like(first)))))
    second = rest[0] / b[0]
    rest = add(rest, negative(multiply(b, (second, np.zeros_like(second)))))
    high, low = quick_sum(first, second)
    return quick_sum(high, low + rest[0] / b[0])


def square_root(a: Pair) -> Pair:
    """Return the square root of a > 0, by one Newton step from the float's."""
    x = np.sqrt(a[0])
    rest = add(a, negative(two_product(x, x)))
    return quick_sum(x, rest[0] / (2.0 * x))


def single(a: Array) -> Pair:
    """Return a float as a pair."""
    return a, np.zeros_like(a)


def _horner(coefficients: list[tuple[float, float]], x: Pair) -> Pair:
    result = tuple(np.full_like(x[0], part) for part in coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = add(multiply((result[0], result[1]), x), tuple(np.full_like(x[0], c) for c in coefficient))
    return result[0], result[1]


def expm1(x: Pair) -> Pair:
    """Return exp(x) - 1 for |x| < 700, with a small relative error everywhere."""
    k = np.rint(x[0] * 1.4426950408889634)
    r = add((x[0] - k * _LOG2[0], x[1]), two_sum(-k * _LOG2[1], -k * _LOG2[2]))
    inner = multiply(r, _horner(_EXPONENTIAL, r))
    scale = np.exp2(k)
    grown = add((inner[0] * scale, inner[1] * scale), two_sum(scale, np.full_like(scale, -1.0)))
    here = k == 0.0
    return np.where(here, inner[0], grown[0]), np.where(here, inner[1], grown[1])


def sinh_remainder(x: Pair) -> Pair:
    """Return sinh x - x for 0 <= x < 700, with a small relative error everywhere."""
    inside = np.minimum(x[0], 3.0), np.where(x[0] <= 3.0, x[1], 0.0)
    square = multiply(inside, inside)
    near = multiply(multiply(inside, square), _horner(_SINH, square))
    e = expm1(x)
    one = np.ones_like(e[0])
    reciprocal = divide(e, add(e, single(one)))  # 1 - exp(-x)
    double = add(e, reciprocal)
    far = add((0.5 * double[0], 0.5 * double[1]), negative(x))
    here = x[0] <= 3.0
    return np.where(here, near[0], far[0]), np.where(here, near[1], far[1])


def exp(x: Pair) -> Array:
    """Return exp(high + low) as a float: the low part keeps large arguments from losing digits."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        base = np.exp(x[0])
        return np.asarray(np.where(np.isfinite(base) & np.isfinite(x[1]), base + base * x[1], base))
