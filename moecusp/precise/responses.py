"""Load responses to any number of digits: value, slope, critical feedback and fold curve.

Folds and equilibria of a given response are found by `moecusp.LoadResponse.folds` and `equilibria`, in floats only.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.precise.certainty import certain
from moecusp.precise.multiprecision import exact, positive
from moecusp.precise.quadrature import integrate
from moecusp.precise.softhard import reach_of


class LoadResponse(ABC):
    """A response G of one score difference z (score); see `moecusp.LoadResponse`.

    A subclass gives G(z) and G'(z) at the precision of the moment; the digits lost on the way are made up for.
    """

    @abstractmethod
    def _value(self, n: Any, z: Fraction) -> Any: ...

    @abstractmethod
    def _slope(self, n: Any, z: Fraction) -> Any: ...

    def value(self, z: Any, *, digits: int = 50, backend: str = "auto") -> Any:
        """Return the imbalance G(z)."""
        x = exact("z", z)
        return certain(lambda n: (self._value(n, x),), digits, backend)[0]

    def slope(self, z: Any, *, digits: int = 50, backend: str = "auto") -> Any:
        """Return G'(z) (1/score)."""
        x = exact("z", z)
        return certain(lambda n: (self._slope(n, x),), digits, backend)[0]

    def critical_feedback(self, decay: Any = 1, *, digits: int = 50, backend: str = "auto") -> Any:
        """Return mu/G'(0) (score/time)."""
        mu = positive("decay", decay)
        return certain(lambda n, mu: (mu / self._slope(n, Fraction(0)),), digits, backend, mu)[0]

    def fold_curve(self, z: Any, decay: Any = 1, *, digits: int = 50, backend: str = "auto") -> tuple[Any, Any]:
        """Return (mu/G'(z), mu (z - G(z)/G'(z))), both score/time."""
        x, rate = exact("z", z), positive("decay", decay)

        def curve(n: Any, place: Any, mu: Any) -> tuple[Any, Any]:
            slope = self._slope(n, x)
            return mu / slope, mu * (place - self._value(n, x) / slope)

        feedback, asymmetry = certain(curve, digits, backend, x, rate)
        return feedback, asymmetry


def _softmax_slope(n: Any, beta: Fraction, z: Fraction) -> Any:
    return n.number(beta / 2) / n.cosh(n.number(beta * z / 2)) ** 2


def _gaussian_slope(n: Any, sigma: Fraction, z: Fraction) -> Any:
    return n.sqrt(2 / n.pi()) * n.exp(n.number(-((z / sigma) ** 2) / 2)) / n.number(sigma)


def _gaussian_value(n: Any, sigma: Fraction, z: Fraction) -> Any:
    return n.erf(n.number(z / sigma) / n.sqrt(n.double(2.0)))


class SoftmaxResponse(LoadResponse):
    """G(z) = tanh(beta z/2); see `moecusp.SoftmaxResponse`."""

    def __init__(self, inverse_temperature: Any = 1) -> None:
        self.inverse_temperature = positive("inverse_temperature", inverse_temperature)

    def _value(self, n: Any, z: Fraction) -> Any:
        return n.tanh(n.number(self.inverse_temperature * z / 2))

    def _slope(self, n: Any, z: Fraction) -> Any:
        return _softmax_slope(n, self.inverse_temperature, z)


class HardGaussianResponse(LoadResponse):
    """G(z) = erf(z/(sigma sqrt 2)); see `moecusp.HardGaussianResponse`."""

    def __init__(self, sigma: Any = 1) -> None:
        self.sigma = positive("sigma", sigma)

    def _value(self, n: Any, z: Fraction) -> Any:
        return _gaussian_value(n, self.sigma, z)

    def _slope(self, n: Any, z: Fraction) -> Any:
        return _gaussian_slope(n, self.sigma, z)


