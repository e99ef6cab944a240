"""Rigorous integrals: Gauss-Legendre quadrature with bounds on complex ellipses (Arb's and by hand), Gaussian tails."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flint import acb, arb, ctx

from moecusp.certify.balls import Ball

Integrand = Callable[[Any], Any]


def integral(f: Integrand, points: list[Ball], bits: int) -> Ball:
    """Enclose the integral of an analytic function between exact points, to an absolute 2^-bits if f allows it.

    f takes a real or complex ball and returns a ball around its values there: not a finite one where it may not be
    analytic.
    """
    goal = arb(2) ** -bits
    total = arb(0)
    for low, high in itertools.pairwise(points):
        if low < high:
            total += acb.integral(lambda x, _: acb(f(x)), low, high, rel_tol=goal, abs_tol=goal).real
    return total


def ellipse(middle: Ball, half: Ball) -> Any:
    """Return a ball about the open ellipse with the foci middle +- half, on which `gauss_legendre`'s bounds rest."""
    wide = arb(0, 1) * half
    return acb(middle + wide * 5 / 3, wide * 4 / 3)


def gauss_nodes(bound: Ball, error: Ball) -> int:
    """Return a number of nodes n >= 2 at which `gauss_error` does not exceed an error."""
    ratio = float((bound / error).upper().log() / arb(3).log() / 2) + 1 if bound > error else 1.0
    return max(2, int(ratio) + 1)


def gauss_error(bound: Ball, nodes: int) -> Ball:
    """Return a bound on the error of the rule with n >= 2 nodes for an integral over [-1, 1].

    bound is one on |f - l| over the open ellipse with foci +-1 and semi-axes 5/3 and 4/3, where f is analytic; l is
    linear, so that the rule is exact for it. The Chebyshev coefficients of f - l are at most 2 bound 3^-k. The rule is
    exact for T_k at odd k and at k < 2n, and errs by at most 2 + 2/(k^2 - 1) <= 32/15 at even k >= 4: in all by
    (64/15) bound 9^-n/(1 - 1/9).
    """
    return bound * arb(24) / 5 / arb(9) ** nodes


@lru_cache(maxsize=256)
def gauss_legendre(nodes: int, bits: int) -> tuple[tuple[Ball, Ball], ...]:
    """Return nodes on [-1, 1] and weights, right to so many bits."""
    with ctx.workprec(bits):
        return tuple(arb.legendre_p_root(nodes, place, weight=True) for place in range(nodes))


def gaussian_integral(h: Integrand, tilt: Callable[[Ball], Ball], centre: Ball, bits: int, half: bool = False) -> Ball:
    """Enclose the integral of exp(-(x - c)^2/2) h(x)/sqrt(2 pi) over the line, or over x > 0 if half.

    h is positive and log-concave, tilt = (log h)'. So is the integrand f, and log f(a + y) <= log f(a) + d y - y^2/2
    with d = (log f)'(a): beyond a +- r it leaves at most f(a) exp(d^2/2) sqrt(2 pi) Q(r - |d|). The rest is integrated
    relative to f(a), a near the maximum.
    """
    middle = centre.mid()

    def rise(x: Ball) -> Ball:
        return tilt(x) - (x - centre)

    low, high = (arb(0), arb(1)) if half else (middle - 1, middle + 1)
    while not half and rise(low).mid() < 0:
        low = (low - 2 * (high - low)).mid()
    while rise(high).mid() > 0:
        high = (high + 2 * (high - low)).mid()
    for _ in range(200):
        cut = ((low + high) / 2).mid()
        low, high = (cut, high) if rise(cut).mid() > 0 else (low, cut)
    peak = low.mid()
    d = rise(peak) if peak > 0 or not half else rise(peak).max(arb(0))  # beyond an end only the growth counts
    reach = (arb(2 * bits) + 20).sqrt().upper() + d.abs_upper()
    top = (-((peak - centre) ** 2) / 2).exp() * h(peak)
    scale = top.mid()
    start = (peak - reach).max(arb(0)).mid() if half else (peak - reach).mid()
    end = (peak + reach).mid()

    def f(x: Any) -> Any:
        return (-((x - centre) ** 2) / 2).exp() * h(x) / scale

    inside = integral(f, [start, peak, end], bits)
    left = arb(0) if start == 0 and half else _tail(peak - start, d)
    outside = top / scale * (left + _tail(end - peak, d))
    return (inside + arb(0).union(outside.upper())) * scale / (2 * arb.pi()).sqrt()


def _tail(r: Ball, d: Ball) -> Ball:
    """Return a bound on the integral of exp(d y - y^2/2) over y > r, whatever the sign of d."""
    s = d.abs_upper()
    return (s * s / 2).exp() * (arb.pi() / 2).sqrt() * ((r - s) / arb(2).sqrt()).erfc()


def upper_normal(x: Ball) -> Ball:
    """Return Q(x), the probability that a standard normal number exceeds x."""
    return (x / arb(2).sqrt()).erfc() / 2


def logistic(w: Any) -> Any:
    """Return 1/(1 + exp w), within q/(1 - q) of 0 or 1 for q = exp(-|Re w|) < 1/2 however wide Im w is."""
    if not isinstance(w, acb) or w.is_exact():
        return 1 / (1 + w.exp())
    q = (-w.real.abs_lower()).exp()
    plain = 1 / (1 + w.exp())
    if not q < 0.5:
        return plain
    far = arb(0, 1) * (q / (1 - q)).upper()
    bound = acb((arb(0) if w.real > 0 else arb(1)) + far, far)
    return plain if plain.is_finite() and plain.real.rad() < bound.real.rad() else bound
