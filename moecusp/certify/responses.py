"""Enclosures of the load responses, their critical feedback and fold curves; see `moecusp.responses`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from flint import arb, ctx

from moecusp._arguments import POSITIVE
from moecusp.certify.balls import Ball, ball, between, refined, sech_squared, size, through
from moecusp.certify.integrals import gaussian_integral, integral, logistic, upper_normal


class CertifiedResponse(ABC):
    """An odd increasing response G whose slope falls in |z| (statements ``response.monotone``, ``response.cubic``).

    A subclass encloses value, slope and lag z - G/G' <= 0 at one exact z >= 0, for every parameter in its balls. In z
    all of them are monotone: G rises, G' falls in |z|, and the lag falls, its slope being G G''/G'^2.
    """

    @abstractmethod
    def _value(self, z: Ball) -> Ball: ...

    @abstractmethod
    def _slope(self, z: Ball) -> Ball: ...

    @abstractmethod
    def _lag(self, z: Ball) -> Ball: ...

    def value(self, z: Any) -> Ball:
        """Enclose the imbalance G(z)."""
        return self._at(z, lambda x: between(_odd(self._value), (x, 1)))

    def slope(self, z: Any) -> Ball:
        """Enclose G'(z)."""
        return self._at(z, lambda x: between(self._slope, (size(x), -1)))

    def critical_feedback(self, decay: Any = 1) -> Ball:
        """Enclose kappa_c = mu/G'(0)."""
        return self._at(0, lambda x: ball("decay", decay, POSITIVE) / self._slope(x))

    def fold_curve(self, z: Any, decay: Any = 1) -> tuple[Ball, Ball]:
        """Enclose kappa = mu/G'(z) and h = mu (z - G(z)/G'(z)), the fold at score difference z."""

        def curve(x: Ball) -> tuple[Ball, Ball]:
            mu = ball("decay", decay, POSITIVE)
            return mu / between(self._slope, (size(x), -1)), mu * between(_odd(self._lag), (x, -1))

        found: tuple[Ball, Ball] = self._at(z, curve)
        return found

    def _at(self, z: Any, formula: Any) -> Any:
        def evaluate(bits: int) -> Any:
            with ctx.workprec(bits):
                return formula(ball("z", z))

        return refined(evaluate)


def _odd(f: Any) -> Any:
    return lambda z: f(z) if z >= 0 else -f(-z)


class SoftmaxResponse(CertifiedResponse):
    """G(z) = tanh(beta z/2); see `moecusp.SoftmaxResponse`.

    >>> from moecusp import certify
    >>> float(certify.SoftmaxResponse("0.5").critical_feedback())
    4.0
    """

    def __init__(self, inverse_temperature: Any = 1) -> None:
        ball("inverse_temperature", inverse_temperature, POSITIVE)
        self.inverse_temperature = inverse_temperature

    @property
    def _beta(self) -> Ball:
        return ball("inverse_temperature", self.inverse_temperature, POSITIVE)

    def _value(self, z: Ball) -> Ball:
        return (self._beta * z / 2).tanh()

    def _slope(self, z: Ball) -> Ball:
        def rate(b: Ball) -> Ball:
            y = b * z / 2
            return sech_squared(y) * (1 - 2 * y * y.tanh()) / 2

        return through(lambda b: b / 2 * sech_squared(b * z / 2), rate, self._beta)

    def _lag(self, z: Ball) -> Ball:
        """Return -(sinh beta z - beta z)/beta, all of whose terms rise with beta."""
        return between(lambda b: z - (b * z).sinh() / b, (self._beta, -1))


class HardGaussianResponse(CertifiedResponse):
    """G(z) = erf(z/(sigma sqrt 2)); see `moecusp.HardGaussianResponse`.

    >>> from moecusp import certify
    >>> print(certify.HardGaussianResponse(2).critical_feedback().str(15, radius=False))
    2.50662827463100
    """

    def __init__(self, sigma: Any = 1) -> None:
        ball("sigma", sigma, POSITIVE)
        self.sigma = sigma

    @property
    def _sigma(self) -> Ball:
        return ball("sigma", self.sigma, POSITIVE)

    def _value(self, z: Ball) -> Ball:
        return (z / (self._sigma * arb(2).sqrt())).erf()

    def _slope(self, z: Ball) -> Ball:
        return gaussian_peak(z, self._sigma)

    def _lag(self, z: Ball) -> Ball:
        """Return z - G/G' = -sigma sum over n > 0 of (z/sigma)^(2n+1)/(2n+1)!!, all of whose terms fall with sigma."""

        def at(s: Ball) -> Ball:
            t = z / s
            return z - s * (arb.pi() / 2).sqrt() * (t / arb(2).sqrt()).erf() * (t * t / 2).exp()

        return between(at, (self._sigma, 1))


