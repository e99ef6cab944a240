"""Scalar building blocks of the compiled backend: 2^x, a binomial count.

They are written so that loops over them become vector instructions: no table, no branch, and a polynomial of our own
instead of a call to the mathematics library (numba's wheels come without a vector one).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.polynomial import Chebyshev, Polynomial

from moecusp._simulation.binomial import FLIP, LOG_TWO_PI, OFF_MODE, STIRLING

FAST: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
"""Contraction to fused multiply-add is the only freedom taken: nothing is reordered. No cache on disk: numba's does not
notice a change in a function that was inlined from another file."""

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function, without the interpreter's lock."""
    compiled: F = njit(**FAST)(function)
    return compiled


def inlined(function: F) -> F:
    """Compile a function into its callers."""
    compiled: F = njit(inline="always", **FAST)(function)
    return compiled


_i64, _f64 = np.int64, np.float64
_ROUNDER = 1.5 * 2.0**52  # adding it leaves the nearest integer in the low bits of the mantissa
_FIT = Chebyshev.interpolate(np.exp2, 9, domain=[-0.5, 0.5]).convert(kind=Polynomial, domain=[-1, 1]).coef
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 = map(float, _FIT)
S0, S1, S2, S3, S4 = STIRLING


@kernel
def aligned(rows: int, columns: int) -> Any:
    """Return an array of float64 that begins on a cache line, as every row does if columns is a multiple of 8."""
    buffer = np.empty(rows * columns + 8)
    first = (-buffer.ctypes.data & 63) >> 3
    return buffer[first : first + rows * columns].reshape((rows, columns))


@inlined
def exp2(x: Any) -> Any:
    """Return 2^x for |x| < 1022, to a relative error of 5e-14."""
    shifted = x + _ROUNDER
    r = x - (shifted - _ROUNDER)
    p = ((((((((C9 * r + C8) * r + C7) * r + C6) * r + C5) * r + C4) * r + C3) * r + C2) * r + C1) * r + C0
    bits = _f64(p).view(_i64) + (_f64(shifted).view(_i64) << _i64(52))
    return _i64(bits).view(_f64)


@kernel
def uniform53(high: Any, low: Any) -> float:
    """Return a number of 53 bits in (0, 1) from two words."""
    return (_f64((_i64(high) >> 5) * 67108864 + (_i64(low) >> 6)) + 0.5) * 2.0**-53


@kernel
def _stirling(n: float) -> float:
    total = 0.0
    for _ in range(8):
        total += (n + 0.5) * math.log1p(1.0 / n) - 1.0
        n += 1.0
    y = 1.0 / (n * n)
    return total + ((((S4 * y + S3) * y + S2) * y + S1) * y + S0) / n


@kernel
def binomial(n: float, p: float, left: float) -> float:
    """Return a binomial count by inversion of the uniform number `left`; see `moecusp._simulation.binomial`."""
    if n < 1.0:
        return 0.0
    flip = p > FLIP
    p = 1.0 - p if flip else p
    mode = max(math.floor((n + 1.0) * p + (1.0 - OFF_MODE)) - 1.0, 0.0)
    odds = p / (1.0 - p)
    if mode >= 1.0:
        rest, q = n - mode, 1.0 - p
        a, b = mode / (n * p) - 1.0, rest / (n * q) - 1.0
        deviance = n * p * ((1.0 + a) * math.log1p(a) - a) + n * q * ((1.0 + b) * math.log1p(b) - b)
        stirling = _stirling(n) - _stirling(mode) - _stirling(rest)
        high = math.exp(stirling - deviance + 0.5 * (math.log(n / (mode * rest)) - LOG_TWO_PI))
    else:
        high = math.exp(n * math.log1p(-p))
    low = high
    left -= high
    up = down = count = mode
    while left > 0.0 and (up < n or down > 0.0) and high + low > 0.0:
        high = high * (n - up) / (up + 1.0) * odds if up < n else 0.0
        up += 1.0
        left -= high
        if left <= 0.0:
            count = up
            break
        low = low * down / ((n - down + 1.0) * odds) if down > 0.0 else 0.0
        down -= 1.0
        left -= low
        if left <= 0.0:
            count = down
    return n - count if flip else count
