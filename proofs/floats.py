"""The bridge to floats: what the library returns, proved by Arb to lie within a few ulp of the formal definition.

Inputs are taken as the exact numbers that their floats are. A closed form is compared with its claim, evaluated to
200 bits; an equilibrium u is right to n ulp if F changes its sign between u - n ulp and u + n ulp. In dimensional
form the inputs are chosen so that the conversion to reduced variables is exact: its rounding is not the solver's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isnan, ulp
from typing import Any

from flint import arb, ctx

import moecusp as mc
from proofs.balls import claim, exact, sign, use
from proofs.statements import Statement
from proofs.steps import NotProved, proves

ULPS = 4
NEAR_CUSP = [1.0 + 2.0**-k for k in range(2, 53, 3)]
GAINS = [*NEAR_CUSP, 1.1, 1.37, 1.5, 1.9999, 2.0, 2.7182818, 5.0, 17.3, 1e3, 1e7, 1e15]
ANGLES = [s * x for x in (1e-300, 1e-8, 1e-3, 0.1, 0.49, 0.5, 0.51, 1.0, 1.01, 3.3, 20.0, 300.0) for s in (1, -1)]
DIMENSIONS = [(0.75, 0.5), (1.25, 2.0), (3.0, 4.0), (0.625, 0.25)]  # decay, inverse temperature: short dyadic numbers


def close(result: Any, truth: arb) -> None:
    """Raise NotProved unless the float is certainly within the bound of the truth."""
    number = float(result)
    if not abs(truth - exact(number)) <= ULPS * exact(ulp(number)):
        raise NotProved(f"{number!r} is not certainly within {ULPS} ulp of {truth}")


def vectors(s: Statement, name: str, cases: Iterable[tuple[Any, dict[str, float]]]) -> str:
    """Check float results against a claim at exact arguments, to 200 bits; return a text with their number."""
    count = 0
    with ctx.workprec(200):
        for result, arguments in cases:
            close(result, claim(s, name, **_values(**arguments)))
            count += 1
    return f"{name}: {count} vectors within {ULPS} ulp"


def by_gain(s: Statement, name: str, function: Callable[[float], Any]) -> Iterator[str]:
    """Compare a function of the gain with a claim."""
    yield vectors(s, name, ((function(g), {"g": g}) for g in GAINS))


@proves("fold.asymmetry", "floats")
def fold_asymmetry(s: Statement) -> Iterator[str]:
    """The closed form from 4 ulp above the cusp to 1e15."""
    yield from by_gain(s, "eta_f", mc.fold_asymmetry)


@proves("fold.imbalance", "floats")
def fold_imbalance(s: Statement) -> Iterator[str]:
    """The load at the folds."""
    yield from by_gain(s, "m", mc.fold_imbalance)


@proves("fold.hysteresis", "floats")
def fold_hysteresis(s: Statement) -> Iterator[str]:
    """The loop's width."""
    yield from by_gain(s, "width", mc.hysteresis_width)


@proves("cusp.set", "floats")
def cusp_set(s: Statement) -> Iterator[str]:
    """The cubic's folds."""
    yield from by_gain(s, "eta", mc.cusp_set)


@proves("fold.curve", "floats")
def fold_curve(s: Statement) -> Iterator[str]:
    """Both coordinates of the curve."""
    for i, name in enumerate(("g", "eta")):
        yield vectors(s, name, [(mc.fold_curve(u)[i], {"u": u}) for u in ANGLES])


@proves("fold.gain", "floats")
def fold_gain(s: Statement) -> Iterator[str]:
    """fold_gain(eta) is bracketed by gains whose fold asymmetries bracket eta; eta_f increases (fold.slope)."""
    count = 0
    for eta in [10.0**k for k in range(-15, 12, 2)] + [0.3, 0.532839975354, 1.7, 44.0]:
        g = float(mc.fold_gain(eta))
        margin = ULPS * exact(ulp(g))
        with ctx.workprec(250):
            low, high = exact(g) - margin, exact(g) + margin
            below = not low > 1 or bool(use("fold.asymmetry", "eta_f", g=low) < exact(eta))
            if not (below and use("fold.asymmetry", "eta_f", g=high) > exact(eta)):
                raise NotProved(f"fold_gain({eta!r}) = {g!r} is not certainly within {ULPS} ulp")
            v = (exact(g) - 1).sqrt().asinh()
            if not claim(s, "g", v=v).overlaps(exact(g)):
                raise NotProved("the claimed gain is not the one inverted")
        count += 1
    yield f"fold_gain: {count} vectors within {ULPS} ulp"


def dimensional() -> Iterator[tuple[float, float, float]]:
    """Yield decay, inverse temperature and a multiplier with few digits."""
    for decay, beta in DIMENSIONS:
        for size in (0.3, 1.0, 1.7, 2.5e7, 3e-9):
            yield decay, beta, size


@proves("reduced.gain", "floats")
def gain(s: Statement) -> Iterator[str]:
    """Conversion of units, for two and for eight experts."""
    cases = (
        (mc.gain(size, decay, beta, experts), dict(kappa=size, mu=decay, beta=beta, K=experts))
        for decay, beta, size in dimensional()
        for experts in (2, 8)
    )
    yield vectors(s, "g", cases)


