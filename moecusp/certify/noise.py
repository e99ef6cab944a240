"""Enclosures of fluctuations and of the diffusion limit's density; see `moecusp.noise`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE, POSITIVE
from moecusp.certify.balls import BITS, Ball, Completeness, ball, doubling, refined, sech_squared, through
from moecusp.certify.dynamics import log_cosh
from moecusp.certify.equilibria import states
from moecusp.certify.integrals import integral
from moecusp.equilibria import Stability
from moecusp.noise import BATCH, STEP


@dataclass(frozen=True)
class StateValues:
    """Values in the places of ``equilibria(gain, asymmetry).u``.

    Attributes
    ----------
    completeness : Completeness
        UNDECIDED, without values, where the equilibria are undecided or the values not bounded over the box.
    values : tuple of flint.arb or None
        None where the equilibrium is not stable.
    """

    completeness: Completeness
    values: tuple[Any, ...] = ()


def stationary_variance(gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> StateValues:
    """Enclose delta g^2 sech^2 u/(B r (2 - delta r)), r = -F', about each stable equilibrium.

    At the cusp it is infinite: UNDECIDED. With g sech^2 u = 1 - r it is delta g (1 - r)/(B r (2 - delta r)), r once in
    (1/r - 1)/(2 - delta r) but for delta r.
    """

    def formula(rate: Ball) -> Ball:
        g, delta = ball("gain", gain, NON_NEGATIVE), ball("step", step, STEP)
        return delta * g * (1 / rate - 1) / (ball("batch_size", batch_size, BATCH) * (2 - delta * rate))

    formula(arb(1))  # the arguments are checked whatever the equilibria
    return _about(gain, asymmetry, formula)


def lag1_autocorrelation(gain: Any, asymmetry: Any, step: Any) -> StateValues:
    """Enclose 1 + delta F' at each stable equilibrium."""

    def formula(rate: Ball) -> Ball:
        return 1 - ball("step", step, STEP) * rate

    formula(arb(1))
    return _about(gain, asymmetry, formula)


def _about(gain: Any, asymmetry: Any, formula: Callable[[Ball], Ball]) -> StateValues:
    found = states(gain, asymmetry, BITS)
    if found.completeness is Completeness.UNDECIDED:
        return StateValues(Completeness.UNDECIDED)

    def value(place: int) -> Ball:
        return refined(lambda bits: _at(gain, asymmetry, place, formula, bits))

    values = [value(place) if kind is Stability.STABLE else None for place, kind in enumerate(found.stability)]
    if any(value is not None and not value.is_finite() for value in values):
        return StateValues(Completeness.UNDECIDED)
    return StateValues(Completeness.PROVED, tuple(values))


def _at(gain: Any, asymmetry: Any, place: int, formula: Callable[[Ball], Ball], bits: int) -> Ball:
    u = states(gain, asymmetry, bits).u[place]
    with ctx.workprec(bits):
        return formula(1 - ball("gain", gain, NON_NEGATIVE) * sech_squared(u))


def log_stationary_density(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Ball:
    """Enclose log rho(u) = E(u) - log of the integral of exp E; see `stationary_density`."""
    return refined(lambda bits: _log_density(u, gain, asymmetry, step, batch_size, bits))


def stationary_density(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Ball:
    """Enclose the normalised rho = exp E, E = 2 log cosh u + (2 B/(delta g^2)) times the integral of F cosh^2 from 0.

    The integral of rho is taken by rigorous quadrature to +-R, R > g + |eta| + 1. Beyond, |F| > 1 and E falls at
    least as fast as there, at the rate (2 B/(delta g^2)) |F| cosh^2 u - 2: so the tails are below exp E(R) over it.
    """

    def evaluate(bits: int) -> Ball:
        with ctx.workprec(bits):
            return _log_density(u, gain, asymmetry, step, batch_size, bits).exp()

    return refined(evaluate)


def _log_density(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any, bits: int) -> Ball:
    with ctx.workprec(bits):
        x, g, eta = ball("u", u), ball("gain", gain, POSITIVE), ball("asymmetry", asymmetry)
        stiff = 2 * ball("batch_size", batch_size, BATCH) / (ball("step", step, STEP) * g * g)
        far = (g + abs(eta) + 2).upper()
        for reach in doubling(far):
            rate = stiff * (reach - g - abs(eta)) * reach.cosh() ** 2 - 2
            if rate > 1:
                break
        near = states(g.mid(), eta.mid(), BITS)  # where the density is large: no more than a good start
        inner = [v.mid() for v in near.u]
        level = arb(0)
        for v in inner:
            level = level.max(exponent_of(v, g.mid(), eta.mid(), stiff.mid())).mid()

        def f(y: Any) -> Any:
            square = y.cosh() ** 2
            middle = y.mid()  # by the mean value theorem, for the exponent is stationary where it counts
            rise = stiff * (work(middle, g, eta) + (g * y.tanh() - y + eta) * square * (y - middle))
            return square * (rise - level).exp()

        total = integral(f, [-reach, *inner, reach], bits // 2)
        for end in (-reach, reach):
            tail = (exponent_of(end, g, eta, stiff) - level).exp() / rate
            total += arb(0).union(tail.upper())
        value = through(
            lambda v: exponent_of(v, g, eta, stiff),
            lambda v: 2 * v.tanh() + stiff * (g * v.tanh() - v + eta) * v.cosh() ** 2,
            x,
        )
        return value - level - total.log()


def exponent_of(x: Ball, g: Ball, eta: Ball, stiff: Ball) -> Ball:
    """Return 2 log cosh x + stiff times `work`."""
    return 2 * log_cosh(x) + stiff * work(x, g, eta)


def work(x: Any, g: Ball, eta: Ball) -> Any:
    """Return the integral of F cosh^2 from 0 to x, real or complex."""
    sinh, double = x.sinh(), (2 * x).sinh()
    return (g / 2 + arb(1) / 4) * sinh * sinh - x * (x + double) / 4 + eta * (x / 2 + double / 4)
