"""K experts: gradient flow, balanced state, families of imbalanced states, their fold, the first-order transition.

Loads are p_i = exp(v_i)/Z. Sums over experts enter as symbols (Z, S = sum p_j w_j), so the steps hold for every K.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import holds, positive, proves, zero


def jacobian(s: Statement, p: Any, w: Any, mean: Any) -> Any:
    """Return entry i of the Jacobian applied to w: K g (p_i w_i - p_i S) - w_i, with S = sum p_j w_j."""
    K, g = s.symbols("K g")
    return K * g * (p * w - p * mean) - w


@proves("expert.reduction")
def reduction(s: Statement) -> Iterator[str]:
    """Scale the score equation by beta and the time by mu."""
    kappa, mu, beta, K, p, score, h = s.symbols("kappa mu beta K p s h")
    rate = beta * (kappa * p - mu * score + h) / mu
    reduced = {s.symbol("g"): s.use("reduced.gain", "g"), s.symbol("eta"): beta * h / mu, s.symbol("v"): beta * score}
    yield zero("dv/dtau", rate - s["field"].subs(reduced))
    v1, v2, p1, eta1, eta2 = s.symbols("v1 v2 p1 eta1 eta2")
    names = [s.symbol(n) for n in ("p", "v", "eta")]
    field1, field2 = (s["field"].subs(dict(zip(names, x, strict=True))) for x in ((p1, v1, eta1), (1 - p1, v2, eta2)))
    u = s.symbol("u")
    two = (field1 - field2).subs(K, 2).subs({p1: s.use("reduced.load", "p"), v1: v2 + 2 * u}) / 2
    eta = (eta1 - eta2) / 2
    yield zero("K = 2 gives F", two - s.use("reduced.drift", "F").subs(s.symbol("eta"), eta))


@proves("expert.gradient")
def gradient(s: Statement) -> Iterator[str]:
    """Differentiate by one v_i, the others held: square gives 2 v, logsumexp the load, tilt eta."""
    v, eta, rest = s.symbols("v eta rest")
    others = sp.Symbol("others", positive=True)  # sum of exp over the other experts
    Z = sp.exp(v) + others
    sums = {"square": v**2 + rest, "logsumexp": sp.log(Z), "tilt": eta * v + rest}
    Phi = s["Phi"].subs({s.symbol(name): total for name, total in sums.items()})
    load = sp.exp(v) / Z
    yield zero("field + dPhi/dv_i", s.use("expert.reduction", "field").subs(s.symbol("p"), load) + sp.diff(Phi, v))


@proves("expert.balanced")
def balanced(s: Statement) -> Iterator[str]:
    """At even loads p = 1/K; vectors with sum 0 have S = 0, the constant one has S = 1."""
    K, w, v, p, eta = s.symbols("K w v p eta")
    field = s.use("expert.reduction", "field").subs({p: 1 / K, eta: 0})
    yield zero("v = g is an equilibrium", field.subs(v, s["v"]))
    yield zero("across", jacobian(s, 1 / K, w, 0) - s["transverse"] * w)
    yield zero("along", jacobian(s, 1 / K, 1, 1) - s["parallel"])
    yield positive("the direction along is stable", -s["parallel"])


@proves("expert.at_most_two_values")
def at_most_two_values(s: Statement) -> Iterator[str]:
    """K g exp(v)/Z = v gives v exp(-v) = K g/Z; the function is strictly monotone on each side of 1."""
    K, g, v, Z, p, eta = s.symbols("K g v Z p eta")
    field = s.use("expert.reduction", "field").subs({p: sp.exp(v) / Z, eta: 0})
    yield zero("conserved = K g/Z where the field vanishes", s["conserved"] - K * g / Z + sp.exp(-v) * field)
    yield zero("slope", sp.diff(s["conserved"], v) - s["slope"])
    d = sp.Symbol("d", positive=True)
    yield positive("rises before 1", s["slope"].subs(v, 1 - d))
    yield positive("falls after 1", -s["slope"].subs(v, 1 + d))


@proves("expert.lambert")
def lambert(s: Statement) -> Iterator[str]:
    """W(x) exp(W(x)) = x on every branch; branch 0 has W >= -1, branch -1 has W <= -1."""
    c, branch, v = s.symbols("c branch v")
    w = sp.LambertW(-c, branch)
    claimed = s["v"].subs(w, sp.Symbol("W"))
    yield holds("v is expressed by W(-c) alone", claimed.free_symbols == {sp.Symbol("W")})
    conserved = s.use("expert.at_most_two_values", "conserved")
    W = sp.Symbol("W")
    yield zero("v exp(-v) = -W exp W = c", conserved.subs(v, claimed) + W * sp.exp(W))
    yield zero("the branches part at v = 1", claimed.subs(W, -1) - 1)


@proves("expert.families")
def family(s: Statement) -> Iterator[str]:
    """Put m experts at v_low + x and K - m at v_low: loads Y/(mY + K - m) and 1/(mY + K - m)."""
    K, g, m, Y = s.symbols("K g m Y")
    Z = m * Y + K - m
    high, low = K * g * Y / Z, K * g / Z
    yield zero("difference of the values v = K g p", high - low - s["x"])
    yield zero("sum of all", m * high + (K - m) * low - s["sum"])


@proves("expert.one_favoured")
def one_favoured(s: Statement) -> Iterator[str]:
    """Take w on one group with sum 0: S = 0, and K g p = v at an equilibrium."""
    K, g, v, w = s.symbols("K g v w")
    yield zero("(J w)_i = (v - 1) w_i", jacobian(s, v / (K * g), w, 0) - s["eigenvalue"] * w)
    d = sp.Symbol("d", positive=True)
    yield positive("unstable for a favoured group, v > 1", s["eigenvalue"].subs(v, 1 + d))
    slope = s.use("expert.at_most_two_values", "slope")
    yield zero("same threshold as the two values'", slope + s["eigenvalue"] * sp.exp(-v))


@proves("expert.unique")
def unique(s: Statement) -> Iterator[str]:
    """The Jacobian's largest eigenvalue is at most K g/2 - 1 (susceptibility.bound)."""
    K, g = s.symbols("K g")
    top = K * g * s.use("susceptibility.bound", "lambda_max").subs(s.symbol("beta"), 1) - 1
    yield zero("it can vanish from this gain on", top.subs(g, s["g"]))
    yield positive("and grows with the gain", sp.diff(top, g))


