"""The equilibria of two experts as numbers of either arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from moecusp.precise.newton import Slopes, newton
from moecusp.precise.starts import starts


def drift_roots(number: Any, g: Fraction, eta: Fraction, bits: int) -> list[Any]:
    """Return every root of g tanh u - u + eta, ascending, right to so many bits."""
    size = abs(eta)
    if size == 0 and g <= 1:
        return [number.double(0.0)]

    def f(n: Any, u: Any, gain: Any, level: Any) -> tuple[Any, Any, Slopes]:
        t = n.tanh(u)
        load = gain * t

        def slopes() -> tuple[Any, ...]:
            tanh, g = +t, +gain
            sech = 1 - tanh * tanh
            peak = g * sech
            bend = -2 * tanh * peak
            return peak - 1, bend, peak * (4 - 6 * sech), bend * (4 - 12 * sech)

        return load - u + level, abs(load) + abs(u), slopes

    places, good = starts(number, g, size)
    roots = [newton(number, f, (g, size), start, bits, good) for start in places]
    if eta >= 0:
        return roots
    with number.precision(bits + 8):
        return [-u for u in reversed(roots)]


def blurred_roots(number: Any, g: Fraction, eta: Fraction) -> list[Any]:
    """Return the roots at the precision of the moment, with their error in the radius of a ball."""
    bits = number.ctx.prec
    return [number.blur(u, number.exponent(u) - bits) if u else u for u in drift_roots(number, g, eta, bits)]
