"""Susceptibility of a router's loads to its scores, its bound, and the critical feedback it implies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero


@proves("susceptibility.derivative")
def derivative(s: Statement) -> Iterator[str]:
    """Softmax of beta (logit + score): differentiate by the expert's own score a and by another's, b."""
    beta, a, b = s.symbols("beta a b")
    rest = sp.Symbol("rest", positive=True)
    Z = sp.exp(beta * a) + sp.exp(beta * b) + rest
    p, q = sp.exp(beta * a) / Z, sp.exp(beta * b) / Z
    loads = {s.symbol("p"): p, s.symbol("q"): q}
    yield zero("own score", sp.diff(p, a) - s["diagonal"].subs(loads))
    yield zero("another's score", sp.diff(p, b) - s["across"].subs(loads))
    yield zero("symmetric", sp.diff(p, b) - sp.diff(q, a))


@proves("susceptibility.psd")
def psd(s: Statement) -> Iterator[str]:
    """w.(diag p - p p^T) w is the variance of w under p: the mean of (w - first)^2; averaging over tokens keeps it."""
    beta, first, second, p = s.symbols("beta first second p")
    centred = second - 2 * first * first + first**2  # mean of (w - first)^2, term by term
    yield zero("form = beta variance", s["form"] - beta * centred)
    own = s.use("susceptibility.derivative", "diagonal").subs(p, 1)
    yield zero("one expert alone has none", own)
    diagonal, across = (s.use("susceptibility.derivative", n) for n in ("diagonal", "across"))
    row = diagonal + across.subs(s.symbol("q"), 1 - p)  # the other loads add up to 1 - p
    yield zero("row sum: chi applied to (1, ..., 1)", row - s["kernel"])


@proves("susceptibility.tie_graph")
def tie_graph(s: Statement) -> Iterator[str]:
    """Raising score i by ds moves the tokens within ds of a tie with j: c_ij ds of them, from j to i."""
    c12, c13, c23 = s.symbols("c12 c13 c23")
    w = sp.Matrix(s.symbols("w1 w2 w3"))
    moved = {(0, 1): c12, (0, 2): c13, (1, 2): c23}
    chi = sp.zeros(3, 3)
    for (i, j), c in moved.items():
        for receiver, giver in ((i, j), (j, i)):
            chi[receiver, receiver] += c
            chi[giver, receiver] -= c
    yield zero("loads add up to one: column sums", chi.T * sp.ones(3, 1))
    yield zero("symmetric", chi - chi.T)
    yield zero("across", chi[0, 1] - s["across"])
    yield zero("diagonal", chi[0, 0] - s["diagonal"])
    yield zero("form", (w.T * chi * w)[0] - s["form"])


@proves("susceptibility.slot_ties")
def slot_ties(s: Statement) -> Iterator[str]:
    """An expert is chosen if at most k - 1 others lie above it: differentiate the probability of that by one's chance.

    Raising score j by ds raises the chance that j is above a logit x by its density at x times ds. Expert i, at x, so
    loses slots where j arrives there and exactly k - 1 of the others are above: at c_ij, and 1/k of a share for each.
    Other logits being given, the chances are 0 or 1, so that nothing need be independent.
    """
    q = {n: s.symbol(f"q{n}") if n > 2 else sp.Symbol(f"q{n}", positive=True) for n in range(1, 5)}
    for k in (1, 2, 3):
        for i in (1, 2):
            j = 3 - i
            chosen = sum(_above(q, set(q) - {i}, m) for m in range(k))
            exactly = _above(q, {3, 4}, k - 1)
            yield zero(f"top-{k}: {j} drives {i} out at a tie with k - 1 above", sp.diff(chosen, q[j]) + exactly)
    yield zero("k = 2", _above(q, {3, 4}, 1) - s["last"])
    k = s.symbol("k")
    w = sp.Matrix(s.symbols("w1 w2 w3 w4"))
    chi = sp.zeros(4, 4)
    for i in range(4):
        for j in range(i):
            c = s.symbol(f"c{j + 1}{i + 1}")
            for receiver, giver in ((i, j), (j, i)):
                chi[receiver, receiver] += c / k
                chi[giver, receiver] -= c / k
    yield zero("slots are kept in number: column sums", chi.T * sp.ones(4, 1))
    yield zero("symmetric", chi - chi.T)
    yield zero("across", chi[0, 1] - s["across"])
    yield zero("diagonal", chi[0, 0] - s["diagonal"])
    yield zero("trace", chi.trace() - s["trace"])
    yield zero("form", (w.T * chi * w)[0] - s["form"])
    top1 = s.use("susceptibility.tie_graph", "across")
    yield zero("k = 1 is the tie graph of the top", s["across"].subs(k, 1) - top1)


def _above(q: dict[int, sp.Expr], others: set[int], count: int) -> sp.Expr:
    """Return the probability that exactly so many of the others lie above, each with its own chance."""
    ways = combinations(sorted(others), count)
    return sum(sp.prod([q[n] if n in above else 1 - q[n] for n in others]) for above in ways)


@proves("susceptibility.bound")
def bound(s: Statement) -> Iterator[str]:
    """Var w <= mean of (w - c)^2 <= (a - b)^2/4 for w between a and b with midpoint c; (a - b)^2 <= 2 |w|^2."""
    beta, a, b, first, c = s.symbols("beta a b first c")
    second = s.symbol("second")
    about = second - 2 * c * first + c**2
    yield zero("mean (w - c)^2 = Var w + (first - c)^2", about - (second - first**2) - (first - c) ** 2)
    yield zero("(a - b)^2/4 + (a + b)^2/4 = (a^2 + b^2)/2", (a - b) ** 2 / 4 + (a + b) ** 2 / 4 - (a**2 + b**2) / 2)
    yield zero("so chi <= beta/2", s["lambda_max"] - beta * sp.Rational(1, 2))
    half = s.use("susceptibility.psd", "form").subs({s.symbol("second"): sp.Rational(1, 2), first: 0})
    yield zero("reached by two even experts, w = (1, -1)/sqrt 2", half - s["lambda_max"])


@proves("susceptibility.critical_feedback")
def critical(s: Statement) -> Iterator[str]:
    """Linearise ds/dt = kappa f(s) - mu s + h: eigenvalues kappa lambda - mu."""
    kappa, mu, lam, K, p = s.symbols("kappa mu lambda_max K p")
    top = kappa * lam - mu
    yield zero("the top one vanishes", top.subs(kappa, s["kappa"]))
    yield positive("and grows with the feedback", sp.diff(top, kappa))
    diagonal, across = (s.use("susceptibility.derivative", n) for n in ("diagonal", "across"))
    even = {p: 1 / K, s.symbol("q"): 1 / K}
    yield zero("even loads: diagonal - across on vectors with sum 0", (diagonal - across).subs(even) - s["uniform"])
    gives = s["kappa"].subs(lam, s["uniform"])
    yield zero("which is gain 1", gives - s.use("critical.feedback", "kappa"))
