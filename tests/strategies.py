"""Hypothesis strategies for routers, built on the geometry of the (gain, asymmetry) plane instead of filtering.

`KINDS` names each region; `routers()` draws from all of them.
"""

from __future__ import annotations

import math

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from moecusp import fold_asymmetry

Point = tuple[float, float]


def log_uniform(low: float, high: float) -> SearchStrategy[float]:
    """Draw 10^x, low <= x <= high."""
    return st.floats(low, high).map(lambda x: 10.0**x)


def signed(points: SearchStrategy[Point]) -> SearchStrategy[Point]:
    """Draw either sign of the asymmetry."""
    return st.tuples(points, st.booleans()).map(lambda p: (p[0][0], -p[0][1] if p[1] else p[0][1]))


def above() -> SearchStrategy[float]:
    """Draw gains above 1, from 2e-16 beyond it to 1e300."""
    near = log_uniform(-15.6, 1.0).map(lambda d: 1.0 + d)
    return st.one_of(near, st.floats(1.25, 4.0), log_uniform(1.0, 300.0))


def fold(gain: float) -> float:
    return float(fold_asymmetry(gain))


def on_fold() -> SearchStrategy[Point]:
    return above().map(lambda g: (g, fold(g)))


def next_to_fold() -> SearchStrategy[Point]:
    return st.tuples(above(), st.sampled_from([0.0, math.inf])).map(lambda p: (p[0], math.nextafter(fold(p[0]), p[1])))


def beside_fold() -> SearchStrategy[Point]:
    """10^-k from a fold on either side, k up to 15.5."""
    step = st.tuples(log_uniform(-15.5, -0.5), st.sampled_from([-1.0, 1.0]))
    return st.tuples(above(), step).map(lambda p: (p[0], fold(p[0]) * (1.0 + p[1][0] * p[1][1])))


def inside() -> SearchStrategy[Point]:
    return st.tuples(above(), st.floats(0.001, 0.999)).map(lambda p: (p[0], fold(p[0]) * p[1]))


def beyond() -> SearchStrategy[Point]:
    return st.tuples(above(), log_uniform(0.1, 7.0)).map(lambda p: (p[0], fold(p[0]) * p[1]))


def pitchfork() -> SearchStrategy[Point]:
    return above().map(lambda g: (g, 0.0))


def beside_cusp() -> SearchStrategy[Point]:
    """10^-k from the cusp in both directions."""
    offset = st.tuples(log_uniform(-15.9, -2.0), st.sampled_from([-1.0, 1.0]))
    return st.tuples(offset, log_uniform(-24.0, -3.0)).map(lambda p: (1.0 + p[0][0] * p[0][1], p[1]))


def critical() -> SearchStrategy[Point]:
    return st.one_of(st.just(0.0), log_uniform(-320.0, 300.0)).map(lambda e: (1.0, e))


def below() -> SearchStrategy[Point]:
    gains = st.one_of(st.just(0.0), st.floats(0.0, 1.0), log_uniform(-16.0, -1.0).map(lambda d: 1.0 - d))
    return st.tuples(gains, log_uniform(-20.0, 6.0))


def saturated() -> SearchStrategy[Point]:
    """The middle root sits where tanh has saturated."""
    return st.tuples(log_uniform(2.5, 100.0), st.floats(0.5, 0.95)).map(lambda p: (p[0], p[0] * p[1]))


def subnormal() -> SearchStrategy[Point]:
    gains = st.one_of(st.sampled_from([5e-324, 1e-310, 0.5, 1.0, 1.0 + 2.0**-52, 3.0]), above())
    return st.tuples(gains, st.one_of(st.just(5e-324), log_uniform(-323.0, -308.0)))


def huge() -> SearchStrategy[Point]:
    return st.tuples(log_uniform(-320.0, 307.5), log_uniform(300.0, 307.5))


KINDS: dict[str, SearchStrategy[Point]] = {
    "on_fold": signed(on_fold()),
    "next_to_fold": signed(next_to_fold()),
    "beside_fold": signed(beside_fold()),
    "inside": signed(inside()),
    "beyond": signed(beyond()),
    "pitchfork": signed(pitchfork()),
    "beside_cusp": signed(beside_cusp()),
    "critical": signed(critical()),
    "below": signed(below()),
    "saturated": signed(saturated()),
    "subnormal": signed(subnormal()),
    "huge": signed(huge()),
}


def routers(*kinds: str) -> SearchStrategy[Point]:
    """Draw a (gain, asymmetry) of the kinds named, or of any."""
    return st.one_of([KINDS[kind] for kind in kinds or KINDS])
