"""Finite increments: linear noise, density of the diffusion limit, escape barrier, ramps, stability of the map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.equilibria import drift
from proofs.statements import Statement
from proofs.steps import holds, positive, proves, zero


def step(s: Statement, sign: Any) -> Any:
    """Return the change of u in one step over delta, when the drawn expert's sign is +-1: eta + g sign - u."""
    u, g, eta = s.symbols("u g eta")
    return eta + g * sign - u


def mean(s: Statement, of: Any) -> Any:
    """Return the mean over the sign, which is +1 with probability (1 + tanh u)/2."""
    p = s.use("reduced.load", "p")
    return p * of(1) + (1 - p) * of(-1)


@proves("noise.variance")
def variance(s: Statement) -> Iterator[str]:
    """Linearise: x <- (1 + delta F1) x + noise; a stationary variance V obeys V = (1 + delta F1)^2 V + q."""
    delta, g, S, F1, B, u = s.symbols("delta g S F1 B u")
    F = drift(s)
    yield zero("mean step", mean(s, lambda sign: step(s, sign)) - F)
    spread = mean(s, lambda sign: (step(s, sign) - F) ** 2)
    yield zero("variance of one token's step", spread - g**2 / sp.cosh(u) ** 2)
    q = delta**2 * g**2 * S / B
    yield zero("stationary", (1 + delta * F1) ** 2 * s["exact"] + q - s["exact"])
    yield zero("leading order in delta", sp.limit(s["exact"] / delta, delta, 0) - s["leading"] / delta)
    yield positive("a variance", s["leading"])


@proves("noise.autocorrelation")
def autocorrelation(s: Statement) -> Iterator[str]:
    """The next state is (1 + delta F1) x plus noise independent of x."""
    delta, F1, V = s.symbols("delta F1 V")
    u, g = s.symbols("u g")
    yield zero("E x x' = rho V", (1 + delta * F1) * V - s["rho"] * V)
    mean_map = u + delta * drift(s)
    claimed = s["rho"].subs(F1, s.use("reduced.slope", "slope"))
    yield zero("slope of the mean map", sp.diff(mean_map, u) - claimed)
    yield zero("1 at a fold", claimed.subs(g, s.use("fold.curve", "g")) - 1)


@proves("noise.density")
def noise_density(s: Statement) -> Iterator[str]:
    """Zero probability flux: F rho - (D rho)'/2 = 0 for rho = exp(2 B integral/(delta g^2))/D."""
    u, delta, g, B = s.symbols("u delta g B")
    F = drift(s)
    spread = mean(s, lambda sign: (step(s, sign) - F) ** 2)
    yield zero("variance per time: delta^2 spread/B every delta", s["D"] - delta * spread / B)
    yield zero("integral' = F cosh^2 u", sp.diff(s["integral"], u) - F * sp.cosh(u) ** 2)
    exponent = 2 * B * s["integral"] / (delta * g**2)
    yield zero("flux over D rho", F / s["D"] - sp.diff(exponent, u) / 2)


@proves("escape.barrier")
def barrier(s: Statement) -> Iterator[str]:
    """H(u, p) = log E exp(p step), the cumulant of one step; its slope at p = 0 is the drift and it is convex."""
    u, p, g = s.symbols("u p g")
    yield zero("exp H = E exp(p step)", sp.exp(s["H"]) - mean(s, lambda sign: sp.exp(p * step(s, sign))))
    yield zero("H(u, 0) = 0", s["H"].subs(p, 0))
    yield zero("dH/dp at 0 is F", sp.diff(s["H"], p).subs(p, 0) - drift(s))
    convex = g**2 / sp.cosh(p * g + u) ** 2
    yield zero("second derivative", sp.diff(s["H"], p, 2) - convex)
    yield positive("convex, so there is at most one other root", convex)


@proves("escape.time")
def escape(s: Statement) -> Iterator[str]:
    """Put p = e a + e^2 b with F = O(e) into H and compare orders; a is the diffusion limit's root."""
    u, g, F, eta, e = s.symbols("u g F eta e")
    p = s.symbol("p")
    H = s.use("escape.barrier", "H").subs(eta, F + u - g * sp.tanh(u))
    yield zero("eta in terms of F", drift(s).subs(eta, F + u - g * sp.tanh(u)) - F)
    cubic = sum(sp.diff(H, p, k).subs(p, 0) * p**k / sp.factorial(k) for k in (1, 2, 3))
    root = e * s["p"] + e**2 * s["correction"]
    orders = sp.expand(cubic.subs(F, e * F).subs(p, root))
    yield zero("order e^2", orders.coeff(e, 2))
    yield zero("order e^3", orders.coeff(e, 3))
    delta, B = s.symbols("delta B")
    diffusion = -2 * delta * F / s.use("noise.density", "D").subs(B, 1)
    yield zero("first order: slope of the diffusion limit's exponent times delta", s["p"] - diffusion)


