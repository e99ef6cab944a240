"""The load response of softmax over Gaussian margins (docs/theory.md, section 4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, Array, number
from moecusp._numerics import logistic
from moecusp._numerics.gauss import product, ratio
from moecusp._numerics.gradients import last_on_host
from moecusp.responses.base import LoadResponse
from moecusp.responses.hard_gaussian import HardGaussianResponse
from moecusp.responses.softmax import SoftmaxResponse


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
