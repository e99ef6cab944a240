"""Fluctuations of a router with finite increments (docs/theory.md, section 7)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from moecusp.symbolic.formula import Formula, Implicit, argument
from moecusp.symbolic.two_experts import LOWER, SINGLE, UPPER, drift, eta, fold_asymmetry, g, slope, u

delta = argument("delta", "step", positive=True)
B = argument("B", "batch_size", positive=True)

_eta_f = fold_asymmetry.expression
STABLE = {
    "single": SINGLE,
    "lower": replace(LOWER, exists=sp.And(g > 1, eta < _eta_f)),
    "upper": replace(UPPER, exists=sp.And(g > 1, eta > -_eta_f)),
}
STEP = sp.And(delta <= 1, B >= 1)

_rate = -slope.expression
stationary_variance = Implicit(
    "noise.variance",
    (g, eta, delta, B),
    (u,),
    (drift.expression,),
    delta * g**2 / sp.cosh(u) ** 2 / (B * _rate * (2 - delta * _rate)),
    STABLE,
    STEP,
)
lag1_autocorrelation = Implicit(
    "noise.autocorrelation",
    (g, eta, delta),
    (u,),
    (drift.expression,),
    1 + delta * slope.expression,
    STABLE,
    delta <= 1,
)

potential_of_density = (
    g * sp.sinh(u) ** 2 / 2 + (eta - u) * (u / 2 + sp.sinh(2 * u) / 4) + u**2 / 4 + sp.cosh(2 * u) / 8
)
"""Integral of F cosh^2 u."""

_exponent = 2 * B * potential_of_density / (delta * g**2)
_y = sp.Dummy("y", real=True)  # sinh u: the integrand falls like a Gaussian, not like exp(-exp)
_of_y = _exponent.subs(sp.sinh(2 * u), 2 * sp.sinh(u) * sp.cosh(u)).subs(sp.cosh(2 * u), 1 + 2 * sp.sinh(u) ** 2)
_total = sp.Integral(sp.sqrt(1 + _y**2) * sp.exp(_of_y.subs(u, sp.asinh(_y))), (_y, -sp.oo, sp.oo))
_conditions = sp.And(g > 0, STEP)
stationary_density = Formula(
    "noise.density", (u, g, eta, delta, B), sp.cosh(u) ** 2 * sp.exp(_exponent) / _total, _conditions
)
log_stationary_density = Formula(
    "noise.density",
    (u, g, eta, delta, B),
    2 * sp.log(sp.cosh(u)) + _exponent - sp.log(_total),
    _conditions,
)
