"""Action and prefactor of an escape, integrated along the optimal path of `escape_slope` (docs/theory.md, section 7).

With lambda = |F'| at the stable state, the mean time in units of 1/decay is

    (2 pi/lambda) exp(-(B J + I)/2) exp(B S/delta) (1 + O(delta)),

    S = (2/g) int kappa dm,   J = int (tanh u + p - tanh w) du,   I = finite part of int (1 - g sech^2 w)/F(w|u) du,

where F(w|u) = g tanh w - u + eta is the tilted drift, and the integrals J and I run from the stable to the unstable
state. It is the solution rho = K exp(-S/delta) of the chain's stationarity to the next order in delta, which gives
(log K)' = -(G_up + p' G_pp/2)/G_p for G = E exp(p du), matched to the flux over the top of the barrier.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moecusp._numerics.action_slopes import Piece, action_slopes
from moecusp._numerics.double import two_sum
from moecusp._numerics.escape_slope import (
    Well,
    half_length,
    mean_tanh_deficit,
    mean_tanh_deficit_slope,
    one_sided_half_length,
    tanh_drop,
)
from moecusp._numerics.gauss import legendre
from moecusp._numerics.kernels import log_cosh, tanh_remainder
from moecusp._numerics.operations import Array

LARGEST = 1e150  # beyond it products of two gains overflow
_NODES = 20
_RATIO = 3.0  # of the distances of a panel's two ends from the layer
_SCALE = 0.25  # where panels next to a layer start to grow: tanh has its poles pi/2 off the axis
_ROWS = 256  # integrated at once


class Action(NamedTuple):
    """Barrier S, what the prefactor is made of, and the derivatives of (S, J, I, log lambda) in gain and asymmetry."""

    barrier: Array
    path: Array
    finite: Array
    rate: Array
    by_gain: Array
    by_asymmetry: Array


def actions(g: Array, eta: Array) -> Action:
    """Return the action of leaving the upper well, NaN where there are not two wells; arguments are flat."""
    result = Action(*(np.full((*g.shape, *more), np.nan) for more in ((), (), (), (), (4,), (4,))))
    inside = np.flatnonzero((g > 1.0) & (g < LARGEST))
    deeper = Well.of(g[inside], np.abs(eta[inside]))
    other = Well.of(g[inside], -np.abs(eta[inside]))
    two = other.gap > 0.0
    index, deeper, other = inside[two], deeper[two], other[two]
    deep = eta[index] > 1e-17 * other.gap  # below that the wells are the same to rounding
    for which, compute in ((~deep, _shallow), (deep, _deep)):
        wells, partners, places = deeper[which], other[which], index[which]
        for start in range(0, places.size, _ROWS):
            part = slice(start, start + _ROWS)
            with np.errstate(all="ignore"):
                every = compute(wells[part], partners[part])
            for whole, found in zip(result, every, strict=True):
                whole[places[part]] = found
    return result


class Start(NamedTuple):
    """Nodes of the first part of the path, from the unstable state on; the last one is its end and has no weight."""

    distance: Array  # from the unstable state
    u: Array
    above: Array  # u - u_f
    below: Array  # -u - u_f
    force: Array
    weight: Array


def _shallow(_: Well, well: Well) -> Action:
    """Leave the shallower well, where eta <= 0 and the unstable state is not negative."""
    low, high = well.barrier(), well.state()
    x, weight = _ended(*_graded(0.5 * (high - low), np.full_like(low, _SCALE)), 0.5 * (high - low))
    wide, y = well[:, None], low[:, None] + x
    u, rate = wide.fold + y, well.rate(low)
    force = np.where(x < 1.0, _near_root(x, np.tanh(well.fold + low), rate), wide.gap - wide.phi(y))
    return _leave(well, Start(x, u, y, -y - 2.0 * wide.fold, force, weight), high, rate)


def _deep(well: Well, other: Well) -> Action:
    """Leave the deeper well, where eta > 0 and the unstable state is -v; the other stable state may be next to it."""
    high, (v, away) = well.state(), _unstable(other)
    rate = well.rate(away)
    scale = np.minimum(_SCALE, -rate / np.tanh(v))  # half the distance of that state
    end = 0.5 * (well.asymmetry + (well.fold + high))
    full = np.full_like(v, _SCALE)
    (first, a), (second, b), (third, c) = _graded(0.5 * v, scale), _graded(0.5 * v, full), _graded(end, full)
    wide, s = well[:, None], v[:, None]
    x, weight = _ended(
        np.concatenate([first, s - second, s + third], axis=1), np.concatenate([a, b, c], axis=1), v + end
    )
    u = np.concatenate([first - s, -second, third, end[:, None]], axis=1)
    above, below = u - wide.fold, away[:, None] - x
    k, e = wide.gain, wide.asymmetry
    middle = (k - 1.0) * u - k * tanh_remainder(u) + e
    mirrored = other[:, None].phi(np.minimum(below, 0.0)) - other[:, None].gap
    force = np.where(np.abs(u) < 1.0, middle, np.where(u < 0.0, mirrored, wide.gap - wide.phi(above)))
    force = np.where(x < 1.0, _near_root(x, -np.tanh(v), rate), force)
    return _leave(well, Start(x, u, above, below, force, weight), high, rate)


def _near_root(x: Array, t: Array, rate: Array) -> Array:
    """Return F at a distance 0 <= x < 1 above an equilibrium with tanh u = t and -F' = rate."""
    d = np.tanh(np.minimum(x, 1.0))
    return np.asarray(
        -d * (rate[:, None] + t[:, None] * d) / (1.0 + t[:, None] * d) - tanh_remainder(np.minimum(x, 1.0))
    )


