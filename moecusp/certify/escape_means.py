"""The mean of tanh over a segment, in balls and, for starts, in floating point."""

from __future__ import annotations

import math

from flint import acb, arb, ctx

from moecusp.certify.balls import Ball

TINY = 2.0**-20  # half-lengths below which derivatives come from their hulls, and the mean from its series


def mean_tanh(m: Ball, k: Ball) -> Ball:
    """Return the mean of tanh over [m - k, m + k] = tanh m A(tanh m tanh k) tanh k/k, A(x) = artanh(x)/x."""
    if k > TINY:
        return (log_cosh(m + k) - log_cosh(m - k)) / (2 * k)
    t = m.tanh()
    return t * _artanh_ratio(t * k.tanh()) * _sinh_ratio(k) / k.cosh()


def log_cosh(x: Ball) -> Ball:
    """Return log cosh x for large |x| as well as for small."""
    y = -x if x.mid() < 0 else x
    return y + (-2 * y).exp().log1p() - arb.const_log2()


def float_log_cosh(x: float) -> float:
    """Return log(2 cosh x)."""
    return abs(x) + math.log1p(math.exp(-2 * abs(x)))


def _sinh_ratio(k: Ball) -> Ball:
    """Return sinh k/k, also at 0."""
    return (acb(0, 1) * k).sinc().real


def _artanh_ratio(x: Ball) -> Ball:
    """Return sum of x^(2n)/(2n+1), with a bound on what is left out; not finite unless |x| < 2^-19."""
    largest = x.abs_upper()
    if not largest < 2 * TINY:
        return arb.nan()
    square, terms = x * x, int(ctx.prec) // 38 + 1
    total = arb(0)
    for n in reversed(range(terms)):
        total = total * square + arb(1) / (2 * n + 1)
    return total + arb(0, 1) * (largest ** (2 * terms) * 2)
