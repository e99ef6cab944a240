"""Roots to any precision: from a start of some digits, steps of Halley's method that treble the number of right digits.

A third order is the cheapest: a higher one spends more on the arithmetic of its last step than it saves on the function
before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

START = 60  # bits of a starting value

Slopes = Callable[[], tuple[Any, Any]]
Function = Callable[[Any, Any], tuple[Any, tuple[Any, ...], Slopes]]

CURVE = 2  # the least bits that curvature takes from a step
_WIDE = 800  # bits from which on it pays to take the second order with fewer
_STEPS = 400  # more than any root takes
_STRAYED = "a root did not converge; please report the parameters"


def newton(
    number: Any, f: Function, x: Any, bits: int, good: int = START // 2 - 6, course: tuple[int, int] | None = None
) -> Any:
    """Return the root of f near x, right to so many bits; x itself is hoped to be right to `good` bits.

    f(number, x) returns f, the terms that f is the sum of, and a function that returns f' and f''/2 at the precision
    of the moment. Where the terms cancel, `lost` bits go; from e right bits a step leads to 3 e - 2 curve, curve about
    log2 |x f''/f'|; course tells the two, where they are known before. Each step is taken with just the precision that
    its outcome deserves, the last one alone with all of it; the derivatives need less, and the second still less. The
    size of a step tells what the value before was worth, and the outcome is believed accordingly.
    """
    if x == 0:
        return x
    context, exponent, goal = number.ctx, number.exponent, bits + 4
    before = context.prec
    try:
        if course is None:
            x, good, lost, curve = _first_step(number, f, x, goal, good)
        else:
            lost, curve = course
        size, aims = exponent(x), _aims(goal, good, curve)
        for _ in range(_STEPS):
            if good >= goal:
                return x
            aim = aims.pop()
            context.prec = precision = aim + lost + curve + 8
            value, _, slopes = f(number, x)
            width = precision - good + 16
            if width < _WIDE:
                first, bend = slopes()
                step = value / first
                change = value / (first - bend * step)
            else:
                context.prec = width
                first, bend = slopes()
                context.prec = width - good + curve
                step = value / first
                bent = bend * step
                context.prec = width
                change = value / (first - bent)
                context.prec = precision
            agreed = size - exponent(step)
            if agreed <= curve + 4:
                raise ArithmeticError(_STRAYED)
            x, good = number.settle(x - change), 3 * agreed - 2 * curve
            if good < aim:
                aims = _aims(goal, good, curve)
            else:
                good = aim
        raise ArithmeticError(_STRAYED)
    finally:
        context.prec = before


def _first_step(number: Any, f: Function, x: Any, goal: int, good: int) -> tuple[Any, int, int, int]:
    """Return x after the first step that starts near the root, how many of its bits are right, lost and curve.

    Farther away plain Newton steps are taken: they keep to one side of the root of a convex function.
    """
    context, exponent, lost, curve = number.ctx, number.exponent, 0, CURVE
    aim = min(goal, 3 * good - 2 * curve)  # all that it may reach: few bits cost little
    for _ in range(_STEPS):
        context.prec = precision = aim + lost + curve + 8
        value, terms, slopes = f(number, x)
        first, bend = slopes()
        size, scale = exponent(x), exponent(first)
        needed = max([exponent(term) for term in terms]) - size - scale
        if needed > precision - START // 2:  # nothing but rounding in f'
            lost += precision
            continue
        lost, curve = max(lost, needed), max(curve, 4 + exponent(bend) + size - scale)
        if aim + lost + curve + 8 > precision + START // 2:  # too much cancelled: once more with more bits
            continue
        step = value / first
        agreed = size - exponent(step)
        if agreed > curve + 4:
            x = number.settle(x - value / (first - bend * step))
            return x, min(3 * agreed - 2 * curve, aim), lost, curve
        x, aim = number.settle(x - step), 2 * START + 2 * curve
    raise ArithmeticError(_STRAYED)


def _aims(goal: int, good: int, curve: int) -> list[int]:
    """Return the precisions that steps from `good` bits are to reach, the goal first: the least that lead there."""
    aims, reach = [goal], max(3 * good - 2 * curve, good + 1)
    while aims[-1] > reach:
        following = max((aims[-1] + 2 * curve) // 3 + 2, good + 1)
        if following >= aims[-1]:
            break
        aims.append(following)
    return aims
