"""The fold curve: both forms, slope, expansion at the cusp, bounds, nondegeneracy, hysteresis."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from proofs.equilibria import drift
from proofs.statements import Statement
from proofs.steps import positive, proves, zero


@proves("fold.curve")
def fold_curve(s: Statement) -> Iterator[str]:
    """F' = 0 is linear in g and F = 0 linear in eta: each has one solution."""
    u, g, eta = s.symbols("u g eta")
    F = drift(s)
    slope = sp.diff(F, u)
    yield zero("F' = 0 at g", slope.subs(g, s["g"]))
    yield positive("and only there: dF'/dg = sech^2 u", sp.sech(u) ** 2)
    yield zero("which it is", sp.diff(slope, g) - sp.sech(u) ** 2)
    yield zero("F = 0 at eta", F.subs({g: s["g"], eta: s["eta"]}))
    yield zero("and only there: dF/d eta = 1", sp.diff(F, eta) - 1)
    yield zero("doubled angle", s["double"] - s["eta"])


@proves("fold.dimensional")
def fold_dimensional(s: Statement) -> Iterator[str]:
    """Put feedback and asymmetry into the reduced variables of two experts."""
    kappa, K, h1, h2 = s.symbols("kappa K h1 h2")
    gain = s.use("reduced.gain", "g").subs(K, 2).subs(kappa, s["kappa"])
    eta = s.use("reduced.asymmetry", "eta").subs(h1, h2 + s["h"])
    yield zero("gain", gain - s.use("fold.curve", "g"))
    yield zero("reduced asymmetry", eta - s.use("fold.curve", "eta"))


@proves("fold.asymmetry")
def fold_asymmetry(s: Statement) -> Iterator[str]:
    """Solve g = cosh^2 u for u = arcosh sqrt g >= 0 and put it into -eta; eta is odd in u."""
    u, g, v = s.symbols("u g v")
    lifted = s.above("g", 1)
    curve = s.use("fold.curve", "eta")
    yield zero("eta is odd in u", curve + curve.subs(u, -u))
    turning = sp.acosh(sp.sqrt(g))
    yield zero("the gain there", (s.use("fold.curve", "g").subs(u, turning) - g).subs(g, lifted))
    yield zero("eta_f = -eta there", (s["eta_f"] + curve.subs(u, turning)).subs(g, lifted))
    yield positive("the point is real: g - 1 > 0", lifted - 1)
    hyperbolic = s["eta_f"].subs(g, 1 + sp.sinh(sp.Symbol("y", positive=True)) ** 2)
    y = sp.Symbol("y", positive=True)
    yield zero("v = y where g = cosh^2 y", s["v"].subs(g, 1 + sp.sinh(y) ** 2).rewrite(sp.log).simplify() - y)
    yield zero(
        "its derivative in y is that of the doubled form",
        sp.diff(hyperbolic, y).subs(sp.sqrt(sp.sinh(y) ** 2 + 1), sp.cosh(y)) - sp.diff(s["double"].subs(v, y), y),
    )
    yield zero("both vanish at y = 0", hyperbolic.subs(y, 0) - s["double"].subs(v, 0))


@proves("fold.slope")
def fold_slope(s: Statement) -> Iterator[str]:
    """Differentiate eta_f; both derivatives are positive."""
    g = s.symbol("g")
    lifted = s.above("g", 1)
    d = lifted - 1
    eta_f = s.use("fold.asymmetry", "eta_f")
    yield zero("slope", sp.diff(eta_f, g).subs(g, lifted) - s["slope"].subs(g, lifted))
    yield zero("curvature", sp.diff(s["slope"].subs(g, lifted), d) - s["curvature"].subs(g, lifted))
    yield positive("increasing", s["slope"].subs(g, lifted))
    yield positive("convex", s["curvature"].subs(g, lifted))


@proves("fold.expansion")
def fold_expansion(s: Statement) -> Iterator[str]:
    """Integrate the slope sqrt(d/(1 + d)) term by term from the cusp, where eta_f = 0."""
    d, g = s.symbols("d g")
    slope = s.use("fold.slope", "slope").subs(g, 1 + d)
    root = sp.Symbol("r", positive=True)
    series = sp.series(slope.subs(d, root**2).simplify(), root, 0, 7).removeO().subs(root, sp.sqrt(d))
    yield zero("slope of the expansion", sp.diff(s["eta_f"], d) - series)
    yield zero("and its start", s["eta_f"].subs(d, 0))


