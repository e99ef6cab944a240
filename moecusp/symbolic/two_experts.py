"""The two-expert core: reduced flow, parameters, equilibria, folds and cusp (docs/theory.md, sections 2 and 3)."""

from __future__ import annotations

import sympy as sp

from moecusp.equilibria import Regime
from moecusp.symbolic.formula import Branch, Formula, Implicit, argument

u, eta = argument("u", "u"), argument("eta", "asymmetry")
g = argument("g", "gain", nonnegative=True)
kappa = argument("kappa", "feedback", positive=True)
mu = argument("mu", "decay", positive=True)
beta = argument("beta", "inverse_temperature", positive=True)
h = argument("h", "asymmetry")
K = argument("K", "experts", integer=True, positive=True)

drift = Formula("reduced.drift", (u, g, eta), g * sp.tanh(u) - u + eta)
slope = Formula("reduced.slope", (u, g), g / sp.cosh(u) ** 2 - 1)
potential = Formula("reduced.potential", (u, g, eta), u**2 / 2 - g * sp.log(sp.cosh(u)) - eta * u)
imbalance = Formula("reduced.imbalance", (u,), sp.tanh(u))
load = Formula("reduced.load", (u,), (1 + sp.tanh(u)) / 2)

critical_feedback = Formula("critical.feedback", (mu, beta, K), K * mu / beta, K >= 2)
gain = Formula("reduced.gain", (kappa, mu, beta, K), kappa * beta / (K * mu), K >= 2)
reduced_asymmetry = Formula("reduced.asymmetry", (h, mu, beta), beta * h / (2 * mu))

fold_curve = Formula("fold.curve", (u,), (sp.cosh(u) ** 2, u - sp.sinh(u) * sp.cosh(u)))
fold_asymmetry = Formula("fold.asymmetry", (g,), sp.sqrt(g * (g - 1)) - sp.asinh(sp.sqrt(g - 1)), g >= 1)
fold_imbalance = Formula("fold.imbalance", (g,), sp.sqrt(1 - 1 / g), g >= 1)
hysteresis_width = Formula("fold.hysteresis", (g,), 2 * fold_asymmetry.expression, g >= 1)
fold_gain = Implicit(
    "fold.gain",
    (eta,),
    (g,),
    (fold_asymmetry.expression - sp.Abs(eta),),
    g,
    {"fold": Branch(g >= 1)},
)

cusp_normal_form = Formula("cusp.normal_form", (g, eta), (g - 1, -g / 3, eta))
cusp_set = Formula("cusp.set", (g,), sp.Rational(2, 3) * sp.sqrt((g - 1) ** 3 / g), g >= 1)

_turn, _eta_f = sp.acosh(sp.sqrt(g)), fold_asymmetry.expression
SINGLE = Branch(sp.true, g <= 1)
LOWER = Branch(u <= -_turn, sp.And(g > 1, eta <= _eta_f))
MIDDLE = Branch(sp.And(u >= -_turn, u <= _turn), sp.And(g > 1, sp.Abs(eta) <= _eta_f))
UPPER = Branch(u >= _turn, sp.And(g > 1, eta >= -_eta_f))

equilibria = Implicit(
    "equilibrium.count",
    (g, eta),
    (u,),
    (drift.expression,),
    u,
    {"single": SINGLE, "lower": LOWER, "middle": MIDDLE, "upper": UPPER},
)
regime = Formula(
    "equilibrium.count",
    (g, eta),
    sp.Piecewise(
        (int(Regime.CUSP), sp.Eq(g, 1) & sp.Eq(eta, 0)),
        (int(Regime.MONOSTABLE), g <= 1),
        (int(Regime.BISTABLE), sp.Abs(eta) < _eta_f),
        (int(Regime.FOLD), sp.Eq(sp.Abs(eta), _eta_f)),
        (int(Regime.MONOSTABLE), True),
    ),
)
