"""Every equilibrium of K experts without drives, to any number of digits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from moecusp._arguments import ParameterError, integer
from moecusp.equilibria import Stability
from moecusp.precise.certainty import certain, rational
from moecusp.precise.experts import fold_point
from moecusp.precise.multiprecision import LIMIT, UNCERTAIN, arithmetic, bits_for, exact
from moecusp.precise.newton import START, Slopes, newton


class ExpertState(NamedTuple):
    """One equilibrium of K experts, up to renaming them.

    Attributes
    ----------
    favoured : int
        Number m of favoured experts; 0 for the balanced state.
    difference : mpf
        Difference x = v_high - v_low in reduced score.
    load_high, load_low : mpf
        Load of each favoured expert, and of each other one.
    stability : Stability
        As in `moecusp.expert_equilibria`.
    unstable_directions : int
        Number of positive eigenvalues of the linearised flow.
    """

    favoured: int
    difference: Any
    load_high: Any
    load_low: Any
    stability: Stability
    unstable_directions: int


def expert_equilibria(
    gain: Any, experts: int, favoured: Iterable[int] | None = None, *, digits: int = 50, backend: str = "auto"
) -> tuple[ExpertState, ...]:
    """Return the equilibria of K experts; see `moecusp.expert_equilibria`.

    favoured names the families wanted, numbers m of favoured experts from 0, the balanced state, to K - 1; None for
    all. Ordered by m, then by the difference. A family costs about a millisecond at 50 digits, however many experts
    there are; for gains < 1 the families end with the first that has no state.

    >>> from moecusp import precise
    >>> [(s.favoured, round(float(s.difference), 6), s.stability.name) for s in precise.expert_equilibria("0.95", 3)]
    [(0, 0.0, 'STABLE'), (1, 0.367305, 'UNSTABLE'), (1, 1.735633, 'STABLE')]
    """
    g, k = exact("gain", gain, 0), integer("experts", experts, 2)
    number, _ = arithmetic(backend), bits_for(digits)
    wanted: Iterable[int] = range(k)
    if favoured is not None:
        wanted = sorted({integer("favoured", m, 0) for m in favoured})
        if wanted and wanted[-1] >= k:
            raise ParameterError("favoured", wanted[-1], f"an integer from 0 to {k - 1}")
    states: list[ExpertState] = []
    for m in wanted:
        if m == 0:
            states.append(_balanced(g, k, digits, backend))
            continue
        found = _family(number, g, k, m)
        if not found and g <= 1:  # the folds of the families rise with m
            break
        for start, outer in found:
            x, high, low = certain(_values(g, k, m, start), digits, backend)
            directions = m - 1 + (not outer)
            stability = Stability.UNSTABLE if directions else Stability.STABLE
            states.append(ExpertState(m, x, high, low, stability, directions))
    return tuple(states)


def _balanced(g: Fraction, k: int, digits: int, backend: str) -> ExpertState:
    zero, share = rational(digits, backend, Fraction(0), Fraction(1, k))
    if g == 1 and k > 2:
        return ExpertState(0, zero, share, share, Stability.SEMISTABLE, 0)
    stability = Stability.UNSTABLE if g > 1 else Stability.STABLE
    return ExpertState(0, zero, share, share, stability, k - 1 if g > 1 else 0)


def _values(g: Fraction, k: int, m: int, start: Any) -> Any:
    """Return the function that computes (x, high load, low load)."""
    whole = math.lcm(k, g.denominator)
    tilt, gain = (k - 2 * m) * (whole // k), g.numerator * (whole // g.denominator)

    def f(n: Any, w: Any) -> tuple[Any, tuple[Any, ...], Slopes]:
        square = 1 / n.sinh(w) ** 2
        coth = n.sqrt(1 + square)
        product = w * coth

        def slopes() -> tuple[Any, Any]:
            return whole * (coth - w * square) - tilt, whole * square * (product - 1)

        size = whole * product
        return size - tilt * w - gain, (size,), slopes

    def compute(n: Any) -> tuple[Any, Any, Any]:
        bits = n.ctx.prec
        w = newton(n, f, start, bits)
        x = 2 * n.blur(w, n.exponent(w) - bits)
        decay = n.exp(-x)
        high = 1 / (m + (k - m) * decay)
        return x, high, high * decay

    return compute


def _family(number: Any, g: Fraction, k: int, m: int) -> list[tuple[Any, bool]]:
    """Return (start, is it the outer state) for the states of one family, ascending.

    w coth w - t w is convex: from any point on its own side of the minimum Newton's method goes to a root.
    """
    t = Fraction(k - 2 * m, k)
    if t <= 0:
        if g <= 1:
            return []
        with number.precision(2 * START):
            starts = [number.sqrt(number.number(3 * (g - 1)))]
            if t < 0:
                starts.append(number.number((g - 1) / -t))
            return [(number.settle(min(map(number.settle, starts))), True)]
    bits = 2 * START
    while True:
        with number.precision(bits):
            w, fold = fold_point(number, k, m)
            gap = number.settle(number.number(g) - fold)
            lost = number.exponent(fold) - number.exponent(gap)
            if lost < bits - START:
                break
        if bits > LIMIT:
            raise ArithmeticError(UNCERTAIN)
        bits *= 2
    if gap < 0:
        return []
    with number.precision(bits):
        square = 1 / number.sinh(w) ** 2
        away = number.sqrt(gap / (square * (w * number.sqrt(1 + square) - 1)))
        outer = (number.settle(w + away), True)
        if g >= 1:
            return [outer]
        low = [number.settle(w - away), number.settle(number.number((1 - g) / t))]
        return [(max(low), False), outer]