def _leave(well: Well, start: Start, high: Array, rate: Array) -> Action:
    """Integrate along u on the nodes given, where kappa rises from 0 at once, then along m, where it falls to 0 so."""
    x, u, above, below, force, weight = start
    wide = well[:, None]
    force = np.maximum(force, 0.0)
    kappa = one_sided_half_length(u, force, wide.gain, wide.asymmetry)
    w = u - 2.0 * kappa
    drop = tanh_drop(u, 2.0 * kappa)
    tilted, descent = wide.rate(np.where(w < 0.0, below + 2.0 * kappa, above - 2.0 * kappa)), wide.gain * drop - force
    pole = tilted / descent
    first = Piece(u, kappa, drop, tilted, descent, force, weight)
    barrier = 2.0 * np.sum(kappa / wide.gain * weight, axis=1)
    path = -np.sum(drop * weight, axis=1)
    finite = np.sum((pole + 1.0 / x) * weight, axis=1) - np.log(x[:, -1]) + np.log1p(-rate)

    k, low = kappa[:, -1], above[:, -1] - kappa[:, -1]
    barrier = barrier - k * (k / well.gain)
    path = path + log_cosh(u[:, -1]) + log_cosh(w[:, -1]) - 2.0 * log_cosh(u[:, -1] - k)
    layer = np.clip(_layer(well), 0.8 * low + 0.2 * high, 0.2 * low + 0.8 * high)
    full = np.full_like(low, _SCALE)
    (down, a), (up, b) = _graded(layer - low, full), _graded(high - layer, full)
    y = np.concatenate([layer[:, None] - down, layer[:, None] + up], axis=1)
    left = np.concatenate([(high - layer)[:, None] + down, (high - layer)[:, None] - up], axis=1)
    weight = np.concatenate([a, b], axis=1)
    m = np.maximum(wide.fold + y, 0.0)
    pull = np.maximum(wide.gap - wide.phi(y), 0.0)
    kappa = half_length(m, pull, wide.gain, wide.asymmetry)
    w = m - kappa
    stiff = 1.0 + wide.gain * mean_tanh_deficit_slope(m, kappa, mean_tanh_deficit(m, kappa))
    tilted, drop = (
        wide.rate(np.where(w < 0.0, kappa - y - 2.0 * wide.fold, y - kappa)),
        tanh_drop(m + kappa, 2.0 * kappa),
    )
    pole = tilted / kappa / stiff
    second = Piece(m + kappa, kappa, drop, tilted, stiff, pull, weight)
    barrier = barrier + 2.0 * np.sum(kappa / wide.gain * weight, axis=1)
    path = path + barrier - 2.0 * np.sum(tanh_drop(m, kappa) * weight, axis=1)
    finite = finite + np.sum((pole - 1.0 / left) * weight, axis=1) + np.log(high - low)
    top = well.rate(high)
    slopes = action_slopes(well.gain, well.asymmetry, first, second, (u[:, 0] - x[:, 0], well.fold + high, rate, top))
    return Action(barrier, path, finite, top, *slopes)


