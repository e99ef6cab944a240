"""Enclosures of the folds of two experts; see `moecusp.folds`."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE, Range
from moecusp.certify.balls import BITS, Ball, ball, between, ends, exponent, sharp, size

ABOVE = Range(low=1.0)


def fold_curve(u: Any) -> tuple[Ball, Ball]:
    """Enclose (cosh^2 u, u - sinh u cosh u): the first rises in |u|, the second falls, its slope being -2 sinh^2 u."""

    def formula(x: Ball) -> tuple[Ball, Ball]:
        gain = between(lambda v: v.cosh() ** 2, (size(x), 1))
        return gain, between(lambda v: v - (2 * v).sinh() / 2, (x, -1))

    found: tuple[Ball, Ball] = sharp(formula, u=u)
    return found


def fold_asymmetry(gain: Any) -> Ball:
    """Enclose eta_f(g) = sqrt(g (g - 1)) - arsinh sqrt(g - 1), g >= 1; its slope is sqrt(1 - 1/g) >= 0."""
    return sharp(fold_at, gain=(gain, ABOVE))


def hysteresis_width(gain: Any) -> Ball:
    """Enclose 2 eta_f(g); 0 for g <= 1."""
    return sharp(lambda g: 2 * between(lambda e: _fold(e.max(arb(1))), (g, 1)), gain=(gain, NON_NEGATIVE))


def fold_imbalance(gain: Any) -> Ball:
    """Enclose sqrt(1 - 1/g), g >= 1, which rises."""
    return sharp(lambda g: between(lambda e: ((e - 1) / e).sqrt(), (g, 1)), gain=(gain, ABOVE))


def fold_gain(asymmetry: Any) -> Ball:
    """Enclose the g >= 1 with eta_f(g) = |eta|: bisected from certain comparisons with the rising eta_f."""
    with ctx.workprec(BITS):
        return between(_fold_gain, (size(ball("asymmetry", asymmetry)), 1))


def fold_at(g: Ball) -> Ball:
    """Return eta_f over a ball of gains >= 1."""
    return between(_fold, (g, 1))


def _fold(g: Ball) -> Ball:
    with ctx.workprec(ctx.prec + 4 * max(0, -exponent(g - 1))):
        return (g * (g - 1)).sqrt() - (g - 1).sqrt().asinh()


def _fold_gain(eta: Ball) -> Ball:
    low, high = arb(1), eta + eta.sqrt() + 2  # wide enough, for eta_f(g) >= g - 1 - log(4 g)/2 - ..., and checked
    while not _fold(high) > eta:
        high = 2 * high
    for step in range(4 * BITS):
        part = 3 if step % 2 else 4  # two ways to cut: the value at one point may be too close to eta to compare
        middle = ((part * low + (8 - part) * high) / 8).mid()
        value = _fold(middle)
        if value > eta:
            high = middle
        elif value < eta:
            low = middle
    return ends(low)[0].union(ends(high)[1])