def one(s: Statement, x: Any) -> Any:
    """Return the drive-free right side K g (Y - 1)/(Y + K - 1) of x with Y = exp x: one favoured expert."""
    return s.use("expert.families", "x").subs({s.symbol("m"): 1, s.symbol("Y"): sp.exp(x)})


@proves("expert.fold_curve")
def fold_curve(s: Statement) -> Iterator[str]:
    """Solve x = one(x) + eta and its derivative by x; linear in g and eta."""
    x, g, eta, Y = s.symbols("x g eta Y")
    equation = one(s, x) + eta - x
    values = {g: s["g"].subs(Y, sp.exp(x)), eta: s["eta"].subs(Y, sp.exp(x))}
    yield zero("equilibrium", equation.subs(values))
    yield zero("fold", sp.diff(equation, x).subs(values))


@proves("expert.two")
def two(s: Statement) -> Iterator[str]:
    """Put K = 2, x = 2u into the fold curve of K experts."""
    K, Y, x = s.symbols("K Y x")
    for name in ("g", "eta"):
        curve = s.use("expert.fold_curve", name).subs(K, 2).subs(Y, sp.exp(x)).subs(x, s["x"])
        yield zero(f"{name} of K = 2", curve - s[name])
    yield zero("same gain as two experts'", s["g"] - s.use("fold.curve", "g"))
    yield zero("twice their eta", s["eta"] - 2 * s.use("fold.curve", "eta"))


@proves("expert.fold_gain")
def fold_gain(s: Statement) -> Iterator[str]:
    """The residual is -eta on the fold curve; in x it has the slope (Y - 1)(Y - (K - 1))/(K Y)."""
    K, Y, x = s.symbols("K Y x")
    yield zero("residual = -eta", s["residual"] + s.use("expert.fold_curve", "eta"))
    along = s["residual"].subs(Y, sp.exp(x))
    yield zero("it starts at 0", along.subs(x, 0))
    yield zero("slope", sp.diff(along, x) - s["slope"].subs(Y, sp.exp(x)))
    lifted = s.above("K", 2, "k")
    a, b = sp.symbols("a b", positive=True)
    between = 1 + (lifted - 2) * a / (a + b)  # any Y between 1 and K - 1
    yield positive("falls for 1 < Y < K - 1", -s["slope"].subs({Y: between, K: lifted}))
    yield positive("rises for Y > K - 1", s["slope"].subs({Y: lifted - 1 + a, K: lifted}))
    yield positive("for K = 2 it rises from the start", s["slope"].subs(K, 2).subs(Y, 1 + a))


@proves("expert.discontinuous")
def discontinuous(s: Statement) -> Iterator[str]:
    """Solve the equation of one favoured expert for g and expand at x = 0."""
    x, g, K = s.symbols("x g K")
    gain = x / (one(s, x) / g)
    series = sp.series(gain, x, 0, 2).removeO()
    yield zero("g at x = 0", series.subs(x, 0) - 1)
    yield zero("slope", sp.diff(series, x) - s["slope"])
    yield positive("downwards for K > 2", -s["slope"].subs(K, s.above("K", 2)))


@proves("expert.equal_depth")
def equal_depth(s: Statement) -> Iterator[str]:
    """Compare Phi at v = (g(K-1), g/(K-1), ...) with Phi at v = (g, ..., g)."""
    K, g, p, v, eta = s.symbols("K g p v eta")
    Y = sp.exp(s["x"])
    low = (1 - s["load"]) / (K - 1)
    yield zero("load of the favoured expert", s["load"] - Y / (Y + K - 1))
    field = s.use("expert.reduction", "field").subs(eta, 0)
    high_v, low_v = K * g * s["load"], K * g * low
    yield zero("its state rests", field.subs({p: s["load"], v: high_v}) + field.subs({p: low, v: low_v}))
    yield zero("difference of the values", (high_v - low_v).subs(g, s["g"]) - s["x"])

    def depth(square: Any, logsumexp: Any) -> Any:
        Phi = s.use("expert.gradient", "Phi")
        return Phi.subs({s.symbol("square"): square, s.symbol("logsumexp"): logsumexp, s.symbol("tilt"): 0})

    collapsed = depth(high_v**2 + (K - 1) * low_v**2, low_v - sp.log(low))
    even = depth(K * g**2, g + sp.log(K))
    difference = (collapsed - even).subs(g, s["g"]).subs(K, s.above("K", 2, "k"))
    yield zero("equal depth", sp.expand_log(sp.simplify(difference), force=True))
