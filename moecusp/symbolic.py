"""Every closed form of the two-expert theory as a sympy expression, with its assumptions and statement id.

Each public name is a `Formula` of the same name as the numerical function. Its `expression` holds for symbols with
the assumptions declared on them; calling it substitutes values or further expressions.

>>> from moecusp import symbolic
>>> symbolic.fold_imbalance.expression
sqrt(1 - 1/g)
>>> symbolic.fold_imbalance(4)
sqrt(3)/2
>>> symbolic.fold_imbalance.statement
'fold.imbalance'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from moecusp._arguments import ParameterError

u, eta = sp.symbols("u eta", real=True)
g, kappa, mu, beta = sp.symbols("g kappa mu beta", positive=True)
h = sp.Symbol("h", real=True)
K = sp.Symbol("K", integer=True, positive=True)

ARGUMENTS = {
    u: "u",
    eta: "asymmetry",
    g: "gain",
    kappa: "feedback",
    mu: "decay",
    beta: "inverse_temperature",
    h: "asymmetry",
    K: "experts",
}


@dataclass(frozen=True)
class Formula:
    """One closed form.

    Attributes
    ----------
    statement : str
        Identifier of the statement that the proofs establish.
    variables : tuple of sympy.Symbol
        Its variables, in the order of the numerical function's arguments; assumptions are declared on them.
    expression : sympy.Expr or tuple of sympy.Expr
        The formula.
    condition : sympy.Basic
        What must hold beyond the assumptions of the symbols.
    """

    statement: str
    variables: tuple[sp.Symbol, ...]
    expression: Any
    condition: Any = sp.true

    def __call__(self, *values: Any) -> Any:
        """Return the expression at values, which may be numbers or expressions.

        Raises ParameterError for a value that contradicts the assumptions or the condition.
        """
        if len(values) != len(self.variables):
            raise ParameterError("arguments", values, f"{len(self.variables)} in number: {self.variables}")
        pairs = list(
            zip(self.variables, [self._checked(*p) for p in zip(self.variables, values, strict=True)], strict=True)
        )
        if self.condition.subs(pairs) == sp.false:
            name = ARGUMENTS[next(iter(self.condition.free_symbols))]
            raise ParameterError(name, values, f"such that {self.condition}")
        parts = [part.subs(pairs, simultaneous=True) for part in self._parts()]
        return tuple(parts) if isinstance(self.expression, tuple) else parts[0]

    def _parts(self) -> tuple[Any, ...]:
        return self.expression if isinstance(self.expression, tuple) else (self.expression,)

    @staticmethod
    def _checked(variable: sp.Symbol, value: Any) -> Any:
        wanted = "finite and real" + (" and > 0" if variable.is_positive else "")
        try:
            number = sp.sympify(value)
        except (sp.SympifyError, TypeError, AttributeError) as error:
            raise ParameterError(ARGUMENTS[variable], value, wanted) from error
        wrong = not isinstance(number, sp.Expr) or number.is_extended_real is False or number.is_finite is False
        if wrong or number is sp.nan or (variable.is_positive and number.is_positive is False and number != 0):
            raise ParameterError(ARGUMENTS[variable], value, wanted)
        return number


drift = Formula("reduced.drift", (u, g, eta), g * sp.tanh(u) - u + eta)
slope = Formula("reduced.slope", (u, g), g / sp.cosh(u) ** 2 - 1)
potential = Formula("reduced.potential", (u, g, eta), u**2 / 2 - g * sp.log(sp.cosh(u)) - eta * u)
imbalance = Formula("reduced.imbalance", (u,), sp.tanh(u))
load = Formula("reduced.load", (u,), (1 + sp.tanh(u)) / 2)
fold_curve = Formula("fold.curve", (u,), (sp.cosh(u) ** 2, u - sp.sinh(u) * sp.cosh(u)))
fold_asymmetry = Formula("fold.asymmetry", (g,), sp.sqrt(g * (g - 1)) - sp.asinh(sp.sqrt(g - 1)), g >= 1)
fold_imbalance = Formula("fold.imbalance", (g,), sp.sqrt(1 - 1 / g), g >= 1)
hysteresis_width = Formula("fold.hysteresis", (g,), 2 * fold_asymmetry.expression, g >= 1)
cusp_normal_form = Formula("cusp.normal_form", (g, eta), (g - 1, -g / 3, eta))
cusp_set = Formula("cusp.set", (g,), sp.Rational(2, 3) * sp.sqrt((g - 1) ** 3 / g), g >= 1)
critical_feedback = Formula("critical.feedback", (mu, beta, K), K * mu / beta)
gain = Formula("reduced.gain", (kappa, mu, beta, K), kappa * beta / (K * mu))
reduced_asymmetry = Formula("reduced.asymmetry", (h, mu, beta), beta * h / (2 * mu))

FORMULAS = {name: value for name, value in list(globals().items()) if isinstance(value, Formula)}
