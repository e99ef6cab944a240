"""The gap between soft and hard routing for Gaussian margins, to any number of digits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from moecusp._arguments import integer
from moecusp.precise.certainty import certain, evaluate
from moecusp.precise.multiprecision import exact, positive
from moecusp.precise.quadrature import integrate


def soft_hard_gap(temperature: Any, mean: Any = 0, sigma: Any = 1, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return E 1/(1 + exp(|xi|/T)), xi ~ N(b, sigma^2); see `moecusp.soft_hard_gap`.

    By quadrature: 1,000 digits take ten seconds with flint, a minute or two with mpmath.

    >>> from moecusp import precise
    >>> print(precise.soft_hard_gap("0.1", digits=15))
    0.054607974425053
    """
    t, b, s = positive("temperature", temperature), abs(exact("mean", mean)), positive("sigma", sigma)
    shift, rate = b / s, s / t
    peak = max(shift - rate, Fraction(0))

    def gap(n: Any) -> tuple[Any]:
        bits = n.ctx.prec
        reach = reach_of(bits)
        saturated = Fraction(bits) / rate
        points = {Fraction(0), peak, peak + reach, max(peak - reach, Fraction(0)), min(saturated, peak + reach)}
        a, r = n.number(shift), n.number(rate)

        def integrand(z: Any) -> tuple[Any]:
            left, right = n.exp(-((z - a) ** 2) / 2), n.exp(-((z + a) ** 2) / 2)
            return ((left + right) / (n.exp(r * z) + 1),)

        (value,) = integrate(n, integrand, [n.number(p) for p in sorted(points)], bits)
        return (value / n.sqrt(2 * n.pi()),)

    return certain(gap, digits, backend)[0]


def reach_of(bits: int, more: Fraction = Fraction(0)) -> Fraction:
    """Return z with exp(-z^2/2) < exp(-more) 2^-bits."""
    return Fraction(math.isqrt(int(2 * more) + (14 * bits) // 10 + 30) + 1)


def soft_hard_expansion(
    temperature: Any, mean: Any = 0, sigma: Any = 1, terms: int = 1, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return 2 T sum over n < terms of eta_D(2n+1) f^(2n)(0) T^(2n); see `moecusp.soft_hard_expansion`."""
    t, b, s = positive("temperature", temperature), exact("mean", mean), positive("sigma", sigma)
    count = integer("terms", terms, 1)

    def expansion(n: Any, z: Any, tau: Any) -> tuple[Any]:
        total, power, last, hermite = 0 * z, 1, 0, 1
        for order in range(0, 2 * count, 2):
            total = total + _dirichlet_eta(n, order + 1) * hermite * power
            power = power * tau * tau
            for k in (order, order + 1):
                last, hermite = hermite, z * hermite - k * last
        return (n.sqrt(2 / n.pi()) * n.exp(-z * z / 2) * tau * total,)

    return certain(expansion, digits, backend, b / s, t / s)[0]


def soft_hard_remainder(
    temperature: Any, sigma: Any = 1, terms: int = 1, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return the bound 2 T^(2N+1) eta_D(2N+1) max f^(2N); see `moecusp.soft_hard_remainder`."""
    tau = positive("temperature", temperature) / positive("sigma", sigma)
    count = integer("terms", terms, 1)
    factor = tau ** (2 * count + 1) * math.prod(range(1, 2 * count, 2))
    return evaluate(lambda n, c: (c * n.sqrt(2 / n.pi()) * _dirichlet_eta(n, 2 * count + 1),), digits, backend, factor)


def _dirichlet_eta(n: Any, order: int) -> Any:
    if order == 1:
        return n.log(n.double(2.0))
    return n.zeta(order) * (1 - n.number(Fraction(2, 2**order)))
