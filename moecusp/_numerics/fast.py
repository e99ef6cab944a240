"""The equilibria of many routers as compiled loops (the `fast` extra: numba).

The formulas are those of `double` and `steps`, their functions compiled as they stand with scalar operations in the
place of `operations`; the bits are the same. What is written here is the assembly of `roots.solve_block` as loops
that the compiler can vectorise: points are sorted by the equation they solve, and each equation has its own list.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import njit
from numba.core import types as nt
from numba.extending import intrinsic, overload

from moecusp._numerics import double, series, steps

BLOCK = 4096  # points at a time
ROW = BLOCK + 40  # rows of a scratch array must not lie a multiple of 4096 bytes apart
_SHARE = 2**15  # fewer points than this are not worth a thread


def _as_bits(typing: Any, x: Any) -> Any:
    """Return the 64 bits of a float as an integer."""
    return nt.int64(nt.float64), lambda context, builder, signature, args: builder.bitcast(
        args[0], context.get_value_type(nt.int64)
    )


def _as_float(typing: Any, bits: Any) -> Any:
    """Return the float of 64 bits."""
    return nt.float64(nt.int64), lambda context, builder, signature, args: builder.bitcast(
        args[0], context.get_value_type(nt.float64)
    )


def _where(typing: Any, condition: Any, yes: Any, no: Any) -> Any:
    """Select without a branch, so that loops vectorise."""
    result = typing.unify_types(yes, no)

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, b = (context.cast(builder, v, t, result) for v, t in zip(args[1:], (yes, no), strict=True))
        return builder.select(context.is_true(builder, nt.boolean, args[0]), a, b)

    return result(condition, yes, no), build


as_bits: Any = intrinsic(_as_bits)
as_float: Any = intrinsic(_as_float)
where: Any = intrinsic(_where)


def polynomial(coefficients: Any, x: Any) -> Any:
    """Evaluate a polynomial, lowest order first (see the overload)."""
    raise NotImplementedError


@overload(polynomial, inline="always")
def _polynomial(coefficients: Any, x: Any) -> Any:
    text = f"coefficients[{len(coefficients) - 1}]"
    for k in range(len(coefficients) - 2, -1, -1):
        text = f"({text} * x + coefficients[{k}])"
    unrolled = eval(f"lambda coefficients, x: {text}")
    unrolled.__annotations__ = polynomial.__annotations__  # numba compares the signatures
    return unrolled


def _bind() -> dict[str, Any]:
    """Compile the formulas with scalar operations in the place of `operations`."""
    bound: dict[str, Any] = {"sqrt": math.sqrt, "as_bits": as_bits, "as_float": as_float, "where": where}
    bound["take"] = njit(lambda table, index: table[index])
    for module in (double, steps):
        bound |= {n: v for n, v in vars(module).items() if isinstance(v, int | float | tuple)}
    bound |= {n: np.array(getattr(series, n)) for n in ("LOG_RECIPROCAL", "LOG_HALF_HIGH", "LOG_HALF_LOW")}
    for module in (double, steps):
        for name, value in vars(module).items():
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                copy = types.FunctionType(value.__code__, bound, name)
                bound[name] = polynomial if name == "polynomial" else njit(error_model="numpy", forceinline=True)(copy)
    return bound


_bound = _bind()
STEPS = steps.STEPS
prepare, middle_kind, lifted = _bound["prepare"], _bound["middle_kind"], _bound["lifted"]
only_start, only_step, only_lowered = _bound["only_start"], _bound["only_step"], _bound["only_lowered"]
beyond_start, beyond_step = _bound["beyond_start"], _bound["beyond_step"]
before_start, before_step = _bound["before_start"], _bound["before_step"]
saturated_start, saturated_step = _bound["saturated_start"], _bound["saturated_step"]
small_start, small_step, small_lowered = _bound["small_start"], _bound["small_step"], _bound["small_lowered"]


_VERSION = hashlib.sha256(b"".join(Path(str(m.__file__)).read_bytes() for m in (double, steps, series))).hexdigest()


def loop(function: Any) -> Any:
    """Compile a loop, cached under a name that changes with the files of the formulas in it."""
    function.__qualname__ += f"_{_VERSION[:16]}"
    return njit(error_model="numpy", nogil=True, cache=True)(function)


@loop
def folds(n: Any, g: Any, e: Any, fold: Any, gap: Any, fold_u: Any, a: Any) -> None:
    """Prepare n points with g > 1."""
    for k in range(n):
        fold[k], gap[k], fold_u[k], a[k] = prepare(g[k], e[k])


@loop
def kinds(n: Any, g: Any, e: Any, fold_u: Any, kind: Any) -> None:
    """Choose the equation of n middle roots."""
    for k in range(n):
        kind[k] = middle_kind(g[k], e[k], fold_u[k])


@loop
def only(n: Any, g: Any, e: Any, up: Any, u: Any) -> None:
    """Solve for n only roots."""
    for k in range(n):
        up[k] = lifted(e[k])
        u[k] = only_start(g[k], up[k])
    for _ in range(STEPS):
        for k in range(n):
            u[k] = only_step(g[k], up[k], u[k])
    for k in range(n):
        u[k] = only_lowered(g[k], e[k], u[k])


@loop
def beyond(n: Any, a: Any, level: Any, d: Any) -> None:
    """Solve for the distances of n outer roots from their folds."""
    for k in range(n):
        d[k] = beyond_start(a[k], level[k])
    for _ in range(STEPS):
        for k in range(n):
            d[k] = beyond_step(a[k], level[k], d[k])


@loop
def before(n: Any, g: Any, e: Any, gap: Any, fold_u: Any, a: Any, w: Any) -> None:
    """Solve for n middle roots near their folds."""
    for k in range(n):
        w[k] = before_start(a[k], gap[k])
    for _ in range(STEPS):
        for k in range(n):
            w[k] = before_step(g[k], a[k], gap[k], w[k])
    for k in range(n):
        w[k] = fold_u[k] - w[k]


@loop
def saturated(n: Any, g: Any, e: Any, gap: Any, fold_u: Any, a: Any, w: Any) -> None:
    """Solve for n middle roots where tanh saturates."""
    for k in range(n):
        w[k] = saturated_start(g[k], e[k])
    for _ in range(STEPS):
        for k in range(n):
            w[k] = saturated_step(g[k], e[k], w[k])


@loop
def small(n: Any, g: Any, e: Any, gap: Any, fold_u: Any, a: Any, w: Any) -> None:
    """Solve for n middle roots below 0.65."""
    for k in range(n):
        gap[k] = lifted(e[k])
        w[k] = small_start(g[k], gap[k])
    for _ in range(STEPS):
        for k in range(n):
            w[k] = small_step(g[k], gap[k], w[k])
    for k in range(n):
        w[k] = small_lowered(e[k], w[k])


@loop
def split(g: Any, eta: Any, at: Any, g1: Any, e1: Any, g2: Any, e2: Any) -> Any:
    """List the points with g <= 1 and those with g > 1, with E = |eta|."""
    m = n = 0
    for i in range(g.size):
        size = abs(eta[i])
        at[0, m], g1[m], e1[m] = i, g[i], size
        at[1, n], g2[n], e2[n] = i, g[i], size
        m += g[i] <= 1.0
        n += g[i] > 1.0
    return m, n


@loop
def inside(n: Any, at: Any, fields: Any, chosen: Any, level: Any, a: Any) -> int:
    """List the bistable ones of n points, and the levels of all outer roots."""
    g, e, fold, gap, fold_u, slope = fields
    m = 0
    for k in range(n):
        level[k], a[k] = fold[k] + e[k], slope[k]
        at[2, m] = k
        for_m = chosen[:, m]
        for_m[0], for_m[1], for_m[2], for_m[3], for_m[4] = g[k], e[k], gap[k], fold_u[k], slope[k]
        m += e[k] < fold[k]
    for k in range(m):
        level[n + k], a[n + k] = chosen[2, k], chosen[4, k]
    return m


@loop
def choose(form: Any, m: Any, at: Any, kind: Any, fields: Any, chosen: Any) -> int:
    """List those of m bistable points whose middle root takes one form."""
    c = 0
    for k in range(m):
        at[3, c] = at[2, k]
        for j in range(5):
            chosen[j, c] = fields[j, k]
        c += kind[k] == form
    return c


@loop
def place(n: Any, at: Any, x: Any, y: Any) -> None:
    """Put -x in its places in y."""
    for k in range(n):
        y[at[k]] = -x[k]


@loop
def finish(m: Any, n: Any, at: Any, eta: Any, x: Any, fields: Any, d: Any, middle: Any, u: Any, stability: Any) -> None:
    """Write the roots of the m points with g <= 1 and the n with g > 1; see `roots.arrange`."""
    for k in range(m):
        i = at[0, k]
        u[i, 0] = where(np.signbit(eta[i]), -x[k], x[k]) + 0.0
        u[i, 1] = u[i, 2] = np.nan
        stability[i, 0], stability[i, 1], stability[i, 2] = 1, 0, 0
    _, e, fold, _, fold_u, _ = fields
    three = 0
    for k in range(n):
        i = at[1, k]
        negative, alone, folded = np.signbit(eta[i]), e[k] > fold[k], e[k] == fold[k]
        left = -(fold_u[k] + where(folded, 0.0, d[n + three]))
        right = fold_u[k] + where(fold[k] + e[k] < np.inf, d[k], np.inf)
        three += e[k] < fold[k]
        sign = where(negative, -1.0, 1.0)
        last = where(negative, left, right)
        u[i, 0] = sign * where(negative | alone, right, left) + 0.0
        u[i, 1] = where(alone, np.nan, sign * where(folded, last, middle[k])) + 0.0
        u[i, 2] = where(alone | folded, np.nan, sign * last)
        stability[i, 0] = where(folded & (not negative), 3, 1)
        stability[i, 1] = where(alone, 0, where(folded, where(negative, 3, 1), 2))
        stability[i, 2] = where(alone | folded, 0, 1)


@loop
def round_fold(g: Any, fold: Any) -> None:
    """Write eta_f of each gain, 0 up to gain 1."""
    for k in range(g.size):
        fold[k] = where(g[k] > 1.0, prepare(g[k], 0.0)[0], 0.0)


def fold_asymmetry(g: Any) -> Any:
    """Return what `roots.fold_asymmetry` does, bit for bit."""
    fold = np.empty(g.shape)
    round_fold(np.ascontiguousarray(g).reshape(-1), fold.reshape(-1))
    return fold


def solve_part(g: Any, eta: Any, u: Any, stability: Any) -> None:
    """Solve a run of points block by block, in scratch arrays that stay in the cache."""
    at = np.zeros((4, ROW), np.int32)
    rows, long = np.zeros((22, ROW)), np.zeros((3, 2 * ROW))
    g1, e1, lifts, x, kind, middle = rows[:6]
    fields, chosen, picked = rows[6:12], rows[12:17], rows[17:22]
    level, a, d = long
    w = np.zeros(ROW)
    for start in range(0, g.size, BLOCK):
        part = slice(start, start + BLOCK)
        m, n = split(g[part], eta[part], at, g1, e1, fields[0], fields[1])
        only(m, g1, e1, lifts, x)
        folds(n, *fields)
        three = inside(n, at, fields, chosen, level, a)
        beyond(n + three, a, level, d)
        kinds(three, chosen[0], chosen[1], chosen[3], kind)
        for form, function in enumerate((before, saturated, small)):
            count = choose(form, three, at, kind, chosen, picked)
            function(count, *picked, w)
            place(count, at[3], w, middle)
        finish(m, n, at, eta[part], x, fields, d, middle, u[part], stability[part])


def solve(g: Any, eta: Any) -> tuple[Any, Any]:
    """Return what `roots.solve` does, bit for bit, on as many threads as numba may use."""
    g, eta = np.ascontiguousarray(g), np.ascontiguousarray(eta)
    u, stability = np.empty((g.size, 3)), np.empty((g.size, 3), dtype=np.int8)
    threads = min(numba.get_num_threads(), max(1, g.size // _SHARE))
    edges = [g.size * k // threads for k in range(threads + 1)]
    parts = [slice(low, high) for low, high in itertools.pairwise(edges)]
    if threads == 1:
        solve_part(g, eta, u, stability)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: solve_part(g[part], eta[part], u[part], stability[part]), parts))
    return u, stability
