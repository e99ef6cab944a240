"""The load response of sampling from the softmax of two scores (docs/theory.md, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, number
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import quick_sum
from moecusp._numerics.gauss import product
from moecusp._numerics.kernels import sinh_remainder
from moecusp._numerics.operations import full_like, namespace, scaled, where
from moecusp.responses.base import LoadResponse


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
            x = dd.negative(product(full_like(self.inverse_temperature, z), abs(z)))
            q = dd.exp_parts(x)
            high, low = quick_sum(1.0, scaled(q[0], q[2]))
            opened = high, low + scaled(q[1], q[2])
            one = dd.single(full_like(1.0, z))
            share = dd.divide(one, dd.multiply(opened, opened))
            return dd.times_exp(
                (2.0 * self.inverse_temperature * share[0], 2.0 * self.inverse_temperature * share[1]), x
            )

    def _lag(self, z: Any) -> Any:
        """Return (beta z - sinh beta z)/beta."""
        beta, xp = self.inverse_temperature, namespace(z)
        with np.errstate(all="ignore"):
            x, low = product(full_like(beta, z), abs(z))
            near = x <= 40.0
            inside = where(near, x, 0.0)
            rest = sinh_remainder(inside) + 2.0 * xp.sinh(0.5 * inside) ** 2 * where(near, low, 0.0)
            far = dd.times_exp(dd.single(full_like(0.5 / beta, z)), (x, low)) - abs(z)
            return -xp.copysign(where(near, rest / beta, far), z)

    def _tilt(self, z: Any) -> Any:
        return -self.inverse_temperature * self.value(z)

    @property
    def _scale(self) -> float:
        return 2.0 / self.inverse_temperature