def _layer(well: Well) -> Array:
    """Return m - u_f where, for large g, u stops rising and w starts to: 2 g exp(-2 w) = G - w, u = G = g + eta."""
    top = well.gap + well.fold + 1.0 / (1.0 + well.slant)
    w = np.zeros_like(top)
    for _ in range(3):
        w = 0.5 * np.log(np.maximum(2.0 * (well.gain / np.maximum(top - w, 1.0)), 1.0))
    return np.asarray(0.5 * (top + w - 0.5) - well.fold)


def _unstable(other: Well) -> tuple[Array, Array]:
    """Return v > 0, minus the unstable state, and v - u_f, from the mirrored shallower well.

    By Newton's method where v is small.
    """
    g, eta = other.gain, -other.asymmetry
    away = other.barrier()
    v = np.maximum(other.fold + away, 0.0)
    small = (v < 0.5 * other.fold) & (v < 1.0)
    for _ in range(3):
        t = np.tanh(v)
        slope = (g - 1.0) - g * t * t
        change = ((g - 1.0) * v - g * tanh_remainder(v) - eta) / slope
        v = np.where(small, v - change, v)
    return v, np.where(small, v - other.fold, away)


def _graded(length: Array, scale: Array) -> tuple[Array, Array]:
    """Return nodes on [0, length] and weights, (rows, nodes), on panels that grow in proportion to scale + distance."""
    growth = np.log1p(length / scale)
    count = int(np.ceil(np.max(growth) / np.log(_RATIO)))
    edges = scale[:, None] * np.expm1(growth[:, None] * (np.arange(count + 1) / count))
    x, w = legendre(_NODES)
    size = np.diff(edges)[..., None]
    shape = (length.size, count * _NODES)
    return (edges[:, :-1, None] + size * x).reshape(shape), (size * w).reshape(shape)


def _ended(x: Array, weight: Array, last: Array) -> tuple[Array, Array]:
    return np.concatenate([x, last[:, None]], axis=1), np.concatenate([weight, np.zeros_like(last)[:, None]], axis=1)


def diffusion_barriers(g: Array, eta: Array) -> Array:
    """Return (2/g^2) times the integral of F cosh^2 u over the upper well's side; NaN where there are not two wells."""
    result = np.full(g.shape, np.nan)
    inside = np.flatnonzero((g > 1.0) & (g < 1e300))
    well, other = Well.of(g[inside], eta[inside]), Well.of(g[inside], -np.abs(eta[inside]))
    index = inside[other.gap > 0.0]
    well, other = well[other.gap > 0.0], other[other.gap > 0.0]
    for start in range(0, index.size, _ROWS):
        part = slice(start, start + _ROWS)
        with np.errstate(all="ignore"):
            result[index[part]] = _diffusion(well[part], other[part])
    return result


def _diffusion(well: Well, other: Well) -> Array:
    low = np.where(well.asymmetry <= 0.0, other.barrier(), -_unstable(other)[0] - other.fold)
    high, full = well.state(), np.full_like(low, _SCALE)
    (rise, a), (fall, b) = _graded(0.5 * (high - low), full), _graded(0.5 * (high - low), full)
    wide, top, rate = well[:, None], well.fold + high, well.rate(high)
    below, above = low[:, None] + rise, high[:, None] - fall
    large = ((rate > 0.5) & (top > 10.0) & (top < 400.0))[:, None]  # there the rounding of the stable state shows
    above_force = np.where(large, fall - wide.gain * tanh_drop(top[:, None], fall), wide.gap - wide.phi(above))
    over, rest = two_sum(well.gain, well.asymmetry)
    error = ((over - top) + (rest - 2.0 * well.gain * np.exp(-2.0 * top))) / rate
    start = np.cosh(wide.fold + below) / wide.gain
    end = np.cosh(wide.fold + above) / wide.gain
    peak = 0.5 * np.exp(top) / well.gain * (1.0 + error)
    end = np.where(large, peak[:, None] * np.exp(-fall) * (1.0 + np.exp(-2.0 * (wide.fold + above))), end)
    value = np.sum(np.maximum(wide.gap - wide.phi(below), 0.0) * start * start * a, axis=1)
    value = 2.0 * (value + np.sum(np.maximum(above_force, 0.0) * end * end * b, axis=1))
    return np.asarray(np.where(top > 400.0, np.inf, value))
