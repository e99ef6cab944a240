"""Enclosures of the boundary mass of many experts; see `moecusp.expert_boundary`."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE, POSITIVE, integer
from moecusp.certify.balls import Ball, between, sharp
from moecusp.certify.integrals import gaussian_integral


def _overlap(w: Ball, squares: int, others: int) -> Ball:
    """Enclose the integral of phi(y + w) phi(y)^squares Phi(y)^others; all but the first factor are log-concave."""

    def below(y: Any) -> Any:
        return (-y / arb(2).sqrt()).erfc() / 2

    def h(y: Any) -> Any:
        return (-squares * y * y / 2).exp() * below(y) ** others

    def tilt(y: Ball) -> Ball:
        return -squares * y + others * (-y * y / 2).exp() / (2 * arb.pi()).sqrt() / below(y)

    return gaussian_integral(h, tilt, -w, ctx.prec // 2) / (2 * arb.pi()).sqrt() ** squares


def expert_boundary_mass(width: Any, experts: int, sigma: Any = 1) -> Ball:
    """Enclose 1 - K int phi(x) Phi(x - w/sigma)^(K-1) dx, which rises with w/sigma."""
    count = integer("experts", experts, 2)

    def at(v: Ball) -> Ball:
        return arb(0) if v == 0 else 1 - count * _overlap(v, 0, count - 1)

    return sharp(lambda w, s: between(at, (w / s, 1)), width=(width, NON_NEGATIVE), sigma=(sigma, POSITIVE))


def expert_boundary_slope(experts: int, sigma: Any = 1) -> Ball:
    """Enclose K (K-1) int phi^2 Phi^(K-2) dx/sigma."""
    count = integer("experts", experts, 2)
    return sharp(lambda s: count * (count - 1) * _overlap(arb(0), 1, count - 2) / s, sigma=(sigma, POSITIVE))


def expert_boundary_curvature(experts: int, sigma: Any = 1) -> Ball:
    """Enclose -K (K-1) (K-2)/4 int phi^3 Phi^(K-3) dx/sigma^2."""
    count = integer("experts", experts, 2)
    if count == 2:
        return sharp(lambda s: arb(0) * s, sigma=(sigma, POSITIVE))
    factor = -arb(count * (count - 1) * (count - 2)) / 4
    return sharp(lambda s: factor * _overlap(arb(0), 2, count - 3) / (s * s), sigma=(sigma, POSITIVE))
