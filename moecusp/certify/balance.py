"""Enclosures of bias rules, mode by mode; see `moecusp.balance` and `moecusp.balance_sign`."""

from __future__ import annotations

from typing import Any

from flint import arb

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, ParameterError, integer
from moecusp.balance import BATCH, BalanceAutocorrelation, BalanceVariance
from moecusp.certify.balls import Ball, between, sharp
from moecusp.certify.expert_boundary import expert_boundary_slope


def _stable(r: Ball, lam: Ball) -> None:
    if not r * lam < 2:
        raise ParameterError("update_rate", r, "such that update_rate * eigenvalue < 2")


def proportional_variance(
    update_rate: Any, eigenvalue: Any, token_variance: Any, batch_size: Any = 1
) -> BalanceVariance:
    """Enclose r q/(B lambda (2 - r lambda)), r lambda q/(B (2 - r lambda)) and 2 q/(B (2 - r lambda)).

    All rise with r; the first falls in lambda up to r lambda = 1 and rises beyond, the others rise.
    """

    def formula(r: Ball, lam: Ball, q: Ball, batch: Ball) -> tuple[Ball, Ball, Ball]:
        _stable(r, lam)
        share = q / batch

        def turn(r: Ball, lam: Ball) -> Ball:  # r/(lambda (2 - r lambda))
            return r / (lam * (2 - r * lam))

        load = between(lambda r, lam: 2 / (2 / (r * lam) - 1), (r, 1), (lam, 1)) / 2
        observed = between(lambda r, lam: 2 / (2 - r * lam), (r, 1), (lam, 1))
        sign = -1 if r * lam <= 1 else 1 if r * lam >= 1 else 0
        return between(turn, (r, 1), (lam, sign)) * share, load * share, observed * share

    named = {
        "update_rate": (update_rate, POSITIVE),
        "eigenvalue": (eigenvalue, POSITIVE),
        "token_variance": (token_variance, POSITIVE),
        "batch_size": (batch_size, BATCH),
    }
    return BalanceVariance(*sharp(formula, **named))


def proportional_autocorrelation(update_rate: Any, eigenvalue: Any) -> BalanceAutocorrelation:
    """Enclose 1 - r lambda and -r lambda/2."""

    def formula(r: Ball, lam: Ball) -> tuple[Ball, Ball]:
        _stable(r, lam)
        return 1 - r * lam, -r * lam / 2

    found = sharp(formula, update_rate=(update_rate, POSITIVE), eigenvalue=(eigenvalue, POSITIVE))
    return BalanceAutocorrelation(*found)


def tracking_lag(drift: Any, update_rate: Any) -> Ball:
    """Enclose v/r."""
    return sharp(lambda v, r: v / r, drift=(drift, REAL), update_rate=(update_rate, POSITIVE))


def best_update_rate_leading(drift: Any, eigenvalue: Any, token_variance: Any, batch_size: Any = 1) -> Ball:
    """Enclose (4 B v^2/(lambda q))^(1/3)."""
    return sharp(
        lambda v, lam, q, batch: (4 * batch * v**2 / (lam * q)).root(3),
        drift=(drift, POSITIVE),
        eigenvalue=(eigenvalue, POSITIVE),
        token_variance=(token_variance, POSITIVE),
        batch_size=(batch_size, BATCH),
    )


def effective_update_rate(bias_step: Any, deviation: Any) -> Ball:
    """Enclose u sqrt(2/pi)/S."""
    return sharp(
        lambda u, s: u * (2 / arb.pi()).sqrt() / s, bias_step=(bias_step, POSITIVE), deviation=(deviation, POSITIVE)
    )


def sign_variance(
    bias_step: Any, eigenvalue: Any, noise: Any, experts: int, lattice_spacing: Any = 0
) -> BalanceVariance:
    """Enclose the Gaussian closure, which is itself an approximation: its solution, not its error."""
    count = integer("experts", experts, 2)

    def formula(u: Ball, lam: Ball, s: Ball, d: Ball) -> tuple[Ball, Ball, Ball]:
        e = (2 if count == 2 else 1) * d / (2 * arb.pi()).sqrt()
        if d > (2 * arb.pi()).sqrt() * s:
            raise ParameterError("lattice_spacing", lattice_spacing, "at most sqrt(2 pi) times the noise")
        opposed = 1 + 2 / arb.pi() * (arb(1) / (count - 1)).asin()
        half = (arb.pi() / 8).sqrt() * u
        c = half * lam * (count - 1) / count
        deviation = (c * opposed + ((c * opposed) ** 2 + 4 * (s * s - c * e)).sqrt()) / 2
        spread = opposed * deviation - e
        return half * spread / lam, c * spread, deviation**2

    return BalanceVariance(
        *sharp(
            formula,
            bias_step=(bias_step, POSITIVE),
            eigenvalue=(eigenvalue, POSITIVE),
            noise=(noise, POSITIVE),
            lattice_spacing=(lattice_spacing, NON_NEGATIVE),
        )
    )


def expected_max_violation(deviation: Any, experts: int) -> Ball:
    """Enclose K sqrt(K/(K - 1)) S m_K, m_K the slope of the boundary mass of K experts."""
    count = integer("experts", experts, 2)
    slope = expert_boundary_slope(count)
    factor = count * (arb(count) / (count - 1)).sqrt() * slope
    return sharp(lambda s: factor * s, deviation=(deviation, POSITIVE))
