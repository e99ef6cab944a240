"""Equilibria of the two-expert flow: critical feedback, count, stability, uniqueness, pitchfork."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import holds, positive, proves, zero


def drift(s: Statement) -> Any:
    """Return F in the statement's symbols."""
    return s.use("reduced.drift", "F")


@proves("critical.feedback")
def critical_feedback(s: Statement) -> Iterator[str]:
    """The gain is 1 there, and the balanced state's eigenvalue across (1, ..., 1) is g - 1."""
    kappa = s.symbol("kappa")
    yield zero("g = 1", s.use("reduced.gain", "g").subs(kappa, s["kappa"]) - 1)
    yield zero("the eigenvalue vanishes at g = 1", s.use("expert.balanced", "transverse").subs(s.symbol("g"), 1))


@proves("equilibrium.count")
def count(s: Statement) -> Iterator[str]:
    """F' = g sech^2 u - 1 is even and falls in |u|: for g > 1 it is positive exactly between the turning points.

    F therefore falls from +oo, turns at low, rises to high and falls to -oo; the count follows from the signs of
    the turning values, by the intermediate value theorem. For g <= 1 F falls throughout (equilibrium.global).
    """
    u, g = s.symbols("u g")
    lifted = s.above("g", 1)
    F, eta_f = drift(s), s.use("fold.asymmetry", "eta_f")
    slope = sp.diff(F, u)
    yield zero("F' vanishes at the turning points", slope.subs(u, s["turning"]).subs(g, lifted))
    yield zero("F' is even", slope - slope.subs(u, -u))
    w = sp.Symbol("w", positive=True)
    yield positive("|F'| falls: -F'' = 2 g sinh w/cosh^3 w > 0", 2 * lifted * sp.sinh(w) / sp.cosh(w) ** 3)
    yield zero("which is F''", sp.diff(slope, u).subs(u, w) + 2 * g * sp.sinh(w) / sp.cosh(w) ** 3)
    high, low = (s[name].subs(s.symbol("eta_f"), eta_f) for name in ("high", "low"))
    yield zero("high: F at the right turning point", (F.subs(u, s["turning"]) - high).subs(g, lifted))
    yield zero("low: F at the left one", (F.subs(u, -s["turning"]) - low).subs(g, lifted))
    rate = s.use("fold.slope", "slope").subs(g, lifted)
    yield positive("eta_f > 0: it grows from 0 at g = 1", rate)
    yield zero("and eta_f(1) = 0", eta_f.subs(g, 1))


@proves("equilibrium.stability")
def stability(s: Statement) -> Iterator[str]:
    """The sign of F' at an equilibrium decides; cosh^2 u F' = g - cosh^2 u changes sign at the turning points."""
    u, g = s.symbols("u g")
    slope = s.use("reduced.slope", "slope")
    for name in ("outer", "inner"):
        yield zero(f"{name} compares cosh^2 u F' with 0", sp.cosh(u) ** 2 * slope - s[name].lhs + s[name].rhs)
    yield holds("outer is F' < 0", isinstance(s["outer"], sp.StrictLessThan))
    yield holds("inner is F' > 0", isinstance(s["inner"], sp.StrictGreaterThan))
    turning = s.use("equilibrium.count", "turning")
    yield zero("equality only at the turning points", (g - sp.cosh(u) ** 2).subs(u, turning))
    w = sp.Symbol("w", positive=True)
    yield positive("cosh^2 grows in |u|", sp.diff(sp.cosh(w) ** 2, w))


@proves("equilibrium.global")
def uniqueness(s: Statement) -> Iterator[str]:
    """F' = (g - 1) - g tanh^2 u; two trajectories contract by the mean value theorem."""
    u, g = s.symbols("u g")
    excess = s["slope_bound"] - sp.diff(drift(s), u)
    w = sp.Symbol("w", positive=True)
    yield zero("the bound is reached at u = 0", excess.subs(u, 0))
    yield zero("elsewhere it exceeds F' by g tanh^2 u", excess - g * sp.tanh(u) ** 2)
    yield positive("which is positive for g > 0", (g * sp.tanh(u) ** 2).subs(u, w))
    yield zero("d|u1 - u2|^2/dtau <= 2 max F' |u1 - u2|^2", s["rate"] - 2 * s["slope_bound"])


