"""Scalar functions that keep their digits where the formula as written would lose them (float64 in, float64 out).

Nothing here checks its arguments: public functions do that once, in `_arguments`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._numerics import pairs as dd
from moecusp._numerics import series
from moecusp._numerics.double import polynomial, two_product, two_sum
from moecusp._numerics.elementary import tanh_pair
from moecusp._numerics.operations import namespace, parts, scaled, where


def tanh_remainder(x: Any) -> Any:
    """Return x - tanh x."""
    with np.errstate(under="ignore"):
        return namespace(x).copysign(tanh_pair(abs(x))[1], x)


def sinh_remainder(x: Any) -> Any:
    """Return sinh x - x."""
    xp = namespace(x)
    size = abs(x)
    inside = where(size <= series.SINH_LIMIT, size, series.SINH_LIMIT)
    y = two_product(inside, inside)
    factor, low = dd.head(series.SINH_NUMERATOR, y, 2)
    near = dd.rounded(dd.multiply(dd.multiply(y, dd.single(inside)), (factor, low + 0.5 * series.THIRD_LOW)))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        e, e_low, k = dd.exp_parts((size, 0.0 * size))
        k = k - 1.0
        e, e_low = scaled(e, k), scaled(e_low, k)  # exp(x)/2
        total, low = two_sum(e, -size)
        far = where(e < 1e300, total + (low + (e_low - 0.25 / e)), e)
    return xp.copysign(where(size <= series.SINH_LIMIT, near, far), x)


def sinh_excess(x: Any) -> Any:
    """Return sinh x - x for |x| <= 2.5, in plain operations that torch can differentiate."""
    y = x * x
    return x * y * polynomial(series.SINH_NUMERATOR, y)


def log_cosh(u: Any) -> Any:
    """Return log cosh u, without overflow and without cancellation near 0."""
    xp = namespace(u)
    a = abs(u)
    small = xp.sinh(where(a < 1.0, a, 1.0))
    near = 0.5 * xp.log1p(small * small)
    return where(a < 1.0, near, (a - 0.6931471805599453) + xp.log1p(decayed(a)))


def cube_root(x: Any) -> Any:
    """Return the cube root of x > 0, corrected once in exact products so that every backend returns the same bits."""
    mantissa, power = parts(x)
    third = namespace(x).floor(power / 3.0)
    mantissa = scaled(mantissa, power - 3.0 * third)  # from 1/2 up to 4
    root = mantissa ** (1.0 / 3.0)
    square, error = two_product(root, root)
    cube, rest = two_product(square, root)
    return scaled(root - ((cube - mantissa) + (rest + error * root)) / (3.0 * square), third)


def decayed(u: Any) -> Any:
    """Return exp(-2 |u|)."""
    a = abs(u)
    return namespace(u).exp(-2.0 * where(a > 400.0, 400.0, a))  # NaN stays


def well(u: Any) -> Any:
    """Return u^2/2 - log cosh u >= 0, for |u| below 1e150."""
    size = abs(u)
    inside = where(size <= series.WELL_LIMIT, size, series.WELL_LIMIT)
    y = two_product(inside, inside)
    ratio = dd.divide(dd.head(series.WELL_NUMERATOR, y, 6), dd.head(series.WELL_DENOMINATOR, y, 6))
    near = dd.rounded(dd.multiply(dd.multiply(y, y), ratio))
    beyond = size - 1.0  # completing the square leaves little to cancel; log 2 - 1/2 = 0.193...
    far = 0.5 * beyond * beyond + (0.1931471805599453 - namespace(u).log1p(decayed(u)))
    return where(size <= 1.42, near, far)