@proves("reduced.asymmetry", "floats")
def reduced_asymmetry(s: Statement) -> Iterator[str]:
    """Conversion of units; the library takes h1 - h2."""
    cases = (
        (mc.reduced_asymmetry(-size, decay, beta), dict(h1=0.0, h2=size, mu=decay, beta=beta))
        for decay, beta, size in dimensional()
    )
    yield vectors(s, "eta", cases)


@proves("critical.feedback", "floats")
def critical_feedback(s: Statement) -> Iterator[str]:
    """Critical feedback, for two and for eight experts."""
    cases = (
        (mc.critical_feedback(size * decay, beta, experts), dict(mu=size * decay, beta=beta, K=experts))
        for decay, beta, size in dimensional()
        for experts in (2, 8)
    )
    yield vectors(s, "kappa", cases)


def _values(**numbers: float) -> dict[str, arb]:
    return {name: exact(number) for name, number in numbers.items()}


def routers(g: float, eta: float = 0.0) -> Iterator[mc.RouterParameters]:
    """Yield routers of a gain and reduced asymmetry, in other units; both must be short dyadic numbers."""
    for decay, beta in DIMENSIONS:
        yield mc.RouterParameters(2.0 * g * decay / beta, decay, beta, 2.0 * eta * decay / beta)


@proves("fold.dimensional", "floats")
def fold_dimensional(s: Statement) -> Iterator[str]:
    """RouterParameters.folds: h = (2 mu/beta) eta_f at the gain of kappa, and the claimed curve through that point."""
    count = 0
    with ctx.workprec(200):
        for router in [router for k in range(1, 21, 2) for router in routers(1.0 + 3 * 2.0**-k)]:
            v = _values(kappa=router.feedback, mu=router.decay, beta=router.inverse_temperature, K=2)
            u = use("reduced.gain", "g", **v).sqrt().acosh()
            if not claim(s, "kappa", u=u, **v).overlaps(v["kappa"]):
                raise NotProved("the claimed curve misses the router's feedback")
            close(router.folds(), -claim(s, "h", u=u, **v))
            count += 1
    yield f"h: {count} vectors within {ULPS} ulp"


def root_is_within(u: float, field: Callable[[arb], arb], ulps: int = ULPS) -> bool:
    """Return whether the field certainly changes its sign within so many ulp of u, or vanishes exactly at 0."""
    if u == 0.0 and field(arb(0)).is_zero():
        return True
    margin = ulps * exact(ulp(u))
    below, above = sign(field(exact(u) - margin)), sign(field(exact(u) + margin))
    return below * above < 0


@proves("equilibrium.count", "floats")
def equilibria(s: Statement) -> Iterator[str]:
    """As many roots as claimed, each within the bound: near cusp and folds, and in dimensional form."""
    cases: list[tuple[mc.RouterParameters, Any]] = []
    for g in (0.3, 0.99, 1.0, 1.0 + 2.0**-40, 1.0 + 2.0**-20, 1.001, 1.25, 2.0, 3.7, 20.0):
        fold = float(mc.fold_asymmetry(max(g, 1.0)))
        for share in (0.0, 0.5, -0.999, 0.999, 1.001, 1.5, 30.0):
            eta = share * fold if g > 1.0 else share
            cases.append((mc.RouterParameters(2.0 * g, asymmetry=2.0 * eta), mc.equilibria(g, eta)))
    for g, eta in ((0.5, 0.25), (1.0, 2.0**-9), (1.0 + 2.0**-12, 2.0**-20), (1.5, 0.125), (1.5, 0.75), (4.0, -1.75)):
        cases += [(router, router.equilibria()) for router in routers(g, eta)]
    total = 0
    with ctx.workprec(250):
        for router, found in cases:
            total += _checked(s, router, found)
    yield f"{total} roots of {len(cases)} routers within {ULPS} ulp, as many as claimed"


def _checked(s: Statement, router: mc.RouterParameters, found: Any) -> int:
    """Return the number of roots; raise NotProved for a root out of bounds or a wrong count."""
    mu, beta = exact(router.decay), exact(router.inverse_temperature)
    k, h = exact(router.feedback) * beta / 2, exact(router.asymmetry) * beta / 2
    us = [float(u) for u in found.u if not isnan(u)]
    for u in us:
        if not root_is_within(u, lambda x: k * x.tanh() - mu * x + h):
            raise NotProved(f"u = {u!r} is not certainly within {ULPS} ulp, {router}")
    claimed = 1
    if k > mu:
        values = {"eta": h / mu, "eta_f": use("fold.asymmetry", "eta_f", g=k / mu)}
        claimed = 3 if claim(s, "high", **values) > 0 and claim(s, "low", **values) < 0 else 1
    if len(us) != claimed or us != sorted(set(us)):
        raise NotProved(f"{len(us)} roots, {claimed} claimed, {router}")
    return len(us)
