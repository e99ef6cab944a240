"""The equilibria of many routers as compiled loops (the `fast` extra: numba).

The formulas are those of `steps` and below, as `traced` puts them; the bits are the same. What is written here is the
assembly of `roots.solve_sheet` as loops that the compiler can vectorise: points are sorted by the equation they solve,
and each equation has its own list.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import njit

from moecusp._numerics import double, elementary, series, steps, traced
from moecusp._numerics.traced import formula
from moecusp._numerics.traced import select as where

BLOCK = 4096  # points at a time
ROW = BLOCK + 40  # rows of a scratch array must not lie a multiple of 4096 bytes apart
SHARE = 16  # blocks that a thread takes at a time: some regions take longer than others
_SOURCES = b"".join(Path(str(module.__file__)).read_bytes() for module in (double, elementary, series, steps, traced))
_VERSION = hashlib.sha256(_SOURCES).hexdigest()

alone, prepare, middle_kind = formula("alone"), formula("prepare"), formula("middle_kind")
lifted, only_step = formula("lifted"), formula("only_step")
fold_quick, fold_step = formula("fold_quick"), formula("fold_step")
direct_quick, direct_step = formula("direct_quick"), formula("direct_step")
beyond_start, before_start = formula("beyond_start"), formula("before_start")
only_start, only_lowered = formula("only_start"), formula("only_lowered")
small_rough, small_lowered = formula("small_rough"), formula("small_lowered")
curve_sums, gain = formula("curve_sums"), formula("gain")
saturated_start, saturated_step = formula("saturated_start"), formula("saturated_step")
saturated_finish = formula("saturated_finish")


def compiled(function: Any) -> Any:
    """Compile an entry point, cached under a name that changes with the files of the formulas in it."""
    function.__qualname__ += f"_{_VERSION[:16]}"
    return njit(error_model="numpy", nogil=True, cache=True)(function)


def loop(function: Any) -> Any:
    """Compile a loop as a part of the entry point that calls it."""
    return njit(error_model="numpy", inline="always")(function)


@loop
def split(g: Any, eta: Any, above: Any, at: Any, gs: Any, hs: Any) -> Any:
    """List the points that are certainly alone from the back, the others from the front; return how many these are."""
    for i in range(g.size):
        above[i] = not alone(g[i], abs(eta[i]))
    n, last = np.uint64(0), np.uint64(g.size - 1)
    for i in range(g.size):
        k = where(above[i] != 0, n, last - np.uint64(i) + n)
        at[k], gs[k], hs[k] = i, g[i], eta[i]
        n += np.uint64(above[i])
    return np.int64(n)


@loop
def only(g: Any, h: Any, e: Any, u: Any) -> None:
    """Solve for the roots of points that have one."""
    for k in range(g.size):
        e[k] = lifted(abs(h[k]))
        u[k] = only_start(g[k], e[k])
    for k in range(g.size):
        u[k] = direct_quick(1.0 - g[k], g[k], e[k], u[k])
    for k in range(g.size):
        root = only_lowered(g[k], abs(h[k]), only_step(g[k], e[k], u[k]))
        u[k] = where(h[k] < 0.0, -root, root)


@loop
def folds(n: Any, g: Any, h: Any, fold: Any, gap: Any, fold_u: Any, a: Any, level: Any) -> None:
    """Prepare n points with g > 1."""
    for k in range(n):
        fold[k], gap[k], fold_u[k], a[k] = prepare(g[k], abs(h[k]))
        level[k] = fold[k] + abs(h[k])


@loop
def inside(
    n: Any, g: Any, h: Any, fold: Any, gap: Any, fold_u: Any, a: Any, level: Any, of: Any, g3: Any, e3: Any, u3: Any
) -> Any:
    """List the bistable ones of n points, append them to the outer roots, and count those on a fold."""
    m, on, end = np.uint64(0), 0, np.uint64(n)
    for k in range(n):
        e = abs(h[k])
        of[m], a[end + m], level[end + m] = k, a[k], gap[k]
        g3[m], e3[m], u3[m] = g[k], e, fold_u[k]
        m += np.uint64(e < fold[k])
        on += e == fold[k]
    return np.int64(m), on


@loop
def before(n: Any, m: Any, near: Any, chosen: Any, a: Any, level: Any) -> None:
    """Append so many chosen of m middle roots, to n + m outer ones: signs change."""
    for k in range(near):
        a[n + m + k], level[n + m + k] = -a[n + chosen[k]], -level[n + chosen[k]]


@loop
def distances(outer: Any, n: Any, a: Any, level: Any, d: Any) -> None:
    """Solve for the distances of n roots from their folds, of which so many lie outside, the others between them."""
    for k in range(outer):
        d[k] = beyond_start(a[k], level[k])
    for k in range(outer, n):
        d[k] = before_start(-a[k], -level[k])
    for k in range(n):
        d[k] = fold_quick(a[k], level[k], d[k])
    for k in range(n):
        d[k] = where(level[k] < np.inf, fold_step(a[k], level[k], d[k]), np.inf)


@loop
def outer(n: Any, h: Any, fold_u: Any, d: Any, u: Any) -> None:
    """Write n outer roots on the side of the asymmetry."""
    for k in range(n):
        root = fold_u[k] + d[k]
        u[k] = where(np.signbit(h[k]), -root, root)


@loop
def kinds(n: Any, g: Any, e: Any, fold_u: Any, kind: Any) -> None:
    """Choose the equation of n middle roots."""
    for k in range(n):
        kind[k] = middle_kind(g[k], e[k], fold_u[k])


@loop
def pick(form: Any, n: Any, kind: Any, chosen: Any) -> Any:
    """List those of n middle roots that take one form."""
    c = np.uint64(0)
    for k in range(n):
        chosen[c] = k
        c += np.uint64(kind[k] == form)
    return np.int64(c)


@loop
def inner(n: Any, chosen: Any, fold_u: Any, d: Any, middle: Any) -> None:
    """Write n chosen middle roots near their folds."""
    for k in range(n):
        middle[chosen[k]] = fold_u[chosen[k]] - d[k]


@loop
def saturated(n: Any, chosen: Any, g: Any, e: Any, p: Any, q: Any, w: Any, middle: Any) -> None:
    """Solve for n chosen middle roots where tanh saturates."""
    for k in range(n):
        p[k], q[k] = g[chosen[k]], e[chosen[k]]
    for k in range(n):
        w[k] = saturated_start(p[k], q[k])
    for k in range(n):
        w[k] = saturated_step(p[k], q[k], w[k])
    for k in range(n):
        middle[chosen[k]] = saturated_finish(p[k], q[k], w[k])


@loop
def small(n: Any, chosen: Any, g: Any, e: Any, p: Any, q: Any, w: Any, middle: Any) -> None:
    """Solve for n chosen middle roots below 0.65."""
    for k in range(n):
        p[k], q[k] = g[chosen[k]], lifted(e[chosen[k]])
    for k in range(n):
        w[k] = small_rough(p[k], q[k])
    for k in range(n):
        w[k] = direct_step(p[k], -q[k], w[k])
    for k in range(n):
        middle[chosen[k]] = small_lowered(e[chosen[k]], w[k])


@loop
def finish_one(at: Any, x: Any, first: Any, u: Any, stability: Any) -> None:
    """Write every point as if it had one root: in order, so that whole registers are written."""
    for k in range(x.size):
        first[at[k]] = x[k] + 0.0
    for i in range(x.size):
        u[i, 0], u[i, 1], u[i, 2] = first[i], np.nan, np.nan
    for i in range(x.size):
        stability[i, 0], stability[i, 1], stability[i, 2] = 1, 0, 0


@loop
def finish_three(n: Any, of: Any, at: Any, h: Any, right: Any, fold_u: Any, d: Any, w: Any, u: Any, kind: Any) -> None:
    """Write the roots of n bistable points."""
    for k in range(n):
        i, negative = at[of[k]], np.signbit(h[of[k]])
        left = fold_u[k] + d[k]
        u[i, 0] = where(negative, right[of[k]], -left)
        u[i, 1] = where(negative, w[k], -w[k]) + 0.0
        u[i, 2] = where(negative, left, right[of[k]])
        kind[i, 0], kind[i, 1], kind[i, 2] = 1, 2, 1


@loop
def finish_two(n: Any, at: Any, h: Any, fold: Any, fold_u: Any, right: Any, u: Any, stability: Any) -> None:
    """Write the roots of those of n points that lie on a fold."""
    for k in range(n):
        if abs(h[k]) == fold[k]:
            i, negative = at[k], np.signbit(h[k])
            u[i, 0] = where(negative, right[k], -fold_u[k])
            u[i, 1] = where(negative, fold_u[k], right[k])
            stability[i, 0], stability[i, 1] = where(negative, 1, 3), where(negative, 3, 1)


@compiled
def round_fold(g: Any, fold: Any) -> None:
    """Write eta_f of each gain, 0 up to gain 1."""
    for k in range(g.size):
        fold[k] = where(g[k] > 1.0, prepare(g[k], 0.0)[0], 0.0)


def fold_asymmetry(g: Any) -> Any:
    """Return what `roots.fold_asymmetry` does, bit for bit."""
    fold = np.empty(g.shape)
    round_fold(np.ascontiguousarray(g).reshape(-1), fold.reshape(-1))
    return fold


@compiled
def solve_part(g: Any, eta: Any, u: Any, stability: Any, first: int, threads: int) -> None:
    """Solve every so manieth share of the points block by block, in scratch arrays that stay in the cache."""
    at, of, chosen = np.empty(ROW, np.uint32), np.empty(ROW, np.uint32), np.empty(ROW, np.uint32)
    gs, hs, x, p, q, w = np.empty(ROW), np.empty(ROW), np.empty(ROW), np.empty(ROW), np.empty(ROW), np.empty(ROW)
    fold, gap, fold_u, kind, middle = np.empty(ROW), np.empty(ROW), np.empty(ROW), np.empty(ROW), np.empty(ROW)
    a, level, d = np.empty(3 * ROW), np.empty(3 * ROW), np.empty(3 * ROW)
    g3, e3, u3 = np.empty(ROW), np.empty(ROW), np.empty(ROW)
    for block in range((g.size + BLOCK - 1) // BLOCK):
        if block // SHARE % threads != first:
            continue
        start = block * BLOCK
        size = min(BLOCK, g.size - start)
        end = start + size
        roots, kinds_of_roots = u[start:end], stability[start:end]
        n = split(g[start:end], eta[start:end], chosen, at, gs, hs)
        only(gs[n:size], hs[n:size], w, x[n:size])
        folds(n, gs, hs, fold, gap, fold_u, a, level)
        m, on = inside(n, gs, hs, fold, gap, fold_u, a, level, of, g3, e3, u3)
        kinds(m, g3, e3, u3, kind)
        near = pick(0, m, kind, chosen)
        before(n, m, near, chosen, a, level)
        distances(n + m, n + m + near, a, level, d)
        inner(near, chosen, u3, d[n + m :], middle)
        outer(n, hs, fold_u, d, x)
        finish_one(at, x[:size], w, roots, kinds_of_roots)
        if on:
            finish_two(n, at, hs, fold, fold_u, x, roots, kinds_of_roots)
        saturated(pick(1, m, kind, chosen), chosen, g3, e3, p, q, w, middle)
        small(pick(2, m, kind, chosen), chosen, g3, e3, p, q, w, middle)
        finish_three(m, of, at, hs, x, u3, d[n:], middle, roots, kinds_of_roots)


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return the threads of this process, kept: new ones would have to map their memory anew."""
    return ThreadPoolExecutor(threads, thread_name_prefix="moecusp")


