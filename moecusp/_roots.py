"""Every equilibrium of many two-expert routers, from the formulas of `_steps` (NumPy and torch).

`_fast` is the same assembly as a numba loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp import _steps
from moecusp._arguments import Array

BLOCK = 8192  # points at a time: their intermediate results stay in the cache

MONOSTABLE, BISTABLE, FOLD, CUSP = 1, 2, 3, 4
ABSENT, STABLE, UNSTABLE, SEMISTABLE = 0, 1, 2, 3


def solve(g: Array, eta: Array) -> tuple[Array, NDArray[np.int8]]:
    """Return roots (n, 3), ascending and NaN-padded, and their stability, for flat g >= 0 and eta."""
    u = np.empty((g.size, 3))
    stability = np.empty((g.size, 3), dtype=np.int8)
    with np.errstate(all="ignore"):
        for start in range(0, g.size, BLOCK):
            part = slice(start, start + BLOCK)
            solve_block(g[part], eta[part], u[part], stability[part])
    return u, stability


def regimes(g: Array, eta: Array) -> NDArray[np.int8]:
    """Return the regime of each point."""
    size, fold = np.abs(eta), fold_asymmetry(g)
    result = np.where((g > 1.0) & (size <= fold), np.where(size == fold, FOLD, BISTABLE), MONOSTABLE)
    return np.where((g == 1.0) & (size == 0.0), CUSP, result).astype(np.int8)


def solve_block(g: Array, eta: Array, u: Array, stability: NDArray[np.int8]) -> None:
    """Write the roots and their stability of one block of points."""
    size = np.abs(eta)
    left, middle, right = (np.full(g.shape, np.nan) for _ in range(3))
    count = np.ones(g.shape, dtype=np.int8)

    below = np.flatnonzero(g <= 1.0)
    right[below] = only(g[below], size[below])

    above = np.flatnonzero(g > 1.0)
    ga, ea = g[above], size[above]
    fold, gap, fold_u, a = _steps.prepare(ga, ea)
    right[above] = fold_u + beyond(a, fold + ea)
    count[above] = np.where(ea < fold, 3, np.where(ea == fold, 2, 1))
    left[above] = -fold_u  # at the fold itself

    three = np.flatnonzero(ea < fold)
    where3, g3, e3, gap3, u3, a3 = above[three], ga[three], ea[three], gap[three], fold_u[three], a[three]
    left[where3] = -(u3 + beyond(a3, gap3))
    kind = _steps.middle_kind(g3, e3, u3)
    for k, form in enumerate((before, saturated, small)):
        chosen = np.flatnonzero(kind == k)
        middle[where3[chosen]] = -form(g3[chosen], e3[chosen], gap3[chosen], u3[chosen], a3[chosen])

    arrange(count, np.signbit(eta), left, middle, right, u, stability)


def arrange(
    count: NDArray[np.int8],
    mirrored: NDArray[np.bool_],
    left: Array,
    middle: Array,
    right: Array,
    u: Array,
    stability: NDArray[np.int8],
) -> None:
    """Put the roots of E = |eta| in their places, mirrored where eta < 0."""
    three, two, one = count == 3, count == 2, count == 1
    sign = np.where(mirrored, -1.0, 1.0)
    first = np.where(mirrored | one, right, left)
    last = np.where(mirrored, left, right)
    u[:, 0] = sign * first + 0.0  # no negative zeros
    u[:, 1] = np.where(three, sign * middle, np.where(two, sign * last, np.nan)) + 0.0
    u[:, 2] = np.where(three, sign * last, np.nan)
    stability[:, 0] = np.where(two & ~mirrored, SEMISTABLE, STABLE)
    stability[:, 1] = np.where(three, UNSTABLE, np.where(two, np.where(mirrored, SEMISTABLE, STABLE), ABSENT))
    stability[:, 2] = np.where(three, STABLE, ABSENT)


def repeat(step: Callable[..., Any], *arguments: Any) -> Any:
    """Return the last argument after all steps."""
    *fixed, x = arguments
    for _ in range(_steps.STEPS):
        x = step(*fixed, x)
    return x


def only(g: Array, size: Array) -> Any:
    """Return the only root for g <= 1."""
    e = _steps.lifted(size)
    return _steps.only_lowered(g, size, repeat(_steps.only_step, g, e, _steps.only_start(g, e)))


def beyond(a: Array, level: Array) -> Any:
    """Return how far an outer root lies beyond its fold; inf where that exceeds the range of a float."""
    d = repeat(_steps.beyond_step, a, level, _steps.beyond_start(a, level))
    return np.where(level < np.inf, d, np.inf)


def before(g: Array, size: Array, gap: Array, fold_u: Array, a: Array) -> Any:
    """Return the middle root near the fold."""
    return fold_u - repeat(_steps.before_step, g, a, gap, _steps.before_start(a, gap))


def saturated(g: Array, size: Array, gap: Array, fold_u: Array, a: Array) -> Any:
    """Return the middle root where tanh saturates."""
    return repeat(_steps.saturated_step, g, size, _steps.saturated_start(g, size))


def small(g: Array, size: Array, gap: Array, fold_u: Array, a: Array) -> Any:
    """Return a middle root below 1/2."""
    e = _steps.lifted(size)
    w = repeat(_steps.small_step, g, e, _steps.small_start(g, e))
    return _steps.small_lowered(size, w)


def blockwise(function: Callable[[Array], Array], x: Array) -> Array:
    """Return function(x), evaluated a block at a time."""
    flat = x.ravel()
    result = np.empty_like(flat)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, BLOCK):
            part = slice(start, start + BLOCK)
            result[part] = function(flat[part])
    return result.reshape(x.shape)


def fold_asymmetry(g: Array) -> Array:
    """Return eta_f(g) rounded to nearest; 0 for g <= 1."""
    return blockwise(lambda g: np.where(g > 1.0, _steps.prepare(g, 0.0)[0], 0.0), g)


def fold_gain(eta: Array) -> Array:
    """Return the g >= 1 with eta_f(g) = |eta|."""
    return blockwise(_fold_gain, np.abs(eta))


def _fold_gain(size: Array) -> Any:
    inside = np.maximum(size, 1e-30)
    d = repeat(_steps.gain_step, inside, _steps.gain_start(inside))
    return _steps.gain_finish(size, d)
