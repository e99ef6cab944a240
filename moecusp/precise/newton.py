"""Roots to any precision: starting values with few bits, then Newton steps whose precision doubles."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

_START = 60  # bits of a starting value
_MOST = 2_000_000


def newton(number: Any, f: Callable[..., tuple[Any, ...]], parameters: tuple[Fraction, ...], x: Any, bits: int) -> Any:
    """Return the root of f near x, right to so many bits.

    f(number, x, *parameters) returns f, f', f'' and the size of the terms that f is the sum of. Where these cancel,
    `lost` bits go; a step from e correct bits leaves 2 e - curve, curve = log2 |x f''/f'|. Warm-up steps run until that
    pays; then each step is taken with just the precision that its outcome deserves, the last one with all of it.
    """
    if x == 0:
        return x

    def step(precision: int, x: Any) -> tuple[Any, int, int, int]:
        with number.precision(precision):
            value, first, second, size = f(number, x, *(number.number(p) for p in parameters))
            lost = max(0, number.exponent(size) - number.exponent(x * first))
            curve = max(0, number.exponent(x * second) - number.exponent(first)) + 2
            if not abs(first) > 0 or lost > precision - _START // 2:  # nothing but rounding left
                return x, -1, 2 * precision, 0
            change = value / first
            return number.settle(x - change), number.exponent(x) - number.exponent(change), lost, curve

    precision = 2 * _START
    for _ in range(300):
        following, agreed, lost, curve = step(precision, x)
        needed = 2 * _START + lost + 2 * curve
        if needed > precision:
            precision = needed
            continue
        x = following
        if agreed > curve + 8:
            break
    else:
        raise ArithmeticError("a root did not converge; please report the parameters")
    good = min(2 * agreed - curve, 2 * _START + curve)
    targets = [bits + 4]
    while targets[-1] > good:
        targets.append((targets[-1] + curve) // 2 + 4)
    for target in targets[-2::-1]:
        x = step(target + lost + curve + 8, x)[0]
    return x


def gap_bits(number: Any, g: Fraction, size: Fraction) -> int:
    """Return a precision at which eta_f - E keeps `_START` bits, for g > 1."""
    bits = 2 * _START
    while bits < _MOST:
        with number.precision(bits):
            large = number.sqrt(number.number(g * (g - 1)))
            gap = large - number.asinh(number.sqrt(number.number(g - 1))) - number.number(size)
            lost = max(number.exponent(large), number.exponent(number.number(size))) - number.exponent(gap)
        if lost < bits - _START:
            return bits
        bits = min(2 * bits, _MOST) if lost > 2 * bits else lost + 2 * _START
    raise ArithmeticError("the asymmetry agrees with the fold to a million bits")


def outer_start(number: Any, g: Fraction, size: Fraction, side: int) -> Any:
    """Return a start for the right (side 1) or left (side -1) outer root; None where there is no left one."""
    if g <= 1:
        return _only_start(number, g, size)
    bits = gap_bits(number, g, size)
    with number.precision(bits):
        excess = number.number(g - 1)
        fold_u = number.asinh(number.sqrt(excess))
        a = number.sqrt(number.number((g - 1) / g))
        level = number.sqrt(number.number(g * (g - 1))) - fold_u + side * number.number(size)
        if level < 0:
            return None
        near, cubic = number.sqrt(level / a), _cube_root(number, 3 * level)
        d = number.settle(min(near, cubic, level + 1))
    with number.precision(bits + 3 * max(0, -number.exponent(d))):
        for _ in range(100):  # convex: falls to the root
            t = number.tanh(d)
            q = 1 + a * t
            value = (d - t) + a * t * t / q - level
            change = value * q * q / (t * (2 * a + t * (1 + a * a)))
            d = number.settle(d - change)
            if number.exponent(change) < number.exponent(d) - _START // 2:
                break
        return number.settle(side * (fold_u + d))


def middle_start(number: Any, g: Fraction, size: Fraction) -> list[Any]:
    """Return a start for the middle root -w, 0 <= w < u_f, of three: Newton's method, bisection where it strays."""
    with number.precision(gap_bits(number, g, size)):
        gain, level = number.number(g), number.number(size)
        low, high = number.number(size / (g - 1)), number.asinh(number.sqrt(number.number(g - 1)))
        if size == 0:
            return [low]
        fold_u, w, before = high, low, high
    extra = 3 * max(0, -number.exponent(w))
    with number.precision(gap_bits(number, g, size) + extra):
        for _ in range(5000):
            t = number.tanh(w)
            value = gain * t - w - level
            first = gain * (1 - t * t) - 1
            low, high = (w, high) if value < 0 else (low, w)
            following = w - value / first if abs(first) > 0 else high
            if not low <= following <= high or abs(following - w) > before / 2:
                following = (low + high) / 2
            following = number.settle(following)
            before, w = abs(following - w), following
            if number.exponent(before) < min(number.exponent(w), number.exponent(fold_u - w)) - _START // 2:
                return [-w]
    raise ArithmeticError("a middle root did not converge; please report the parameters")


def _only_start(number: Any, g: Fraction, size: Fraction) -> Any:
    """Return a start for the only root for g <= 1: the least of three upper bounds."""
    with number.precision(2 * _START):
        bounds = [number.number(size + g)]
        if g < 1:
            bounds.append(number.number(size / (1 - g)))
        if g > 0:
            bounds.append(_cube_root(number, number.number(3 * size / g)))
        return min(bounds)


def _cube_root(number: Any, x: Any) -> Any:
    return number.exp(number.log(x) / 3)
