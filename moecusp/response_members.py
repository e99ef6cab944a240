"""The load responses of softmax, of hard selection over Gaussian margins, and of softmax over them (section 4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, Array, number
from moecusp._numerics import logistic
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import polynomial
from moecusp._numerics.gauss import product, ratio
from moecusp._numerics.kernels import sinh_remainder
from moecusp.responses import LoadResponse

_ODD_FACTORIALS = tuple(1.0 / math.prod(range(3, 2 * n + 2, 2)) for n in range(1, 41))  # 1/(2n+1)!!


def _array(x: float) -> Array:
    return np.asarray(x)


def _times_exp(factor: Any, x: dd.Pair) -> Array:
    """Return factor exp(x), in two steps where exp(x) alone would leave the range of a float."""
    half = dd.exp((0.5 * x[0], 0.5 * x[1]))
    return np.asarray(np.where(np.abs(x[0]) < 700.0, factor * dd.exp(x), (factor * half) * half))


def _gaussian_exponent(z: dd.Pair) -> dd.Pair:
    """Return -z^2/2, or something as far beyond the range of exp for |z| > 60."""
    near = np.abs(z[0]) < 60.0
    inside = np.where(near, z[0], 60.0), np.where(near, z[1], 0.0)
    square = dd.multiply(inside, inside)
    return -0.5 * square[0], -0.5 * square[1]


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

    def _value(self, z: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.tanh(0.5 * self.inverse_temperature * z))

    def _slope(self, z: Array) -> Array:
        with np.errstate(under="ignore"):
            x = product(_array(self.inverse_temperature), np.abs(z))
            q = dd.exp(dd.negative(x))
            return _times_exp(2.0 * self.inverse_temperature / (1.0 + q) ** 2, dd.negative(x))

    def _lag(self, z: Array) -> Array:
        """Return (beta z - sinh beta z)/beta."""
        x, low = product(_array(self.inverse_temperature), np.abs(z))
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            near = x <= 40.0
            inside = np.where(near, x, 0.0)
            rest = sinh_remainder(inside) + 2.0 * np.sinh(0.5 * inside) ** 2 * np.where(near, low, 0.0)
            far = _times_exp(0.5 / self.inverse_temperature, (x, low)) - np.abs(z)
            size = np.where(near, rest / self.inverse_temperature, far)
            return np.asarray(-np.copysign(size, z))

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

    def _value(self, z: Array) -> Array:
        from scipy.special import erf

        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(erf(z / self.sigma * math.sqrt(0.5)))

    def _slope(self, z: Array) -> Array:
        with np.errstate(under="ignore"):
            return _times_exp(logistic.SQRT_2_PI / self.sigma, _gaussian_exponent(ratio(z, _array(self.sigma))))

    def _lag(self, z: Array) -> Array:
        """Return -sigma sum over n > 0 of t^(2n+1)/(2n+1)!!, t = z/sigma, or the two terms where they do not cancel."""
        with np.errstate(all="ignore"):
            t, low = ratio(z, _array(self.sigma))
            near = np.abs(t) <= 3.0
            x, low = np.where(near, t, 0.0), np.where(near, low, 0.0)
            series = x**3 * polynomial(_ODD_FACTORIALS, x * x)
            series = self.sigma * (series + low * x * (series + x))
            return np.where(near, -series, np.asarray(z - self._value(z) / self._slope(z)))

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
        with np.errstate(over="ignore", under="ignore"):
            return np.copysign(logistic.mean_tanh(self.inverse_temperature * np.abs(z), self._spread), z)

    def _slope(self, z: Array) -> Array:
        if self._limit:
            return self._limit._slope(z)
        beta, sigma, size = _array(self.inverse_temperature), _array(self.sigma), np.abs(z)
        with np.errstate(all="ignore"):
            rate = product(beta, sigma)
            rates = np.broadcast_to(rate[0], z.shape), np.broadcast_to(rate[1], z.shape)
            mean, root = logistic.mean_decay(product(beta, size), rates, ratio(size, sigma), power=2)
            return np.asarray((2.0 * beta * mean * root) * root)

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
