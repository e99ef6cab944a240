"""Balls: arguments as balls, formulas at a precision that grows until it suffices, boxes by their ends, certain roots.

A ball stands for every number in it, and every result for every value that a formula takes on its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from numbers import Integral
from typing import Any

from moecusp._arguments import REAL, ParameterError, Range

try:
    from flint import arb, ctx, fmpq
except ImportError as error:  # pragma: no cover
    raise ImportError("moecusp.certify needs python-flint: pip install 'moecusp[certify]'") from error

BITS = 256
GOAL = 100  # relative accuracy, in bits, that a result at exact arguments is computed to
MOST = 32 * BITS
Ball = Any
Formula = Callable[..., Any]


class Completeness(Enum):
    """Whether the list of equilibria is proved to be complete."""

    PROVED = "proved"
    """Each ball contains exactly one equilibrium for every parameter in the box, and there is no other."""
    UNDECIDED = "undecided"
    """The box touches a fold, or is too large: nothing is claimed."""


def ball(name: str, value: Any, allowed: Range = REAL) -> Ball:
    """Return value as a ball at the precision in force, or raise ParameterError."""
    wanted = f"{allowed}: a number, decimal string, fraction or ball"
    try:
        if isinstance(value, bool | complex):
            raise TypeError
        if isinstance(value, arb | str) or hasattr(value, "_mpf_"):
            number = arb(value)
        elif isinstance(value, Integral):
            number = arb(int(value))
        else:  # floats of any length, fractions and decimals are taken exactly
            number = arb(fmpq(*map(int, value.as_integer_ratio())))
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ParameterError(name, value, wanted) from error
    low = number > allowed.low if allowed.open_low else number >= allowed.low
    high = number < allowed.high if allowed.open_high else number <= allowed.high
    if not (number.is_finite() and low and high):
        raise ParameterError(name, value, wanted)
    return number


def experts_ball(value: Any) -> Ball:
    """Return a number of experts, an integer or a ball of real numbers >= 2."""
    if isinstance(value, arb | Integral) and value is not True and value is not False:
        try:
            return ball("experts", value, Range(low=2.0))
        except ParameterError:
            pass
    raise ParameterError("experts", value, "an integer >= 2, or a ball of numbers >= 2")


def sharp(formula: Formula, **named: Any) -> Any:
    """Return formula(*balls), with as many bits as a relative accuracy of GOAL takes; a box is as sharp as it can be.

    named gives each argument as value or (value, Range). The precision doubles while that shrinks a ball much.
    """
    pairs = {name: value if isinstance(value, tuple) else (value, REAL) for name, value in named.items()}

    def evaluate(bits: int) -> Any:
        with ctx.workprec(bits):
            return formula(*(ball(name, *pair) for name, pair in pairs.items()))

    return refined(evaluate)


def refined(evaluate: Callable[[int], Any]) -> Any:
    """Return evaluate(bits), a ball or a tuple of balls, at a precision that suffices or cannot be outdone."""
    bits, result = BITS, evaluate(BITS)
    while bits < MOST and any(part.rel_accuracy_bits() < GOAL for part in _parts(result)):
        bits *= 2
        better = evaluate(bits)
        shrunk = any(_shrunk(new, old) for new, old in zip(_parts(better), _parts(result), strict=True))
        result = better
        if not shrunk:
            break
    return result


def _parts(result: Any) -> Any:
    return result if isinstance(result, tuple) else (result,)


def _shrunk(new: Ball, old: Ball) -> bool:
    return bool(new.is_finite()) and (not old.is_finite() or bool(new.rad() < old.rad() / 2**30))


def ends(x: Ball) -> tuple[Ball, Ball]:
    """Return the ends of a ball; one number twice if it is exact."""
    return (x, x) if x.is_exact() else (x.lower(), x.upper())


def between(f: Formula, *arguments: tuple[Ball, int]) -> Ball:
    """Return f over a box where it is monotone in each argument, from its two extreme corners.

    Each argument comes with the sign of f's change in it; 0 leaves the ball as it is.
    """
    low = f(*(ends(x)[sign < 0] if sign else x for x, sign in arguments))
    if all(x.is_exact() or not sign for x, sign in arguments):
        return low
    return low.union(f(*(ends(x)[sign > 0] if sign else x for x, sign in arguments)))


def through(f: Formula, slope: Formula, x: Ball) -> Ball:
    """Return f over a ball: from its ends where the slope has one sign there, else by the mean value theorem."""
    if x.is_exact():
        return f(x)
    rate = slope(x)
    if rate >= 0 or rate <= 0:
        return between(f, (x, 1))
    return intersection(f(x.mid()) + rate * (x - x.mid()), f(x))


def intersection(a: Ball, b: Ball) -> Ball:
    """Return the common part of two enclosures of one number."""
    if not a.is_finite() or not b.is_finite():
        return a if a.is_finite() else b
    return a.intersection(b)


def size(x: Ball) -> Ball:
    """Return |x|, with 0 as its lower end if x contains 0."""
    return x if x >= 0 else -x if x <= 0 else arb(0).union(x.abs_upper())


def sech_squared(x: Ball) -> Ball:
    """Return sech^2 x, which falls in |x|."""
    return between(lambda a: a.sech() ** 2, (size(x), -1))


def exponent(x: Ball) -> int:
    """Return the binary exponent of the midpoint, 0 for 0."""
    mid = x.mid()
    return 0 if mid == 0 else int(mid.man_exp()[1]) + int(mid.man_exp()[0]).bit_length()


def precision(bits: int, *values: Ball) -> int:
    """Return a working precision at which sums of terms of these sizes keep their bits."""
    return bits + 4 * max(abs(exponent(value)) for value in values)


def root(f: Formula, slope: Formula, a: Ball, b: Ball, bits: int = BITS) -> Ball:
    """Return a ball around the only sign change of f between exact a < b: interval Newton steps, else bisection.

    f is monotone between a and b for every parameter in its balls, and its signs at a and b are certain and differ.
    """
    if a < 0 < b and f(arb(0)) == 0:
        return arb(0)  # which has no digits to converge to
    sign = f(a) > 0
    cell = a.union(b)
    while cell.rad() > abs(cell.mid()) * arb(2) ** -(bits - 40):
        rate, middle = slope(cell), ((a + b) / 2).mid()
        if rate != 0:
            step = middle - f(middle) / rate
            narrow = cell.intersection(step) if step.overlaps(cell) else cell
            if narrow.rad() < cell.rad() / 2:
                a, b, cell = narrow.lower(), narrow.upper(), narrow
                continue
        value = f(middle)
        if value == 0:
            return middle
        if not value != 0 or not a < middle < b:
            break
        a, b = (middle, b) if (value > 0) == sign else (a, middle)
        cell = a.union(b)
    return cell


def doubling(x: Ball) -> Iterator[Ball]:
    """Yield x, 2 x, 4 x, ... as exact numbers."""
    x = x.upper()
    while True:
        yield x
        x = (2 * x).upper()
