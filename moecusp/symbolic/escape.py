"""Escape from a stable load: slope of the action, barriers and times (docs/theory.md, section 7; docs/escape.md)."""

from __future__ import annotations

from typing import Any

import sympy as sp

from moecusp.symbolic.formula import Branch, Implicit, argument
from moecusp.symbolic.noise import STEP, B, delta, potential_of_density
from moecusp.symbolic.two_experts import drift, eta, fold_asymmetry, g, slope, u

p = argument("p", "p")
u_stable, u_unstable = argument("u_stable", "u_stable"), argument("u_unstable", "u_unstable")

_F = drift.expression
escape_slope = Implicit(
    "escape.barrier",
    (u, g, eta),
    (p,),
    (p * (eta - u) + sp.log(sp.cosh(p * g + u) / sp.cosh(u)),),
    p,
    {"against the drift": Branch(p * _F < 0, sp.And(g > 0, sp.Ne(_F, 0), sp.Abs(u - eta) < g))},
)


class EscapeSlope(sp.Function):  # type: ignore[misc]
    """The solution p(u, g, eta) of `escape_slope` as a function: it can be differentiated and evaluated.

    Examples
    --------
    >>> from moecusp.symbolic import EscapeSlope
    >>> EscapeSlope(1, 2, 0).evalf(10)
    -0.4215096304
    """

    nargs = 3

    @classmethod
    def eval(cls, x: Any, gain: Any, asymmetry: Any) -> Any:
        """Return 0 where the drift vanishes."""
        if drift.expression.subs({u: x, g: gain, eta: asymmetry}) == 0:
            return sp.S.Zero
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        """Differentiate the equation."""
        (equation,) = escape_slope.equations
        variable = escape_slope.variables[argindex - 1]
        rate = -sp.diff(equation, variable) / sp.diff(equation, p)
        values = dict(zip(escape_slope.variables, self.args, strict=True))
        return rate.subs({**values, p: self}, simultaneous=True)

    def _eval_evalf(self, prec: int) -> Any:
        import mpmath

        values = [value._eval_evalf(prec + 30) for value in self.args]
        if not all((value is not None and value.is_Float) or value.is_Rational for value in values):
            return None
        with mpmath.workprec(prec + 30):
            root = solve_slope(*(mpmath.mpf(value._to_mpmath(prec + 30)) for value in values))
        return sp.Float._new(root._mpf_, prec)


def solve_slope(x: Any, gain: Any, asymmetry: Any) -> Any:
    """Return p at the current precision of mpmath: the non-zero root, by Newton's method from its outer side."""
    import mpmath

    force = gain * mpmath.tanh(x) - x + asymmetry
    if force == 0:
        return mpmath.mpf(0)
    if force < 0:
        return -solve_slope(-x, gain, -asymmetry)

    def excess(slope: Any) -> Any:
        return mpmath.log(mpmath.cosh(slope * gain + x) / mpmath.cosh(x)) - slope * (x - asymmetry)

    root = -2 * force * mpmath.cosh(x) ** 2 / gain**2
    while excess(root) < 0:
        root *= 2
    for _ in range(10 + mpmath.mp.prec):  # convex and not negative here, so each step stays on this side
        step = excess(root) / (gain * mpmath.tanh(root * gain + x) - (x - asymmetry))
        root -= step
        if abs(step) <= abs(root) * mpmath.ldexp(1, -mpmath.mp.prec // 2):
            break
    return root


_F_s, _F_0 = _F.subs(u, u_stable), _F.subs(u, u_unstable)
_turn, _inside = sp.acosh(sp.sqrt(g)), sp.And(g > 1, sp.Abs(eta) < fold_asymmetry.expression)
_middle = sp.And(u_unstable > -_turn, u_unstable < _turn)
WELLS = {
    "lower": Branch(sp.And(u_stable < -_turn, _middle), _inside),
    "upper": Branch(sp.And(u_stable > _turn, _middle), _inside),
}

_x = sp.Dummy("x", real=True)
_p = EscapeSlope(_x, g, eta)
_w = _x + _p * g
_path = (_x, u_stable, u_unstable)
_barrier = sp.Integral(_p, _path)
# J, and the finite part I with its poles at both ends removed (docs/escape.md)
_along = sp.Integral(sp.tanh(_x) + _p - sp.tanh(_w), _path)
_pole = (1 - g / sp.cosh(_w) ** 2) / (g * sp.tanh(_w) - _x + eta)
_finite = sp.Integral(_pole - 1 / (_x - u_unstable) - 1 / (_x - u_stable), _path)
_finite += 2 * sp.log(sp.cosh(u_stable) / sp.cosh(u_unstable))
_rate = -slope.expression.subs(u, u_stable)
_log_time = sp.log(2 * sp.pi / _rate) - (B * _along + _finite) / 2 + B * _barrier / delta

escape_barrier = Implicit("escape.barrier", (g, eta), (u_stable, u_unstable), (_F_s, _F_0), _barrier, WELLS)
log_escape_time = Implicit(
    "escape.time", (g, eta, delta, B), (u_stable, u_unstable), (_F_s, _F_0), _log_time, WELLS, STEP
)
escape_time = Implicit(
    "escape.time", (g, eta, delta, B), (u_stable, u_unstable), (_F_s, _F_0), sp.exp(_log_time), WELLS, STEP
)
diffusion_barrier = Implicit(
    "escape.diffusion_barrier",
    (g, eta),
    (u_stable, u_unstable),
    (_F_s, _F_0),
    2 / g**2 * (potential_of_density.subs(u, u_stable) - potential_of_density.subs(u, u_unstable)),
    WELLS,
)
