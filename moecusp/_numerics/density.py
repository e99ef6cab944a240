"""The normalised stationary density of the diffusion limit (docs/theory.md, section 7)."""

from __future__ import annotations

import numpy as np

from moecusp._numerics import roots
from moecusp._numerics.gauss import panels
from moecusp._numerics.kernels import log_cosh
from moecusp._numerics.operations import Array

_NODES = 24
_CHUNK = 256  # routers normalised at once
_RESOLVED = 1e9  # largest exponent whose rounding still leaves the density six digits


def log_density(u: Array, g: Array, eta: Array, delta: Array) -> Array:
    """Return the logarithm of the density, for delta the step over the batch size; NaN where it is not resolved."""
    points = np.stack([g.ravel(), eta.ravel(), delta.ravel()])
    routers, index = np.unique(points, axis=1, return_inverse=True)
    level = _every(routers)[0]
    with np.errstate(over="ignore", invalid="ignore"):
        exponent = np.where(np.abs(u) < 300.0, _exponent(np.clip(u, -300.0, 300.0), g, eta, delta), -np.inf)
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
    """Return the logarithm of the integral, by panels that double in length away from each stable state.

    With slopes, also the means over the density of the derivatives of the exponent in g, eta and delta.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        every, stability = roots.solve(g, eta)
        states = np.where(stability == roots.UNSTABLE, np.nan, every)
        far = (g + np.abs(eta) + 3.0)[:, None]
        spread = delta[:, None] * (g[:, None] / np.cosh(np.clip(states, -300.0, 300.0))) ** 2
        rate = np.maximum(1.0 - g[:, None] / np.cosh(np.clip(states, -300.0, 300.0)) ** 2, 1e-300)
        width = 0.5 * np.minimum(np.minimum(np.sqrt(0.5 * spread / rate), spread**0.25), 0.5)
        offsets = width[..., None] * 2.0 ** np.arange(0, 44)
        around = np.concatenate([states[..., None] - offsets, states[..., None], states[..., None] + offsets], axis=-1)
        ends = np.concatenate([-far, far, around.reshape(g.size, -1)], axis=1)
        breaks = np.sort(np.clip(np.where(np.isnan(ends), far, ends), -far, far), axis=1)
        three = tuple(v[:, None] for v in (g, eta, delta))
        best = np.nanmax(_exponent(states, *three), axis=1)

        wide = tuple(v[..., None] for v in three)

        def weight(x: Array) -> Array:
            inside = np.clip(x, -300.0, 300.0)
            return np.asarray(np.exp(np.minimum(_exponent(inside, *wide) - best[:, None, None], 700.0)))

        size = 2.0 / delta / g / g * (g + np.abs(eta) + 1.0) * np.exp(2.0 * np.nanmax(np.abs(states), axis=1))
        nodes = 2 * _NODES if slopes else _NODES  # the moments weigh the tails
        total = panels(weight, breaks, nodes)
        rows = [np.where(size < _RESOLVED, best + np.log(total), np.nan)]
        for k in range(3 * slopes):
            moment = panels(lambda x, k=k: weight(x) * _slopes(np.clip(x, -300.0, 300.0), *wide)[k], breaks, nodes)  # type: ignore[misc]
            rows.append(np.where(size < _RESOLVED, moment / total, np.nan))
        return np.array(rows)


def _exponent(u: Array, g: Array, eta: Array, delta: Array) -> Array:
    """Return 2 log cosh u + (2/(delta g^2)) integral_0^u F cosh^2."""
    sinh, double = np.sinh(u), np.sinh(2.0 * u)
    integral = (0.5 * g + 0.25) * sinh * sinh - 0.25 * u * (u + double) + eta * (0.5 * u + 0.25 * double)
    return np.asarray(2.0 * log_cosh(u) + 2.0 / delta / g / g * integral)


def _slopes(u: Array, g: Array, eta: Array, delta: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives of the exponent in g, eta and delta."""
    sinh, double, scale = np.sinh(u), np.sinh(2.0 * u), 2.0 / delta / g / g
    square, tilt = 0.5 * sinh * sinh, 0.5 * u + 0.25 * double
    integral = (g + 0.5) * square - 0.25 * u * (u + double) + eta * tilt
    return scale * (square - 2.0 / g * integral), scale * tilt, -scale / delta * integral