def solve(g: Any, eta: Any, threads: int | None = None) -> tuple[Any, Any]:
    """Return what `roots.solve` does, bit for bit, on so many threads or as many as numba may use."""
    g, eta = np.ascontiguousarray(g), np.ascontiguousarray(eta)
    u, stability = np.empty((g.size, 3)), np.empty((g.size, 3), dtype=np.int8)
    threads = min(threads or numba.get_num_threads(), max(1, g.size // (SHARE * BLOCK)))
    if threads == 1:
        solve_part(g, eta, u, stability, 0, 1)
    else:
        work = _pool(os.getpid(), threads).map(lambda k: solve_part(g, eta, u, stability, k, threads), range(threads))
        list(work)
    return u, stability


@compiled
def round_curve(u: Any, square: Any, asymmetry: Any) -> None:
    """Write the point of the fold curve at each u."""
    for k in range(u.size):
        square[k], product = curve_sums(abs(u[k]))
        asymmetry[k] = where(u[k] < 0.0, product, -product) + 0.0


def fold_curve(u: Any) -> tuple[Any, Any]:
    """Return what `roots.fold_curve` does, bit for bit."""
    gain, asymmetry = np.empty(u.shape), np.empty(u.shape)
    round_curve(np.ascontiguousarray(u).reshape(-1), gain.reshape(-1), asymmetry.reshape(-1))
    return gain, asymmetry


@compiled
def round_gain(eta: Any, g: Any) -> None:
    """Write the gain of the fold at each asymmetry."""
    for k in range(eta.size):
        g[k] = gain(abs(eta[k]))


def fold_gain(eta: Any) -> Any:
    """Return what `roots.fold_gain` does, bit for bit."""
    g = np.empty(eta.shape)
    round_gain(np.ascontiguousarray(eta).reshape(-1), g.reshape(-1))
    return g
