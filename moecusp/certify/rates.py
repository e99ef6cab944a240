"""Enclosures of ramp delays and of safe steps and rates; see `moecusp.rates`."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from moecusp._arguments import POSITIVE, ParameterError, Range
from moecusp.certify.balls import BITS, Ball, sharp
from moecusp.certify.susceptibility import largest_eigenvalue, symmetric


def ramp_delay(rate: Any, gain: Any) -> Ball:
    """Enclose a_1 rho^(2/3) (1 - 1/g)^(-1/6) for g > 1, -a_1 being the first zero of Ai; each argument occurs once."""

    def formula(rho: Ball, g: Ball) -> Ball:
        return -arb.airy_ai_zero(1) * rho.root(3) ** 2 / (1 - 1 / g).root(6)

    return sharp(formula, rate=(rate, POSITIVE), gain=(gain, Range(low=1.0, open_low=True)))


def flip_step(gain: Any) -> Ball:
    """Enclose 2/(1 - g), g < 1."""
    return sharp(lambda g: 2 / (1 - g), gain=(gain, Range(high=1.0, open_high=True)))


def largest_safe_update_rate(susceptibility: Any) -> Ball:
    """Enclose 2/lambda_max(chi) for a matrix of numbers or balls whose largest eigenvalue is certainly positive.

    A matrix of balls stands for the symmetric matrices in it.
    """
    with ctx.workprec(BITS):
        top = largest_eigenvalue(symmetric("susceptibility", susceptibility, BITS), BITS)
        if not top > 0:
            raise ParameterError("susceptibility", susceptibility, "of a largest eigenvalue that is certainly > 0")
        return 2 / top