@proves("escape.diffusion_barrier")
def diffusion_barrier(s: Statement) -> Iterator[str]:
    """Slope of the stationary density's exponent, times delta; minus the first order of the exact root."""
    u, g, F = s.symbols("u g F")
    exponent = 2 * s.use("noise.density", "integral") / g**2
    yield zero("exponent", sp.diff(exponent, u) - s["slope"].subs(F, drift(s)))
    yield zero("first order of the root", s["slope"] + s.use("escape.time", "p"))


@proves("ramp.delay")
def ramp(s: Statement) -> Iterator[str]:
    """Past the fold dy/dtau = b y^2 + rho tau. y = -psi'/(b psi) makes psi'' = -b rho tau psi: psi = Ai(-c tau).

    c = (b rho)^(1/3). y escapes where psi first vanishes, at -c tau = a; then eta has overshot by rho tau.
    """
    rho, b, tau, g = s.symbols("rho b tau g")
    psi = sp.Function("psi")(tau)
    y = -sp.diff(psi, tau) / (b * psi)
    riccati = sp.diff(y, tau) - b * y**2 - rho * tau
    yield zero("Riccati to linear", riccati.subs(sp.diff(psi, tau, 2), -b * rho * tau * psi))
    c = (b * rho) ** sp.Rational(1, 3)
    z = sp.Symbol("z", real=True)
    airy = sp.airyai(z)
    yield zero("Airy's equation", sp.diff(airy, z, 2) - z * airy)
    yield zero("scaling: c^2 z = -b rho tau at z = -c tau", sp.expand(c**2 * (-c * tau) + b * rho * tau))
    a = s.symbol("a")
    yield zero("overshoot", rho * (-a / c) - s["delay"])
    lifted = s.above("g", 1)
    half = -s.use("fold.nondegenerate", "F_uu") / 2
    yield zero("b at the fold", (half - s["b"]).subs(g, lifted))


@proves("update.flip")
def flip(s: Statement) -> Iterator[str]:
    """The mean map u + delta F has the slope 1 - delta (1 - g) at balance, eta = 0.

    It leaves (-1, 1) through -1. There f'' = 0, so f''' > 0 makes the flip supercritical (Guckenheimer and Holmes
    3.5.1: f''^2/2 + f'''/3 > 0).
    """
    u, g, delta, eta = s.symbols("u g delta eta")
    mean_map = (u + delta * drift(s)).subs(eta, 0)
    slope = sp.diff(mean_map, u).subs(u, 0)
    yield holds("stable is strict", isinstance(s["stable"], sp.StrictLessThan))
    yield zero("slope + 1 is the distance to the threshold", slope + 1 - (s["stable"].rhs - s["stable"].lhs))
    d = sp.Symbol("d", positive=True)
    below = (1 - slope).subs(g, 1 - d) if s.symbol("g").name + " < 1" in s.assumptions else 1 - slope
    yield positive("slope < 1", below)
    yield zero("f'' = 0", sp.diff(mean_map, u, 2).subs(u, 0))
    yield zero("f'''", sp.diff(mean_map, u, 3).subs(u, 0) - s["cubic"])
    at_flip = sp.solve(slope + 1, g)[0]
    yield zero("there f''' = 2 (2 - delta)", s["cubic"].subs(g, at_flip) - 2 * (2 - delta))


@proves("update.rate")
def update_rate(s: Statement) -> Iterator[str]:
    """The load answers a bias by chi: b <- b - r chi b on vectors with sum 0, eigenvalues 1 - r lambda."""
    r, lam = s.symbols("r lambda_max")
    slope = 1 - r * lam
    yield holds("safe is strict", isinstance(s["safe"], sp.StrictLessThan))
    yield zero("slope + 1 is the distance to the threshold", slope + 1 - (s["safe"].rhs - s["safe"].lhs))
    yield positive("slope < 1", 1 - slope)
