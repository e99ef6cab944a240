"""The load response of hard selection over Gaussian margins (docs/theory.md, section 4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, number
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import two_product
from moecusp._numerics.gauss import erf, erfcx, half_square, ratio
from moecusp._numerics.operations import full_like, namespace, on_host, parts, scaled, where
from moecusp.responses.base import LoadResponse

_ODD_FACTORIALS = tuple(1.0 / math.prod(range(3, 2 * n + 2, 2)) for n in range(1, 33))  # 1/(2n+1)!!
_ROOT_HALF = 0.7071067811865476, -4.833646656726457e-17  # high + low, like the next
_ROOT_HALF_PI = 1.2533141373155003, -9.164289990229583e-17
_ROOT_2_PI = 0.7978845608028654, -4.98465440455546e-17


class HardGaussianResponse(LoadResponse):
    """G(z) = erf(z/(sigma sqrt 2)): hard top-1 selection with margins N(0, sigma^2).

    Parameters
    ----------
    sigma : float
        Standard deviation of the logit margin, > 0 (score).

    Raises
    ------
    ParameterError
        If sigma is out of range.

    Examples
    --------
    >>> from moecusp import HardGaussianResponse
    >>> round(float(HardGaussianResponse(sigma=2.0).critical_feedback()), 12)
    2.506628274631
    """

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = number("sigma", sigma, POSITIVE)

    _portable = True

    def _value(self, z: Any) -> Any:
        with np.errstate(all="ignore"):
            t, low = ratio(z, full_like(self.sigma, z))
            flat = abs(t) > 100.0  # the error function is 1 from 9 on
            x, low = dd.multiply((where(flat, namespace(z).sign(z) * 100.0, t), where(flat, 0.0, low)), _ROOT_HALF)
            base = on_host(erf, x)
            rise = 1.1283791670955126 * namespace(z).exp(-x * x) * low  # 2/sqrt(pi)
            return where(abs(x) < 6.0, base + rise, base)

    def _slope(self, z: Any) -> Any:
        with np.errstate(all="ignore"):
            peak = _over(_ROOT_2_PI, full_like(self.sigma, z))
            return dd.times_exp(peak, half_square(ratio(z, full_like(self.sigma, z))))

    def _lag(self, z: Any) -> Any:
        """Return -sigma sum over n > 0 of t^(2n+1)/(2n+1)!!, t = z/sigma: for t > 2 in its closed form.

        That is -sigma (sqrt(pi/2) (exp(t^2/2) - erfcx(t/sqrt 2)) - t).
        """
        sigma, xp = full_like(self.sigma, z), namespace(z)
        with np.errstate(all="ignore"):
            t, low = ratio(abs(z), sigma)
            near = t <= 2.0
            x, x_low = where(near, t, 0.0), where(near, low, 0.0)
            square = two_product(x, x)
            cube = dd.multiply(square, dd.single(x))
            series = dd.rounded(dd.multiply(cube, dd.head(_ODD_FACTORIALS, square, 8)))
            series = self.sigma * (series + x_low * x * (series + x))
            half = half_square((t, low))
            peak = two_product(sigma, full_like(_ROOT_HALF_PI[0], z))
            grown = dd.times_exp((peak[0], peak[1] + self.sigma * _ROOT_HALF_PI[1]), dd.negative(half))
            rest = self.sigma * (_ROOT_HALF_PI[0] * on_host(erfcx, _ROOT_HALF[0] * t) + t)
            return -xp.copysign(where(near, series, where(t < 60.0, grown - rest, np.inf)), z)

    def _tilt(self, z: Any) -> Any:
        return -(z / self.sigma) / self.sigma

    @property
    def _scale(self) -> float:
        return self.sigma


def _over(a: dd.Pair, b: Any) -> dd.Pair:
    """Return a/b for a pair of constants, b > 0."""
    mantissa, power = parts(b)
    quotient = dd.divide((full_like(a[0], b), full_like(a[1], b)), dd.single(mantissa))
    return scaled(quotient[0], -power), scaled(quotient[1], -power)
