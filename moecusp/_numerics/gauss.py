"""Gaussian tails and Gauss-Legendre panels: exponents in double-double, integrands of one sign, nothing cancels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from moecusp._numerics import pairs as dd
from moecusp._numerics.double import two_product
from moecusp._numerics.operations import Array, parts, scaled, where


@cache
def legendre(nodes: int) -> tuple[Array, Array]:
    """Return the nodes and weights of the Gauss-Legendre rule on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return 0.5 * (x + 1.0), 0.5 * w


def panels(f: Callable[[Array], Array], breaks: Array, nodes: int) -> Array:
    """Integrate f over [breaks[..., 0], breaks[..., -1]] panel by panel; f maps (..., panels, nodes) to the same.

    Or to more than one function, (functions, ..., panels, nodes): then so does the result.
    """
    x, w = legendre(nodes)
    low, length = breaks[..., :-1, None], np.diff(breaks)[..., None]
    return np.asarray(np.sum(np.sum(f(low + length * x) * w, axis=-1) * length[..., 0], axis=-1))


def ratio(a: Any, b: Any) -> dd.Pair:
    """Return a/b, b not 0, to twice the precision where it neither overflows nor underflows; elsewhere as a float."""
    with np.errstate(all="ignore"):
        (mantissa_a, exponent_a), (mantissa_b, exponent_b) = parts(a), parts(b)
        quotient = dd.divide(dd.single(mantissa_a), dd.single(mantissa_b))
        return _scaled(quotient, exponent_a - exponent_b)


def product(a: Any, b: Any) -> dd.Pair:
    """Return a b to twice the precision where it neither overflows nor underflows; elsewhere as a float."""
    with np.errstate(all="ignore"):
        (mantissa_a, exponent_a), (mantissa_b, exponent_b) = parts(a), parts(b)
        return _scaled(two_product(mantissa_a, mantissa_b), exponent_a + exponent_b)


def _scaled(x: dd.Pair, power: Any) -> dd.Pair:
    high = scaled(x[0], power)
    return high, where(abs(high) < np.inf, scaled(x[1], power), 0.0)


def half_square(z: dd.Pair) -> dd.Pair:
    """Return -z^2/2, or something as far beyond the range of exp for |z| > 60."""
    near = abs(z[0]) < 60.0
    inside = where(near, z[0], 60.0), where(near, z[1], 0.0)
    square = dd.multiply(inside, inside)
    return -0.5 * square[0], -0.5 * square[1]


def gaussian(z: dd.Pair) -> Any:
    """Return exp(-z^2/2), to an ulp also far out in the tail."""
    return dd.exp(half_square(z))


def erf(x: Array) -> Array:
    """Return the error function; scipy is loaded here and in erfcx, not before."""
    from scipy import special

    return np.asarray(special.erf(x))


def erfcx(x: Array) -> Array:
    """Return exp(x^2) erfc(x)."""
    from scipy import special

    return np.asarray(special.erfcx(x))
