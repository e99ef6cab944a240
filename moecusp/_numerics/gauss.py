"""Gaussian tails and Gauss-Legendre panels: exponents in double-double, integrands of one sign, nothing cancels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from moecusp._numerics import pairs as dd
from moecusp._numerics.operations import Array

LOG_SQRT_2PI = 0.9189385332046728


@cache
def legendre(nodes: int) -> tuple[Array, Array]:
    """Return the nodes and weights of the Gauss-Legendre rule on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * (x + 1.0), 0.5 * w


def panels(f: Callable[[Array], Array], breaks: Array, nodes: int) -> Array:
    """Integrate f over [breaks[..., 0], breaks[..., -1]] panel by panel; f maps (..., panels, nodes) to the same."""
    x, w = legendre(nodes)
    low, length = breaks[..., :-1, None], np.diff(breaks)[..., None]
    return np.asarray(np.sum(np.sum(f(low + length * x) * w, axis=-1) * length[..., 0], axis=-1))


def ratio(a: Array, b: Array) -> dd.Pair:
    """Return a/b to twice the precision, where it neither overflows nor underflows; the float ratio elsewhere."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        mantissa_a, exponent_a = np.frexp(a)
        mantissa_b, exponent_b = np.frexp(b)
        quotient = dd.divide(dd.single(mantissa_a), dd.single(mantissa_b))
        power = exponent_a - exponent_b
        high = np.ldexp(quotient[0], power)
        return high, np.where(np.isfinite(high), np.ldexp(quotient[1], power), 0.0)


def product(a: Array, b: Array) -> dd.Pair:
    """Return a b to twice the precision, where it neither overflows nor underflows; the float product elsewhere."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mantissa_a, exponent_a = np.frexp(a)
        mantissa_b, exponent_b = np.frexp(b)
        high, low = dd.multiply(dd.single(mantissa_a), dd.single(mantissa_b))
        power = exponent_a + exponent_b
        scaled = np.ldexp(high, power)
        return scaled, np.where(np.isfinite(scaled), np.ldexp(low, power), 0.0)


def gaussian(z: dd.Pair) -> Array:
    """Return exp(-z^2/2), to a few ulps also far out in the tail."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        inside = np.minimum(np.abs(z[0]), 40.0)
        low = np.where(np.abs(z[0]) < 40.0, np.copysign(1.0, z[0]) * z[1], 0.0)
        square = dd.multiply((inside, low), (inside, low))
        return np.where(np.abs(z[0]) < 40.0, dd.exp((-0.5 * square[0], -0.5 * square[1])), 0.0)
