"""Results right to the digits asked for, whatever cancels: the working precision grows until they are certain."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from moecusp.precise.multiprecision import SPARE, arithmetic, bits_for

Formula = Callable[..., tuple[Any, ...]]
_ENOUGH = 12  # bits beyond those asked for, in the end


def evaluate(formula: Formula, digits: int, backend: str, *values: Fraction) -> Any:
    """Return a sum of terms right to digits: the precision grows by the bits that the value falls short of the terms.

    formula(arithmetic, *numbers) returns the terms, each right to a few units in the last place.
    """
    bits = bits_for(digits)
    number = arithmetic(backend)
    extra = SPARE
    while True:
        with number.precision(bits + extra):
            terms = formula(number, *(number.number(v) for v in values))
            total = sum(terms[1:], terms[0])
            lost = max(number.exponent(t) for t in terms) - number.exponent(total)
        if total == 0 and all(t == 0 for t in terms):
            return number.mpf(total, bits)
        if lost + _ENOUGH <= extra or extra > 40 * bits + 10_000:
            return number.mpf(total, bits)
        extra = min(lost, 2 * extra + bits) + SPARE


def certain(formula: Formula, digits: int, backend: str, *values: Fraction) -> tuple[Any, ...]:
    """Return the results of any computation right to digits.

    formula(arithmetic, *numbers) returns them, with whatever is lost to rounding: the precision grows until Arb's balls
    are small enough, or the values of mpmath at two precisions agree.
    """
    bits = bits_for(digits)
    number = arithmetic(backend)

    def compute(n: Any) -> tuple[Any, ...]:
        return formula(n, *(n.number(v) for v in values))

    return tuple(number.mpf(value, bits) for value in number.certain(compute, bits))


def rational(digits: int, backend: str, *values: Fraction) -> tuple[Any, ...]:
    """Return exact fractions, rounded."""
    bits = bits_for(digits)
    number = arithmetic(backend)
    with number.precision(bits + SPARE):
        return tuple(number.mpf(number.number(value), bits) for value in values)
