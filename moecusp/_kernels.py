"""Scalar functions that keep their digits where the formula as written would lose them (float64 in, float64 out).

Nothing here checks its arguments: public functions do that once, in `_arguments`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moecusp import _series as series
from moecusp._arguments import Array


def polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """Evaluate a polynomial, lowest order first, by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result


def tanh_remainder(x: Array) -> Array:
    """Return x - tanh x."""
    inside = np.clip(x, -series.TANH_LIMIT, series.TANH_LIMIT)
    y = inside * inside
    ratio = polynomial(series.TANH_NUMERATOR, y) / polynomial(series.TANH_DENOMINATOR, y)
    near: Array = inside * y * ratio
    return np.where(np.abs(x) <= series.TANH_LIMIT, near, x - np.tanh(x))


def sinh_remainder(x: Array) -> Array:
    """Return sinh x - x."""
    inside = np.clip(x, -series.SINH_LIMIT, series.SINH_LIMIT)
    y = inside * inside
    with np.errstate(over="ignore"):
        return np.where(
            np.abs(x) <= series.SINH_LIMIT, inside * y * polynomial(series.SINH_NUMERATOR, y), np.sinh(x) - x
        )


def log_cosh(u: Array) -> Array:
    """Return log cosh u, without overflow and without cancellation near 0."""
    a = np.abs(u)
    small = np.sinh(np.minimum(a, 1.0))
    near: Array = 0.5 * np.log1p(small * small)
    return np.where(a < 1.0, near, (a - np.log(2.0)) + np.log1p(np.exp(-2.0 * a)))


def fold_excess(d: Array) -> Array:
    """Return eta_f(1 + d) = sqrt(d (1 + d)) - arsinh sqrt(d) for d >= 0 (statement fold.asymmetry)."""
    inside = np.minimum(d, series.FOLD_LIMIT)
    ratio = polynomial(series.FOLD_NUMERATOR, inside) / polynomial(series.FOLD_DENOMINATOR, inside)
    near = inside * np.sqrt(inside) * ratio
    root = np.sqrt(d)
    far = root * np.sqrt(1.0 + d) - np.arcsinh(root)
    return np.where(d <= series.FOLD_LIMIT, near, far)


def fold_excess_inverse(eta: Array) -> Array:
    """Return the d >= 0 with eta_f(1 + d) = eta, for eta >= 0.

    eta_f is convex with slope sqrt(d/(1 + d)), and both starting values lie left of the root: Newton's first step
    lands right of it and the later ones descend to it.
    """
    d: Array = np.maximum(np.cbrt(1.5 * eta) ** 2, eta)
    for _ in range(8):
        slope = np.sqrt(d / (1.0 + d))
        step = np.divide(fold_excess(d) - eta, slope, out=np.zeros_like(d), where=slope > 0)
        d = np.maximum(d - step, 0.0)
    return d
