"""Enclosures of a soft router's saddle beside its teacher, and its curvature at a jump; see `moecusp.landscape`."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE, POSITIVE
from moecusp.certify.balls import Ball, ends, sharp
from moecusp.certify.integrals import gaussian_integral, logistic
from moecusp.landscape import Saddle


def routing_saddle(temperature: Any) -> Saddle:
    """Enclose power, coupling and rates; a ball that holds T = 0 must be that point."""

    def moments(t: Ball) -> tuple[Ball, Ball]:
        if t == 0:
            return arb(1), 2 / arb.pi()

        def h(x: Any) -> Any:  # p (1 - p), log-concave and even
            return logistic(x / t) * logistic(-x / t)

        def tilt(x: Ball) -> Ball:
            return -(x / (2 * t)).tanh() / t

        variance = 2 * gaussian_integral(h, tilt, arb(0), ctx.prec // 2, half=True)
        return 1 - 4 * variance, (2 / arb.pi()).sqrt() * 2 * variance / t

    def formula(t: Ball) -> tuple[Ball, Ball, Ball, Ball]:
        # both fall in T: sech^2(x/2T) rises in it, and with x = T y the normal density at T y falls
        at = [moments(s) for s in ((t,) if t.is_exact() or not t > 0 else ends(t))]
        power, coupling = (high.union(low) for high, low in zip(at[0], at[-1], strict=True))
        root = (power * power + 4 * coupling * coupling).sqrt()
        return power, coupling, 4 * coupling * coupling / (root + power), root + power

    return Saddle(*sharp(formula, temperature=(temperature, NON_NEGATIVE)))


def jump_curvature(temperature: Any, density: Any) -> Ball:
    """Enclose 2 f0/T; each argument occurs once."""
    return sharp(lambda t, f: 2 * f / t, temperature=(temperature, POSITIVE), density=(density, POSITIVE))
