"""Enclosures of the barriers between the two stable loads; see `moecusp.escape`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flint import arb, ctx

from moecusp._arguments import NON_NEGATIVE
from moecusp.certify.balls import BITS, GOAL, Ball, Completeness, ball, ends, exponent, intersection, through
from moecusp.certify.equilibria import states
from moecusp.certify.escape_area import area
from moecusp.certify.escape_path import Path
from moecusp.certify.noise import work

_BITS = 72  # relative accuracy of the action


@dataclass(frozen=True)
class Barriers:
    """Barriers from the lower and from the upper stable state; none if there are not two, or if undecided."""

    completeness: Completeness
    values: tuple[Any, ...] = ()


def diffusion_barrier(gain: Any, asymmetry: Any = 0) -> Barriers:
    """Enclose (2/g^2) times the integral of F cosh^2 u from the unstable to each stable state.

    Its antiderivative is elementary, and stationary in u at both ends. The barrier of the upper state rises with eta;
    in g the mean value theorem is used, with the derivative (int tanh cosh^2 - g S)(2/g^2).

    >>> from moecusp import certify
    >>> print(certify.diffusion_barrier("1.5").values[1].str(12, radius=False))
    0.254567525480
    """
    return _barriers(gain, asymmetry, _diffusion)


def escape_barrier(gain: Any, asymmetry: Any = 0) -> Barriers:
    """Enclose the exact barrier S, the integral of p from each stable to the unstable state.

    By rigorous quadrature of (2/g) kappa along the path of `moecusp.certify.escape_path`: its radius is less than 2^-75
    of S at exact arguments. S of the upper state rises with eta, for |p| does: only the ends of a box are taken there.

    Parameters
    ----------
    gain, asymmetry : number, str, Fraction or flint.arb
        Gain g >= 0 and reduced asymmetry; balls describe boxes of parameters.

    Returns
    -------
    Barriers
        Without values where there are not two stable states; UNDECIDED on a fold or for a box that is too large.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, or gain < 0.

    References
    ----------
    Statement ``escape.barrier``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import certify
    >>> print(certify.escape_barrier("1.5").values[1].str(15, radius=False))
    0.224320588269861
    """
    return _barriers(gain, asymmetry, _action)


def _barriers(gain: Any, asymmetry: Any, upper: Callable[[Ball, Ball], Ball]) -> Barriers:
    found = states(gain, asymmetry, BITS)
    if found.completeness is Completeness.UNDECIDED:
        return Barriers(Completeness.UNDECIDED)
    if len(found.u) == 1:
        return Barriers(Completeness.PROVED)
    with ctx.workprec(4 * BITS):
        g, eta = ball("gain", gain, NON_NEGATIVE), ball("asymmetry", asymmetry)
        exact = eta.rad() <= abs(eta) / 2 ** (2 * BITS)  # or but for rounding
        low, high = (eta, eta) if exact else ends(eta)
        values = []
        for sides in ((-high, -low), (low, high)):
            first = upper(g, sides[0])
            values.append(first if exact else first.union(upper(g, sides[1])))
            if eta == 0:  # both sides are the same
                values.append(first)
                break
    if not all(value.is_finite() for value in values):
        return Barriers(Completeness.UNDECIDED)
    return Barriers(Completeness.PROVED, tuple(values))


def _force(u: Ball, g: Ball, eta: Ball) -> Ball:
    return g * u.tanh() - u + eta


def _diffusion(g: Ball, eta: Ball) -> Ball:
    bits = BITS
    while True:
        value = _diffusion_at(g, eta, bits)
        if not g.is_exact() and g.rad() > abs(g) / 2**BITS:
            centre = _diffusion_at(g.mid(), eta, bits)
            _, middle, top = states(g, eta, bits).u
            with ctx.workprec(bits):
                turned = top.sinh() ** 2 - middle.sinh() ** 2
                value = intersection(value, centre + (turned / g - 2 * value) / g * (g - g.mid()))
        if value.rel_accuracy_bits() >= GOAL or bits > 16 * BITS or g.rad() > abs(g) / 2**BITS:
            return value
        bits *= 2


def _diffusion_at(g: Ball, eta: Ball, bits: int) -> Ball:
    found = states(g, eta, bits).u
    if len(found) != 3:
        return arb.nan()
    with ctx.workprec(4 * bits):
        middle, top = (
            through(lambda u: work(u, g, eta), lambda u: _force(u, g, eta) * u.cosh() ** 2, v) for v in found[1:]
        )
        return 2 / g**2 * (top - middle)


def _action(g: Ball, eta: Ball) -> Ball:
    """Return the barrier of the upper state, along u up to some point and then along m.

    Between the exact a and b next to the ends F > 0 for every parameter; what is left out next to the ends is bounded.
    """
    found = states(g, eta, BITS).u
    if len(found) != 3:
        return arb.nan()
    middle, top = found[1], found[2]
    a, b = middle.upper(), top.lower()
    if not a < b:
        return arb.nan()
    turn = ((eta.max(a) + b) / 2).mid()
    scale = ((b - a) * _force(turn, g, eta)).mid()
    if not (a < turn < b and scale > 0):
        return arb.nan()
    bits = _BITS + 80 + 2 * abs(exponent(g)) + 2 * abs(exponent(scale))
    with ctx.workprec(bits):
        first, second = Path(g, eta, along_u=True), Path(g, eta, along_u=False)
        kappa = first.at(turn, bits)
        start = (turn - kappa).mid()
        if not (turn - kappa > 0 and start < b):
            return arb.nan()
        error = (kappa * (b - a)).mid() / arb(2) ** (_BITS + 14)
        total = area(first, a, turn, error) + area(second, start, b, error)
        near, apart = turn - start, kappa - (turn - start)  # a first-order change of kappa at turn changes nothing
        total += (apart / 2 + second.over(turn - kappa, near) - kappa) * apart - near * near / 2
        outside = (a - middle.lower()) * first.most(a.union(middle))
        outside += (top.upper() - b) * second.most(b.union(top))
        return 2 / g * (total + arb(0).union(outside.upper()))
