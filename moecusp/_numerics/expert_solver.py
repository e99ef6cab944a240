"""Solve w coth w - t w = g for every family of K experts, each root from an equation that is well conditioned there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._numerics import expert_kernels as kernels
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import two_product, two_sum
from moecusp._numerics.operations import Array

Value = Callable[[Array], tuple[Array, Array]]
_SATURATED = 1000.0  # exp(-x) = 0 beyond it
_ENOUGH = 1e4  # a gain at which every x is beyond it


def solve_families(g: Array, k: int) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return x = high + low and which state is the outer one, each of shape (gains, K - 1, 2)."""
    experts = np.float64(k)
    shape = (g.size, k - 1)
    high, low = np.full((*shape, 2), np.nan), np.zeros((*shape, 2))
    outer = np.ones((*shape, 2), dtype=bool)
    minority = (k - 1) // 2  # families 1 ... minority have 2 m < K
    m = np.arange(1.0, k)
    gains = np.broadcast_to(g, shape)

    rising = gains > 1.0
    rising[:, :minority] = False
    level = np.minimum((gains - 1.0)[rising], _ENOUGH)
    lean = np.broadcast_to((2.0 * m - experts) / experts, shape)[rising]
    w = _power_newton(np.minimum(np.sqrt(3.0 * level), level / (1.0 + lean) + 1.0), level, _rising(lean))
    high[rising, 0] = 2.0 * w
    _polish(high, low, (*np.nonzero(rising), 0), gains[rising], np.broadcast_to(m, shape)[rising], experts)

    if minority:
        x, fold = kernels.fold_point(m[:minority], np.full(minority, experts))
        few = (g.size, minority)
        gap = dd.add(dd.single(np.array(np.broadcast_to(g, few))), (-fold[0], -fold[1]))
        exists = gap[0] > 0.0
        index = np.nonzero(exists)
        high_x, low_x, favoured = (np.broadcast_to(v, few)[exists] for v in (x[0], x[1], m[:minority]))
        point = _Fold(high_x, low_x, favoured, gap[0][exists])
        gain = np.broadcast_to(g, few)[exists]
        two = (gain < 1.0).astype(int)
        outer[index[0], index[1], 0] = two == 0
        place = (index[0], index[1], two)
        high[place], low[place] = point.outer()
        _polish(high, low, place, gain, point.favoured, experts, point.high + 1.0)
        inner = two == 1
        place = (index[0][inner], index[1][inner], np.zeros(np.sum(inner), dtype=int))
        high[place], low[place] = point.only(inner).inner(gain[inner], experts)
        _polish(high, low, place, gain[inner], point.favoured[inner], experts, point.high[inner] - 1.0, below=True)
    return high, low, outer


@dataclass(frozen=True)
class _Fold:
    """Folds x = high + low of families with m favoured experts, and how far the gain is beyond them."""

    high: Array
    low: Array
    favoured: Array
    gap: Array

    def only(self, where: NDArray[np.bool_]) -> _Fold:
        return _Fold(self.high[where], self.low[where], self.favoured[where], self.gap[where])

    def outer(self) -> dd.Pair:
        """Return the x beyond the fold: B(d) = gap."""
        a = 0.5 * self.high
        bend = 2.0 * kernels.coth_excess(a) / np.sinh(a) ** 2
        gap = np.minimum(self.gap, _ENOUGH)
        start = np.maximum(np.sqrt(2.0 * gap / bend), gap / (1.0 - kernels.coth_excess_slope(a)))
        d = _power_newton(start, gap, lambda v: kernels.beyond(v, a))
        return dd.add((self.high, self.low), dd.single(2.0 * d))

    def inner(self, gain: Array, experts: np.float64) -> dd.Pair:
        """Return the x before the fold, for g < 1, from whichever of three equations is well conditioned."""
        a = 0.5 * self.high
        zone = np.minimum(0.5 * a, 1.0)
        near = self.gap <= kernels.before(zone, a)[0]
        part = self.favoured / experts
        far = ~near & (gain < kernels.bose(np.full_like(a, 2.0)) + 2.0 * part) & (a > 1.0)
        rest = ~near & ~far
        high, low = np.empty_like(a), np.zeros_like(a)

        bend = 2.0 * kernels.coth_excess(a) / np.sinh(a) ** 2
        start = np.minimum(np.sqrt(2.0 * self.gap / bend), zone)
        e = _power_newton(start[near], self.gap[near], lambda v: kernels.before(v, a[near]), zone[near])
        high[near], low[near] = dd.add((self.high[near], self.low[near]), dd.single(-2.0 * e))
        high[far] = _descent(gain[far], part[far])
        t = ((experts - 2.0 * self.favoured) / experts)[rest]
        high[rest] = 2.0 * _ascent(1.0 - gain[rest], t)
        return high, low


