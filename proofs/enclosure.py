"""Statements over whole boxes of real numbers by Arb: counts of equilibria, inequalities, the numbers of the theory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from heapq import heappop, heappush

from flint import arb

from proofs.balls import Interval, ball, claim, covered, encloses, exact, halves, sign, use
from proofs.statements import Statement
from proofs.steps import NotProved, holds

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


@encloses("equilibrium.count")
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


@encloses("equilibrium.stability")
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
                raise NotProved(f"claims contradict F' at u in {u}, g = {g}")
    yield "claims agree with the sign of F'"


@encloses("fold.bounds")
def fold_bounds(s: Statement) -> Iterator[str]:
    """Both inequalities on d from 1/8 to 16."""

    def inside(d: arb) -> bool:
        eta_f = use("fold.asymmetry", "eta_f", g=1 + d)
        return bool(claim(s, "lower", d=d) < eta_f and eta_f < claim(s, "upper", d=d))

    yield covered("lower < eta_f < upper", ((Fraction(1, 8), Fraction(16)),), inside)


@encloses("cusp.remainder")
def remainder(s: Statement) -> Iterator[str]:
    """0 <= F - cubic form <= bound on u from 1/2 to 6, per unit of g."""

    def inside(u: arb) -> bool:
        rest = u.tanh() - u + u**3 / 3
        return bool(rest > 0 and rest < claim(s, "bound", u=u, g=arb(1)))

    yield covered("0 < remainder < bound", ((Fraction(1, 2), Fraction(6)),), inside)


@encloses("boundary.remainder")
def boundary_remainder(s: Statement) -> Iterator[str]:
    """|M - slope w| <= bound for sigma = 1, w from 1 to 4, b from 0 to 4."""
    one = arb(1)

    def inside(w: arb, b: arb) -> bool:
        rest = use("boundary.mass", "M", w=w, b=b, sigma=one) - w * use("boundary.slope", "slope", b=b, sigma=one)
        bound = claim(s, "bound", w=w, sigma=one)
        return bool(rest < bound and -rest < bound)

    yield covered("|remainder| < bound", ((Fraction(1), Fraction(4)), (Fraction(0), Fraction(4))), inside)