@proves("fold.bounds")
def fold_bounds(s: Statement) -> Iterator[str]:
    """All three vanish at d = 0; compare their slopes."""
    d, g = s.symbols("d g")
    slope = s.use("fold.slope", "slope").subs(g, 1 + d)
    lower, upper = sp.diff(s["lower"], d), sp.diff(s["upper"], d)
    for name in ("lower", "upper"):
        yield zero(f"{name} starts at 0", s[name].subs(d, 0))
    yield zero("slope/lower' = 1 + d/(3 + 2 d)", slope / lower - (1 + d / (3 + 2 * d)))
    yield positive("so the slope is larger", d / (3 + 2 * d))
    yield zero("(upper'/slope)^2 = 1 + d", (upper / slope) ** 2 - (1 + d))
    yield positive("so the slope is smaller", d)
    yield positive("as both grow", upper)


@proves("fold.outer")
def fold_outer(s: Statement) -> Iterator[str]:
    """Both vanish at d = 0; compare their slopes."""
    d, g = s.symbols("d g")
    slope = s.use("fold.slope", "slope").subs(g, 1 + d)
    upper = sp.diff(s["upper"], d)
    excess = (189 * d + 64 * d**2) / (9 + 4 * d) ** 3
    yield zero("it starts at 0", s["upper"].subs(d, 0))
    yield zero("(upper'/slope)^2 = 1 + (189 d + 64 d^2)/(9 + 4 d)^3", (upper / slope) ** 2 - (1 + excess))
    yield positive("so the slope is smaller", excess)
    yield positive("as both grow", sp.factor(upper))


@proves("fold.gain")
def fold_gain(s: Statement) -> Iterator[str]:
    """Along the curve both gain and eta_f grow with v, from (1, 0) to infinity."""
    v = s.symbol("v")
    eta = s.use("fold.asymmetry", "double")
    yield zero("the gain at v", s.use("fold.curve", "g").subs(s.symbol("u"), v) - s["g"])
    yield zero("d eta/d g", sp.diff(eta, v) / sp.diff(s["g"], v) - s["rate"])
    yield positive("it grows with the gain", s["rate"])
    yield positive("and the gain with v", sp.diff(s["g"], v))
    yield zero("from the cusp", eta.subs(v, 0))


@proves("fold.imbalance")
def fold_imbalance(s: Statement) -> Iterator[str]:
    """F' = (g - 1) - g m^2 with m = tanh u."""
    u, g = s.symbols("u g")
    lifted = s.above("g", 1)
    m = sp.Symbol("m", real=True)
    slope = s.use("reduced.slope", "slope").subs(sp.tanh(u), m)
    yield zero("F' = 0", slope.subs(m, s["m"]).subs(g, lifted))
    yield positive("m is the positive root", s["m"].subs(g, lifted))


@proves("fold.nondegenerate")
def fold_nondegenerate(s: Statement) -> Iterator[str]:
    """Differentiate F at the right turning point."""
    u, g, eta = s.symbols("u g eta")
    lifted = s.above("g", 1)
    at = sp.diff(drift(s), u, 2).subs(u, s.use("equilibrium.count", "turning"))
    yield zero("F_uu", (at - s["F_uu"]).subs(g, lifted))
    yield zero("F_eta", sp.diff(drift(s), eta) - s["F_eta"])
    yield positive("neither vanishes", s["F_uu"].subs(g, lifted) ** 2 * s["F_eta"] ** 2)


@proves("fold.hysteresis")
def fold_hysteresis(s: Statement) -> Iterator[str]:
    """The lower state lives up to eta = eta_f, where low = 0, and the upper one down to -eta_f, where high = 0."""
    eta, eta_f = s.symbols("eta eta_f")
    low, high = (s.use("equilibrium.count", name) for name in ("low", "high"))
    up, down = sp.solve(low, eta)[0], sp.solve(high, eta)[0]
    yield zero("width between the jumps", (up - down).subs(eta_f, s.use("fold.asymmetry", "eta_f")) - s["width"])
    yield positive("the loop opens with the gain", s.use("fold.slope", "slope").subs(s.symbol("g"), s.above("g", 1)))
