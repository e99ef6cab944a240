"""The defining equations of K experts in mpmath, solved with the digits of the caller."""

from __future__ import annotations

import mpmath as mp
import numpy as np
from scipy.optimize import minimize_scalar


def ulps(value: float, exact: mp.mpf) -> float:
    return float(abs(mp.mpf(float(value)) - exact) / mp.mpf(float(np.spacing(abs(float(value))))))


def load(x: mp.mpf, m: int, k: int) -> tuple[mp.mpf, mp.mpf]:
    """The softmax of m scores x and k - m scores 0."""
    total = m * mp.exp(x) + k - m
    return mp.exp(x) / total, 1 / total


def fault(x: mp.mpf, g: mp.mpf, m: int, k: int) -> mp.mpf:
    """d(v_high - v_low)/dtau, the defining equation."""
    high, low = load(x, m, k)
    return k * g * (high - low) - x


def root(x: float, g: float, m: int, k: int) -> mp.mpf:
    """The zero of the defining equation within 1e-9 of x, bracketed, so that it exists."""
    low, high = mp.mpf(x) * (1 - mp.mpf(10) ** -9), mp.mpf(x) * (1 + mp.mpf(10) ** -9)
    assert fault(low, mp.mpf(g), m, k) * fault(high, mp.mpf(g), m, k) < 0
    return mp.findroot(lambda y: fault(y, mp.mpf(g), m, k) / y, (low, high), solver="anderson", tol=1e-80)


def bisection(positive: mp.mpf, negative: mp.mpf, g: float, m: int, k: int) -> mp.mpf:
    """The zero of the defining equation between a point where it is positive and one where it is negative."""
    assert fault(positive, mp.mpf(g), m, k) > 0 > fault(negative, mp.mpf(g), m, k)
    for _ in range(150):
        middle = (positive + negative) / 2
        if fault(middle, mp.mpf(g), m, k) > 0:
            positive = middle
        else:
            negative = middle
    return middle


def fold(m: int, k: int) -> tuple[mp.mpf, mp.mpf]:
    """x and g at which the equation and its derivative in x vanish together, for 2 m < k."""

    def both(x: mp.mpf, g: mp.mpf) -> list[mp.mpf]:
        high, low = load(x, m, k)
        return [(k * g * (high - low) - x) / x, k * k * g * high * low - 1]

    least = minimize_scalar(lambda x: x * (1 / np.expm1(x) + m / k), bounds=(1e-9, 60.0), options={"xatol": 1e-9})
    start, gain = float(least.x), float(least.fun)
    x, g = mp.findroot(both, (mp.mpf(start), mp.mpf(gain)), tol=1e-60, maxsteps=100)
    return x, g
