"""Interfaces that are no straight line: tie densities in closed form, and interfaces without one (section 6).

Inputs are x ~ N(0, I), the margin of two experts is a function psi(x), and the boundary mass is
M(w) = P(|psi| <= w) = 2 c w + ..., where the tie density c is the density of psi at 0: the integral of the density of
the inputs over the interface, divided by |grad psi|. Where the gradient vanishes on it there is no such law.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import MOST, NON_NEGATIVE, POSITIVE, REAL, Array, ParameterError, Range, constant, integer
from moecusp._numerics.gauss import gaussian, legendre, panels, ratio


def sphere_tie_density(radius: Any, dimension: int) -> Any:
    """Density at 0 of the margin |x|^2 - r^2 in d dimensions: that of the chi-squared law at r^2.

    Parameters
    ----------
    radius : array_like
        Radius r > 0 of the interface.
    dimension : int
        Number of dimensions d, 1 to 2^53.

    Returns
    -------
    float or ndarray
        c (1/unit of the margin), of the shape of radius.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a tensor that asks for a gradient.

    Notes
    -----
    Relative error below 3e-13 wherever c is a normal number.

    References
    ----------
    Statement ``interface.sphere``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import sphere_tie_density
    >>> round(float(sphere_tie_density(1.0, 2)), 12)
    0.303265329856
    """
    r, d = constant("radius", radius, POSITIVE), integer("dimension", dimension, 1, MOST)
    with np.errstate(all="ignore"):
        return _poisson(0.5 * d - 1.0, r)[()]


def _poisson(k: float, r: Array) -> Array:
    """Return x^k exp(-x)/(2 Gamma(k + 1)) at x = r^2/2, k >= -1/2."""
    from scipy.special import gamma

    if k < 8.0:
        # r^(2k) in two factors: one alone may leave the floats where the product does not
        power = (0.5 * r) ** k * r**k if k >= 0.0 else np.sqrt(2.0) / r
        return np.where(r < 1e150, power * gaussian(ratio(r, 1.0)) / (2.0 * gamma(k + 1.0)), 0.0)
    # the same by Stirling's formula: exp(-k D(x/k - 1)) over sqrt(2 pi k) and the factor that is left
    q = r / np.sqrt(2.0 * k)
    scale = np.exp(_stirling(k)) * np.sqrt(2.0 * np.pi * k)
    return np.asarray(np.where(r < 1e150, np.exp(-k * _distance(q)), 0.0) / (2.0 * scale))


def _stirling(k: float) -> float:
    """Return log(Gamma(k + 1)/(sqrt(2 pi k) (k/e)^k)) for k >= 8, to 1e-17."""
    inverse = 1.0 / (k * k)
    terms = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
    return float(np.polynomial.polynomial.polyval(inverse, terms)) / k


def _distance(q: Array) -> Array:
    """Return t - log(1 + t) at t = q^2 - 1, without cancellation near q = 1."""
    t = (q - 1.0) * (q + 1.0)
    small = np.abs(t) < 0.2
    s = np.where(small, t, 0.0)
    v = s / (2.0 + s)  # log(1 + s) = 2 atanh v
    series = np.zeros_like(v)
    for n in range(15, 0, -1):
        series = v * v * (series + 1.0 / (2 * n + 1))
    return np.where(small, v * (s - 2.0 * series), t - 2.0 * np.log(np.where(small, 1.0, q)))


def ellipse_tie_density(radius: Any, ratio_of_weights: Any) -> Any:
    """Density at 0 of the margin x^2 + b y^2 - r^2 in the plane, exp(-r^2 (1 + 1/b)/4) I_0(r^2 (1 - 1/b)/4)/(2 sqrt b).

    Parameters
    ----------
    radius : array_like
        r > 0: the ellipse has the semi-axes r and r/sqrt(b).
    ratio_of_weights : array_like
        b > 0.

    Returns
    -------
    float or ndarray
        c (1/unit of the margin), of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a tensor that asks for a gradient.

    Notes
    -----
    Relative error below 1e-13 wherever c is a normal number.

    References
    ----------
    Statement ``interface.ellipse``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import ellipse_tie_density
    >>> round(float(ellipse_tie_density(1.3, 2.5)), 12)
    0.177854220068
    """
    from scipy.special import i0e

    r, b = _together(radius=(radius, POSITIVE), ratio_of_weights=(ratio_of_weights, POSITIVE))
    with np.errstate(all="ignore"):
        bend = (r / 2.0) ** 2 * np.abs(b - 1.0) / b
        far = gaussian(ratio(r, np.sqrt(np.maximum(b, 1.0))))
        return np.asarray(i0e(np.minimum(bend, 1e300)) * far / (2.0 * np.sqrt(b)))[()]


def parabola_tie_density(curvature: Any) -> Any:
    """Density at 0 of the margin y - k x^2 in the plane, exp(q) K_1/4(q)/(4 pi k) at q = 1/(16 k^2).

    Parameters
    ----------
    curvature : array_like
        k, any real; a straight interface at 0.

    Returns
    -------
    float or ndarray
        c (1/unit of the margin), of the shape of curvature.

    Raises
    ------
    ParameterError
        If the argument is not real, or a tensor that asks for a gradient.

    Notes
    -----
    By quadrature of int phi(x) phi(k x^2) dx; relative error below 1e-14 for every k.

    References
    ----------
    Statement ``interface.parabola``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import parabola_tie_density
    >>> round(float(parabola_tie_density(1.0)), 12)
    0.278353195052
    """
    k = np.abs(constant("curvature", curvature, REAL))
    with np.errstate(all="ignore"):
        root = np.sqrt(k)
        reach = np.minimum(9.5, 3.2 / root)  # beyond, phi(x) phi(k x^2) is below 1e-19
        breaks = reach[..., None] * np.linspace(0.0, 1.0, 9)

        def integrand(x: Array) -> Array:
            return np.exp(-0.5 * x * x - 0.5 * (root[..., None, None] * x) ** 4)

        return np.asarray(panels(integrand, breaks, 24) / np.pi)[()]


def saddle_boundary_mass(width: Any) -> Any:
    """Boundary mass of the margin y^2 - x^2 in the plane, (1/pi) int_0^w K_0(m/2) dm.

    Its gradient vanishes where the two lines cross: M(w) = (w/pi) (log(4/w) - gamma + 1) + ... is not linear at 0.

    Parameters
    ----------
    width : array_like
        Width w >= 0.

    Returns
    -------
    float or ndarray
        M in [0, 1], of the shape of width.

    Raises
    ------
    ParameterError
        If the argument is out of range, or a tensor that asks for a gradient.

    Notes
    -----
    Relative error below 1e-14.

    References
    ----------
    Statement ``interface.saddle``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import saddle_boundary_mass
    >>> round(float(saddle_boundary_mass(0.1)), 12)
    0.130907803071
    """
    from scipy.special import digamma

    w = constant("width", width, NON_NEGATIVE)
    with np.errstate(all="ignore"):
        x = 0.5 * w
        near = x < 2.0
        s = np.where(near, x, 0.0)
        half = np.log(np.where(s > 0.0, 0.5 * s, 1.0))
        term, total = np.ones_like(s), np.zeros_like(s)
        for k in range(20):  # the power series of K_0, integrated; every term is positive
            total = total + term / (2 * k + 1) * (digamma(k + 1) + 1.0 / (2 * k + 1) - half)
            term = term * (0.5 * s / (k + 1)) ** 2
        nodes, weights = legendre(64)
        wide = np.clip(x, 2.0, 1e3)[..., None]
        reach = np.arccosh(1.0 + 45.0 / wide)  # beyond, exp(-x (cosh t - 1)) < 1e-19
        t = reach * nodes
        tail = (np.exp(-wide * np.cosh(t)) / np.cosh(t)) @ weights * reach[..., 0]
        return np.where(near, 2.0 / np.pi * s * total, 1.0 - 2.0 / np.pi * tail)[()]


def power_boundary_mass(width: Any, power: Any) -> Any:
    """Boundary mass of the margin sign(x) |x|^p, erf(w^(1/p)/sqrt 2): 2 phi(0) w^(1/p) for small widths.

    Parameters
    ----------
    width : array_like
        Width w >= 0.
    power : array_like
        p > 0; 3 for x^3, 1 for a straight interface.

    Returns
    -------
    float or ndarray
        M in [0, 1], of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range, or a tensor that asks for a gradient.

    References
    ----------
    Statement ``interface.power``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import power_boundary_mass
    >>> round(float(power_boundary_mass(1e-6, 3.0)), 12)
    0.007978712629
    """
    from scipy.special import erf

    w, p = _together(width=(width, NON_NEGATIVE), power=(power, POSITIVE))
    with np.errstate(all="ignore"):
        return np.asarray(erf(w ** (1.0 / p) * np.sqrt(0.5)))[()]


def _together(**named: tuple[Any, Range]) -> list[Array]:
    """Return two arguments as broadcast arrays without gradients."""
    arrays = {name: constant(name, value, allowed) for name, (value, allowed) in named.items()}
    try:
        return list(np.broadcast_arrays(*arrays.values()))
    except ValueError as error:
        shapes = {name: array.shape for name, array in arrays.items()}
        raise ParameterError(" and ".join(named), shapes, "of shapes that broadcast together") from error
