"""Reference solutions of the defining equations, in mpmath to 60 digits. No closed form of the library is used."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath as mp
import numpy as np

DIGITS = 60


def real(x: float) -> Any:
    return mp.mpf(float(x))


def drift(u: Any, gain: Any, asymmetry: Any) -> Any:
    """F by its definition."""
    return gain * mp.tanh(u) - u + asymmetry


def ulps(value: float, exact: Any) -> float:
    """Error of a float in units of the last place of the exact value."""
    if exact == 0:
        return 0.0 if value == 0 else float("inf")
    return float(abs(mp.mpf(float(value)) - exact) / mp.mpf(float(np.spacing(abs(float(exact))))))


def fold_point(gain: float) -> tuple[Any, Any]:
    """Return (u, eta > 0) with F = F' = 0, the root u < 0 of F' = 0 found by bisection on g sech^2 u = 1."""
    with mp.workdps(DIGITS):
        g = real(gain)
        low, high = mp.mpf(0), mp.log(4 * g) + 1
        for _ in range(4 * DIGITS):
            mid = (low + high) / 2
            low, high = (mid, high) if g / mp.cosh(mid) ** 2 > 1 else (low, mid)
        u = -(low + high) / 2
        return u, u - g * mp.tanh(u)


def zero_near(u: float, gain: float, asymmetry: float) -> Any:
    """Return the zero of F nearest to u, by Newton's method from u; F may be nearly flat there, hence the digits."""
    with mp.workdps(3 * DIGITS):
        g, eta, x = real(gain), real(asymmetry), real(u)
        for _ in range(200):
            step = drift(x, g, eta) / (g / mp.cosh(x) ** 2 - 1)
            x -= step
            if abs(step) <= abs(x) * mp.mpf(10) ** -DIGITS:
                return +x
    raise AssertionError("no convergence of the reference")


def count_zeros(gain: float, asymmetry: float) -> int:
    """Count sign changes of F on a grid refined about its turning points (F' = 0), so none is missed."""
    with mp.workdps(DIGITS):
        g, eta = real(gain), real(asymmetry)
        reach = g + abs(eta) + 1
        turns = [] if gain <= 1 else [fold_point(gain)[0], -fold_point(gain)[0]]
        points = [-reach, *turns, reach]
        signs = [mp.sign(drift(p, g, eta)) for p in points]
        return sum(1 for a, b in itertools.pairwise(signs) if a * b < 0)
