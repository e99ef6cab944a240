"""Boundary mass and the gap between soft and hard routing, for margins N(b, sigma^2) (docs/theory.md, section 6)."""

from __future__ import annotations

import sympy as sp

from moecusp.symbolic.formula import Formula, argument
from moecusp.symbolic.responses import sigma

w = argument("w", "width", nonnegative=True)
b = argument("b", "mean")
T = argument("T", "temperature", positive=True)
N = argument("N", "terms", integer=True, positive=True)
f0 = argument("f0", "density", positive=True)

_root = sigma * sp.sqrt(2)
boundary_mass = Formula("boundary.mass", (w, b, sigma), (sp.erf((w - b) / _root) + sp.erf((w + b) / _root)) / 2)
boundary_slope = Formula(
    "boundary.slope", (b, sigma), 2 * sp.exp(-(b**2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))
)
boundary_remainder = Formula("boundary.remainder", (w, sigma), w**3 / (3 * sigma**3 * sp.sqrt(2 * sp.pi)))

C = argument("C", "tie_density", nonnegative=True)
_noise = argument("s", "noise", nonnegative=True)
_spacing = argument("d", "spacing", nonnegative=True)
flip_rate = Formula("boundary.flips", (C, _noise), 2 * C * _noise / sp.sqrt(sp.pi))
rounding_flip_rate = Formula("boundary.flips", (C, _spacing), C * _spacing / 2)

_x = sp.Dummy("x", positive=True)  # the distance from the tie
_n = sp.Dummy("n", integer=True, nonnegative=True)
_density = sum(sp.exp(-((_x - sign * b) ** 2) / (2 * sigma**2)) for sign in (1, -1)) / (sigma * sp.sqrt(2 * sp.pi))
soft_hard_gap = Formula("softhard.gap", (T, b, sigma), sp.Integral(_density / (1 + sp.exp(_x / T)), (_x, 0, sp.oo)))

# the derivative f^(2n)(0) of the density is f(0) He_2n(b/sigma)/sigma^(2n), and He_2n(x) = H_2n(x/sqrt 2)/2^n
_derivative = boundary_slope.expression / 2 * sp.hermite(2 * _n, b / _root) / (2 * sigma**2) ** _n
soft_hard_expansion = Formula(
    "softhard.expansion",
    (T, b, sigma, N),
    sp.Sum(2 * T ** (2 * _n + 1) * sp.dirichlet_eta(2 * _n + 1) * _derivative, (_n, 0, N - 1)),
)
soft_hard_remainder = Formula(
    "softhard.remainder",
    (T, sigma, N),
    2 * T ** (2 * N + 1) * sp.dirichlet_eta(2 * N + 1) * sp.factorial2(2 * N - 1)
    / (sigma ** (2 * N + 1) * sp.sqrt(2 * sp.pi)),
)  # fmt: skip
jump_curvature = Formula("landscape.jump", (T, f0), 2 * f0 / T)
