"""K experts: the gains at which they can and must collapse, and the fold curve, to any number of digits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from moecusp._arguments import integer
from moecusp.precise.certainty import certain, evaluate, rational
from moecusp.precise.multiprecision import exact
from moecusp.precise.newton import Slopes, newton


def balanced_critical_gain(experts: int, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 1, whatever K >= 2; see `moecusp.balanced_critical_gain`."""
    integer("experts", experts, 2)
    return rational(digits, backend, Fraction(1))[0]


def expert_fold_gain(experts: int, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return the smallest gain with a collapsed state of K experts; see `moecusp.expert_fold_gain`.

    (w/sinh w)^2 at the root of coth w - w/sinh^2 w = 1 - 2/K, by Newton's method.

    >>> from moecusp import precise
    >>> print(precise.expert_fold_gain(8, digits=15))
    0.531224876080987
    """
    k = integer("experts", experts, 2)
    if k == 2:
        return rational(digits, backend, Fraction(1))[0]
    return certain(lambda n: (fold_point(n, k, 1)[1],), digits, backend)[0]


def equal_depth_gain(experts: int, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2 (K - 1) log(K - 1)/(K (K - 2)), and 1 for K = 2; see `moecusp.equal_depth_gain`."""
    k = integer("experts", experts, 2)
    if k == 2:
        return rational(digits, backend, Fraction(1))[0]
    factor = Fraction(2 * (k - 1), k * (k - 2))
    return evaluate(lambda n, c, rest: (c * n.log(rest),), digits, backend, factor, Fraction(k - 1))


def expert_fold_curve(x: Any, experts: int, *, digits: int = 50, backend: str = "auto") -> tuple[Any, Any]:
    """Return ((Y + K - 1)^2/(K^2 Y), x - (Y - 1)(Y + K - 1)/(K Y)), Y = exp x; see `moecusp.expert_fold_curve`."""
    place, k = exact("x", x), integer("experts", experts, 2)
    if place == 0:
        gain, asymmetry = rational(digits, backend, Fraction(1), Fraction(0))
        return gain, asymmetry

    def curve(n: Any, x: Any) -> tuple[Any, Any]:
        y = n.exp(x)
        return (y + (k - 1)) ** 2 / (k * k * y), x - (y - 1) * (y + (k - 1)) / (k * y)

    gain, asymmetry = certain(curve, digits, backend, place)
    return gain, asymmetry


def fold_point(number: Any, k: int, m: int) -> tuple[Any, Any]:
    """Return (w, gain) at the fold of the family with m favoured experts, 2 m < K, at the precision of the moment.

    There w coth w - t w, t = 1 - 2 m/K, is least over w = x/2 > 0.
    """
    few, bits = k - 2 * m, number.ctx.prec
    low = 0.5 * (math.log(k) - math.log(m)) if k > 8 * m else 0.0
    start = number.double(max(1.5 * float(Fraction(few, k)), low))  # below the root of a concave rising function

    def f(n: Any, w: Any) -> tuple[Any, tuple[Any, ...], Slopes]:
        square = 1 / n.sinh(w) ** 2
        coth, product = n.sqrt(1 + square), w * square

        def slopes() -> tuple[Any, Any]:
            first = 2 * k * square * (w * coth - 1)
            return first, k * square * (coth - product) - coth * first

        return k * (coth - product) - few, (k * coth, k * product), slopes

    w = newton(number, f, start, bits)
    w = number.blur(w, number.exponent(w) - bits)
    return w, (w / number.sinh(w)) ** 2
