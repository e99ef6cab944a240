"""What a symbolic form is: an explicit `Formula`, or an `Implicit` one given by the equations that it solves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy as sp

from moecusp._arguments import ParameterError

ARGUMENTS: dict[sp.Symbol, str] = {}
"""The name of the numerical functions' argument behind each symbol."""


def argument(symbol: str, name: str, **assumptions: bool) -> sp.Symbol:
    """Return a finite real symbol that stands for an argument of the numerical functions."""
    result = sp.Symbol(symbol, **({"real": True} | assumptions))
    ARGUMENTS[result] = name
    return result


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
        The formula. Integrals and sums without a closed form are left unevaluated.
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
        return substitute(self.expression, checked(self.variables, values, self.condition))


@dataclass(frozen=True)
class Branch:
    """One solution of an `Implicit` form.

    Attributes
    ----------
    range : sympy.Basic
        Where the unknowns lie: the equations have at most one solution there.
    exists : sympy.Basic
        When that solution exists.
    """

    range: Any
    exists: Any = sp.true


@dataclass(frozen=True)
class Implicit:
    """A quantity that is defined by equations.

    Attributes
    ----------
    statement : str
        Identifier of the statement that the proofs establish.
    variables : tuple of sympy.Symbol
        Its variables, in the order of the numerical function's arguments.
    unknowns : tuple of sympy.Symbol
        What the equations are to be solved for.
    equations : tuple of sympy.Expr
        They vanish at a solution.
    value : sympy.Expr or tuple of sympy.Expr
        The quantity, in the unknowns and the variables.
    branches : mapping of str to Branch
        The solutions by name, each with the range in which it is the only one.
    condition : sympy.Basic
        What must hold of the variables beyond the assumptions of the symbols.
    """

    statement: str
    variables: tuple[sp.Symbol, ...]
    unknowns: tuple[sp.Symbol, ...]
    equations: tuple[Any, ...]
    value: Any
    branches: Mapping[str, Branch] = field(hash=False)
    condition: Any = sp.true

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        """Return the equations at values, which may be numbers or expressions: they vanish at the solution.

        Raises ParameterError for a value that contradicts the assumptions or the condition.
        """
        result: tuple[Any, ...] = substitute(self.equations, checked(self.variables, values, self.condition))
        return result

    def at(self, solution: Any, *values: Any) -> Any:
        """Return the quantity at a solution (a sequence if there are several unknowns) and at values."""
        pairs = checked(self.variables, values, self.condition)
        return substitute(self.value, [*pairs, *checked(self.unknowns, self._sequence(solution))])

    def residual(self, solution: Any, *values: Any, digits: int = 50) -> tuple[Any, ...]:
        """Return what is left of each equation at a number that claims to solve it, as mpmath numbers.

        Floats are taken for the numbers that they are, and the equations evaluated with so many digits.
        """
        import mpmath

        pairs = checked(self.variables, values, self.condition)
        pairs += checked(self.unknowns, self._sequence(solution))
        with mpmath.workdps(digits):
            numbers = [_exact(symbol, value, digits) for symbol, value in pairs]
            return tuple(+mpmath.mpf(part) for part in self._residual(*numbers))

    @cached_property
    def _residual(self) -> Any:
        return sp.lambdify((*self.variables, *self.unknowns), self.equations, "mpmath")

    def _sequence(self, solution: Any) -> tuple[Any, ...]:
        if isinstance(solution, Sequence) and not isinstance(solution, str):
            return tuple(solution)
        return (solution,)


Pairs = list[tuple[sp.Symbol, Any]]


def checked(variables: tuple[sp.Symbol, ...], values: Sequence[Any], condition: Any = sp.true) -> Pairs:
    """Return the variables with their values as expressions, or raise ParameterError."""
    if len(values) != len(variables):
        raise ParameterError("arguments", values, f"{len(variables)} in number: {variables}")
    pairs = [(v, _expression(v, value)) for v, value in zip(variables, values, strict=True)]
    # those of one variable first: they say best what is wrong
    for relation in sorted(sp.And.make_args(condition), key=lambda r: (len(r.free_symbols), str(r))):
        if relation.subs(pairs, simultaneous=True) == sp.false:
            wrong = [(v, value) for v, value in pairs if v in relation.free_symbols]
            name = " and ".join(ARGUMENTS[v] for v, _ in wrong)
            value = wrong[0][1] if len(wrong) == 1 else tuple(value for _, value in wrong)
            raise ParameterError(name, value, f"such that {relation}")
    return pairs


def substitute(expression: Any, pairs: Pairs) -> Any:
    """Return an expression, or a tuple of them, at values; a sum with known limits is added up."""
    if isinstance(expression, tuple):
        return tuple(substitute(part, pairs) for part in expression)
    result = sp.sympify(expression).subs(pairs, simultaneous=True)
    known = {s: s.doit() for s in result.atoms(sp.Sum) if all(end.is_Integer for end in s.limits[0][1:])}
    return result.xreplace(known)


def _expression(variable: sp.Symbol, value: Any) -> Any:
    if variable.is_integer:
        wanted = f"an integer{' > 0' if variable.is_positive else ''}"
    else:
        wanted = "finite and real"
        wanted += " and > 0" if variable.is_positive else " and >= 0" if variable.is_nonnegative else ""
    name = ARGUMENTS[variable]
    try:
        number = sp.sympify(value, strict=True)
    except (sp.SympifyError, TypeError, AttributeError, ValueError) as error:
        raise ParameterError(name, value, wanted) from error
    if not isinstance(number, sp.Expr) or getattr(number, "is_Matrix", False) or number is sp.nan:
        raise ParameterError(name, value, wanted)
    contradicts = (
        number.is_extended_real is False
        or number.is_finite is False
        or (variable.is_positive and number.is_positive is False)
        or (variable.is_nonnegative and number.is_nonnegative is False)
        or (variable.is_integer and (number.is_integer is False or number.is_Float))
    )
    if contradicts:
        raise ParameterError(name, value, wanted)
    return number


def _exact(symbol: sp.Symbol, value: Any, digits: int) -> Any:
    """Return a number in mpmath; a float is the dyadic rational that it is."""
    import mpmath

    if value.free_symbols:
        raise ParameterError(ARGUMENTS[symbol], value, "a number")
    number = value if value.is_Float else sp.Float(sp.N(value, digits + 5), digits + 5)
    return mpmath.mpf(number._mpf_)
