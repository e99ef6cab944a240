"""Noise of finite increments: fluctuations and early warnings (docs/theory.md, section 7).

One step of the two-expert router is u <- (1 - delta) u + delta (eta + g s), where delta = decay * increment and s is
the mean of B signs, each + with probability (1 + tanh u)/2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, Array, Range, of_router, reals
from moecusp._numerics import pairs as dd
from moecusp._numerics.escape_slope import Well
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import on_host, where
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
    The rate r keeps its digits next to a fold; it is found on the host for tensors, which can be differentiated to any
    order. Corrections from the curvature of F are of relative order delta.

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
    u, rate = _rates(g, eta)
    there = (rate > 0.0) & (rate < np.inf)
    u, r = where(there, u, 0.0), where(there, rate, 1.0)
    delta, b, g = delta[..., None], b[..., None], g[..., None]
    with np.errstate(all="ignore"):
        sech = _sech(u)
        variance = quotient((g * sech, g * sech, delta), (b, r, 2.0 - delta * r))
    return restore(where(there, variance, where(rate == 0.0, np.inf, np.nan)))


def _sech(u: Any) -> Any:
    root = _exp(-abs(u))
    return 2.0 * root / (1.0 + root * root)


def _exp(x: Any) -> Any:
    return evaluate(lambda x: dd.exp(dd.single(x)), lambda _, e: (e,), x)


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
    u, rate = _rates(g, eta)
    there = rate == rate
    u, r, delta, g = where(there, u, 0.0), where(there, rate, 0.0), delta[..., None], g[..., None]
    with np.errstate(all="ignore"):
        sech = _sech(u)
        near, far = 1.0 - delta * r, (1.0 - delta) + delta * (g * sech) * sech  # the same, for small and for large r
        return restore(where(there, where(delta * r < 0.5, near, far), np.nan))


def noise_arguments(gain: Any, asymmetry: Any, step: Any, batch_size: Any) -> Any:
    """Return the checked arguments of a function of noise or escape, and how to restore their type."""
    return reals(
        gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL), step=(step, STEP), batch_size=(batch_size, BATCH)
    )


def _rates(g: Any, eta: Any) -> tuple[Any, Any]:
    """Return the equilibria and -F' at the stable ones, NaN at the others, each of shape (..., 3)."""
    with np.errstate(all="ignore"):
        u, rate = on_host(_stable, g, eta)

    def shift(g: Any, eta: Any, _: Any) -> tuple[Any, Any]:  # of the equilibrium: tanh u/r and 1/r
        state, r = _rates(g, eta)
        there = (r > 0.0) & (r < np.inf)
        inverse = where(there, 1.0 / where(there, r, 1.0), 0.0)
        return where(there, state, 0.0).tanh() * inverse, inverse

    def change(g: Any, eta: Any, r: Any) -> tuple[Any, Any]:
        state, _ = _rates(g, eta)
        there = (r > 0.0) & (r < np.inf)
        t = where(there, state, 0.0).tanh()
        square = (1.0 - t) * (1.0 + t)
        rise = 2.0 * g[..., None] * square * t * where(there, 1.0 / where(there, r, 1.0), 0.0)
        return rise * t - square, rise

    return evaluate(lambda *_: u, shift, g, eta), evaluate(lambda *_: rate, change, g, eta)


def _stable(g: Array, eta: Array) -> tuple[Array, Array]:
    """Return the stable equilibria and -F' there, for arrays."""
    found = equilibria(g, eta)
    u = np.where(found.stability == Stability.STABLE, found.u, np.nan)
    g3, eta3 = (np.broadcast_to(v[..., None], u.shape) for v in (g, eta))
    low = ~np.isnan(u) & (g3 <= 1.0)
    rate = np.full(u.shape, np.nan)
    rate[low] = (1.0 - g3[low]) + g3[low] * np.tanh(u[low]) ** 2
    rate[~np.isnan(u) & (g3 > 1e290)] = 1.0  # folds aside, floats are too coarse there for any other
    high = ~np.isnan(u) & (g3 > 1.0) & (g3 <= 1e290)
    side = np.sign(u[high])
    well = Well.of(g3[high], eta3[high] * side)
    there = well.gap > 0.0  # else a fold so close that only the last digits of eta_f tell
    place = tuple(index[there] for index in np.nonzero(high))
    y = well[there].state()
    u[place], rate[place] = side[there] * (well.fold[there] + y), well[there].rate(y)
    return u, rate
