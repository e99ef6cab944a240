"""Arb balls: intervals that contain the truth, evaluation of claims on them, and adaptive covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq

from proofs.evaluate import evaluate
from proofs.statements import STATEMENTS, Statement
from proofs.steps import NotProved, Proof, proves

Interval = tuple[Fraction, Fraction]
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": lambda x: x.sqrt(),
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(),
    "tanh": lambda x: x.tanh(),
    "asinh": lambda x: x.asinh(),
    "acosh": lambda x: x.acosh(),
    "erf": lambda x: x.erf(),
    "pi": arb.pi,
    "StrictLessThan": lambda a, b: a < b,
    "StrictGreaterThan": lambda a, b: a > b,
}


def encloses(statement: str) -> Callable[[Proof], Proof]:
    """Register an enclosure, which runs with 64 bits whatever the precision around it."""

    def register(proof: Proof) -> Proof:
        def at_precision(s: Statement) -> list[str]:
            with ctx.workprec(64):
                return list(proof(s))

        proves(statement, "enclosure")(at_precision)
        return proof

    return register


def exact(value: Fraction | float | int) -> arb:
    """Return the ball of a number, exact for dyadic ones."""
    fraction = Fraction(value)
    return arb(fmpq(fraction.numerator, fraction.denominator))


def ball(low: Fraction | float | int, high: Fraction | float | int) -> arb:
    """Return a ball that contains [low, high]."""
    return exact(low).union(exact(high))


def sign(x: arb) -> int:
    """Return the certain sign of a ball, or 0."""
    return 1 if x > 0 else -1 if x < 0 else 0


def claim(statement: Statement, name: str, **values: Any) -> Any:
    """Evaluate a statement's claim on balls; a relation gives True only where it holds on all of them."""
    return value(statement.bare(statement.claims[name]), **values)


def value(expression: Any, **values: Any) -> Any:
    """Evaluate an expression on balls."""
    return evaluate(expression, values, lambda p, q: arb(fmpq(p, q)), FUNCTIONS)


def use(statement: str, name: str, **values: Any) -> Any:
    """Evaluate a registered claim on balls."""
    return claim(STATEMENTS[statement], name, **values)


def halves(box: tuple[Interval, ...]) -> Iterator[tuple[Interval, ...]]:
    """Cut a box in two across its widest side."""
    side = max(range(len(box)), key=lambda i: box[i][1] - box[i][0])
    low, high = box[side]
    middle = (low + high) / 2
    for part in ((low, middle), (middle, high)):
        yield (*box[:side], part, *box[side + 1 :])


def covered(text: str, box: tuple[Interval, ...], holds: Callable[..., bool], leaves: int = 2000) -> str:
    """Return the text and the number of cells if `holds` is certain on every cell of a cover of the box."""
    pending, count = [box], 0
    while pending:
        cell = pending.pop()
        if holds(*(ball(low, high) for low, high in cell)):
            count += 1
        elif count + len(pending) > leaves:
            raise NotProved(f"{text}: not certain near {[float(low) for low, _ in cell]}")
        else:
            pending.extend(halves(cell))
    return f"{text} ({count} cells)"
