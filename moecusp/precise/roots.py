"""The equilibria of two experts as numbers of either arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from moecusp.precise.newton import Slopes, newton
from moecusp.precise.starts import starts


def drift_roots(number: Any, g: Fraction, eta: Fraction, bits: int) -> list[Any]:
    """Return every root of g tanh u - u + eta, ascending, right to so many bits."""
    if not eta and g <= 1:
        return [number.double(0.0)]
    size = abs(eta)
    gain, level, one = in_proportion(number, g, size)

    def f(n: Any, u: Any) -> tuple[Any, tuple[Any, ...], Slopes]:
        t = n.tanh(u)
        load, score = gain * t, one * u

        def slopes() -> tuple[Any, Any]:
            peak = gain - gain * (t * t)
            return peak - one, -t * peak

        return load - score + level, (load, score), slopes

    roots = [newton(number, f, x, bits, good, course) for x, good, course in starts(number, g, size)]
    if eta >= 0:
        return roots
    with number.precision(bits + 8):
        return [-u for u in reversed(roots)]


def in_proportion(number: Any, g: Fraction, eta: Fraction) -> tuple[Any, Any, Any]:
    """Return exact integers in the proportion g : eta : 1, which no precision rounds."""
    whole = math.lcm(g.denominator, eta.denominator)
    gain, level = (number.integer(x.numerator * (whole // x.denominator)) for x in (g, eta))
    return gain, level, number.integer(whole)


def blurred_roots(number: Any, g: Fraction, eta: Fraction) -> list[Any]:
    """Return the roots at the precision of the moment, with their error in the radius of a ball."""
    bits = number.ctx.prec
    return [number.blur(u, number.exponent(u) - bits) if u else u for u in drift_roots(number, g, eta, bits)]