def _rising(lean: Array) -> Value:
    def value(w: Array) -> tuple[Array, Array]:
        return kernels.coth_excess(w) + lean * w, kernels.coth_excess_slope(w) + lean

    return value


def _power_newton(x: Array, level: Array, f: Value, top: Array | None = None) -> Array:
    """Solve f(x) = level > 0 for an increasing f that is close to a power of x: Newton's method on logarithms."""
    for _ in range(60):
        value, slope = f(x)
        power = x * slope / value
        following = x * np.exp(np.clip(np.log(level / value) / power, -30.0, 30.0))
        following = following if top is None else np.minimum(following, top)
        done = np.abs(following - x) <= 1e-9 * x
        x = following
        if np.all(done):
            break
    value, slope = f(x)
    return x - (value - level) / slope


def _descent(gain: Array, part: Array) -> Array:
    """Solve bose(x) + x m/K = g on the falling branch, x > 2, from the left."""
    x = np.full_like(gain, 2.0)
    for _ in range(3):
        x = np.maximum(x, np.log1p(x / gain))
    for _ in range(60):
        b = kernels.bose(x)
        slope = b * (1.0 / x + 1.0 / np.expm1(-x)) + part
        following = x - (b + x * part - gain) / slope
        done = np.abs(following - x) <= 1e-15 * x
        x = following
        if np.all(done):
            break
    return x


def _ascent(level: Array, t: Array) -> Array:
    """Solve t w - (w coth w - 1) = 1 - g near the balanced state, from the left."""
    w = level / t
    for _ in range(60):
        step = (level - t * w + kernels.coth_excess(w)) / (t - kernels.coth_excess_slope(w))
        w = w + step
        if np.all(np.abs(step) <= 1e-15 * w):
            break
    return w


def _polish(
    high: Array,
    low: Array,
    place: tuple[Any, ...],
    gain: Array,
    m: Array,
    experts: np.float64,
    limit: Array | None = None,
    below: bool = False,
) -> None:
    """Add the low part of large x away from the fold, from the residual of g K = m x + K bose(x) in exact products.

    Beyond _SATURATED, where bose(x) = 0, x = g K/m. The low load is exp(-x) times a constant, and would else lose as
    many ulps as x has units.
    """
    linear = gain / (m / experts)
    x = high[place] = np.where(linear > _SATURATED, linear, high[place])
    b = kernels.bose(x)
    away = (x > 2.0) & (x < 2.0 * _SATURATED) & (True if limit is None else (x < limit) if below else (x > limit))
    x = np.where(away, x, 2.0)
    gain = np.where(away, gain, 1.0)
    rest = dd.add(two_product(gain, np.full_like(gain, experts)), dd.negative(two_product(m, x)))
    slope = m + experts * b * (1.0 / x + 1.0 / np.expm1(-x))
    fix = (rest[0] - experts * b) / slope
    s, e = two_sum(x, np.where(away, fix, 0.0))
    high[place] = np.where(away, s, high[place])
    low[place] = np.where(away, e, low[place])
