"""Enclosures of tie densities of curved interfaces and of boundary masses without one; see `moecusp.interfaces`."""

from __future__ import annotations

from typing import Any

from flint import acb, arb, ctx

from moecusp._arguments import NON_NEGATIVE, POSITIVE, integer
from moecusp.certify.balls import Ball, between, sharp, size
from moecusp.certify.integrals import integral


def sphere_tie_density(radius: Any, dimension: int) -> Ball:
    """Enclose (r^2/2)^(d/2-1) exp(-r^2/2)/(2 Gamma(d/2))."""
    d = arb(integer("dimension", dimension, 1))

    def formula(r: Ball) -> Ball:
        q = r * r / 2
        return ((d / 2 - 1) * q.log() - q).exp() / (2 * (d / 2).gamma())

    return sharp(formula, radius=(radius, POSITIVE))


def ellipse_tie_density(radius: Any, ratio_of_weights: Any) -> Ball:
    """Enclose exp(-r^2 (1 + 1/b)/4) I_0(r^2 (1 - 1/b)/4)/(2 sqrt b)."""

    def formula(r: Ball, b: Ball) -> Ball:
        q = r * r / 4
        return (-q * (1 + 1 / b)).exp() * (q * (1 - 1 / b)).bessel_i(arb(0)) / (2 * b.sqrt())

    return sharp(formula, radius=(radius, POSITIVE), ratio_of_weights=(ratio_of_weights, POSITIVE))


def parabola_tie_density(curvature: Any) -> Ball:
    """Enclose exp(q) K_1/4(q)/(4 pi k), q = 1/(16 k^2), which falls in |k|; phi(0) at k = 0."""

    def at(k: Ball) -> Ball:
        if k == 0:
            return 1 / (2 * arb.pi()).sqrt()
        q = 1 / (16 * k * k)
        return q.exp() * q.bessel_k(arb(1) / 4) / (4 * arb.pi() * k)

    return sharp(lambda k: between(at, (size(k), -1)), curvature=curvature)


def saddle_boundary_mass(width: Any) -> Ball:
    """Enclose (1/pi) int_0^w K_0(m/2) dm = 1 - (2/pi) int_0^inf exp(-(w/2) cosh t)/cosh t dt; it rises with w.

    Beyond R the last integrand is below 2 exp(-t) exp(-w/2).
    """

    def at(w: Ball) -> Ball:
        if w == 0:
            return arb(0)
        bits = ctx.prec
        reach = (arb(bits) * arb(2).log()).upper().ceil()

        def f(t: Any) -> Any:
            return (-(w / 2) * t.cosh()).exp() / t.cosh()

        # the poles of 1/cosh are at i pi/2: panels of length 1 keep away from them
        inside = integral(f, [arb(n) for n in range(int(float(reach)) + 1)], bits)
        rest = arb(0).union((2 * (-reach).exp() * (-w / 2).exp()).upper())
        return 1 - 2 / arb.pi() * (inside + rest)

    return sharp(lambda w: between(at, (w, 1)), width=(width, NON_NEGATIVE))


def power_boundary_mass(width: Any, power: Any) -> Ball:
    """Enclose erf(w^(1/p)/sqrt 2), which rises with w; with p it falls for w > 1 and rises below."""

    def at(w: Ball, p: Ball) -> Ball:
        return arb(0) if w == 0 else ((w.log() / p).exp() / arb(2).sqrt()).erf()

    return sharp(lambda w, p: between(at, (w, 1), (p, 0)), width=(width, NON_NEGATIVE), power=(power, POSITIVE))


def soft_risk_constant(exponent: Any) -> Ball:
    """Enclose 4 Gamma(alpha + 1) (eta_D(alpha) - eta_D(alpha - 1)), eta_D(s) = -Li_s(-1).

    It is the integral of 8 u^alpha exp(u)/(1 + exp u)^3, convex in alpha: over a box at most its value M at an end, and
    at least 2 f(middle) - M.
    """

    def eta(s: Ball) -> Ball:
        return -acb(-1).polylog(acb(s)).real

    def at(a: Ball) -> Ball:
        return 4 * (a + 1).gamma() * (eta(a) - eta(a - 1))

    def formula(a: Ball) -> Ball:
        if a.is_exact():
            return at(a)
        top = at(a.lower()).max(at(a.upper()))
        return top.union(2 * at(a.mid()) - top)

    return sharp(formula, exponent=(exponent, POSITIVE))
