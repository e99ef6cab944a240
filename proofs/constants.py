"""The numbers of the theory, enclosed by Arb: fold gains, equal depth, escape barrier, the zero of Airy's function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb

from proofs.balls import ball, claim, covered, encloses, exact, use, value
from proofs.statements import Statement
from proofs.steps import NotProved, holds


def root(f: Any, low: Fraction, high: Fraction, bits: int = 60) -> arb:
    """Return a ball around the zero of f between low and high, where f changes its sign certainly."""
    if not f(exact(low)) * f(exact(high)) < 0:
        raise NotProved("no certain change of sign")
    rising = bool(f(exact(high)) > 0)
    for _ in range(bits):
        middle = (low + high) / 2
        above = bool(f(exact(middle)) > 0)
        if not above and not f(exact(middle)) < 0:
            break
        low, high = (low, middle) if above == rising else (middle, high)
    return ball(low, high)


GAINS = {3: "0.91521452557757", 8: "0.5312248760809868", 64: "0.1081966350437468"}  # THEORY 5


@encloses("expert.fold_gain")
def expert_fold_gain(s: Statement) -> Iterator[str]:
    """Enclose the zero of the residual beyond Y = K - 1 and the gain there; below equal depth, below 1."""
    for experts in (3, 4, 8, 16, 64):
        K = arb(experts)
        x = root(lambda x, K=K: claim(s, "residual", x=x, Y=x.exp(), K=K), Fraction(1), Fraction(40))
        g = use("expert.fold_curve", "g", Y=x.exp(), K=K)
        middle = use("expert.equal_depth", "g", K=K)
        yield holds(f"K = {experts}: g_fold < g_M < 1", bool(g < middle) and bool(middle < 1))
        yield holds(f"K = {experts}: Y > K - 1 there", bool(x.exp() > K - 1))
        if experts in GAINS:
            digits = len(GAINS[experts]) - 2
            close = abs(g - arb(GAINS[experts])) < arb(10) ** -digits
            yield holds(f"K = {experts}: g_fold = {GAINS[experts]}...", bool(close))


@encloses("expert.equal_depth")
def equal_depth(s: Statement) -> Iterator[str]:
    """Phi of both states at the claimed gain; g_M(3) = (4/3) log 2."""
    for experts in (3, 5, 16, 1000):
        K = arb(experts)
        g, load = claim(s, "g", K=K), claim(s, "load", K=K)
        low = (1 - load) / (K - 1)
        high_v, low_v = K * g * load, K * g * low
        collapsed = (high_v**2 + (K - 1) * low_v**2) / 2 - K * g * (low_v - low.log())
        even = K * g**2 / 2 - K * g * (g + K.log())
        difference = collapsed - even
        yield holds(f"K = {experts}: equal", bool(abs(difference) < arb(2) ** -30))
        yield holds(f"K = {experts}: x", bool(abs(high_v - low_v - claim(s, "x", K=K)) < arb(2) ** -30))
    yield holds("g_M(3)", bool(abs(claim(s, "g", K=arb(3)) - 4 * arb(2).log() / 3) < arb(2) ** -40))


@encloses("escape.barrier")
def barrier(s: Statement) -> Iterator[str]:
    """At g = 1.5, eta = 0: enclose the stable state, the root p on cells from there to 0, and its integral."""
    g, eta = arb("1.5"), arb(0)
    state = root(lambda u: use("reduced.drift", "F", u=u, g=g, eta=eta), Fraction(1, 2), Fraction(2))
    cells = 300
    total = arb(0)
    for i in range(cells):
        u = state * ball(Fraction(i, cells), Fraction(i + 1, cells))
        total += _momentum(s, u, g, eta) * state / cells
    yield holds("0.219 < barrier < 0.23", bool(total > arb("0.219")) and bool(total < arb("0.23")))
    yield holds("so the diffusion limit's 0.25457 is not it", bool(total < arb("0.25457")))


def _momentum(s: Statement, u: arb, g: arb, eta: arb) -> arb:
    """Enclose minus the non-zero root p of H between a stable state at larger u and an unstable one at smaller u.

    H is convex in p and zero at p = 0, so H/p increases and its sign brackets the root. H is evaluated by the mean
    value form in u.
    """
    H = s.bare(s.claims["H"])
    slope = sp.diff(H, sp.Symbol("u", real=True))
    centre = u.mid()

    def over_p(p: arb) -> arb:
        change = value(slope, u=u, p=p, g=g, eta=eta) * (u - centre)
        quotient: arb = (value(H, u=centre, p=p, g=g, eta=eta) + change) / p
        return quotient

    def bisect(certain: Callable[[arb], bool], inside: Fraction, outside: Fraction) -> Fraction:
        for _ in range(12):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if certain(over_p(exact(middle))) else (inside, middle)
        return inside

    low = bisect(lambda quotient: quotient < 0, Fraction(-4), Fraction(0))
    high = bisect(lambda quotient: quotient > 0, Fraction(0), low)
    return -ball(low, high)


@encloses("ramp.delay")
def ramp(s: Statement) -> Iterator[str]:
    """The first zero of Ai, and the delay it gives for rho = b = 1."""
    low, high = Fraction("-2.338107410459768"), Fraction("-2.338107410459767")

    def airy(z: arb) -> arb:
        return z.airy_ai()

    a = root(airy, low, high)
    yield covered("Ai has no zero between it and 0", ((high, Fraction(0)),), lambda z: not airy(z).contains(0))
    b = claim(s, "b", g=arb(2))
    yield holds(
        "delay at rho = 1/8, b = 1/sqrt 2", bool(abs(_delay(s, a, b) - -a / 4 * arb(2).root(6)) < arb(2) ** -40)
    )


def _delay(s: Statement, a: arb, b: arb) -> arb:
    """Evaluate the claimed delay at rho = 1/8 through logarithms: its powers are thirds."""
    names = {"a": a, "rho": arb(1) / 8, "b": b}
    expression = s.bare(s.claims["delay"]).as_powers_dict()
    total: arb = arb(1)
    for base, power in expression.items():
        number = arb(int(base)) if base.is_Integer else names[str(base)]
        exponent = arb(int(power.p)) / int(power.q)
        total = total * (number ** int(power) if power.is_Integer else (number.log() * exponent).exp())
    return total
