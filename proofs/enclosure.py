"""Statements over whole boxes of real numbers by Arb: counts of equilibria, inequalities, the numbers of the theory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

import sympy as sp
from flint import arb, ctx

from proofs.balls import Interval, ball, claim, covered, exact, halves, sign, use, value
from proofs.statements import Statement
from proofs.steps import NotProved, holds, proves

PLANE = ((Fraction(1, 2), Fraction(3)), (Fraction(-3, 2), Fraction(3, 2)))  # gain, asymmetry
SMALLEST = Fraction(1, 2**14)  # area of the boxes given up on, relative to the whole
DECIDED = Fraction(98, 100)
Box = tuple[Interval, ...]
Cell = tuple[Fraction, Fraction, int]  # ends and the sign of F there: +-1, or of F' (+-2) where F may vanish


def zeros(g: arb, eta: arb) -> list[int] | None:
    """Return the signs of F' at the zeros of F for *every* (g, eta) in the balls, ascending; None if undecided.

    Cells where F keeps its sign hold no zero, runs of cells where F' keeps its sign hold one iff F's signs differ at
    the ends. Only F and F' are evaluated: no closed form of the theory enters.
    """
    reach = Fraction(5)  # beyond |u| = 5 > g + |eta|, F has the sign of -u
    pending, cells = [(-reach, reach)], []
    while pending:
        low, high = pending.pop()
        u = ball(low, high)
        slope = use("reduced.slope", "slope", u=u, g=g)
        centre = exact((low + high) / 2)
        drift = use("reduced.drift", "F", u=centre, g=g, eta=eta) + slope * (u - centre)  # mean value form
        kind = sign(drift) or 2 * sign(slope)
        if kind:
            cells.append((low, high, kind))
        elif high - low < Fraction(1, 512):
            return None
        else:
            middle = (low + high) / 2
            pending += [(middle, high), (low, middle)]
    return _crossings(cells)


def _crossings(cells: list[Cell]) -> list[int] | None:
    found: list[int] = []
    sign, run = 1, 0  # F > 0 far left
    for _, _, kind in [*cells, (Fraction(5), Fraction(5), -1)]:  # F < 0 far right
        if abs(kind) == 2:
            if run not in (0, kind):
                return None  # two runs of opposite slope meet: F might vanish at their border
            run = kind
        else:
            if kind != sign:
                if run == 0:
                    return None
                found.append(run // 2)
            sign, run = kind, 0
    return found


def plane(box: Box = PLANE) -> Iterator[tuple[Box, list[int]]]:
    """Yield boxes on which the zeros are decided, with the signs of F' at them; at last `DECIDED` of the area."""
    pending, decided = [(-area(box), box)], Fraction(0)
    while decided < DECIDED * area(box):
        _, cell = heappop(pending)  # the largest
        signs = zeros(*(ball(low, high) for low, high in cell))
        if signs is not None:
            decided += area(cell)
            yield cell, signs
        elif area(cell) > SMALLEST * area(box):
            for half in halves(cell):
                heappush(pending, (-area(half), half))
        elif not pending:
            return


def area(box: Box) -> Fraction:
    """Return the area of a box of the plane."""
    (a, b), (c, d) = box
    return (b - a) * (d - c)


def expected(s: Statement, g: arb, eta: arb) -> int | None:
    """Return the count that the closed form gives at a point; None where it is not certain."""
    if g < 1:
        return 1
    values = {"eta": eta, "eta_f": use("fold.asymmetry", "eta_f", g=g)}
    high, low = claim(s, "high", **values), claim(s, "low", **values)
    if high > 0 and low < 0:
        return 3
    return 1 if high < 0 or low > 0 else None


@proves("equilibrium.count", "enclosure")
def count(s: Statement) -> Iterator[str]:
    """Count zeros on boxes that cover the plane and compare with the closed form at each box's corners and centre."""
    decided, boxes = Fraction(0), 0
    for (gains, drives), signs in plane():
        decided, boxes = decided + area((gains, drives)), boxes + 1
        for g in (*gains, sum(gains) / 2):
            for eta in (*drives, sum(drives) / 2):
                if expected(s, exact(g), exact(eta)) not in (None, len(signs)):
                    raise NotProved(f"{len(signs)} zeros at g = {float(g)}, eta = {float(eta)}")
    share = decided / area(PLANE)
    yield holds(f"{float(share):.1%} of the plane decided by {boxes} boxes, all as claimed", share >= DECIDED)


@proves("equilibrium.stability", "enclosure")
def stability(s: Statement) -> Iterator[str]:
    """F' < 0, > 0, < 0 at three zeros and < 0 at one; the claims agree with the sign of F' on a grid of cells."""
    part = ((Fraction(1, 2), Fraction(3)), (Fraction(0), Fraction(3, 4)))
    for cell, signs in plane(part):
        if signs not in ([-1], [-1, 1, -1]):
            raise NotProved(f"stability {signs} in {cell}")
    yield "outer zeros stable, middle ones unstable wherever decided"
    for i in range(-24, 24):
        u = ball(Fraction(i, 8), Fraction(i + 1, 8))
        for k in range(9, 24):
            g = exact(Fraction(k, 8))
            slope = use("reduced.slope", "slope", u=u, g=g)
            outer, inner = claim(s, "outer", u=u, g=g), claim(s, "inner", u=u, g=g)
            if (outer and slope > 0) or (inner and slope < 0) or (slope > 0 and not inner) or (slope < 0 and not outer):
                if not (slope.contains(0) or (g - u.cosh() ** 2).contains(0)):
                    raise NotProved(f"claims contradict F' at u in {u}, g = {g}")
    yield "claims agree with the sign of F'"


@proves("fold.bounds", "enclosure")
def fold_bounds(s: Statement) -> Iterator[str]:
    """Both inequalities on d from 1/8 to 16."""

    def inside(d: arb) -> bool:
        eta_f = use("fold.asymmetry", "eta_f", g=1 + d)
        return bool(claim(s, "lower", d=d) < eta_f and eta_f < claim(s, "upper", d=d))

    yield covered("lower < eta_f < upper", ((Fraction(1, 8), Fraction(16)),), inside)


@proves("cusp.remainder", "enclosure")
def remainder(s: Statement) -> Iterator[str]:
    """0 <= F - cubic form <= bound on u from 1/2 to 6, per unit of g."""

    def inside(u: arb) -> bool:
        rest = u.tanh() - u + u**3 / 3
        return bool(rest > 0 and rest < claim(s, "bound", u=u, g=arb(1)))

    yield covered("0 < remainder < bound", ((Fraction(1, 2), Fraction(6)),), inside)


@proves("boundary.remainder", "enclosure")
def boundary_remainder(s: Statement) -> Iterator[str]:
    """|M - slope w| <= bound for sigma = 1, w from 1 to 4, b from 0 to 4."""
    one = arb(1)

    def inside(w: arb, b: arb) -> bool:
        rest = use("boundary.mass", "M", w=w, b=b, sigma=one) - w * use("boundary.slope", "slope", b=b, sigma=one)
        bound = claim(s, "bound", w=w, sigma=one)
        return bool(rest < bound and -rest < bound)

    yield covered("|remainder| < bound", ((Fraction(1), Fraction(4)), (Fraction(0), Fraction(4))), inside)


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


@proves("expert.fold_gain", "enclosure")
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


@proves("expert.equal_depth", "enclosure")
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


@proves("escape.barrier", "enclosure")
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


@proves("ramp.delay", "enclosure")
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


ctx.prec = 64
