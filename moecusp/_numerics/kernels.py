"""Scalar functions that keep their digits where the formula as written would lose them (float64 in, float64 out).

Nothing here checks its arguments: public functions do that once, in `_arguments`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._numerics import series
from moecusp._numerics.double import polynomial
from moecusp._numerics.operations import namespace, where
from moecusp._numerics.steps import tanh_pair


def tanh_remainder(x: Any) -> Any:
    """Return x - tanh x."""
    with np.errstate(under="ignore"):
        return namespace(x).copysign(tanh_pair(abs(x))[1], x)


def sinh_remainder(x: Any) -> Any:
    """Return sinh x - x."""
    xp = namespace(x)
    inside = xp.clip(x, -series.SINH_LIMIT, series.SINH_LIMIT)
    y = inside * inside
    with np.errstate(over="ignore"):
        return where(abs(x) <= series.SINH_LIMIT, inside * y * polynomial(series.SINH_NUMERATOR, y), xp.sinh(x) - x)


def log_cosh(u: Any) -> Any:
    """Return log cosh u, without overflow and without cancellation near 0."""
    xp = namespace(u)
    a = abs(u)
    small = xp.sinh(where(a < 1.0, a, 1.0))
    near = 0.5 * xp.log1p(small * small)
    return where(a < 1.0, near, (a - 0.6931471805599453) + xp.log1p(decayed(a)))


def decayed(u: Any) -> Any:
    """Return exp(-2 |u|)."""
    a = abs(u)
    return namespace(u).exp(-2.0 * where(a > 400.0, 400.0, a))  # NaN stays


def well(u: Any) -> Any:
    """Return u^2/2 - log cosh u >= 0, for |u| below 1e150."""
    y = u * u
    inside = where(y <= series.WELL_LIMIT**2, y, series.WELL_LIMIT**2)
    ratio = polynomial(series.WELL_NUMERATOR, inside) / polynomial(series.WELL_DENOMINATOR, inside)
    beyond = abs(u) - 1.0  # completing the square leaves little to cancel; log 2 - 1/2 = 0.193...
    far = 0.5 * beyond * beyond + (0.1931471805599453 - namespace(u).log1p(decayed(u)))
    return where(y <= 2.0, inside * inside * ratio, far)
