"""Enclosures of the gap between soft and hard routing for Gaussian margins; see `moecusp.softhard`."""

from __future__ import annotations

from math import prod
from typing import Any

from flint import arb, ctx

from moecusp._arguments import POSITIVE, integer
from moecusp.certify.balls import Ball, between, sharp, size
from moecusp.certify.integrals import gaussian_integral, logistic
from moecusp.certify.responses import gaussian_peak


def soft_hard_gap(temperature: Any, mean: Any = 0, sigma: Any = 1) -> Ball:
    """Enclose E 1/(1 + exp(|xi|/T)) by rigorous quadrature.

    It rises with T and falls in |b|, |xi| being stochastically larger for larger |b|: boxes of these are sharp, and for
    b = 0 those of sigma, in which it falls then.
    """

    def formula(t: Ball, b: Ball, sigma: Ball) -> Ball:
        return between(_gap, (t, 1), (size(b), -1), (sigma, -1 if b == 0 else 0))

    return sharp(formula, temperature=(temperature, POSITIVE), mean=mean, sigma=(sigma, POSITIVE))


def _gap(t: Ball, b: Ball, sigma: Ball) -> Ball:
    """Return the gap as two integrals over x > 0, one for each sign of the margin sigma x."""
    rate, bits = sigma / t, ctx.prec // 2

    def h(x: Any) -> Any:
        return logistic(rate * x)

    def tilt(x: Ball) -> Ball:
        return -rate / (1 + (-rate * x).exp())

    upper = gaussian_integral(h, tilt, b / sigma, bits, half=True)
    return upper + (upper if b == 0 else gaussian_integral(h, tilt, -b / sigma, bits, half=True))


def soft_hard_expansion(temperature: Any, mean: Any = 0, sigma: Any = 1, terms: int = 1) -> Ball:
    """Enclose 2 T sum over n < terms of eta_D(2n+1) f^(2n)(0) T^(2n), f the margin's density."""
    count = integer("terms", terms, 1)

    def formula(t: Ball, b: Ball, sigma: Ball) -> Ball:
        square = (b / sigma) ** 2
        total = arb(0)
        for n in reversed(range(count)):
            total = total * (t / sigma) ** 2 + _dirichlet_eta(2 * n + 1) * _hermite(n, square)
        return t * gaussian_peak(b, sigma) * total

    return sharp(formula, temperature=(temperature, POSITIVE), mean=mean, sigma=(sigma, POSITIVE))


def _hermite(n: int, square: Ball) -> Ball:
    """Return He_2n(z) from z^2."""
    last, this = arb(0), arb(1)  # He_(2k-1)(z)/z and He_2k(z)
    for k in range(n):
        last, this = this - 2 * k * last, square * (this - 2 * k * last) - (2 * k + 1) * this
    return this


def soft_hard_remainder(temperature: Any, sigma: Any = 1, terms: int = 1) -> Ball:
    """Enclose 2 eta_D(2N+1) (2N-1)!! (T/sigma)^(2N+1)/sqrt(2 pi), N terms; T and sigma occur once."""
    count = integer("terms", terms, 1)
    factorial = prod(range(1, 2 * count, 2))
    return sharp(
        lambda t, s: (2 / arb.pi()).sqrt() * _dirichlet_eta(2 * count + 1) * factorial * (t / s) ** (2 * count + 1),
        temperature=(temperature, POSITIVE),
        sigma=(sigma, POSITIVE),
    )


def _dirichlet_eta(order: int) -> Ball:
    return arb(2).log() if order == 1 else (1 - arb(2) ** (1 - order)) * arb(order).zeta()
