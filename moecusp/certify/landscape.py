"""Enclosures of the saddle of a soft router at right angles to its teacher; see `moecusp.landscape`."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE
from moecusp.certify.balls import Ball, sharp
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
        power, coupling = moments(t)
        root = (power * power + 4 * coupling * coupling).sqrt()
        return power, coupling, 4 * coupling * coupling / (root + power), root + power

    return Saddle(*sharp(formula, temperature=(temperature, NON_NEGATIVE)))