class LogisticNormalResponse(LoadResponse):
    """G(z) = E tanh(beta (z + xi)/2), xi ~ N(0, sigma^2); see `moecusp.LogisticNormalResponse`.

    By quadrature of integrands of one sign: 1,000 digits of a value take some 2 s with flint,
    and ten times that with mpmath and gmpy2.
    """

    def __init__(self, sigma: Any, inverse_temperature: Any = 1) -> None:
        self.sigma = positive("sigma", sigma)
        self.inverse_temperature = positive("inverse_temperature", inverse_temperature)

    def _value(self, n: Any, z: Fraction) -> Any:
        bits = n.ctx.prec
        shift, spread = self.inverse_temperature * abs(z), self.inverse_temperature * self.sigma
        if not shift:
            return n.double(0.0)
        reach = reach_of(bits)
        points = {min(p, reach) for p in (Fraction(0), shift / spread, (shift + bits) / spread, reach)}
        w, s = n.number(shift), n.number(spread)
        c = n.cosh(w)

        def integrand(zeta: Any) -> tuple[Any]:
            return (n.exp(-zeta * zeta / 2) / (c + n.cosh(s * zeta)),)

        (value,) = integrate(n, integrand, [n.number(p) for p in sorted(points)], bits)
        value = n.sqrt(2 / n.pi()) * n.sinh(w) * value
        return value if z > 0 else -value

    def _slope(self, n: Any, z: Fraction) -> Any:
        bits = n.ctx.prec
        shift, spread = self.inverse_temperature * abs(z), self.inverse_temperature * self.sigma
        ratio = shift / spread
        reach = reach_of(bits + max(0, int(spread).bit_length()), min(shift, ratio * ratio / 2))
        flat = Fraction(bits) / spread
        places = (-reach, -ratio - flat, -ratio, -ratio + flat, -min(ratio, spread), Fraction(0), reach)
        points = {max(-reach, min(p, reach)) for p in places}
        w, s = n.number(shift), n.number(spread)

        def integrand(zeta: Any) -> tuple[Any]:
            return (n.exp(-zeta * zeta / 2) / n.cosh((w + s * zeta) / 2) ** 2,)

        (value,) = integrate(n, integrand, [n.number(p) for p in sorted(points)], bits)
        return n.number(self.inverse_temperature / 2) * value / n.sqrt(2 * n.pi())


class EmpiricalResponse(LoadResponse):
    """The response of recorded margins; see `moecusp.EmpiricalResponse`. inverse_temperature inf: hard selection."""

    def __init__(self, margins: Iterable[Any], inverse_temperature: Any = math.inf, jitter: Any = 0) -> None:
        try:
            self.margins = [exact(f"margins[{i}]", m) for i, m in enumerate(margins)]
        except TypeError as error:
            raise ParameterError("margins", margins, "a sequence of numbers") from error
        if not self.margins:
            raise ParameterError("margins", margins, "finite and real, and not empty")
        self.hard = isinstance(inverse_temperature, float) and inverse_temperature == math.inf
        self.inverse_temperature = None if self.hard else positive("inverse_temperature", inverse_temperature)
        self.jitter = exact("jitter", jitter, 0)
        if self.jitter and not self.hard:
            raise ParameterError("jitter", jitter, "0 with soft routing (finite inverse_temperature)")

    def _value(self, n: Any, z: Fraction) -> Any:
        net: Counter[Fraction] = Counter()
        for margin in self.margins:  # what cancels exactly is not computed
            net[abs(z + margin)] += (z + margin > 0) - (z + margin < 0)
        shifts = [(shift, count) for shift, count in net.items() if count]
        if self.hard and not self.jitter:
            return n.number(Fraction(sum(count for _, count in shifts), len(self.margins)))
        total = n.double(0.0)
        for shift, count in shifts:
            if self.inverse_temperature is None:
                total = total + count * _gaussian_value(n, self.jitter, shift)
            else:
                total = total + count * n.tanh(n.number(self.inverse_temperature * shift / 2))
        return total / len(self.margins)

    def _slope(self, n: Any, z: Fraction) -> Any:
        if self.hard and not self.jitter:
            raise ParameterError("jitter", self.jitter, "> 0 for slopes and folds: a finite sample has no density")
        total = n.double(0.0)
        for margin in self.margins:
            if self.inverse_temperature is None:
                total = total + _gaussian_slope(n, self.jitter, z + margin)
            else:
                total = total + _softmax_slope(n, self.inverse_temperature, z + margin)
        return total / len(self.margins)
