"""Any load response: dz/dt = kappa G(z) - mu z + h, and its softmax, hard Gaussian and logistic-normal members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero

G = sp.Function("G")


def field(s: Statement, z: Any) -> Any:
    """Return kappa G(z) - mu z + h."""
    return s.symbol("kappa") * G(z) - s.symbol("mu") * z + s.symbol("h")


def named(s: Statement, expression: Any, z: Any) -> Any:
    """Replace G and its derivatives at z by the symbols G0, G1, G2, G3."""
    for order in (3, 2, 1):
        expression = expression.subs(sp.diff(G(z), z, order), s.symbol(f"G{order}"))
    return expression.subs(G(z), s.symbol("G0"))


@proves("response.critical")
def critical(s: Statement) -> Iterator[str]:
    """The slope of the field at z = 0 changes sign with kappa."""
    z, kappa = s.symbols("z kappa")
    slope = named(s, sp.diff(field(s, z), z), z)
    yield zero("the slope vanishes", slope.subs(kappa, s["kappa"]))
    yield positive("and grows with kappa", sp.diff(slope, kappa))
    yield positive("at a positive feedback", s["kappa"])


@proves("response.fold_curve")
def fold_curve(s: Statement) -> Iterator[str]:
    """Both equations are linear in kappa and h."""
    z, kappa, h = s.symbols("z kappa h")
    values = {kappa: s["kappa"], h: s["h"]}
    yield zero("field", named(s, field(s, z), z).subs(values))
    yield zero("slope", named(s, sp.diff(field(s, z), z), z).subs(values))


@proves("response.monotone")
def monotone(s: Statement) -> Iterator[str]:
    """Differentiate the fold curve along z."""
    z = s.symbol("z")
    for claim, name, sign in (("kappa_slope", "kappa", 1), ("h_slope", "h", -1)):
        curve = s.use("response.fold_curve", name)
        curve = curve.subs({s.symbol("G0"): G(z), s.symbol("G1"): sp.diff(G(z), z)})
        yield zero(f"d {name}/dz", named(s, sp.diff(curve, z), z) - s[claim])
        yield positive(f"sign of d {name}/dz", sign * s[claim])


@proves("response.cubic")
def cubic(s: Statement) -> Iterator[str]:
    """Taylor's formula: only G has a third derivative."""
    z = s.symbol("z")
    yield zero("third order", named(s, sp.diff(field(s, z), z, 3), z) / 6 - s["cubic"])


def member(s: Statement) -> Iterator[str]:
    """Check critical feedback and cubic coefficient of a concrete odd response."""
    z = s.symbol("z")
    response = s["G"]
    first, third = (sp.diff(response, z, order).subs(z, 0) for order in (1, 3))
    yield zero("odd", response + response.subs(z, -z))
    yield zero("critical feedback", s.use("response.critical", "kappa").subs(s.symbol("G1"), first) - s["kappa"])
    yield zero("cubic coefficient", s.use("response.cubic", "cubic").subs(s.symbol("G3"), third) - s["cubic"])
    yield positive("increasing at 0", first)
    yield positive("supercritical", -s["cubic"])


@proves("response.softmax")
def softmax(s: Statement) -> Iterator[str]:
    """G = p1 - p2 at score difference z."""
    z, beta = s.symbols("z beta")
    yield zero("imbalance at u = beta z/2", s["G"] - s.use("reduced.imbalance", "m").subs(s.symbol("u"), beta * z / 2))
    yield from member(s)
    w = sp.Symbol("w", positive=True)
    concave = beta**2 * sp.tanh(w) / sp.cosh(w) ** 2 / 2
    yield positive("concave on z > 0", concave)
    yield zero("which is -G''", sp.diff(s["G"], z, 2).subs(z, 2 * w / beta) + concave)


@proves("response.hard_gaussian")
def hard_gaussian(s: Statement) -> Iterator[str]:
    """G = 2 P(margin > -z) - 1 has the derivative 2 phi(z/sigma)/sigma."""
    z, sigma = s.symbols("z sigma")
    density = sp.exp(-(z**2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))
    yield zero("G' is twice the density of the margin", sp.diff(s["G"], z) - 2 * density)
    yield zero("G(0) = 0", s["G"].subs(z, 0))
    yield from member(s)
    yield zero("concave: G'' = -(z/sigma^2) G'", sp.diff(s["G"], z, 2) + z * sp.diff(s["G"], z) / sigma**2)


@proves("response.logistic_normal")
def logistic_normal(s: Statement) -> Iterator[str]:
    """G'(0) = E kernel(xi), kernel = (beta/2) sech^2(beta xi/2).

    It is at most the kernel's largest value, and at most the density's largest value times the kernel's integral.
    """
    beta, sigma, x = s.symbols("beta sigma x")
    peak = beta / 2
    kernel = peak * sp.sech(beta * x / 2) ** 2
    primitive = sp.tanh(beta * x / 2)
    yield zero("the kernel is d tanh(beta x/2)/dx", sp.diff(primitive, x) - kernel)
    yield zero("its peak", kernel.subs(x, 0) - peak)
    yield zero("below the peak by (beta/2) tanh^2", peak - kernel - peak * sp.tanh(beta * x / 2) ** 2)
    integral = sp.limit(sp.tanh(x), x, sp.oo) - sp.limit(sp.tanh(x), x, -sp.oo)
    density = 1 / (sigma * sp.sqrt(2 * sp.pi))
    mu_over = s.use("response.critical", "kappa")
    yield zero("soft", mu_over.subs(s.symbol("G1"), peak) - s["soft"])
    yield zero("hard", mu_over.subs(s.symbol("G1"), density * integral) - s["hard"])
    yield zero("soft is the softmax member", s["soft"] - s.use("response.softmax", "kappa"))
    yield zero("hard is the hard Gaussian member", s["hard"] - s.use("response.hard_gaussian", "kappa"))
