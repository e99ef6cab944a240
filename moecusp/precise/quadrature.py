"""Integrals to any precision by the double-exponential rule, its step halved until the sums settle.

On each panel x = middle + half tanh((pi/2) sinh t). For n digits it takes some 5 n evaluations a panel, and more where
the integrand has singularities close by.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

_LEVELS = 18


def integrate(number: Any, f: Callable[[Any], tuple[Any, ...]], points: Sequence[Any], bits: int) -> tuple[Any, ...]:
    """Return the integrals of a vector f from the first of the ascending points to the last, panel by panel.

    The error is some 2^-bits of the integral of |f|, for an f analytic inside every panel and bounded at the panels'
    ends, which are not evaluated. Halving the step squares the error: the sums are done once the last change is below
    the root of what is asked for, after changes that fell so fast.
    """
    ends = [number.settle(x) for x in points]
    panels = [(a, b, number.settle((b - a) / 2)) for a, b in itertools.pairwise(ends) if b > a]
    totals: list[Any] = []
    sizes: list[Any] = []
    before: list[Any] = []
    earlier = 0
    for level in range(1, _LEVELS):
        for distance, weight in _nodes(number, level, bits):
            for a, b, half in panels:
                offset = half * distance
                for x in (a + offset, b - offset) if distance != 1 else (a + half,):
                    terms = [term * (weight * half) for term in f(number.settle(x))]
                    totals = [s + t for s, t in zip(totals, terms, strict=True)] if totals else terms
                    size = [abs(term) for term in terms]
                    sizes = [s + t for s, t in zip(sizes, size, strict=True)] if sizes else size
        values = [total / 2**level for total in totals]
        if before:
            scales = [number.exponent(s) - level for s in sizes]
            changes = [number.exponent(x - y) for x, y in zip(values, before, strict=True)]
            settled = min(s - c for s, c in zip(scales, changes, strict=True))
            if settled > bits // 2 + 6 and (settled > bits or settled > 3 * earlier // 2):
                error = min(bits, 2 * settled - 8)
            elif settled > bits // 2 + 6 and settled < earlier + 8:  # nothing but rounding left
                error = min(settled, earlier) - 8
            else:
                error = 0
            if error:
                return tuple(number.blur(v, s - error) for v, s in zip(values, scales, strict=True))
            earlier = max(settled, 1)
        before = values
    raise ArithmeticError("an integral did not settle; please report the parameters")


def _nodes(number: Any, level: int, bits: int) -> list[tuple[Any, Any]]:
    """Return the new nodes of a level, whose step is 2^-level: (1 - |x|, weight) for x >= 0."""
    half_pi = number.pi() / 2
    power = number.exp(number.double(2.0**-level))
    ratio = power * power
    if level == 1:
        power, ratio = number.double(1.0), power
    nodes: list[tuple[Any, Any]] = []
    while True:
        power = number.settle(power)
        inverse = 1 / power
        decay = number.exp(half_pi * (inverse - power))  # exp(-pi sinh t)
        distance = 2 * decay / (1 + decay)
        weight = half_pi * (power + inverse) / 2 * distance * (2 - distance)
        if number.exponent(weight) < -bits - 8:
            return nodes
        nodes.append((number.settle(distance), number.settle(weight)))
        power = power * ratio