def gaussian_peak(b: Ball, sigma: Ball) -> Ball:
    """Return sqrt(2/pi) exp(-b^2/(2 sigma^2))/sigma, which falls in |b|; in s = 1/sigma it has one maximum."""

    def at(a: Ball) -> Ball:
        return through(
            lambda s: s * (-((a * s) ** 2) / 2).exp(),
            lambda s: (1 - (a * s) ** 2) * (-((a * s) ** 2) / 2).exp(),
            1 / sigma,
        )

    return (2 / arb.pi()).sqrt() * between(at, (size(b), -1))


class LogisticNormalResponse(CertifiedResponse):
    """G(z) = E tanh(beta (z + xi)/2), xi ~ N(0, sigma^2); see `moecusp.LogisticNormalResponse`.

    By rigorous quadrature over the whole line. In boxes of z every result is sharp, and the value is so in beta and
    sigma too; slope and fold curve over boxes of beta and sigma are those of ball arithmetic.

    >>> from moecusp import certify
    >>> print(certify.LogisticNormalResponse(2).critical_feedback().str(15, radius=False))
    3.30193463373587
    """

    def __init__(self, sigma: Any, inverse_temperature: Any = 1) -> None:
        ball("sigma", sigma, POSITIVE)
        ball("inverse_temperature", inverse_temperature, POSITIVE)
        self.sigma, self.inverse_temperature = sigma, inverse_temperature

    @property
    def _sigma(self) -> Ball:
        return ball("sigma", self.sigma, POSITIVE)

    @property
    def _beta(self) -> Ball:
        return ball("inverse_temperature", self.inverse_temperature, POSITIVE)

    def _value(self, z: Ball) -> Ball:
        """Return G, for z >= 0 rising in beta and falling in sigma.

        Its derivatives there are the integral of x/2 sech^2(beta x/2) over a density higher at x than at -x, and
        sigma E G_0''(z + xi) with G_0'' < 0 on x > 0 and odd.
        """
        if z == 0:
            return arb(0)

        def at(beta: Ball, sigma: Ball) -> Ball:
            y, s = beta * z, beta * sigma
            # pairs of margins: sinh y/(cosh y + cosh a) = (1 - exp(-2 y))/((1 + exp(a - y)) (1 + exp(-a - y)))

            def h(x: Any) -> Any:
                return logistic(s * x - y) * logistic(-s * x - y)

            return -(-2 * y).expm1() * gaussian_integral(h, lambda x: _pair_tilt(x, y, s), arb(0), _goal())

        return between(at, (self._beta, 1), (self._sigma, -1))

    def _slope(self, z: Ball) -> Ball:
        beta = self._beta
        y, s = beta * z, beta * self._sigma

        def h(x: Any) -> Any:  # sech^2(a/2)/2
            return 2 * logistic(s * x - y) * logistic(y - s * x)

        return beta * gaussian_integral(h, lambda x: -s * ((s * x - y) / 2).tanh(), arb(0), _goal())

    def _lag(self, z: Ball) -> Ball:
        """Return -D/G', D = G - z G' = E of y (sinh y R)^2 - (y cosh y - sinh y) R, R = 1/(cosh y + cosh a).

        R is 2 exp(-y)/((1 + exp(a - y)) (1 + exp(-a - y))). D is -int x f''(x + a) dx over 0 < x < y: in pairs +-a it
        is at most y^3/12, for |f'''| <= 1/4, and at most 1 + y.
        """
        if z == 0:
            return arb(0)
        beta = self._beta
        y, s = beta * z, beta * self._sigma
        bits = _goal()
        with ctx.workprec(2 * ctx.prec + 64):
            most = (y**3 / 12).min(1 + y).upper()
            lack, sinh = y * y.cosh() - y.sinh(), y.sinh()
            reach = (arb(2 * bits) + 20).sqrt().upper()

            def f(x: Any) -> Any:
                r = 2 * (-y).exp() * logistic(s * x - y) * logistic(-s * x - y)
                return (-x * x / 2).exp() * (y * (sinh * r) ** 2 - lack * r) / most

            half = integral(f, [arb(0), (y / s).mid().min(reach), reach], bits) / (2 * arb.pi()).sqrt()
            lag = 2 * most * (half + arb(0, 1) * upper_normal(reach))
        return -lag / self._slope(z)


def _pair_tilt(x: Ball, y: Ball, s: Ball) -> Ball:
    """Return the derivative of -log(1 + exp(s x - y)) - log(1 + exp(-s x - y))."""
    return s / (1 + (s * x + y).exp()) - s / (1 + (y - s * x).exp())


def _goal() -> int:
    """Return to how many bits integrals are taken: the rest is for what cancels in the integrand."""
    return int(ctx.prec) // 2
