"""Kernels for K experts: the fold of the family with m favoured experts, and the distance from it.

With w = x/2 half the score difference and t = 1 - 2 m/K, the family's equilibria solve L(w) - t w = g, where
L(w) = w coth w is convex. So there are at most two, they merge where L' = t, and what separates them from the fold is
the Bregman distance of L, which has a form without cancellation (`beyond`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._numerics import pairs as dd
from moecusp._numerics.kernels import sinh_remainder, tanh_remainder
from moecusp._numerics.operations import Array, namespace, where


def coth_excess(w: Array) -> Array:
    """Return w coth w - 1 for w >= 0."""
    t = np.tanh(w)
    return np.asarray(np.divide(tanh_remainder(w), t, out=np.zeros_like(w), where=t > 0.0))


def coth_excess_slope(w: Array) -> Array:
    """Return the derivative of w coth w, coth w - w/sinh^2 w, for w >= 0."""
    inside = np.clip(w, 1e-150, 1.0)
    near = sinh_remainder(2.0 * inside) / (2.0 * np.sinh(inside) ** 2)
    far = np.maximum(w, 1.0)
    e = np.exp(-2.0 * far)
    return np.where(w <= 1.0, np.where(w > 0.0, near, 0.0), (1.0 - e * (4.0 * far + e)) / (1.0 - e) ** 2)


def falling_exponential_remainder(x: Any) -> Any:
    """Return x - 1 + exp(-x) for x >= 0."""
    xp = namespace(x)
    inside = where(x <= 1.0, x, 1.0)
    near = 2.0 * xp.sinh(0.5 * inside) ** 2 - sinh_remainder(inside)
    return where(x <= 1.0, near, x + xp.expm1(-x))


def bose(x: Array) -> Array:
    """Return x/(exp x - 1) for x >= 0."""
    with np.errstate(over="ignore"):
        return np.divide(x, np.expm1(x), out=np.ones_like(x), where=x > 0.0)


def fold_difference(favoured: Array, experts: Array) -> dd.Pair:
    """Return the score difference x = 2 w at the fold, L'(w) = 1 - 2 m/K, for 2 m < K.

    Newton's method in float64: on L' where t is small, on the logarithm of 1 - L' where it is large; then two steps in
    double-double on m (Y - 1)^2 = K ((x - 1) Y + 1), Y = exp x.
    """
    t = (experts - 2.0 * favoured) / experts
    part = favoured / experts
    small = 3.0 * t
    for _ in range(12):
        w = 0.5 * small
        ratio = coth_excess_slope(w)
        small = small + np.maximum(0.0, (t - ratio) / (1.0 - ratio / np.tanh(w)))
    depth = -np.log(np.minimum(part, 0.25))
    large = depth + np.log(depth)
    for _ in range(12):
        e = np.exp(-large)
        rest = falling_exponential_remainder(large)
        fault = np.log(rest / part) - large - 2.0 * np.log1p(-e)
        large = large - fault / ((1.0 - e) / rest - 1.0 - 2.0 * e / (1.0 - e))
    x = np.where(t < 0.5, small, large)
    pair = dd.single(x)
    for _ in range(2):
        e2 = dd.expm1(pair)
        left = dd.multiply(dd.single(favoured), dd.multiply(e2, e2))
        right = dd.add(dd.multiply(dd.add(pair, dd.single(np.full_like(x, -1.0))), e2), pair)
        fault2 = dd.add(left, dd.negative(dd.multiply(dd.single(experts), right)))
        step = -fault2[0] / ((1.0 + e2[0]) * (2.0 * favoured * e2[0] - experts * x))
        bound = 4.0 * np.finfo(np.float64).eps * x  # beyond 1e15 experts the residual itself is noise
        pair = dd.add(pair, dd.single(np.clip(step, -bound, bound)))
    return pair


def fold_point(favoured: Array, experts: Array) -> tuple[dd.Pair, dd.Pair]:
    """Return the score difference and the gain at the fold; g = x (1/(exp x - 1) + m/K) is stationary there."""
    x = fold_difference(favoured, experts)
    e = dd.expm1(x)
    inner = dd.add(dd.divide(dd.single(np.ones_like(e[0])), e), dd.divide(dd.single(favoured), dd.single(experts)))
    return x, dd.multiply(x, inner)


def beyond(d: Array, a: Array) -> tuple[Array, Array]:
    """Return B(d) = L(a + d) - L(a) - L'(a) d and B'(d), for a, d > 0.

    B = sinh d (a C(d) + d C(a))/(sinh a sinh(a + d)) with C(w) = w coth w - 1.
    """
    core = a * coth_excess(d) + d * coth_excess(a)
    with np.errstate(all="ignore"):
        scale = 2.0 * np.exp(-2.0 * a) / np.expm1(-2.0 * a) / np.expm1(-2.0 * (a + d))
        value = -scale * np.expm1(-2.0 * d) * core
        rise = a * coth_excess_slope(d) + coth_excess(a)
        # coth d - coth(a + d) = sinh a/(sinh d sinh(a + d))
        slope = scale * (-np.expm1(-2.0 * d) * rise + 2.0 * np.exp(-2.0 * d) * _quotient(a, d) * core)
    return value, slope


def _quotient(a: Array, d: Array) -> Array:
    return np.expm1(-2.0 * a) / np.expm1(-2.0 * (a + d))


def before(e: Array, a: Array) -> tuple[Array, Array]:
    """Return B(-e) and -B'(-e) for 0 < e <= a/2."""
    core = e * coth_excess(a) - a * coth_excess(e)
    scale = np.sinh(e) / (np.sinh(a) * np.sinh(a - e))
    rise = coth_excess(a) - a * coth_excess_slope(e)
    grow = 1.0 / np.tanh(e) + 1.0 / np.tanh(a - e)
    return scale * core, scale * (rise + grow * core)