@proves("equilibrium.response")
def response(s: Statement) -> Iterator[str]:
    """Differentiate F(u(eta); g, eta) = 0."""
    u, eta = s.symbols("u eta")
    branch = sp.Function("U")(eta)
    total = sp.diff(drift(s).subs(u, branch), eta)
    yield zero("it is -1/F'", 1 / s["du"] + s.use("reduced.slope", "slope"))
    yield zero("at balance", s["du"].subs(u, 0) - s["balanced"])
    yield zero("implicit derivative", total.subs(sp.diff(branch, eta), s["du"].subs(u, branch)))


@proves("equilibrium.lambert")
def lambert(s: Statement) -> Iterator[str]:
    """Multiply F = 0 by exp(2u) + 1 and put x = 2(u - eta - g)."""
    u, x = s.symbols("u x")
    equation = x * sp.exp(x) + s["r"] * x - s["argument"]
    factor = -2 * s["r"] * (sp.exp(2 * u) + 1)
    yield zero("equation = nonzero factor times F", (equation - factor * drift(s)).subs(u, s["u"]))


@proves("equilibrium.maxwell")
def maxwell(s: Statement) -> Iterator[str]:
    """Along a branch of equilibria dV/d eta = dV/d eta at fixed u = -u, since V' = 0 there."""
    u, eta = s.symbols("u eta")
    right, left = (sp.Symbol(name, real=True) for name in ("right", "left"))
    branch = sp.Function("U")(eta)
    V = s.use("reduced.potential", "V")
    total = sp.diff(V.subs(u, branch), eta)
    rest = -drift(s).subs(u, branch) * sp.diff(branch, eta) - branch
    yield zero("dV/d eta = -F dU/d eta - U, and F = 0", total - rest)
    yield zero("the difference of the two wells", (-right) - (-left) - s["depth_slope"])
    yield zero("V is even at eta = 0", (V - V.subs(u, -u)).subs(eta, 0))
    lifted = s.above("g", 1)
    curvature = sp.diff(V, u, 2).subs(u, 0).subs(s.symbol("g"), lifted)
    yield positive("balance lies between two wells: V''(0) < 0", -curvature)


@proves("pitchfork.branch")
def branch(s: Statement) -> Iterator[str]:
    """Solve F = 0 at eta = 0 for g; its series in u^2 inverts to the square-root law."""
    u, g, eta, d = s.symbols("u g eta d")
    yield zero("F = 0", drift(s).subs(eta, 0).subs(g, s["g"]))
    numerator = sp.diff(s["g"], u) * sp.sinh(u) ** 2
    yield zero("dg/du = (sinh u cosh u - u)/sinh^2 u", numerator - (sp.sinh(u) * sp.cosh(u) - u))
    yield zero("numerator starts at 0", (sp.sinh(u) * sp.cosh(u) - u).subs(u, 0))
    yield positive("and grows: 2 sinh^2 u", 2 * sp.sinh(u) ** 2)
    yield zero("which is its derivative", sp.diff(sp.sinh(u) * sp.cosh(u) - u, u) - 2 * sp.sinh(u) ** 2)
    gain = sp.series(s["g"], u, 0, 8).removeO().subs(u, sp.sqrt(sp.Symbol("q", positive=True)))
    excess = sp.expand((gain - 1).subs(sp.Symbol("q", positive=True), s["square"]) - d)
    for order in (1, 2, 3):
        yield zero(f"g - 1 = d at order d^{order}", excess.coeff(d, order))
    yield zero("no constant and no further term in the claim", sp.degree(s["square"], d) - 3 + s["square"].subs(d, 0))


@proves("pitchfork.conditions")
def conditions(s: Statement) -> Iterator[str]:
    """Differentiate F at the critical point; F is odd in u at eta = 0, so the bifurcation is a pitchfork."""
    u, g, eta = s.symbols("u g eta")
    F = drift(s).subs(eta, 0)
    yield zero("odd", F + F.subs(u, -u))
    for claim, orders in {"F_u": (u,), "F_uu": (u, u), "F_uuu": (u, u, u), "F_ug": (u, g)}.items():
        yield zero(claim, sp.diff(F, *orders).subs(u, 0).subs(g, 1) - s[claim])
    yield positive("supercritical", -s["F_uuu"])
    yield positive("transversal", s["F_ug"] ** 2)
