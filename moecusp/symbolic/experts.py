"""K experts: the balanced state, the families of favoured experts, their folds (docs/theory.md, section 5)."""

from __future__ import annotations

import sympy as sp

from moecusp.symbolic.formula import Branch, Formula, Implicit, argument
from moecusp.symbolic.two_experts import K, g

x = argument("x", "x")
m = argument("m", "favoured", integer=True, positive=True)
c = argument("c", "c", positive=True)
family_fold = sp.Symbol("g_fold", positive=True)
"""Fold gain of a family: the least left side of its equation over x > 0."""

balanced_critical_gain = Formula("expert.balanced", (K,), sp.S.One, K >= 2)
equal_depth_gain = Formula(
    "expert.equal_depth",
    (K,),
    sp.Piecewise((1, sp.Eq(K, 2)), (2 * (K - 1) * sp.log(K - 1) / (K * (K - 2)), True)),
    K >= 2,
)

_Y = sp.exp(x)
expert_fold_curve = Formula(
    "expert.fold_curve",
    (x, K),
    ((_Y + K - 1) ** 2 / (K**2 * _Y), x - (_Y - 1) * (_Y + K - 1) / (K * _Y)),
    K >= 2,
)
expert_fold_gain = Implicit(
    "expert.fold_gain",
    (K,),
    (x,),
    ((_Y + K - 2 - (K - 1) / _Y) / K - x,),
    expert_fold_curve.expression[0],
    {"fold": Branch(x > 0)},
    K >= 3,
)

_family = x / 2 * sp.coth(x / 2) - (1 - 2 * m / K) * x / 2  # convex in x
_rising = sp.diff(_family, x)
_minority = 2 * m < K
expert_equilibria = Implicit(
    "expert.families",
    (g, K, m),
    (x,),
    (_family - g,),
    (x, _Y / (m * _Y + K - m), 1 / (m * _Y + K - m)),
    {
        "inner": Branch(sp.And(x > 0, _rising <= 0), sp.And(_minority, family_fold <= g, g < 1)),
        "outer": Branch(sp.And(x > 0, _rising >= 0), sp.Or(sp.And(_minority, family_fold <= g), g > 1)),
    },
    sp.And(K >= 2, m < K),
)

_low, _high = -sp.LambertW(-c), -sp.LambertW(-c, -1)
expert_scores = Implicit(
    "expert.lambert",
    (g, K, m),
    (c,),
    (m * _high + (K - m) * _low - K * g,),
    (_high, _low),
    {
        name: Branch(sp.And(c < sp.exp(-1), branch.range.subs(x, _high - _low)), branch.exists)
        for name, branch in expert_equilibria.branches.items()
    },
    sp.And(K >= 2, m < K),
)
