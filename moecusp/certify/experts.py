"""Enclosures of the gains and the fold curve of K experts; see `moecusp.experts`.

Besides integers, experts may be a ball: a box of real K >= 2, for the formulas are analytic and monotone in K.
"""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from moecusp.certify.balls import BITS, Ball, ball, between, experts_ball, exponent, refined, root, through


def balanced_critical_gain(experts: Any) -> Ball:
    """Return 1, the gain at which the balanced state of K experts loses stability."""
    experts_ball(experts)
    return arb(1)


def expert_fold_gain(experts: Any) -> Ball:
    """Enclose g_fold = min over x > 0 of x (1/(exp x - 1) + 1/K), which falls in K.

    With w = x/2 it is the minimum of w coth w - (1 - 2/K) w, where the slope of the convex w coth w is 1 - 2/K:
    statements ``expert.fold_gain`` and ``expert.families``. That slope is enclosed by bisection and interval Newton.

    >>> from moecusp import certify
    >>> print(certify.expert_fold_gain(8).str(20, radius=False))
    0.53122487608098683998
    """

    def evaluate(bits: int) -> Ball:
        with ctx.workprec(bits):
            return between(lambda k: fold_of_lean(1 - 2 / k, bits)[1], (experts_ball(experts), -1))

    return refined(evaluate)


def equal_depth_gain(experts: Any) -> Ball:
    """Enclose g_M = 2 (K-1) log(K-1)/(K (K-2)) = y/sinh y, y = log(K-1): it falls in K, from its limit 1 at K = 2."""

    def at(k: Ball) -> Ball:
        y = (k - 2).log1p()
        return arb(1) if y == 0 else y / y.sinh()

    def evaluate(bits: int) -> Ball:
        with ctx.workprec(bits):
            return between(at, (experts_ball(experts), -1))

    return refined(evaluate)


def expert_fold_curve(x: Any, experts: Any) -> tuple[Ball, Ball]:
    """Enclose g = (Y+K-1)^2/(K^2 Y) and eta = x - (Y-1)(Y+K-1)/(K Y), Y = exp x.

    As root g = exp(-x/2) + 2 sinh(x/2)/K and eta = (1 - 2/K)(cosh x - 1) - (sinh x - x), K occurs once in each.
    """

    def evaluate(bits: int) -> tuple[Ball, Ball]:
        with ctx.workprec(bits):
            d, k = ball("x", x), experts_ball(experts)
            root_gain = through(
                lambda v: (-v / 2).exp() + 2 / k * (v / 2).sinh(),
                lambda v: (v / 2).cosh() / k - (-v / 2).exp() / 2,
                d,
            )
            lean = 1 - 2 / k
            drive = through(
                lambda v: lean * (v.cosh() - 1) - (v.sinh() - v), lambda v: lean * v.sinh() - (v.cosh() - 1), d
            )
            return root_gain**2, drive

    found: tuple[Ball, Ball] = refined(evaluate)
    return found


def langevin(w: Ball) -> Ball:
    """Return L(w) = w coth w over a ball w >= 0; it rises, from 1."""
    return between(lambda e: arb(1) if e == 0 else e * e.coth(), (w, 1))


def langevin_slope(w: Ball) -> Ball:
    """Return L'(w) = coth w - w/sinh^2 w over a ball w >= 0; it rises from 0 to 1, for L is convex."""
    return between(_langevin_slope, (w, 1))


def _langevin_slope(w: Ball) -> Ball:
    if w == 0:
        return arb(0)
    with ctx.workprec(ctx.prec + 4 * max(0, -exponent(w))):
        return w.coth() - w / w.sinh() ** 2


def fold_of_lean(t: Ball, bits: int = BITS) -> tuple[Ball, Ball]:
    """Return w and the gain (w/sinh w)^2 at the minimum of L(w) - t w, for 0 <= t < 1.

    The sign changes are certain: L' - t < 0 at 0, and > 0 at log(4/(1-t)) + 1, where 1 - L' is below
    (2 w - 2) exp(-2 w)/(1 - exp(-2 w))^2; both are checked all the same.
    """
    if t == 0:
        return arb(0), arb(1)
    with ctx.workprec(bits + 4 * abs(exponent(t)) + 4 * abs(exponent(1 - t))):
        low, high = arb(0), ((4 / (1 - t)).log() + 1).upper()
        while not langevin_slope(high) > t:
            high = 2 * high
        w = root(lambda v: langevin_slope(v) - t, _bend, low, high, bits)
        return w, (w / w.sinh()) ** 2


def _bend(w: Ball) -> Ball:
    """Return L'' = 2 (w coth w - 1)/sinh^2 w > 0, which falls from 2/3."""

    def at(e: Ball) -> Ball:
        return arb(2) / 3 if e == 0 else 2 * (e * e.coth() - 1) / e.sinh() ** 2

    return between(at, (w, -1))
