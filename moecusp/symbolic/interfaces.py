"""Tie densities of curved interfaces, boundary masses of interfaces without one, and the constant of the risk."""

from __future__ import annotations

import sympy as sp

from moecusp.symbolic.boundary import w
from moecusp.symbolic.formula import Formula, argument

r = argument("r", "radius", positive=True)
d = argument("d", "dimension", integer=True, positive=True)
weight = argument("b", "ratio_of_weights", positive=True)
k = argument("k", "curvature", nonzero=True)
p = argument("p", "power", positive=True)

sphere_tie_density = Formula(
    "interface.sphere", (r, d), (r**2 / 2) ** (d / 2 - 1) * sp.exp(-(r**2) / 2) / (2 * sp.gamma(d / 2))
)
ellipse_tie_density = Formula(
    "interface.ellipse",
    (r, weight),
    sp.exp(-(r**2) * (1 + 1 / weight) / 4) * sp.besseli(0, r**2 * (1 - 1 / weight) / 4) / (2 * sp.sqrt(weight)),
)
_q = 1 / (16 * k**2)
parabola_tie_density = Formula(
    "interface.parabola", (k,), sp.exp(_q) * sp.besselk(sp.Rational(1, 4), _q) / (4 * sp.pi * sp.Abs(k))
)
_m = sp.Dummy("m", positive=True)
saddle_boundary_mass = Formula("interface.saddle", (w,), sp.Integral(sp.besselk(0, _m / 2), (_m, 0, w)) / sp.pi)
power_boundary_mass = Formula("interface.power", (w, p), sp.erf(w ** (1 / p) / sp.sqrt(2)))
_alpha = argument("alpha", "exponent", positive=True)
soft_risk_constant = Formula(
    "softhard.risk", (_alpha,), 4 * sp.gamma(_alpha + 1) * (sp.dirichlet_eta(_alpha) - sp.dirichlet_eta(_alpha - 1))
)
