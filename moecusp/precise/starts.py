"""Starts for the equilibria of two experts: floats where rounding cannot mislead, else as many bits as needed."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from moecusp.precise.newton import CURVE, START

_MOST = 2_000_000
_FLOAT = 48  # bits of a start in floats
_CLEAR = 1e-4  # distance from the folds, in proportion, that lets floats find the roots


Start = tuple[Any, int, tuple[int, int] | None]


def starts(number: Any, g: Fraction, size: Fraction) -> list[Start]:
    """Return a start for every root, ascending, for an asymmetry size >= 0.

    With it go the number of its bits that may be right and the course of `newton`, None where that is to measure it.
    """
    plain = _float_starts(g, size)
    if plain is not None:
        gain = float(g)
        return [(number.double(u), _FLOAT, _course(gain, u)) for u in plain]
    right = outer_start(number, g, size, 1)
    left = outer_start(number, g, size, -1) if g > 1 else None
    places = [right] if left is None else [left, *middle_start(number, g, size), right]
    return [(u, START // 2 - 6, None) for u in places]


def _course(gain: float, u: float) -> tuple[int, int]:
    """Return the bits lost to cancellation and to curvature at a root, as `newton` measures them."""
    t = math.tanh(u)
    peak = gain * (1.0 - t * t)
    slope = peak - 1.0
    load, bend = max(gain * t / u, 1.0) / slope, t * peak * u / slope
    return max(0, math.frexp(load)[1] + 1), max(CURVE, math.frexp(bend)[1] + 5)


def _float_starts(g: Fraction, size: Fraction) -> list[float] | None:
    """Return the roots to a good dozen digits by plain floats; None where that is not certain to work."""
    try:
        gain, level = float(g), float(size)
    except OverflowError:
        return None
    if not (1.01 < gain < 100.0 and 1e-3 < level < 100.0):
        return None
    fold, slant = math.asinh(math.sqrt(gain - 1.0)), math.sqrt((gain - 1.0) / gain)
    height = gain * slant - fold
    if abs(level / height - 1.0) < _CLEAR:
        return None
    right = fold + _distance(slant, height + level)
    if level > height:
        return [right]
    w = level / (gain - 1.0)
    for _ in range(50):  # g tanh w - w = level: concave below the fold, so this rises to the root
        t = math.tanh(w)
        change = (level - gain * t + w) / (gain - 1.0 - gain * t * t)
        w += change
        if abs(change) < 1e-7 * w:
            break
    return [-fold - _distance(slant, height - level), -w, right]


def _distance(slant: float, level: float) -> float:
    """Return d > 0 with (d - tanh d) + a tanh^2 d/(1 + a tanh d) = level."""
    d = min(math.sqrt(level / slant), math.cbrt(3.0 * level), level + 1.0)
    for _ in range(50):  # convex: falls to the root
        t = math.tanh(d)
        q = 1.0 + slant * t
        change = ((d - t) + slant * t * t / q - level) * q * q / (t * (2.0 * slant + t * (1.0 + slant * slant)))
        d -= change
        if abs(change) < 1e-7 * d:
            break
    return d


def gap_bits(number: Any, g: Fraction, size: Fraction) -> int:
    """Return a precision at which eta_f - E keeps `START` bits, for g > 1."""
    bits = 2 * START
    while bits < _MOST:
        with number.precision(bits):
            large = number.sqrt(number.number(g * (g - 1)))
            gap = large - number.asinh(number.sqrt(number.number(g - 1))) - number.number(size)
            lost = max(number.exponent(large), number.exponent(number.number(size))) - number.exponent(gap)
        if lost < bits - START:
            return bits
        bits = min(2 * bits, _MOST) if lost > 2 * bits else lost + 2 * START
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
        level = number.settle(number.sqrt(number.number(g * (g - 1))) - fold_u + side * number.number(size))
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
            if number.exponent(change) < number.exponent(d) - START // 2:
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
            value, first = number.settle(gain * t - w - level), number.settle(gain * (1 - t * t) - 1)
            low, high = (w, high) if value < 0 else (low, w)
            following = number.settle(w - value / first) if abs(first) > 0 else high
            if not low <= following <= high or abs(following - w) > before / 2:
                following = (low + high) / 2
            before, w = number.settle(abs(following - w)), number.settle(following)
            if number.exponent(before) < min(number.exponent(w), number.exponent(fold_u - w)) - START // 2:
                return [-w]
    raise ArithmeticError("a middle root did not converge; please report the parameters")


def _only_start(number: Any, g: Fraction, size: Fraction) -> Any:
    """Return a start for the only root for g <= 1: the least of three upper bounds."""
    with number.precision(2 * START):
        bounds = [number.number(size + g)]
        if g < 1:
            bounds.append(number.number(size / (1 - g)))
        if g > 0:
            bounds.append(_cube_root(number, number.number(3 * size / g)))
        return min(number.settle(bound) for bound in bounds)


def _cube_root(number: Any, x: Any) -> Any:
    return number.exp(number.log(x) / 3)
