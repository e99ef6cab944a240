"""How fast a router may be driven: ramps past a fold and update rates (docs/theory.md, section 7)."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.numbers import NumberSymbol
from sympy.core.singleton import Singleton

from moecusp.symbolic.formula import Formula, argument
from moecusp.symbolic.two_experts import g

rho = argument("rho", "rate", positive=True)
any_gain = argument("g", "gain")
lambda_max = argument("lambda_max", "susceptibility", positive=True)


class AiryZero(NumberSymbol, metaclass=Singleton):  # type: ignore[misc, metaclass]
    """Minus the first zero of the Airy function Ai, 2.338107..., an exact constant.

    Examples
    --------
    >>> from moecusp.symbolic import airy_zero
    >>> airy_zero, airy_zero.evalf(20)
    (airy_zero, 2.3381074104597670385)
    """

    is_real = True
    is_positive = True
    is_negative = False
    is_irrational = None
    is_number = True
    __slots__ = ()

    def _latex(self, printer: Any) -> str:
        return r"\left|a_1\right|"

    def _sympystr(self, printer: Any) -> str:
        return "airy_zero"

    def _mpmathcode(self, printer: Any) -> str:
        return f"(-{printer._module_format('mpmath.airyaizero')}(1))"

    def _as_mpf_val(self, prec: int) -> Any:
        import mpmath

        with mpmath.workprec(prec + 10):
            value = -mpmath.airyaizero(1)
        with mpmath.workprec(prec):
            return (+value)._mpf_

    def approximation_interval(self, number_cls: Any) -> Any:
        """Return two rationals around the constant."""
        return sp.Rational(233810, 100000), sp.Rational(233811, 100000)


airy_zero = AiryZero()

ramp_delay = Formula(
    "ramp.delay", (rho, g), airy_zero * rho ** sp.Rational(2, 3) * (1 - 1 / g) ** sp.Rational(-1, 6), g > 1
)
flip_step = Formula("update.flip", (any_gain,), 2 / (1 - any_gain), any_gain < 1)
largest_safe_update_rate = Formula("update.rate", (lambda_max,), 2 / lambda_max)
