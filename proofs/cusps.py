"""The cusp: cubic form and its remainder, conditions of nondegeneracy, change of coordinates, cusp set."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from proofs.equilibria import drift
from proofs.statements import Statement
from proofs.steps import holds, positive, proves, zero


@proves("cusp.normal_form")
def normal_form(s: Statement) -> Iterator[str]:
    """Taylor's formula at u = 0; F - eta is odd, so there are no even terms."""
    u = s.symbol("u")
    F = drift(s)
    coefficients = {0: s["eta"], 1: s["mu"], 2: 0, 3: s["cubic"], 4: 0}
    for order, coefficient in coefficients.items():
        yield zero(f"order {order}", sp.diff(F, u, order).subs(u, 0) / sp.factorial(order) - coefficient)
    yield positive("supercritical: the cubic coefficient is negative", -s["cubic"])


@proves("cusp.remainder")
def remainder(s: Statement) -> Iterator[str]:
    """With t = tanh u the remainder over g is r = t - u + u^3/3, and r' = u^2 - t^2 > 0 as t < u.

    The bound's excess grows too: its derivative 2u^4/3 - u^2 + t^2 is positive because t > u - u^3/3 (the decision
    layer proves that last, polynomial step).
    """
    u, g = s.symbols("u g")
    cubic = sum(s.use("cusp.normal_form", n) * u**k for n, k in {"eta": 0, "mu": 1, "cubic": 3}.items())
    rest = (drift(s) - cubic) / g
    yield zero("remainder over g", rest - (sp.tanh(u) - u + u**3 / 3))
    yield zero("its derivative u^2 - t^2", sp.diff(rest, u) - (u**2 - sp.tanh(u) ** 2))
    yield positive("t < u: d(u - t)/du = t^2 > 0", sp.tanh(u) ** 2)
    yield zero("which it is", sp.diff(u - sp.tanh(u), u) - sp.tanh(u) ** 2)
    yield zero("both start at 0", rest.subs(u, 0) + s["bound"].subs(u, 0))
    excess = sp.diff(s["bound"] / g - rest, u)
    yield zero("derivative of the bound's excess", excess - (2 * u**4 / 3 - u**2 + sp.tanh(u) ** 2))
    yield zero("parity: remainder and bound are odd", rest + rest.subs(u, -u) + s["bound"] + s["bound"].subs(u, -u))


@proves("cusp.conditions")
def conditions(s: Statement) -> Iterator[str]:
    """Differentiate F at (0, 1, 0)."""
    u, g, eta = s.symbols("u g eta")
    F = drift(s)

    def at_cusp(*orders: sp.Symbol) -> sp.Expr:
        return sp.diff(F, *orders).subs({u: 0, g: 1, eta: 0}) if orders else F.subs({u: 0, g: 1, eta: 0})

    for text, orders in {"F": (), "F_u": (u,), "F_uu": (u, u)}.items():
        yield zero(f"{text} = 0", at_cusp(*orders))
    yield zero("F_uuu", at_cusp(u, u, u) - s["F_uuu"])
    determinant = at_cusp(eta) * at_cusp(u, g) - at_cusp(g) * at_cusp(u, eta)
    yield zero("determinant", determinant - s["determinant"])
    yield positive("nondegenerate", s["F_uuu"] ** 2)
    yield positive("versal", s["determinant"] ** 2)


@proves("cusp.coordinates")
def coordinates(s: Statement) -> Iterator[str]:
    """Scale w, d, eta by e, e^2, e^3: then F(u(w)) du/dw is an odd series in e, compared at e^3 and e^5.

    du/dw is near 1, so dw/dtau = (normal form)/(du/dw)^2 has the equilibria, the stabilities and the orbits of the
    normal form; the change is near the identity. Its folds give the first two terms of eta_f back.
    """
    u, w, d, eta, g, e = s.symbols("u w d eta g e")
    weights = {w: e * w, d: e**2 * d, eta: e**3 * eta}
    F = sp.series(sp.tanh(u), u, 0, 7).removeO() * g - u + eta
    field = (F.subs(g, 1 + d).subs(u, s["u"]) * sp.diff(s["u"], w)).subs(weights, simultaneous=True)
    form = (s["beta1"] + s["beta2"] * w - w**3 / 3).subs(weights, simultaneous=True)
    difference = sp.expand(field - form)
    for weight in range(7):
        yield zero(f"weight {weight}", difference.coeff(e, weight))
    yield zero("near the identity", sp.diff(s["u"], w).subs({w: 0, d: 0}) - 1)
    r = sp.Symbol("r", positive=True)  # the square root of d
    fold = (s["beta1"] / eta).subs(d, r**2), s["beta2"].subs(d, r**2)
    ratio = sp.Rational(2, 3) * (fold[1] / r**2) ** sp.Rational(3, 2) / fold[0]
    two_terms = sum(s.use("fold.expansion", "eta_f").subs(d, r**2).expand().coeff(r, k) * r ** (k - 3) for k in (3, 5))
    yield zero("folds 4 beta2^3 = 9 beta1^2", sp.series(ratio, r, 0, 4).removeO() - two_terms)


@proves("cusp.set")
def cusp_set(s: Statement) -> Iterator[str]:
    """The cubic form eta' + mu u + cubic u^3 and its derivative vanish at u = U, eta' = -eta."""
    u, g = s.symbols("u g")
    lifted = s.above("g", 1)
    mu, cubic = s.use("cusp.normal_form", "mu"), s.use("cusp.normal_form", "cubic")
    form = -s["eta"] + mu * u + cubic * u**3
    yield zero("the cubic vanishes", form.subs(u, s["u"]).subs(g, lifted))
    yield zero("its derivative vanishes", sp.diff(form, u).subs(u, s["u"]).subs(g, lifted))
    yield zero("the discriminant vanishes", (4 * mu**3 - 9 * g * s["eta"] ** 2).subs(g, lifted))
    yield positive("for gains above 1", s["eta"].subs(g, lifted))
    inner = s.use("fold.bounds", "lower").subs(s.symbol("d"), lifted - 1)
    yield zero("it is the inner bound of the fold curve", s["eta"].subs(g, lifted) - inner)
    yield holds("the fold's gain is real", lifted.is_positive)
