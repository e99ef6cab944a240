"""Enclosures of the E parameter and its competitor; see `moecusp.ecology`. Boxes are sharp."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import NON_NEGATIVE, POSITIVE, ParameterError
from moecusp.certify.balls import Ball, sharp


def ecology_parameter(temperature: Any, entropy_weight: Any, oracle_weight: Any, balance_weight: Any) -> Ball:
    """Enclose E = T H/(O + B), O + B > 0."""

    def formula(t: Ball, h: Ball, o: Ball, b: Ball) -> Ball:
        if not o + b > 0:
            raise ParameterError("oracle_weight + balance_weight", o + b, "> 0: else E is not defined")
        return t * h / (o + b)

    return sharp(
        formula,
        temperature=(temperature, POSITIVE),
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        oracle_weight=(oracle_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )


def mean_field_competitor(entropy_weight: Any, oracle_weight: Any, balance_weight: Any) -> Ball:
    """Enclose (H + B)/O, O > 0."""
    return sharp(
        lambda h, o, b: (h + b) / o,
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        oracle_weight=(oracle_weight, POSITIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )
