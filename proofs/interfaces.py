"""Interfaces that are no straight line, and the boundary mass of many experts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero


def phi(x: Any) -> Any:
    """Return the standard normal density."""
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


def Phi(x: Any) -> Any:
    """Return the standard normal distribution function."""
    return (1 + sp.erf(x / sp.sqrt(2))) / 2


@proves("interface.sphere")
def sphere(s: Statement) -> Iterator[str]:
    """The normal density on the sphere times its area, over |grad psi| = 2 r."""
    r, d = s.symbols("r d")
    area = 2 * sp.pi ** (d / 2) / sp.gamma(d / 2) * r ** (d - 1)
    density = (2 * sp.pi) ** (-d / 2) * sp.exp(-(r**2) / 2)
    whole = sp.integrate(sp.powsimp(area * density), (r, 0, sp.oo))
    yield zero("spheres with that area fill the space", sp.simplify(whole) - 1)
    ratio = sp.powsimp(sp.expand_power_base(s["c"] / (area * density / (2 * r)), force=True), force=True)
    yield zero("c", sp.simplify(sp.expand_power_base(ratio, force=True)) - 1)


@proves("interface.ellipse")
def ellipse(s: Statement) -> Iterator[str]:
    """At x = r cos t, y = r sin t/sqrt b the length of dt over |grad psi| is 1/(2 sqrt b)."""
    r, b = s.symbols("r b")
    t = sp.Symbol("t", real=True)
    x, y = r * sp.cos(t), r * sp.sin(t) / sp.sqrt(b)
    yield zero("on the interface", sp.simplify(x**2 + b * y**2 - r**2))
    length = sp.diff(x, t) ** 2 + sp.diff(y, t) ** 2
    yield zero("length over gradient, squared", sp.simplify(length - (4 * x**2 + 4 * b**2 * y**2) / (4 * b)))
    z = r**2 * (1 - 1 / b) / 4
    exponent = -(x**2 + y**2) / 2
    yield zero("exponent", sp.simplify(sp.expand_trig(exponent + r**2 * (1 + 1 / b) / 4 + z * sp.cos(2 * t))))
    q = sp.Symbol("q", real=True)
    for n in range(4):  # the mean of exp(-q cos 2t) over a turn is I_0(q), power by power
        mean = sp.integrate(sp.cos(2 * t) ** (2 * n), (t, 0, 2 * sp.pi)) / (2 * sp.pi)
        coefficient = sp.series(sp.besseli(0, q), q, 0, 8).removeO().coeff(q, 2 * n)
        yield zero(f"power {2 * n} of I_0", mean / sp.factorial(2 * n) - coefficient)
        yield zero(f"power {2 * n + 1}", sp.integrate(sp.cos(2 * t) ** (2 * n + 1), (t, 0, 2 * sp.pi)))
    mean = sp.exp(-(r**2) * (1 + 1 / b) / 4) * sp.besseli(0, z)
    yield zero("c: density 1/(2 pi) times the turn 2 pi times 1/(2 sqrt b)", s["c"] - mean / (2 * sp.sqrt(b)))


@proves("interface.parabola")
def parabola(s: Statement) -> Iterator[str]:
    """The gradient has the component 1 along y: c is the integral of phi(x) phi(k x^2)."""
    k = s.symbol("k")
    x = sp.Symbol("x", real=True)
    yield zero("integrand", sp.simplify(phi(x) * phi(k * x**2) - sp.exp(-(x**2) / 2 - k**2 * x**4 / 2) / (2 * sp.pi)))
    integral = sp.integrate(sp.exp(-(x**2) / 2 - k**2 * x**4 / 2), (x, -sp.oo, sp.oo)) / (2 * sp.pi)
    difference = (s["c"].rewrite(sp.besseli) - integral) * k * sp.exp(-1 / (16 * k**2))
    yield zero("c", sp.simplify(sp.gammasimp(sp.expand_func(sp.expand(difference)))))


@proves("interface.saddle")
def saddle(s: Statement) -> Iterator[str]:
    """Turned by 45 degrees the margin is 2 p q, p and q independent N(0, 1)."""
    w = s.symbol("w")
    x, y, v = sp.symbols("x y v", real=True)
    p, q = (y - x) / sp.sqrt(2), (y + x) / sp.sqrt(2)
    yield zero("margin", sp.expand(y**2 - x**2 - 2 * p * q))
    yield zero("a rotation", sp.expand(p**2 + q**2 - x**2 - y**2))
    # density of |2 p q| at w: 4 quadrants, phi(p) phi(q) dp dq with q = w/(2 p), dq = dw/(2 p), p^2 = (w/2) exp v
    place = sp.sqrt(w / 2) * sp.exp(v / 2)
    integrand = 4 * phi(place) * phi(w / (2 * place)) / (2 * place) * sp.diff(place, v)
    cosh = sp.exp(-w / 2 * (sp.exp(v) + sp.exp(-v)) / 2)
    yield zero("4 phi(p) phi(w/2p)/(2p) dp = exp(-(w/2) cosh v) dv/(2 pi)", sp.simplify(integrand - cosh / (2 * sp.pi)))
    z = sp.Symbol("z", positive=True)
    kernel = sp.exp(-z * sp.cosh(v))
    bessel = z * sp.diff(kernel, z, 2) + sp.diff(kernel, z) - z * kernel
    yield zero("K_0's equation, up to a derivative in v", bessel + sp.diff(sp.sinh(v) * kernel, v))
    yield zero("M' = K_0(w/2)/pi, for K_0 is half the integral over v", s["rate"] - sp.besselk(0, w / 2) / sp.pi)
    start = s["rate"].series(w, 0, 2).removeO()
    yield zero("leading' is the rate's start", sp.limit(sp.diff(s["leading"], w) - start, w, 0))
    yield zero("leading(0) = 0", sp.limit(s["leading"], w, 0))


@proves("interface.power")
def power(s: Statement) -> Iterator[str]:
    """M grows by the density at both ends, |x| = w^(1/p)."""
    w, p = s.symbols("w p")
    end = w ** (1 / p)
    yield zero("dM/dw", sp.simplify(sp.diff(s["M"], w) - 2 * phi(end) * sp.diff(end, w)))
    z = sp.Symbol("z", positive=True)
    yield zero("M(0) = 0", s["M"].subs(w, z**p).subs(z, 0))
    ratio = sp.simplify((s["M"] / s["leading"]).subs(w, z**p))
    yield zero("leading", sp.limit(ratio, z, 0) - 1)


@proves("boundary.experts")
def experts(s: Statement) -> Iterator[str]:
    """The largest logit is x with density K phi(x) times the chance that the others stay below x - w."""
    K, w = s.symbols("K w")
    x = s.symbol("x")
    yield zero("at w = 0 the density of the largest", s["lead"].subs(w, 0) - sp.diff(Phi(x) ** K, x))
    moved = s["rate"].subs(x, x - w)
    yield zero("the lead falls at the rate, its place moved by w", sp.diff(s["lead"], w) + moved)


@proves("boundary.experts_remainder")
def experts_remainder(s: Statement) -> Iterator[str]:
    """M'' = -(K (K-1)/2) int [w j + (K-2) f] <= 0, j = phi(x+w) phi Phi^(K-2), f = phi(x+w) phi^2 Phi^(K-3).

    Each integral falls in w: twice, and three times, its derivative is minus positive terms up to a derivative in x.
    So M'' lies between its bound at w = 0 with w j(0) added, and 0; integrated twice.
    """
    K, w = s.symbols("K w")
    x = sp.Symbol("x", real=True)
    j = phi(x + w) * phi(x) * Phi(x) ** (K - 2)
    f = phi(x + w) * phi(x) ** 2 * Phi(x) ** (K - 3)
    g = phi(x + w) * phi(x) ** 3 * Phi(x) ** (K - 4)
    rate = s.use("boundary.experts", "rate")
    yield zero("M' is K (K-1) int j", sp.simplify(rate.subs(s.symbol("x"), x) - K * (K - 1) * j))
    twice = 2 * sp.diff(j, w) + w * j + (K - 2) * f - sp.diff(j, x)
    yield zero("2 dj/dw = -w j - (K-2) f + d/dx j", sp.simplify(twice / j))
    thrice = 3 * sp.diff(f, w) + 2 * w * f + (K - 3) * g - sp.diff(f, x)
    yield zero("3 df/dw = -2 w f - (K-3) g + d/dx f", sp.simplify(thrice / f))
    yield positive("j and f fall: K - 2 and K - 3 are positive", s.above("K", 3) - 3)
    start = sp.Symbol("f", real=True)
    yield zero("M''(0)", s["second"] + K * (K - 1) * (K - 2) * start / 2)
    slope = sp.Symbol("slope", positive=True)
    yield zero("the rest of M'' is at least -w slope/2", sp.diff(s["cubic"] * slope, w, 2) + w * slope / 2)
    yield zero("and starts at 0, flat", s["cubic"].subs(w, 0) ** 2 + sp.diff(s["cubic"], w).subs(w, 0) ** 2)
