"""Enclosures of the boundary mass of Gaussian margins; see `moecusp.boundary`."""

from __future__ import annotations

from typing import Any

from flint import arb

from moecusp._arguments import NON_NEGATIVE, POSITIVE
from moecusp.certify.balls import Ball, between, sharp, size, through
from moecusp.certify.responses import gaussian_peak


def boundary_mass(width: Any, mean: Any = 0, sigma: Any = 1) -> Ball:
    """Enclose M = P(|b + sigma zeta| <= w); it rises with w and falls in |b|, the normal density being unimodal.

    In s = 1/sigma its slope is phi((w-b) s) (w-b) + phi((w+b) s) (w+b).
    """

    def formula(w: Ball, b: Ball, sigma: Ball) -> Ball:
        def at(w: Ball, b: Ball) -> Ball:
            def mass(s: Ball) -> Ball:
                near, far = (w - b) * s / arb(2).sqrt(), (w + b) * s / arb(2).sqrt()
                return ((-near).erfc() - far.erfc()) / 2 if w < b else (near.erf() + far.erf()) / 2

            def rate(s: Ball) -> Ball:
                total = sum((c * (-((c * s) ** 2) / 2).exp() for c in (w - b, w + b)), arb(0))
                return total / (2 * arb.pi()).sqrt()

            return through(mass, rate, 1 / sigma)

        return between(at, (w, 1), (size(b), -1)).max(arb(0))

    return sharp(formula, width=(width, NON_NEGATIVE), mean=mean, sigma=(sigma, POSITIVE))


def boundary_slope(mean: Any = 0, sigma: Any = 1) -> Ball:
    """Enclose 2 phi(b/sigma)/sigma."""
    return sharp(gaussian_peak, mean=mean, sigma=(sigma, POSITIVE))


def flip_rate(tie_density: Any, noise: Any) -> Ball:
    """Enclose 2 C s/sqrt(pi)."""
    return sharp(
        lambda c, s: 2 * c * s / arb.pi().sqrt(), tie_density=(tie_density, NON_NEGATIVE), noise=(noise, NON_NEGATIVE)
    )


def rounding_flip_rate(tie_density: Any, spacing: Any) -> Ball:
    """Enclose C d/2."""
    return sharp(lambda c, d: c * d / 2, tie_density=(tie_density, NON_NEGATIVE), spacing=(spacing, NON_NEGATIVE))


def boundary_remainder(width: Any, sigma: Any = 1) -> Ball:
    """Enclose w^3/(3 sigma^3 sqrt(2 pi))."""
    return sharp(
        lambda w, s: (w / s) ** 3 / (3 * (2 * arb.pi()).sqrt()), width=(width, NON_NEGATIVE), sigma=(sigma, POSITIVE)
    )
