"""The landscape of a soft router near its hard limit: excess risk, best threshold, saddle and jump."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero


@proves("softhard.risk")
def risk(s: Statement) -> Iterator[str]:
    """The excess is (1 - tanh(x/2T))^2 = 4/(1 + exp(x/T))^2; with density alpha x^(alpha-1), integrate term by term."""
    alpha = s.symbol("alpha")
    u, m = sp.symbols("u m", positive=True)
    excess = (1 - sp.tanh(u / 2)) ** 2
    yield zero("excess", excess.rewrite(sp.exp) - 4 / (1 + sp.exp(u)) ** 2)
    fermi = 1 / (1 + sp.exp(u))
    yield zero("partial fractions", fermi**2 - fermi - sp.diff(fermi, u))
    term = sp.integrate(u ** (alpha - 1) * sp.exp(-m * u), (u, 0, sp.oo))
    yield zero("terms of int u^(alpha-1)/(1 + exp u)", sp.simplify(term - sp.gamma(alpha) * m**-alpha))
    q = sp.exp(-u)
    yield zero("1/(1 + exp u) = q - q^2 + ...", sp.simplify(fermi - q / (1 + q)))
    # by parts, int u^(alpha-1) fermi' = -(alpha - 1) int u^(alpha-2) fermi, and (alpha-1) Gamma(alpha-1) = Gamma(alpha)
    yield zero("by parts", sp.gammasimp((alpha - 1) * sp.gamma(alpha - 1) / sp.gamma(alpha)) - 1)
    claimed = s["C"] / (sp.dirichlet_eta(alpha) - sp.dirichlet_eta(alpha - 1))
    yield zero("4 alpha Gamma(alpha)", sp.gammasimp(claimed / (4 * alpha * sp.gamma(alpha))) - 1)


@proves("softhard.threshold")
def threshold(s: Statement) -> Iterator[str]:
    """Stationarity at b + d, with y = (x - b - d)/T: what tanh misses of the sign balances what d moves.

    To leading order: phi'(b) T^2 int_0^inf 2 y (1 - tanh(y/2)) sech^2(y/2) dy + 2 d phi(b) = 0, phi' = -b phi.
    """
    T, b = s.symbols("T b")
    y, q = sp.symbols("y q", positive=True)
    t = sp.tanh(y / 2)
    yield zero("primitive", sp.diff((1 - t) ** 2, y) + (1 - t) * sp.sech(y / 2).rewrite(sp.cosh) ** 2)
    # by parts the integral is that of (1 - tanh(y/2))^2 = 4 q^2/(1 + q)^2, q = exp(-y), dy = -dq/q
    yield zero("in q", ((1 - t) ** 2).rewrite(sp.exp) - 4 * sp.exp(-2 * y) / (1 + sp.exp(-y)) ** 2)
    area = sp.integrate(4 * q / (1 + q) ** 2, (q, 0, 1))
    phi = sp.exp(-(b**2) / 2)
    yield zero("shift", sp.simplify(2 * s["shift"] * phi + 2 * sp.diff(phi, b) * T**2 * area))


@proves("landscape.saddle")
def saddle(s: Statement) -> Iterator[str]:
    """Loss a^2 A - 2 a C theta + 1: its Hessian's eigenvalues, and their values for hard routing."""
    A, C = s.symbols("A C")
    a, theta = sp.symbols("a theta", real=True)
    hessian = sp.hessian(a**2 * A - 2 * a * C * theta + 1, (a, theta))
    for name, value in (("decay", s["decay"]), ("growth", -s["growth"])):
        yield zero(f"{name} is an eigenvalue", sp.expand((hessian - value * sp.eye(2)).det()))
    yield positive("the saddle is strict", s["growth"] * s["decay"])
    rho = sp.Symbol("rho", real=True)
    overlap = s.use("boundary.arcsine", "E").subs(sp.Symbol("rho", real=True), rho)
    hard = sp.diff(overlap, rho).subs(rho, 0)
    yield zero("C of hard routing", hard - 2 / sp.pi)
    yield zero("its growth", s["growth"].subs({A: 1, C: hard}) - s["hard"])


@proves("landscape.jump")
def jump(s: Statement) -> Iterator[str]:
    """For x > 0 the target is 1; the other side is its mirror image. In q = exp(-x/T) the integrand is rational."""
    T, f0 = s.symbols("T f0")
    x, b = sp.symbols("x b", real=True)
    q = sp.Symbol("q", positive=True)
    soft = sp.tanh((x - b) / (2 * T))
    second = sp.diff((soft - 1) ** 2, b, 2).subs(b, 0).rewrite(sp.exp)
    inside = sp.simplify(second.subs(x, -T * sp.log(q))) * T / q  # dx = -T dq/q
    yield zero("curvature", sp.simplify(2 * f0 * sp.integrate(sp.simplify(inside), (q, 0, 1)) - s["curvature"]))
