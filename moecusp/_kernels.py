"""Scalar functions that keep their digits where the formula as written would lose them (float64 in, float64 out).

Nothing here checks its arguments: public functions do that once, in `_arguments`.
"""

from __future__ import annotations

import numpy as np

from moecusp import _series as series
from moecusp._arguments import Array
from moecusp._steps import polynomial, tanh_pair


def tanh_remainder(x: Array) -> Array:
    """Return x - tanh x."""
    with np.errstate(under="ignore"):
        remainder: Array = np.copysign(tanh_pair(np.abs(x))[1], x)
    return remainder


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
    return np.where(a < 1.0, near, (a - np.log(2.0)) + np.log1p(np.exp(-2.0 * np.minimum(a, 400.0))))


def well(u: Array) -> Array:
    """Return u^2/2 - log cosh u >= 0, for |u| below 1e150."""
    y = u * u
    inside = np.minimum(y, series.WELL_LIMIT**2)
    near: Array = (
        inside * inside * (polynomial(series.WELL_NUMERATOR, inside) / polynomial(series.WELL_DENOMINATOR, inside))
    )
    return np.where(y <= series.WELL_LIMIT**2, near, 0.5 * y - log_cosh(u))
