"""Scalar functions that keep their digits where the formula as written would lose them (float64 in, float64 out).

Nothing here checks its arguments: public functions do that once, in `_arguments`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._numerics import roots, series
from moecusp._numerics.double import polynomial, two_product
from moecusp._numerics.elementary import curve_sums, tanh_pair
from moecusp._numerics.operations import namespace, parts, patched, scaled, where


def tanh_remainder(x: Any) -> Any:
    """Return x - tanh x."""
    with np.errstate(under="ignore"):
        return namespace(x).copysign(tanh_pair(abs(x))[1], x)


def sinh_remainder(x: Any) -> Any:
    """Return sinh x - x."""

    def positive(size: Any) -> Any:
        tiny = size < 2.0**-330  # a cube, taken of numbers raised by 2^100 so that half of it is no subnormal
        half = curve_sums(0.5 * where(tiny, size * 2.0**100, size))[1]
        return 2.0 * half * where(tiny, 2.0**-300, 1.0)

    return namespace(x).copysign(roots.blockwise(positive, abs(x)), x)


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
    """Return u^2/2 - log cosh u >= 0 of a flat array, for |u| below 1e150."""
    size = abs(u)
    beyond = size - 1.0  # completing the square leaves little to cancel; log 2 - 1/2 = 0.193...
    far = 0.5 * beyond * beyond + (0.1931471805599453 - namespace(u).log1p(decayed(u)))
    return patched((far,), size <= series.WELL_LIMIT, _inner_well, size)[0]


def _inner_well(u: Any) -> Any:
    """Return well(u) for |u| <= WELL_LIMIT, with the rounding errors of u^4."""
    y, y_low = two_product(u, u)
    fourth, fourth_low = two_product(y, y)
    ratio = polynomial(series.WELL, y - series.WELL_CENTRE)
    return (fourth * ratio + (fourth_low + 2.0 * y * y_low) * ratio,)
