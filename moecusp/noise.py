"""Noise of finite increments: fluctuations and early warnings (docs/theory.md, section 7).

One step of the two-expert router is u <- (1 - delta) u + delta (eta + g s), where delta = decay * increment and s is
the mean of B signs, each + with probability (1 + tanh u)/2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, Array, Range, of_router, reals
from moecusp._numerics import pairs as dd
from moecusp._numerics.double import two_sum
from moecusp._numerics.escape_slope import Well
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import namespace, on_host, where
from moecusp.equilibria import Stability, equilibria

STEP = Range(low=0.0, high=1.0, open_low=True)
BATCH = Range(low=1.0)


@of_router
def stationary_variance(gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Any:
    """Variance of u about each stable equilibrium, delta g^2 sech^2 u/(B r (2 - delta r)) with r = -F' > 0.

    It is exact for the chain linearised there, and grows without bound towards a fold: an early warning.

    Parameters
    ----------
    gain : array_like or RouterParameters
        Gain g >= 0 (dimensionless).
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h.
    step : array_like
        delta = decay * increment, 0 < delta <= 1 (dimensionless).
    batch_size : array_like
        Tokens averaged in one step, B >= 1. All four broadcast.

    Returns
    -------
    ndarray, shape (..., 3)
        In the places of ``equilibria(gain, asymmetry).u``; NaN where the equilibrium is not stable, inf at the cusp.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    The rate r keeps its digits next to a fold, and sech u where the load saturates, for it takes u from F = 0 and not
    from a float: within 32 units in the last place. They are found on the host for tensors, which can be differentiated
    to any order. Corrections from the curvature of F are of relative order delta.

    References
    ----------
    Statement ``noise.variance``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import stationary_variance
    >>> stationary_variance(gain=0.5, asymmetry=0.0, step=0.01).round(9).tolist()
    [0.002506266, nan, nan]
    """
    (g, eta, delta, b), restore = noise_arguments(gain, asymmetry, step, batch_size)
    rate, sech = _linearised(g, eta)
    there = (rate > 0.0) & (rate < np.inf)
    r, sech = where(there, rate, 1.0), where(there, sech, 1.0)
    delta, b, g = delta[..., None], b[..., None], g[..., None]
    with np.errstate(all="ignore"):
        variance = quotient((g * sech, g * sech, delta), (b, r, 2.0 - delta * r))
    return restore(where(there, variance, where(rate == 0.0, np.inf, np.nan)))


@of_router
def lag1_autocorrelation(gain: Any, asymmetry: Any, step: Any) -> Any:
    """Correlation of u with itself one step later, 1 + delta F', at each stable equilibrium.

    Parameters
    ----------
    gain, asymmetry, step : array_like, or a RouterParameters for gain and asymmetry
        As for `stationary_variance`.

    Returns
    -------
    ndarray, shape (..., 3)
        In the places of ``equilibria(gain, asymmetry).u``; NaN where the equilibrium is not stable.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``noise.autocorrelation``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import lag1_autocorrelation
    >>> lag1_autocorrelation(gain=0.5, asymmetry=0.0, step=0.01).round(9).tolist()
    [0.995, nan, nan]
    """
    (g, eta, delta, _), restore = noise_arguments(gain, asymmetry, step, 1)
    rate, sech = _linearised(g, eta)
    there = rate == rate
    r, sech = where(there, rate, 0.0), where(there, sech, 0.0)
    delta, g = delta[..., None], g[..., None]
    with np.errstate(all="ignore"):
        far = (1.0 - delta) + delta * ((g * sech) * sech)  # of terms of one sign
        return restore(where(there, where(delta * r < 0.5, 1.0 - delta * r, far), np.nan))


def noise_arguments(gain: Any, asymmetry: Any, step: Any, batch_size: Any) -> Any:
    """Return the checked arguments of a function of noise or escape, and how to restore their type."""
    return reals(
        gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL), step=(step, STEP), batch_size=(batch_size, BATCH)
    )


def _linearised(g: Any, eta: Any) -> tuple[Any, Any]:
    """Return r = -F' and sech u at the stable equilibria, NaN at the others, each of shape (..., 3)."""

    def partials(g: Any, eta: Any, found: Any) -> tuple[Any, Any]:
        u, r, sech = found[..., 0], found[..., 1], found[..., 2]
        there = (r > 0.0) & (r < np.inf)
        t, sech = where(there, u, 0.0).tanh(), where(there, sech, 0.0)
        by_asymmetry = where(there, 1.0 / where(there, r, 1.0), 0.0)  # of the equilibrium
        by_gain = t * by_asymmetry
        rise, fall = 2.0 * g[..., None] * sech * sech * t, -sech * t
        stack = namespace(r).stack
        return (
            stack([by_gain, rise * by_gain - sech * sech, fall * by_gain], -1),
            stack([by_asymmetry, rise * by_asymmetry, fall * by_asymmetry], -1),
        )

    found = evaluate(lambda g, eta: on_host(_stable, g, eta), partials, g, eta)
    return found[..., 1], found[..., 2]


@np.errstate(all="ignore")
def _stable(g: Array, eta: Array) -> Array:
    """Return u, r and sech u of the stable equilibria, along the last axis, for arrays."""
    found = equilibria(g, eta)
    u = np.where(found.stability == Stability.STABLE, found.u, np.nan)
    g, eta = (np.broadcast_to(v[..., None], u.shape) for v in (g, eta))
    low = ~np.isnan(u) & (g <= 1.0)
    rate = np.full(u.shape, np.nan)
    rate[low] = (1.0 - g[low]) + g[low] * np.tanh(u[low]) ** 2
    rate[~np.isnan(u) & (g > 1e290)] = 1.0  # folds aside, floats are too coarse there for any other
    high = ~np.isnan(u) & (g > 1.0) & (g <= 1e290)
    well = Well.of(g[high], eta[high] * np.sign(u[high]))
    there = well.gap > 0.0  # else a fold so close that only the last digits of eta_f tell
    place = tuple(index[there] for index in np.nonzero(high))
    rate[place] = well[there].rate(well[there].state())
    far = _far_sech(u, g, eta, rate)
    near = np.sqrt((1.0 - rate) / g)
    sech = np.where(rate < 0.5, near, far)
    rate[place] = np.where(rate < 0.5, rate, 1.0 - g * sech * sech)[place]
    return np.stack([u, rate, sech], -1)


def _far_sech(u: Array, g: Array, eta: Array, rate: Array) -> Array:
    """Return sech u at an equilibrium, with what u lost in rounding restored by a Newton step for F = 0.

    Without it exp(-u) would be wrong by u times the rounding of u.
    """
    size = abs(u)
    beyond = dd.add(two_sum(g, np.copysign(1.0, u) * eta), dd.single(-size))
    decayed = dd.exp(dd.single(-2.0 * size))
    force = beyond[0] + (beyond[1] - 2.0 * g * decayed / (1.0 + decayed))
    step = np.where(np.isfinite(force), force / rate, 0.0)
    root = dd.exp((-size, -step))
    return np.asarray(2.0 * root / (1.0 + root * root))
