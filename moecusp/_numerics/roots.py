"""Every equilibrium of many two-expert routers, from the formulas of `steps` (NumPy and torch).

`fast` is the same assembly as a numba loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from moecusp._numerics import steps
from moecusp._numerics.elementary import curve_sums
from moecusp._numerics.operations import is_tensor, namespace, nonzero, where

FEW, MANY = 2**12, 2**18  # sizes from which compiled loops pay, loaded or not
BLOCK = 16000  # points at a time: their arrays stay in the cache, and below the 128 KB for which memory is mapped anew
SHEET = 2**16  # points sorted at a time, so that a rare kind of root has more than a few in a block

MONOSTABLE, BISTABLE, FOLD, CUSP = 1, 2, 3, 4
ABSENT, STABLE, UNSTABLE, SEMISTABLE = 0, 1, 2, 3


def solve(g: Any, eta: Any) -> tuple[Any, Any]:
    """Return roots (n, 3), ascending and NaN-padded, and their stability, for flat g >= 0 and eta."""
    fast = compiled(g)
    if fast is not None:
        return fast.solve(g, eta)  # type: ignore[no-any-return]
    xp = namespace(g)
    u = xp.stack([g, g, g], -1)
    stability = xp.zeros_like(u, dtype=xp.int8)
    with np.errstate(all="ignore"):
        for part in blocks(g, SHEET):
            solve_sheet(g[part], eta[part], u[part], stability[part])
    return u, stability


def compiled(x: Any) -> Any:
    """Return the compiled loops where they pay: for large arrays, or for smaller ones once they are loaded."""
    if is_tensor(x) or x.size < (FEW if "moecusp._numerics.fast" in sys.modules else MANY):
        return None
    return _fast()


@cache
def _fast() -> Any:
    return import_module("moecusp._numerics.fast") if find_spec("numba") else None


def blocks(x: Any, most: int = BLOCK) -> Iterator[slice]:
    """Return the slices of a flat array that are worked on at a time, at least one; a tensor stays in one piece."""
    size = max(len(x), 1)
    step = size if is_tensor(x) else most
    return (slice(start, start + step) for start in range(0, size, step))


def regimes(g: Any, eta: Any) -> Any:
    """Return the regime of each point."""
    xp = namespace(g)
    size, fold = abs(eta), fold_asymmetry(g)
    result = xp.full_like(g, MONOSTABLE, dtype=xp.int8)
    result[(g > 1.0) & (size < fold)] = BISTABLE
    result[(g > 1.0) & (size == fold)] = FOLD
    result[(g == 1.0) & (size == 0.0)] = CUSP
    return result


def solve_sheet(g: Any, eta: Any, u: Any, stability: Any) -> None:
    """Write the roots and their stability of a sheet of points: sorted by equation, and solved a block at a time."""
    xp = namespace(g)
    u[:] = xp.nan
    stability[:] = ABSENT
    stability[:, 0] = STABLE

    (single,) = blocked(lambda g, h: (steps.alone(g, abs(h)),), g, eta)
    below = nonzero(single)
    (u[below, 0],) = blocked(lambda g, h: (mirrored(h, steps.only(g, abs(h))),), g[below], eta[below])

    above = nonzero(~single)
    ga, ha = g[above], eta[above]
    fold, gap, fold_u, a, right = blocked(far, ga, ha)
    u[above, 0] = mirrored(ha, right)

    ea = abs(ha)
    two = nonzero(ea == fold)
    if len(two):
        place, side = above[two], xp.signbit(ha[two])
        u[place, 0] = where(side, -right[two], -fold_u[two])
        u[place, 1] = where(side, fold_u[two], right[two])
        stability[place, 1] = STABLE
        stability[place[side], 1] = stability[place[~side], 0] = SEMISTABLE

    three = nonzero(ea < fold)
    place, g3, e3, gap3, u3, a3, h3, right3 = (x[three] for x in (above, ga, ea, gap, fold_u, a, ha, right))
    left, kind = blocked(lambda a, gap, u, g, e: (u + reach(a, gap), steps.middle_kind(g, e, u)), a3, gap3, u3, g3, e3)
    middle = xp.empty_like(u3)
    by_fold, by_tail, by_value = (nonzero(kind == k) for k in range(3))
    (before,) = blocked(lambda a, gap: (steps.before(a, gap),), a3[by_fold], gap3[by_fold])
    middle[by_fold] = u3[by_fold] - before
    (middle[by_tail],) = blocked(lambda g, e: (steps.saturated(g, e),), g3[by_tail], e3[by_tail])
    (middle[by_value],) = blocked(lambda g, e: (steps.small(g, e),), g3[by_value], e3[by_value])
    side = xp.signbit(h3)
    u[place, 0] = -where(side, right3, left)
    u[place, 1] = where(side, middle, -middle) + 0.0  # no negative zeros
    u[place, 2] = where(side, left, right3)
    stability[place, 1] = UNSTABLE
    stability[place, 2] = STABLE


def far(g: Any, eta: Any) -> tuple[Any, ...]:
    """Return eta_f, the gap eta_f - |eta|, u_f, a and the size of the root on the side of eta, for g > 1."""
    size = abs(eta)
    fold, gap, fold_u, a = steps.prepare(g, size)
    return fold, gap, fold_u, a, fold_u + reach(a, fold + size)


def mirrored(eta: Any, root: Any) -> Any:
    """Return the root for E = |eta| on the side of eta."""
    return where(namespace(eta).signbit(eta), -root, root) + 0.0  # no negative zeros


def reach(a: Any, level: Any) -> Any:
    """Return how far an outer root lies beyond its fold; inf where that exceeds the range of a float."""
    return where(level < np.inf, steps.beyond(a, level), np.inf)


def blockwise(function: Callable[[Any], Any], x: Any) -> Any:
    """Return function(x), evaluated a block at a time."""
    flat = x.ravel()
    result = namespace(x).empty_like(flat)
    with np.errstate(all="ignore"):
        for part in blocks(flat):
            result[part] = function(flat[part])
    return result.reshape(x.shape)


def fold_asymmetry(g: Any) -> Any:
    """Return eta_f(g) rounded to nearest; 0 for g <= 1."""
    fast = compiled(g)
    if fast is not None:
        return fast.fold_asymmetry(g)
    return blockwise(lambda g: where(g > 1.0, steps.prepare(g, 0.0)[0], 0.0), g)


def fold_gain(eta: Any) -> Any:
    """Return the g >= 1 with eta_f(g) = |eta|."""
    fast = compiled(eta)
    if fast is not None:
        return fast.fold_gain(eta)
    return blockwise(steps.gain, abs(eta))


def fold_curve(u: Any) -> tuple[Any, Any]:
    """Return cosh^2 u and u - sinh u cosh u."""
    fast = compiled(u)
    if fast is not None:
        return fast.fold_curve(u)  # type: ignore[no-any-return]

    def curve(u: Any) -> tuple[Any, Any]:
        gain, product = curve_sums(abs(u))
        return gain, where(u < 0.0, product, -product) + 0.0

    gain, asymmetry = blocked(curve, u)
    return gain, asymmetry


def blocked(function: Callable[..., tuple[Any, ...]], *arrays: Any) -> tuple[Any, ...]:
    """Return the results of function(*arrays), evaluated a block at a time of flat arrays of one shape."""
    flat = [x.ravel() for x in arrays]
    found: list[list[Any]] = []
    with np.errstate(all="ignore"):
        found.extend(list(function(*(x[part] for x in flat))) for part in blocks(flat[0]))
    joined = (parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*found, strict=True))
    return tuple(x.reshape(arrays[0].shape) for x in joined)
