"""Enclosures of the drift, its slope and its potential; see `moecusp.dynamics`."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import NON_NEGATIVE
from moecusp.certify.balls import Ball, sech_squared, sharp, size, through


def drift(u: Any, gain: Any, asymmetry: Any = 0) -> Ball:
    """Enclose F = g tanh u - u + eta."""

    def formula(x: Ball, g: Ball, eta: Ball) -> Ball:
        return through(lambda v: g * v.tanh() - v, lambda v: g * sech_squared(v) - 1, x) + eta

    return sharp(formula, u=u, gain=(gain, NON_NEGATIVE), asymmetry=asymmetry)


def slope(u: Any, gain: Any) -> Ball:
    """Enclose F' = g sech^2 u - 1."""
    return sharp(lambda x, g: g * sech_squared(x) - 1, u=u, gain=(gain, NON_NEGATIVE))


def potential(u: Any, gain: Any, asymmetry: Any = 0) -> Ball:
    """Enclose V = u^2/2 - g log cosh u - eta u."""

    def formula(x: Ball, g: Ball, eta: Ball) -> Ball:
        def well(v: Ball) -> Ball:
            return v * v / 2 - g * log_cosh(v) - eta * v

        def force(v: Ball) -> Ball:
            return v - g * v.tanh() - eta

        return through(well, force, x)

    return sharp(formula, u=u, gain=(gain, NON_NEGATIVE), asymmetry=asymmetry)


def log_cosh(x: Ball) -> Ball:
    """Return log cosh x."""
    a = size(x)
    return a + ((1 + (-2 * a).exp()) / 2).log()
