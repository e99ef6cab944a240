"""Roots to any precision: from a start of some digits, steps that multiply the number of right digits by five."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

START = 60  # bits of a starting value

Slopes = Callable[[], Sequence[Any]]
Function = Callable[..., tuple[Any, Any, Slopes]]


def newton(
    number: Any, f: Function, parameters: tuple[Fraction, ...], x: Any, bits: int, good: int = START // 2 - 6
) -> Any:
    """Return the root of f near x, right to so many bits; x itself is hoped to be right to `good` bits.

    f(number, x, *parameters) returns f, the size of the terms that f is the sum of, and a function that returns the
    derivatives f', f'', ... of order 1 to n - 1 at the precision of the moment, for which n terms of the series of the
    inverse function are taken. Where the terms cancel, `lost` bits go; from e right bits a step leads to
    n e - (n - 1) curve, curve about log2 |x f''/f'|. Each step is taken with just the precision that its outcome
    deserves, the last one alone with all of it, and the derivatives need less still. The size of a step tells what the
    value before was worth, and the outcome is believed accordingly.
    """
    if x == 0:
        return x
    exponent = number.exponent
    goal, lost, curve, order, measured = bits + 4, 0, 2, 5, False
    aim = _aim(goal, good, curve, order)
    for _ in range(400):
        precision = aim + lost + curve + 8
        with number.precision(precision):
            value, size, slopes = f(number, x, *[number.number(p) for p in parameters])
            root_size = exponent(x)
            if not measured:
                first, *rest = slopes()
                order, scale = len(rest) + 2, exponent(first)
                needed = max(0, exponent(size) - root_size - scale)
                if needed > precision - START // 2:  # nothing but rounding in f'
                    lost += precision
                    continue
                bends = [(exponent(d) + n * root_size - scale) // n for n, d in enumerate(rest, 1)]
                lost, curve = max(lost, needed), max(curve, 3 + max(bends))
                if aim + lost + curve + 8 > precision + START // 2:  # too much cancelled: once more with more bits
                    continue
                change, agreed = _change(number, value, first, rest, root_size, 0)
                if agreed <= curve + 4:  # far away: plain Newton steps, which keep to one side of a convex function
                    x, aim = number.settle(x - value / first), 2 * START + 2 * curve
                    continue
                measured = True
            else:
                with number.precision(aim - good + lost + curve + 16):
                    first, *rest = slopes()
                    change, agreed = _change(number, value, first, rest, root_size, good - curve)
                    if agreed <= curve + 4:
                        raise ArithmeticError(_STRAYED)
            x = number.settle(x - change)
        good = min(order * agreed - (order - 1) * curve, aim)
        if good >= goal:
            return x
        aim = _aim(goal, good, curve, order)
    raise ArithmeticError(_STRAYED)


_STRAYED = "a root did not converge; please report the parameters"


def _change(number: Any, value: Any, first: Any, rest: Sequence[Any], root_size: int, fewer: int) -> tuple[Any, int]:
    """Return how far the root is below x, and the number of leading bits in which the two agree.

    Beyond the first term of the series, which is smaller by that much, the precision is less by `fewer` bits.
    """
    c = value / first
    agreed = root_size - number.exponent(c)
    if not rest:
        return c, agreed
    with number.precision(max(number.ctx.prec - max(fewer, 0), 40)):
        step, inverse = +c, 1 / +first
        a = rest[0] * inverse / 2
        total = step * a
        if len(rest) > 1:
            b = rest[1] * inverse / 6
            cubic = 2 * a * a - b
            if len(rest) > 2:
                cubic = cubic + step * (5 * a * (a * a - b) + rest[2] * inverse / 24)
            total = total + step * step * cubic
        extra = step * total
    return c + extra, agreed


def _aim(goal: int, good: int, curve: int, order: int) -> int:
    """Return the least precision on the way back from the goal that one step reaches from `good` bits."""
    aim = goal
    while aim > order * good - (order - 1) * curve:
        following = (aim + (order - 1) * curve) // order + 2
        if following >= aim:
            break
        aim = following
    return max(aim, good + 1)
