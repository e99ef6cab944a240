"""The load responses of softmax, of hard selection over Gaussian margins, and of softmax over them (section 4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, Array, number
from moecusp._numerics import logistic
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import quick_sum, two_product
from moecusp._numerics.gauss import half_square, product, ratio
from moecusp._numerics.kernels import sinh_remainder
from moecusp._numerics.operations import namespace, on_host, parts, scaled, where
from moecusp.responses import LoadResponse, last_on_host

_ODD_FACTORIALS = tuple(1.0 / math.prod(range(3, 2 * n + 2, 2)) for n in range(1, 33))  # 1/(2n+1)!!
_ROOT_HALF = 0.7071067811865476, -4.833646656726457e-17  # high + low, like the next
_ROOT_HALF_PI = 1.2533141373155003, -9.164289990229583e-17
_ROOT_2_PI = 0.7978845608028654, -4.98465440455546e-17


def _full(x: float, like: Any) -> Any:
    return namespace(like).full_like(like, x)


class SoftmaxResponse(LoadResponse):
    """G(z) = tanh(beta z/2): sampling from the softmax of two scores.

    Parameters
    ----------
    inverse_temperature : float
        beta > 0 (1/score).

    Raises
    ------
    ParameterError
        If inverse_temperature is out of range.

    Examples
    --------
    >>> from moecusp import SoftmaxResponse
    >>> float(SoftmaxResponse().critical_feedback(decay=1.0))
    2.0
    """

    def __init__(self, inverse_temperature: float = 1.0) -> None:
        self.inverse_temperature = number("inverse_temperature", inverse_temperature, POSITIVE)

    _portable = True

    def _value(self, z: Any) -> Any:
        with np.errstate(all="ignore"):
            return namespace(z).tanh(0.5 * self.inverse_temperature * z)

    def _slope(self, z: Any) -> Any:
        with np.errstate(all="ignore"):
            x = dd.negative(product(_full(self.inverse_temperature, z), abs(z)))
            q = dd.exp_parts(x)
            high, low = quick_sum(1.0, scaled(q[0], q[2]))
            opened = high, low + scaled(q[1], q[2])
            one = dd.single(_full(1.0, z))
            share = dd.divide(one, dd.multiply(opened, opened))
            return dd.times_exp(
                (2.0 * self.inverse_temperature * share[0], 2.0 * self.inverse_temperature * share[1]), x
            )

    def _lag(self, z: Any) -> Any:
        """Return (beta z - sinh beta z)/beta."""
        beta, xp = self.inverse_temperature, namespace(z)
        with np.errstate(all="ignore"):
            x, low = product(_full(beta, z), abs(z))
            near = x <= 40.0
            inside = where(near, x, 0.0)
            rest = sinh_remainder(inside) + 2.0 * xp.sinh(0.5 * inside) ** 2 * where(near, low, 0.0)
            far = dd.times_exp(dd.single(_full(0.5 / beta, z)), (x, low)) - abs(z)
            return -xp.copysign(where(near, rest / beta, far), z)

    def _tilt(self, z: Any) -> Any:
        return -self.inverse_temperature * self.value(z)

    @property
    def _scale(self) -> float:
        return 2.0 / self.inverse_temperature


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
            t, low = ratio(z, _full(self.sigma, z))
            flat = abs(t) > 100.0  # the error function is 1 from 9 on
            x, low = dd.multiply((where(flat, namespace(z).sign(z) * 100.0, t), where(flat, 0.0, low)), _ROOT_HALF)
            base = on_host(_erf, x)
            rise = 1.1283791670955126 * namespace(z).exp(-x * x) * low  # 2/sqrt(pi)
            return where(abs(x) < 6.0, base + rise, base)

    def _slope(self, z: Any) -> Any:
        with np.errstate(all="ignore"):
            peak = _over(_ROOT_2_PI, _full(self.sigma, z))
            return dd.times_exp(peak, half_square(ratio(z, _full(self.sigma, z))))

    def _lag(self, z: Any) -> Any:
        """Return -sigma sum over n > 0 of t^(2n+1)/(2n+1)!!, t = z/sigma: for t > 2 in its closed form.

        That is -sigma (sqrt(pi/2) (exp(t^2/2) - erfcx(t/sqrt 2)) - t).
        """
        sigma, xp = _full(self.sigma, z), namespace(z)
        with np.errstate(all="ignore"):
            t, low = ratio(abs(z), sigma)
            near = t <= 2.0
            x, x_low = where(near, t, 0.0), where(near, low, 0.0)
            square = two_product(x, x)
            cube = dd.multiply(square, dd.single(x))
            series = dd.rounded(dd.multiply(cube, dd.head(_ODD_FACTORIALS, square, 8)))
            series = self.sigma * (series + x_low * x * (series + x))
            half = half_square((t, low))
            peak = two_product(sigma, _full(_ROOT_HALF_PI[0], z))
            grown = dd.times_exp((peak[0], peak[1] + self.sigma * _ROOT_HALF_PI[1]), dd.negative(half))
            rest = self.sigma * (_ROOT_HALF_PI[0] * on_host(_erfcx, _ROOT_HALF[0] * t) + t)
            return -xp.copysign(where(near, series, where(t < 60.0, grown - rest, np.inf)), z)

    def _tilt(self, z: Any) -> Any:
        return -(z / self.sigma) / self.sigma

    @property
    def _scale(self) -> float:
        return self.sigma


class LogisticNormalResponse(LoadResponse):
    """G(z) = E tanh(beta (z + xi)/2), xi ~ N(0, sigma^2): softmax over Gaussian margins.

    Parameters
    ----------
    sigma : float
        Standard deviation of the logit margin, > 0 (score).
    inverse_temperature : float
        beta > 0 (1/score).

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Gauss-Legendre quadrature of integrands of one sign: relative error of G, G' and of the fold curve below 1e-13.
    Without noise (sigma -> 0) it is `SoftmaxResponse`, at temperature 0 (beta -> inf) `HardGaussianResponse`; either
    limit is used where it is exact to the last digit, beta sigma below 1e-10 or above 1e10.

    References
    ----------
    Statement ``response.logistic_normal``; docs/theory.md, section 4.

    Examples
    --------
    >>> from moecusp import LogisticNormalResponse
    >>> round(float(LogisticNormalResponse(sigma=2.0).critical_feedback()), 12)
    3.301934633736
    """

    def __init__(self, sigma: float, inverse_temperature: float = 1.0) -> None:
        self.sigma = number("sigma", sigma, POSITIVE)
        self.inverse_temperature = number("inverse_temperature", inverse_temperature, POSITIVE)
        rate = self.sigma * self.inverse_temperature
        self._limit: LoadResponse | None = None
        if rate < 1e-10:
            self._limit = SoftmaxResponse(self.inverse_temperature)
        elif rate > 1e10:
            self._limit = HardGaussianResponse(self.sigma)

    @property
    def _spread(self) -> float:
        return self.inverse_temperature * self.sigma

    def _value(self, z: Array) -> Array:
        if self._limit:
            return self._limit._value(z)
        with np.errstate(all="ignore"):
            return np.copysign(logistic.mean_tanh(self.inverse_temperature * np.abs(z), self._spread), z)

    def _slope(self, z: Array) -> Array:
        if self._limit:
            return self._limit._slope(z)
        size = np.abs(z)
        beta, sigma = np.full_like(size, self.inverse_temperature), np.full_like(size, self.sigma)
        with np.errstate(all="ignore"):
            mean, root = logistic.mean_decay(product(beta, size), product(beta, sigma), ratio(size, sigma), power=2)
            return np.asarray((2.0 * beta * mean * root) * root)

    def _tilt(self, z: Any) -> Any:
        if self._limit:
            return self._limit._tilt(z)
        return last_on_host(self._relative_bend, z)

    def _relative_bend(self, z: Array) -> Array:
        """Return G''/G' = -beta E sign(x) q (1 - q)/(1 + q)^3 / E q/(1 + q)^2, q = exp(-|x|), x = beta (z + xi)."""
        size = np.abs(z)
        beta, sigma = np.full_like(size, self.inverse_temperature), np.full_like(size, self.sigma)
        with np.errstate(all="ignore"):
            pairs = product(beta, size), product(beta, sigma), ratio(size, sigma)
            below, _ = logistic.mean_decay(*pairs, power=2)
            above, _ = logistic.mean_decay(*pairs, power=3, weight="bend", odd=True)
            return np.asarray(-beta * np.copysign(above / below, z))

    def _lag(self, z: Array) -> Array:
        """Return z - G/G', from z G' - G as one integral where it cancels."""
        if self._limit:
            return self._limit._lag(z)
        w = self.inverse_temperature * np.abs(z)
        near = w < 2.0 * math.hypot(1.0, self._spread)
        lag = super()._lag(z)
        if np.any(near):
            deficit = logistic.mean_deficit(w[near], self._spread)
            lag[near] = -np.copysign(deficit / self._slope(z[near]), z[near])
        return lag

    @property
    def _scale(self) -> float:
        return 2.0 / self.inverse_temperature + self.sigma


def _over(a: dd.Pair, b: Any) -> dd.Pair:
    """Return a/b for a pair of constants, b > 0."""
    mantissa, power = parts(b)
    quotient = dd.divide((_full(a[0], b), _full(a[1], b)), dd.single(mantissa))
    return scaled(quotient[0], -power), scaled(quotient[1], -power)


def _erf(x: Array) -> Any:
    from scipy.special import erf

    return erf(x)


def _erfcx(x: Array) -> Any:
    from scipy.special import erfcx

    return erfcx(x)
