"""Enclosures of the reduced parameters; see `moecusp.reduced`. Each argument occurs once, so boxes are sharp."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import POSITIVE
from moecusp.certify.balls import Ball, experts_ball, sharp


def critical_feedback(decay: Any, inverse_temperature: Any = 1, experts: Any = 2) -> Ball:
    """Enclose kappa_c = K mu/beta."""
    return sharp(
        lambda mu, beta: experts_ball(experts) * mu / beta,
        decay=(decay, POSITIVE),
        inverse_temperature=(inverse_temperature, POSITIVE),
    )


def gain(feedback: Any, decay: Any = 1, inverse_temperature: Any = 1, experts: Any = 2) -> Ball:
    """Enclose g = kappa beta/(K mu)."""
    return sharp(
        lambda kappa, mu, beta: kappa * beta / (experts_ball(experts) * mu),
        feedback=(feedback, POSITIVE),
        decay=(decay, POSITIVE),
        inverse_temperature=(inverse_temperature, POSITIVE),
    )


def reduced_asymmetry(asymmetry: Any, decay: Any = 1, inverse_temperature: Any = 1) -> Ball:
    """Enclose eta = beta h/(2 mu)."""
    return sharp(
        lambda h, mu, beta: beta * h / (2 * mu),
        asymmetry=asymmetry,
        decay=(decay, POSITIVE),
        inverse_temperature=(inverse_temperature, POSITIVE),
    )
