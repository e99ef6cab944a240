"""Boundary mass of a hard router, for Gaussian margins (docs/theory.md, section 6).

The margin a_1 - a_2 of a token is normal, N(b, sigma^2): a linear router on Gaussian inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, Array, reals
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import two_sum
from moecusp._numerics.gauss import erf, erfcx, gaussian, half_square, legendre, ratio
from moecusp._numerics.gradients import differentiable
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import on_host, parts, where

_SQRT_2_PI = float(np.sqrt(2.0 / np.pi))


def _mass_partials(width: Any, mean: Any, sigma: Any, _: Any) -> tuple[Any, Any, Any]:
    """Return the derivatives by the densities at the two edges of the slab."""
    inner, outer = 0.5 * boundary_slope(width - mean, sigma), 0.5 * boundary_slope(width + mean, sigma)
    tilt = (width / sigma) * (mean / sigma)
    small = where(abs(tilt) < 1.0, tilt, 0.0)
    middle = boundary_slope(width, sigma) * (-0.5 * (mean / sigma) ** 2).exp()
    across = where(abs(tilt) < 1.0, -middle * small.sinh(), outer - inner)
    return inner + outer, across, -((width - mean) / sigma) * inner - ((width + mean) / sigma) * outer


@differentiable(_mass_partials)
def boundary_mass(width: Any, mean: Any = 0.0, sigma: Any = 1.0) -> Any:
    """Share of tokens whose margin is at most w, M(w) = Phi((w - b)/sigma) - Phi((-w - b)/sigma).

    Parameters
    ----------
    width : array_like
        Width w >= 0 (score).
    mean : array_like
        Mean margin b (score), any real.
    sigma : array_like
        Standard deviation of the margin, sigma > 0 (score). All three broadcast.

    Returns
    -------
    float or ndarray
        M in [0, 1], of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Relative accuracy, not only absolute, for small widths and far tails: relative error below 1e-14 wherever M is a
    normal number. Tensors are evaluated on the host; their derivatives are `boundary_slope` at the edges of the slab.

    References
    ----------
    Statement ``boundary.mass``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import boundary_mass
    >>> round(float(boundary_mass(1.0)), 12)
    0.682689492137
    """
    (w, b, s), restore = reals(width=(width, NON_NEGATIVE), mean=(mean, REAL), sigma=(sigma, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(on_host(_mass, w, abs(b), s))


def _mass(w: Array, b: Array, s: Array) -> Array:
    omega, beta = w / s, b / s
    root = np.sqrt(0.5)
    half = two_sum(0.5 * b, -0.5 * w)  # halved, for b + w can overflow
    z = ratio(half[0], 0.5 * s)
    z = z[0], z[1] + half[1] / (0.5 * s)
    across = 0.5 * (erf(np.maximum(-z[0], 0.0) * root) + erf((omega + beta) * root))
    drop = 2.0 * beta * omega
    p = np.where(z[0] > 0.0, z[0], 0.0)
    q = np.where(z[0] > 0.0, beta + omega, 0.0)
    outside = 0.5 * gaussian(z) * (erfcx(p * root) - np.exp(-drop) * erfcx(q * root))

    near = (drop <= 1.0) & (w < b)  # the density hardly varies over the slab: integrate it
    y, weights = legendre(16)
    part = np.where(near, omega, 0.0)
    growth = np.where(near, drop, 0.0)  # beta y = growth/2 at the slab's edge
    values = np.exp(-0.5 * (part[..., None] * y) ** 2) * np.cosh(0.5 * growth[..., None] * y)
    inside = _SQRT_2_PI * gaussian(ratio(b, s)) * (values @ weights) * omega
    result = np.where(near, inside, np.where(w >= b, across, outside))
    return np.where(np.isinf(beta) & (w < b), 0.0, np.where(w == 0.0, 0.0, result))


def _slope_partials(mean: Any, sigma: Any, slope: Any) -> tuple[Any, Any]:
    z = mean / sigma
    return -(z / sigma) * slope, (z - 1.0) * (z + 1.0) / sigma * slope


@differentiable(_slope_partials)
def boundary_slope(mean: Any = 0.0, sigma: Any = 1.0) -> Any:
    """Slope of the boundary mass at width 0, 2 phi(b/sigma)/sigma: twice the margin's density at 0.

    It sets the feedback a hard router of two experts can bear: kappa_c = mu/slope, in the convention of section 2 for
    the difference of the scores.

    Parameters
    ----------
    mean : array_like
        Mean margin b (score), any real.
    sigma : array_like
        Standard deviation of the margin, sigma > 0 (score).

    Returns
    -------
    float or ndarray
        dM/dw at 0 (1/score), of the broadcast shape; inf where it exceeds the range of a float.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``boundary.slope``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import boundary_slope
    >>> round(float(boundary_slope()), 12)
    0.797884560803
    """
    (b, s), restore = reals(mean=(mean, REAL), sigma=(sigma, POSITIVE))
    with np.errstate(all="ignore"):
        mantissa, power = parts(s)
        factor = _SQRT_2_PI / mantissa
        return restore(dd.times_exp(dd.single(factor), half_square(ratio(b, s)), -power))


def boundary_remainder(width: Any, sigma: Any = 1.0) -> Any:
    """Bound on the error of M(w) = w slope, whatever the mean margin: w^3/(3 sigma^3 sqrt(2 pi)).

    Parameters
    ----------
    width : array_like
        Width w >= 0 (score).
    sigma : array_like
        Standard deviation of the margin, sigma > 0 (score).

    Returns
    -------
    float or ndarray
        The bound, of the broadcast shape. With mean 0 it is approached as w falls, up to a factor of 1.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``boundary.remainder``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import boundary_mass, boundary_remainder, boundary_slope
    >>> bool(abs(boundary_mass(0.1) - 0.1 * boundary_slope()) <= boundary_remainder(0.1))
    True
    """
    (w, s), restore = reals(width=(width, NON_NEGATIVE), sigma=(sigma, POSITIVE))
    return restore(quotient((w, w, w, _SQRT_2_PI / 6.0), (s, s, s)))
