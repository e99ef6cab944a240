"""The normalised stationary density of the diffusion limit (docs/theory.md, section 7)."""

from __future__ import annotations

from math import factorial

import numpy as np

from moecusp._numerics import roots
from moecusp._numerics.double import polynomial
from moecusp._numerics.gauss import panels
from moecusp._numerics.kernels import log_cosh
from moecusp._numerics.operations import Array

_NODES = 20
_CHUNK = 256  # routers normalised at once
_LONGEST = 0.4  # panel; exp(-c exp(2 |u|)) loses at most a few tens of its exponent along it, where it counts
_NEGLIGIBLE = 50.0  # fall of the exponent from the highest state beyond which the density is left out
_RESOLVED = 1e9  # largest exponent whose rounding still leaves the density six digits
_QUARTIC = tuple(4.0**n * (2 * n - 3) / (8.0 * factorial(2 * n)) for n in range(2, 15))  # of -integral/u^4, g = 1


def log_density(u: Array, g: Array, eta: Array, delta: Array) -> Array:
    """Return the logarithm of the density, for delta the step over the batch size; NaN where it is not resolved."""
    points = np.stack([g.ravel(), eta.ravel(), delta.ravel()])
    routers, index = np.unique(points, axis=1, return_inverse=True)
    level = _every(routers)[0]
    with np.errstate(all="ignore"):
        exponent = np.where(np.abs(u) < 300.0, _exponent(u, g, eta, delta), -np.inf)
    return np.asarray(exponent - level[index.ravel()].reshape(u.shape))


def log_density_slopes(u: Array, g: Array, eta: Array, delta: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives of the log density in g, eta and delta: those of the exponent less their means."""
    points = np.stack([g.ravel(), eta.ravel(), delta.ravel()])
    routers, index = np.unique(points, axis=1, return_inverse=True)
    means = _every(routers, slopes=True)[1:]
    here = _slopes(np.clip(u, -300.0, 300.0), g, eta, delta)
    first, second, third = (np.asarray(a - m[index.ravel()].reshape(u.shape)) for a, m in zip(here, means, strict=True))
    return first, second, third


def _every(routers: Array, slopes: bool = False) -> Array:
    chunks = [routers[:, i : i + _CHUNK] for i in range(0, routers.shape[1], _CHUNK)]
    return np.concatenate([_log_normaliser(chunk[0], chunk[1], chunk[2], slopes) for chunk in chunks], axis=1)


def _log_normaliser(g: Array, eta: Array, delta: Array, slopes: bool) -> Array:
    """Return the logarithm of the integral, by panels as long as the density is smooth.

    With slopes, also the means over the density of the derivatives of the exponent in g, eta and delta.
    """
    with np.errstate(all="ignore"):
        every, stability = roots.solve(g, eta)
        outermost = np.nanmax(np.abs(every), axis=1)
        resolved = 2.0 / delta / g / g * (g + np.abs(eta) + 1.0) * np.exp(2.0 * outermost) < _RESOLVED
        g, eta, delta = (np.where(resolved, v, 1.0) for v in (g, eta, delta))
        states = np.where(resolved[:, None], np.where(stability == roots.UNSTABLE, np.nan, every), 0.0)
        wide = tuple(v[:, None, None] for v in (g, eta, delta))
        best = np.nanmax(_exponent(states[..., None], *wide), axis=(1, 2))[:, None, None]
        breaks = _breaks(states, best, wide)

        def weight(x: Array) -> Array:
            return np.asarray(np.exp(_exponent(x, *wide) - best))

        total = panels(weight, breaks, _NODES)
        rows = (best[:, 0, 0] + np.log(total))[None]
        if slopes:
            moments = panels(lambda x: weight(x) * np.array(_slopes(x, *wide)), breaks, _NODES)
            rows = np.concatenate([rows, moments / total])
        return np.where(resolved, rows, np.nan)


def _breaks(states: Array, best: Array, router: tuple[Array, ...]) -> Array:
    """Return the ends of panels on which the density is smooth, as far as it counts, for routers of shape (n, 1, 1).

    Near a state the density is at least as wide as the noise spreads it in one unit of time: panels double in length
    from there. Farther out it falls like exp(-c exp(2 |u|)) whatever the noise: none is longer than that is smooth.
    """
    g, eta, delta = (v[..., 0] for v in router)
    width = 0.25 * np.minimum(np.sqrt(delta) * g / np.cosh(states), 1.0)
    far = 2.0 * (g + np.abs(eta) + 3.0)
    doublings = int(np.ceil(np.log2(np.nanmax(far / width)))) + 1
    offsets = width[..., None] * 2.0 ** np.arange(doublings)
    around = np.concatenate([states[..., None] - offsets, states[..., None], states[..., None] + offsets], axis=-1)
    counts = _exponent(around, *router) > best - _NEGLIGIBLE
    around, counts = (part.reshape(len(states), -1) for part in (around, counts))
    low, high = (side(np.where(counts, around, np.nan), axis=1)[:, None] for side in (np.nanmin, np.nanmax))
    low = np.nanmax(np.where(around < low, around, np.nan), axis=1)[:, None]
    high = np.nanmin(np.where(around > high, around, np.nan), axis=1)[:, None]
    even = low + (high - low) * np.linspace(0.0, 1.0, 1 + int(np.ceil(np.max(high - low) / _LONGEST)))
    inside = np.clip(np.where(np.isnan(around), low, around), low, high)
    return np.sort(np.concatenate([inside, even], axis=1))


def _exponent(u: Array, g: Array, eta: Array, delta: Array) -> Array:
    """Return 2 log cosh u + (2/(delta g^2)) integral_0^u F cosh^2; near u = 0 all terms of order u^2 stand in one."""
    sinh, double, square = np.sinh(u), np.sinh(2.0 * u), np.minimum(u * u, 1.0)
    near = 0.5 * (g - 1.0) * sinh * sinh - square * square * polynomial(_QUARTIC, square)
    far = (0.5 * g + 0.25) * sinh * sinh - 0.25 * u * (u + double)
    integral = np.where(np.abs(u) <= 1.0, near, far) + eta * (0.5 * u + 0.25 * double)
    return np.asarray(2.0 * log_cosh(u) + 2.0 / delta / g / g * integral)


def _slopes(u: Array, g: Array, eta: Array, delta: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives of the exponent in g, eta and delta."""
    sinh, double, scale = np.sinh(u), np.sinh(2.0 * u), 2.0 / delta / g / g
    square, tilt = 0.5 * sinh * sinh, 0.5 * u + 0.25 * double
    integral = (g + 0.5) * square - 0.25 * u * (u + double) + eta * tilt
    return scale * (square - 2.0 / g * integral), scale * tilt, -scale / delta * integral
