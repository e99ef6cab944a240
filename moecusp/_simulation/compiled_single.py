"""Steps of one token for two experts, decided in single precision where that is certain and in double where it is not.

A token with word w chooses expert 1 where t = (w + 1/2)(1 + 2^x) < 2^32. For a vector of routers t is found in float32
to a relative error below `TOLERANCE`; where that comes too close to 2^32 for one of them, the whole vector takes its
step in float64. The state is in float64 throughout. So the selections are those of float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types as nt
from numba.extending import intrinsic
from numpy.polynomial import Chebyshev, Polynomial

from moecusp._numerics.traced import widest
from moecusp._simulation.compiled_lanes import DOUBLES, LANES, SINGLES, WORDS, Lanes, Row, apart
from moecusp._simulation.compiled_scalar import exp2, kernel
from moecusp._simulation.compiled_words import fill
from moecusp._simulation.plan import MANTISSA

TOLERANCE = 5e-6
"""Bound on the relative error of `product`: 3.5e-6 from the polynomial and, in units of 2^-24, 6.1 from its
coefficients and its evaluation (9 if no product is fused with a sum), 0.7 from the fixed point, 2 from w and 2 from the
sum and the limits that it is compared with; rounded up."""
_FIXED = 1.5 * 2.0**29 - 1.0  # adding it leaves x - 1 in units of 2^-23 in the low word
_FRACTION, _ONE = 2**23 - 1, 127 << 23
_CHORD = Polynomial([2.0, -1.0])
_FIT = Chebyshev.interpolate(lambda m: np.exp2(m - 1.0), 4, domain=[1.0, 2.0]).convert(kind=Polynomial) + _CHORD


def product(x: Lanes, word: Lanes) -> Lanes:
    """Return (word + 1/2)(1 + 2^x) in float32 for |x| < 125, infinite where it overflows.

    In fixed point x - 1 = n + f with 0 <= f < 1. The bits of a float 2 + h, with h = 2^f - 1 - f in (-0.09, 0], plus
    this number are those of 2^(n + 1) (1 + f + h) = 2^x. 2 + h is a polynomial of m = 1 + f.
    """
    fixed = (x + _FIXED).low_words()
    m = ((fixed & _FRACTION) | _ONE).bits(SINGLES)
    *rest, last = _FIT.coef
    p = m * last + rest.pop()
    while rest:
        p = p * m + rest.pop()
    power = (p.bits(WORDS) + fixed).bits(SINGLES)
    w = word.rounded() + 0.5
    return w * power + w


def _step(_typing: Any, x: Any, words: Any, lane: Any, keep: Any, up: Any, down: Any, hits: Any, i: Any) -> Any:
    kinds = (x, words, nt.int64, keep, up, down, hits)

    def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        *arrays, i = values
        x, keep, up, down, hits = (Row(context, builder, kinds[k], arrays[k]) for k in (0, 3, 4, 5, 6))
        word = Row(context, builder, kinds[1], arrays[1], arrays[2]).load(WORDS, i)
        old = x.load(DOUBLES, i)
        t = product(old, word)
        surely, perhaps = t < MANTISSA * (1.0 - TOLERANCE), t < MANTISSA * (1.0 + TOLERANCE)
        unsure = (surely ^ perhaps).anywhere()
        with builder.if_then(builder.not_(unsure), likely=True):
            push = surely.choose(up.load(DOUBLES, i), down.load(DOUBLES, i))
            x.store(keep.load(DOUBLES, i) * old + push, i)
            count = hits.load(WORDS, i)
            hits.store(surely.choose(count + 1, count), i)
        return context.cast(builder, unsure, nt.boolean, nt.boolean)

    return nt.boolean(*kinds, nt.int64), build


_quick: Any = intrinsic(_step)
"""Takes a step of LANES routers from i on with words[lane], unless it needs float64; returns whether it does."""


@kernel
def advance_single(
    x: Any, words: Any, keep: Any, up: Any, down: Any, hits: Any,
    begin: int, start: int, stop: int, base: int, n: int, k0: Any, k1: Any, quick: bool,
) -> None:  # fmt: skip
    """Take steps start..stop-1 of routers base..base+n-1, n being rounded up to a multiple of LANES.

    words are those of the last step if steps were taken since begin. quick says that every |x| is below 125.
    """
    widest()
    for step in range(start, stop):
        if step == begin or step & 3 == 0:
            fill(words, step >> 2, 0, base, n, k0, k1)
        i = 0
        while True:
            if quick:
                i = _sweep(x, words, step & 3, keep, up, down, hits, i, n)
            if i >= n:
                break
            _exact(x, words, step & 3, keep, up, down, hits, i)
            i += LANES


@kernel
def _sweep(x: Any, words: Any, lane: int, keep: Any, up: Any, down: Any, hits: Any, i: int, n: int) -> int:
    """Take a step of routers i..n-1 up to the first vector that needs double precision; return where that is."""
    widest()
    while i < n and not _quick(x, words, lane, keep, up, down, hits, i):
        i += LANES
    return i


@kernel
def _exact(x: Any, words: Any, lane: int, keep: Any, up: Any, down: Any, hits: Any, first: int) -> None:
    """Take a step of LANES routers in float64."""
    widest()
    apart()
    for i in range(first, first + LANES):
        old, yes, no = x[i], up[i], down[i]
        w = np.float64(words[lane, i]) + 0.5
        chosen = w * exp2(old) + w < MANTISSA
        x[i] = keep[i] * old + (yes if chosen else no)
        hits[i] += 1 if chosen else 0
