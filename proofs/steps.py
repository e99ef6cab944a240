"""What counts as a proof: steps that each reduce to exactly zero, or to a definite sign. Unknown is failure.

A proof is a generator of steps, registered for a statement and a layer by `proves`. It takes the statement as its
argument and reads the claims and assumptions from it, so the same proof run on a mutated statement must fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement

Proof = Callable[[Statement], Iterable[str]]
PROOFS: dict[tuple[str, str], Proof] = {}


class NotProved(Exception):
    """A step is false or could not be decided."""


def proves(statement: str, layer: str = "symbolic") -> Callable[[Proof], Proof]:
    """Register a proof of a statement in a layer."""

    def register(proof: Proof) -> Proof:
        if (statement, layer) in PROOFS:
            raise ValueError(f"{statement} has two {layer} proofs")
        PROOFS[statement, layer] = proof
        return proof

    return register


def run(statement: Statement, layer: str) -> list[str]:
    """Run a proof to its end and return its steps; raise NotProved if it fails or proves nothing."""
    if (statement.id, layer) not in PROOFS:
        raise NotProved(f"{statement.id} has no {layer} proof")
    steps = list(PROOFS[statement.id, layer](statement))
    if not steps:
        raise NotProved(f"the {layer} proof of {statement.id} has no steps")
    return steps


def zero(text: str, expression: Any) -> str:
    """Return the step's text if the expression is exactly zero."""
    exactly_zero(expression)
    return text


def positive(text: str, expression: Any) -> str:
    """Return the step's text if the expression is certainly positive under its symbols' assumptions."""
    for form in _forms(sp.sympify(expression)):
        if form.is_positive is True:
            return text
        if form.is_nonpositive is True:
            break
    raise NotProved(f"{text}: not seen to be positive: {expression}")


def holds(text: str, fact: Any) -> str:
    """Return the step's text if the fact is the truth value True, nothing weaker."""
    if fact is not True and fact is not sp.true:
        raise NotProved(f"{text}: {fact}")
    return text


def exactly_zero(expression: Any) -> None:
    """Raise NotProved unless sympy reduces the expression, entry by entry, to the integer zero."""
    entries = list(expression) if isinstance(expression, sp.MatrixBase) else [sp.sympify(expression)]
    for entry in entries:
        if _refuted(entry):
            raise NotProved(f"not zero: {entry}")
        if not any(form == 0 for form in _forms(entry)):
            raise NotProved(f"not reduced to zero: {entry}")


def _forms(expression: Any) -> Iterator[Any]:
    """Yield ever more simplified forms of an expression."""
    yield expression
    yield sp.expand(expression)
    yield sp.factor(expression)
    exponential = expression.rewrite(sp.exp)
    yield sp.simplify(sp.expand(exponential))
    yield sp.simplify(exponential)
    yield sp.simplify(sp.expand_log(sp.simplify(expression), force=False))
    yield sp.factor(sp.simplify(expression))


def _refuted(expression: Any) -> bool:
    """Return whether the expression is plainly not zero at one of two points; saves simplifying what is false."""
    symbols = sorted(expression.free_symbols, key=str)
    for shift in (0, 3):
        point = {}
        for i, symbol in enumerate(symbols):
            size = sp.Integer(3 + (i + shift) % 4) if symbol.is_integer else sp.Rational(7 + 5 * i + shift, 11 + 2 * i)
            point[symbol] = -size if symbol.is_negative else size
        try:
            number = complex(expression.subs(point).evalf(30))
        except (TypeError, ValueError):
            continue
        if abs(number) > 1e-12:
            return True
    return False
