"""The gap between soft and hard routing, for Gaussian margins (docs/theory.md, section 6).

The margin a_1 - a_2 of a token is normal, N(b, sigma^2): a linear router on Gaussian inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp import _pairs as dd
from moecusp._arguments import POSITIVE, REAL, Array, integer, reals
from moecusp._gauss import gaussian, panels, ratio

_SQRT_2_PI = np.sqrt(2.0 / np.pi)


def soft_hard_gap(temperature: Any, mean: Any = 0.0, sigma: Any = 1.0) -> Any:
    """Mean share that a soft router gives the expert it would not choose, E[1 - max p] = E 1/(1 + exp(abs(xi)/T)).

    Parameters
    ----------
    temperature : array_like
        Temperature T = 1/beta > 0 (score).
    mean : array_like
        Mean margin b (score), any real.
    sigma : array_like
        Standard deviation of the margin, sigma > 0 (score). All three broadcast.

    Returns
    -------
    float or ndarray
        The gap in [0, 1/2], of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Gauss-Legendre quadrature on graded panels around the peak of the integrand; relative error below 1e-13 wherever
    the gap is a normal number. See `soft_hard_expansion` for small temperatures in closed form.

    References
    ----------
    Statement ``softhard.gap``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_hard_gap
    >>> round(float(soft_hard_gap(0.1)), 12)
    0.054607974425
    """
    (t, b, s), restore = reals(temperature=(temperature, POSITIVE), mean=(mean, REAL), sigma=(sigma, POSITIVE))
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        return restore(_gap(t, np.abs(b), s))


def _gap(t: Array, b: Array, s: Array) -> Array:
    """Integrate sqrt(2/pi) exp(-(beta^2 + z^2)/2) cosh(beta z)/(1 + exp(rate z)) over z = y/sigma > 0."""
    beta, rate = np.minimum(b / s, 1e30), np.clip(s / t, 1e-30, 1e30)
    fall = rate - beta  # the integrand is exp(-z^2/2 - fall z) times a factor between 1/2 and 2
    peak = np.maximum(-fall, 0.0)
    before = np.minimum(peak, 9.0)
    after = np.where(fall > 0.0, 80.0 / (np.abs(fall) + np.sqrt(fall * fall + 80.0)), 9.0)
    grading = np.concatenate([[0.0], 2.0 ** np.arange(-11, 1)])
    breaks = (before + after)[..., None] * grading - before[..., None]

    def integrand(y: Array) -> Array:
        f, p, v, c = (v[..., None, None] for v in (np.maximum(fall, 0.0), peak, rate, beta))
        z = p + y
        return np.exp(-y * (0.5 * y + f)) * (1.0 + np.exp(-2.0 * c * z)) / (1.0 + np.exp(-v * z))

    total = panels(integrand, breaks, 32)
    cold = gaussian(ratio(b, s))
    result = 0.5 * _SQRT_2_PI * np.where(fall < 0.0, _warm_prefactor(t, b, s), cold) * total
    concentrated = 1.0 / (1.0 + np.exp(b / t))  # where sigma is nothing beside T
    result = np.where(rate < 1e-20, concentrated, np.minimum(result, 0.5))
    return np.where(rate > 1e20, _SQRT_2_PI * np.log(2.0) * cold * (t / s), result)


def _warm_prefactor(t: Array, b: Array, s: Array) -> Array:
    """Return exp(-b/T + sigma^2/(2 T^2)) where b T > sigma^2."""
    rate = ratio(s, t)
    usable = rate[0] < b / s
    rate = np.where(usable, rate[0], 0.0), np.where(usable, rate[1], 0.0)
    half = dd.multiply(rate, rate)
    exponent = dd.add((0.5 * half[0], 0.5 * half[1]), dd.negative(ratio(b, t)))
    return dd.exp((np.where(np.isnan(exponent[0]), -np.inf, exponent[0]), exponent[1]))


def soft_hard_expansion(temperature: Any, mean: Any = 0.0, sigma: Any = 1.0, terms: int = 1) -> Any:
    """Small-temperature expansion of the gap, 2 T sum over n < terms of eta_D(2n+1) f^(2n)(0) T^(2n).

    f is the density of the margin and eta_D the Dirichlet eta function; the leading term is 2 log 2 T f(0).

    Parameters
    ----------
    temperature, mean, sigma : array_like
        As for `soft_hard_gap`.
    terms : int
        Number of terms, >= 1.

    Returns
    -------
    float or ndarray
        The partial sum, of the broadcast shape. The series is asymptotic: it diverges for every temperature.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``softhard.expansion``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_hard_expansion
    >>> round(float(soft_hard_expansion(0.1, terms=3)), 9)
    0.054609086
    """
    (t, b, s), restore = reals(temperature=(temperature, POSITIVE), mean=(mean, REAL), sigma=(sigma, POSITIVE))
    count = integer("terms", terms, 1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        z, tau = b / s, t / s
        total, power = np.zeros_like(z), np.ones_like(z)
        last, hermite = np.zeros_like(z), np.ones_like(z)  # He_(k-1) and He_k
        for n in range(count):
            total = total + _dirichlet_eta(2 * n + 1) * hermite * power
            power = power * tau * tau
            for k in (2 * n, 2 * n + 1):
                last, hermite = hermite, z * hermite - k * last
        return restore(_SQRT_2_PI * gaussian(ratio(b, s)) * tau * total)


def soft_hard_remainder(temperature: Any, sigma: Any = 1.0, terms: int = 1) -> Any:
    """Bound on the error of `soft_hard_expansion`, whatever the mean margin.

    2 T^(2N+1) eta_D(2N+1) max f^(2N) after N terms, where that maximum is (2N - 1)!!/(sigma^(2N+1) sqrt(2 pi)).

    Parameters
    ----------
    temperature, sigma : array_like
        As for `soft_hard_gap`.
    terms : int
        Number of terms N >= 1.

    Returns
    -------
    float or ndarray
        The bound, of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``softhard.remainder``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_hard_remainder
    >>> float(soft_hard_remainder(0.1, terms=3)) < 1e-5
    True
    """
    (t, s), restore = reals(temperature=(temperature, POSITIVE), sigma=(sigma, POSITIVE))
    count = integer("terms", terms, 1)
    with np.errstate(over="ignore", under="ignore"):
        bound = _SQRT_2_PI * _dirichlet_eta(2 * count + 1) * (t / s)
        for odd in range(1, 2 * count, 2):
            bound = bound * (odd * (t / s) ** 2)
        return restore(bound)


def _dirichlet_eta(order: int) -> float:
    from scipy.special import zeta

    return float(np.log(2.0)) if order == 1 else float(-np.expm1((1 - order) * np.log(2.0)) * zeta(order))
