"""Boundary mass of a Gaussian margin and the expansions of soft routing around hard routing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero


def density(x: Any, sigma: Any) -> Any:
    """Return the density of N(0, sigma^2)."""
    return sp.exp(-(x**2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))


@proves("boundary.mass")
def mass(s: Statement) -> Iterator[str]:
    """M(0) = 0, and M grows by the density at both ends of the slab."""
    w, b, sigma = s.symbols("w b sigma")
    yield zero("M(0) = 0", s["M"].subs(w, 0))
    yield zero("dM/dw", sp.diff(s["M"], w) - density(w - b, sigma) - density(w + b, sigma))
    yield zero("M -> 1", sp.limit(s["M"].subs({b: 0, sigma: 1}), w, sp.oo) - 1)


@proves("boundary.flips")
def flips(s: Statement) -> Iterator[str]:
    """A margin m > 0 flips if the difference of two errors exceeds it: 2 C times the integral of that probability.

    Rounding makes two logits m < d apart equal if no boundary of the grid lies between them, which has probability
    1 - m/d, and half of the ties are broken the other way.
    """
    C, sd, d = s.symbols("C s d")
    m, x = sp.symbols("m x", positive=True)
    beyond = (1 - sp.erf(m / (2 * sd))) / 2  # the difference has the deviation sqrt(2) s
    yield zero("the tail of N(0, 2 s^2)", sp.diff(beyond, m) + density(m, sp.sqrt(2) * sd))
    yield zero("the tail vanishes", sp.limit(beyond.subs(sd, 1), m, sp.oo))
    yield zero("gaussian", sp.integrate(2 * C * beyond, (m, 0, sp.oo)) - s["gaussian"])
    yield zero("rounding", sp.integrate(2 * C * (1 - m / d) / 2, (m, 0, d)) - s["rounding"])
    triangle = sp.integrate((d - x) / d**2, (x, m, d))  # the difference of two errors uniform over d exceeds m
    yield zero("independent", sp.integrate(2 * C * triangle, (m, 0, d)) - s["independent"])


@proves("boundary.slope")
def slope(s: Statement) -> Iterator[str]:
    """Differentiate M at w = 0."""
    w = s.symbol("w")
    rate = sp.diff(s.use("boundary.mass", "M"), w).subs(w, 0)
    yield zero("slope", rate - s["slope"])
    yield positive("positive", s["slope"])


@proves("boundary.remainder")
def remainder(s: Statement) -> Iterator[str]:
    """M(w) - slope w is the double integral of M'', and |M''| <= 2 w sup |phi''|: phi is even, so M''(0) = 0.

    M''(w) = phi'(w - b) + phi'(w + b) = integral of phi'' over [b - w, b + w].
    """
    w, b, sigma, x = s.symbols("w b sigma x")
    M = s.use("boundary.mass", "M")
    yield zero("M(0) = M''(0) = 0", M.subs(w, 0) ** 2 + sp.diff(M, w, 2).subs(w, 0) ** 2)
    phi = density(x, sigma)
    ends = sp.diff(phi, x).subs(x, b + w) - sp.diff(phi, x).subs(x, b - w)
    yield zero("M'' = phi'(b + w) - phi'(b - w)", sp.diff(M, w, 2) - ends)
    peak = -sp.diff(phi, x, 2).subs(x, 0)
    yield zero("bound'' = 2 w peak", sp.diff(s["bound"], w, 2) - 2 * w * peak)
    yield zero("bound starts flat", s["bound"].subs(w, 0) + sp.diff(s["bound"], w).subs(w, 0))
    q = sp.Symbol("q", positive=True)  # (x/sigma)^2
    scaled = sp.simplify(sp.diff(phi, x, 2).subs(x, sigma * sp.sqrt(q)) / peak)
    yield zero("phi''/peak = (q - 1) exp(-q/2)", scaled - (q - 1) * sp.exp(-q / 2))
    yield zero("whose extremes are at q = 3 and at q = 0", sp.diff(scaled, q) - (3 - q) * sp.exp(-q / 2) / 2)
    yield positive("and the one at q = 3 is the smaller", 1 - scaled.subs(q, 3))


@proves("boundary.critical")
def critical(s: Statement) -> Iterator[str]:
    """The matrix chi = c [[1, -1], [-1, 1]] has lambda_max = 2 c; c, the margin's density at 0, is half M's slope."""
    b, c = s.symbols("b c")
    chi = sp.Matrix([[c, -c], [-c, c]])
    across = sp.Matrix([1, -1])
    yield zero("eigenvalue 2 c across", chi * across - 2 * c * across)
    yield zero("and 0 along", chi * sp.Matrix([1, 1]))
    largest = {s.symbol("lambda_max"): 2 * c}
    yield zero("kappa = mu/lambda_max", s.use("susceptibility.critical_feedback", "kappa").subs(largest) - s["kappa"])
    yield zero("c is half the boundary slope", s["c"] - s.use("boundary.slope", "slope").subs(b, 0) / 2)
    gaussian = s["kappa"].subs(c, s["c"])
    yield zero("as for the hard Gaussian response", gaussian - s.use("response.hard_gaussian", "kappa"))


@proves("boundary.arcsine")
def arcsine(s: Statement) -> Iterator[str]:
    """Price's theorem: d E/d rho = E of the mixed derivative = 4 times the pair's density at (0, 0)."""
    rho = s.symbol("rho")
    covariance = sp.Matrix([[1, rho], [rho, 1]])
    at_origin = 1 / (2 * sp.pi * sp.sqrt(covariance.det()))
    yield zero("derivative", sp.diff(s["E"], rho) - 4 * at_origin)
    yield zero("independent signs", s["E"].subs(rho, 0))
    yield zero("equal signs", s["E"].subs(rho, 1) - 1)


@proves("softhard.gap")
def gap(s: Statement) -> Iterator[str]:
    """Two experts at temperature T: the likelier one has the load 1/(1 + exp(-x/T)), x the size of the margin."""
    x, T = s.symbols("x T")
    load = sp.exp(x / T) / (sp.exp(x / T) + 1)
    yield zero("1 - max p", 1 - load - s["share"])
    yield zero("it falls away from the tie at the rate p (1 - p)/T", sp.diff(s["share"], x) + load * (1 - load) / T)
    yield zero("one half at the tie", s["share"].subs(x, 0) - sp.Rational(1, 2))


@proves("softhard.remainder")
def gap_remainder(s: Statement) -> Iterator[str]:
    """Taylor's formula bounds the rest of f by max |f^(2N)| x^(2N)/(2N)!, integrated as in softhard.expansion.

    The normal density is the Fourier integral of a positive function, so |f^(2N)| is largest at its centre.
    """
    T, sigma, N = s.symbols("T sigma N")
    x = sp.Symbol("x", real=True)
    coefficient = s.use("softhard.expansion", "coefficient")
    for order in range(1, 5):
        largest = (-1) ** order * sp.diff(density(x, sigma), x, 2 * order).subs(x, 0)
        term = coefficient.subs(coefficient.free_symbols.pop(), order) * largest * T ** (2 * order + 1)
        yield zero(f"N = {order}: the next term at its largest", term - s["bound"].subs(N, order))
        yield positive(f"N = {order}: with the sign (-1)^N", largest)


@proves("softhard.expansion")
def expansion(s: Statement) -> Iterator[str]:
    """1 - max p = 1/(exp(|margin|/T) + 1). Scale the margin by T and integrate f's Taylor series term by term.

    The n-th term is 2 T^(2n+1) f^(2n)(0)/(2n)! times the integral of x^(2n)/(exp x + 1) over x > 0.
    """
    n = s.symbol("n")
    x = sp.Symbol("x", positive=True)
    y = sp.Symbol("y", real=True)
    smaller = 1 - 1 / (1 + sp.exp(-x))
    yield zero("1 - max p", smaller - 1 / (sp.exp(x) + 1))
    yield zero("geometric series of exp(-x)", sp.exp(-y) / (1 + sp.exp(-y)) - 1 / (sp.exp(y) + 1))
    for order in range(4):
        m = sp.Symbol("m", positive=True, integer=True)
        power = sp.integrate(x ** (2 * order) * sp.exp(-m * x), (x, 0, sp.oo))
        yield zero(f"integral of x^{2 * order} exp(-m x)", power - sp.factorial(2 * order) / m ** (2 * order + 1))
        eta = sp.dirichlet_eta(2 * order + 1)
        yield zero(
            f"coefficient {order}: alternating sum of m^-{2 * order + 1}",
            s["coefficient"].subs(n, order) - 2 * eta,
        )
    yield zero("leading", sp.expand_func(s["coefficient"].subs(n, 0)) - s["leading"])
    alternating = sp.summation((-1) ** (sp.Symbol("m") + 1) / sp.Symbol("m"), (sp.Symbol("m"), 1, sp.oo))
    yield zero("eta_D(1) = 1 - 1/2 + 1/3 - ...", 2 * alternating - s["leading"])


@proves("softhard.variance")
def variance(s: Statement) -> Iterator[str]:
    """p(1 - p) = dp/dx with p = 1/(1 + exp(-x)): integrate x^(2n) dp/dx; by parts the second needs eta_D(2)."""
    x = sp.Symbol("x", real=True)
    p = 1 / (1 + sp.exp(-x))
    yield zero("p(1 - p) = dp/dx", sp.diff(p, x) - p * (1 - p))
    yield zero("even", p * (1 - p) - (p * (1 - p)).subs(x, -x))
    total = sp.limit(p, x, sp.oo) - sp.limit(p, x, -sp.oo)
    yield zero("first", total - s["first"])
    primitive = -(x**2) / (sp.exp(x) + 1)
    yield zero("by parts on x > 0", sp.diff(primitive, x) - x**2 * p * (1 - p) + 2 * x / (sp.exp(x) + 1))
    yield zero("boundary terms", primitive.subs(x, 0) + sp.limit(primitive, x, sp.oo))
    half = 2 * sp.expand_func(sp.dirichlet_eta(2).rewrite(sp.zeta))  # integral of 2x/(exp x + 1)
    yield zero("second: (1/2) times both halves", half - s["second"])
