"""Action and prefactor of an escape, integrated along the optimal path of `_escape` (docs/theory.md, section 7).

With lambda = |F'| at the stable state, the mean time in units of 1/decay is

    (2 pi/lambda) exp(-(B J + I)/2) exp(B S/delta) (1 + O(delta)),

    S = (2/g) int kappa dm,   J = int (tanh u + p - tanh w) du,   I = finite part of int (1 - g sech^2 w)/F(w|u) du,

where F(w|u) = g tanh w - u + eta is the tilted drift, and the integrals J and I run from the stable to the unstable
state. It is the solution rho = K exp(-S/delta) of the chain's stationarity to the next order in delta, which gives
(log K)' = -(G_up + p' G_pp/2)/G_p for G = E exp(p du), matched to the flux over the top of the barrier.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from moecusp._arguments import Array
from moecusp._escape import Well, half_length, mean_tanh_deficit, mean_tanh_deficit_slope, one_sided_half_length
from moecusp._gauss import legendre
from moecusp._kernels import log_cosh, tanh_remainder

_NODES = 20
_CHUNK = 1 << 19  # nodes integrated at once


class Action(NamedTuple):
    """Barrier S, and what the prefactor is made of."""

    barrier: Array
    path: Array
    finite: Array
    rate: Array


def actions(g: Array, eta: Array) -> Action:
    """Return the action of leaving the upper well, NaN where there are not two wells; arguments are flat."""
    result = Action(*(np.full(g.shape, np.nan) for _ in range(4)))
    inside = np.flatnonzero((g > 1.0) & (g < 1e300))
    deeper = Well.of(g[inside], np.abs(eta[inside]))
    other = Well.of(g[inside], -np.abs(eta[inside]))
    two = other.gap > 0.0
    index, deeper, other = inside[two], deeper[two], other[two]
    deep = eta[index] > 1e-17 * other.gap  # below that the wells are the same to rounding
    for which, compute in ((~deep, _shallow), (deep, _deep)):
        wells, partners, places = deeper[which], other[which], index[which]
        if not places.size:
            continue
        depth = _depth(np.max(wells.gain))
        step = max(1, _CHUNK // (4 * _NODES * (depth + 1)))
        for start in range(0, places.size, step):
            part = slice(start, start + step)
            for whole, found in zip(result, compute(wells[part], partners[part], depth), strict=True):
                whole[places[part]] = found
    return result


def _shallow(_: Well, well: Well, depth: int) -> Action:
    """Leave the shallower well, where eta <= 0: m runs from the unstable to the stable state, both positive."""
    low, high = well.barrier(), well.state()
    y, weight = _nodes([low, _between(low, high, 0.5 * (well.gain + well.asymmetry) - well.fold), high], depth)
    kappa, drop, pole = _centred(well[:, None], y)
    finite = pole + 1.0 / (y - high[:, None]) + 1.0 / (y - low[:, None])
    barrier = 2.0 / well.gain * np.sum(kappa * weight, axis=1)
    path = barrier - 2.0 * np.sum(drop * weight, axis=1)
    return Action(barrier, path, np.sum(finite * weight, axis=1), well.rate(high))


def _deep(well: Well, other: Well, depth: int) -> Action:
    """Leave the deeper well, eta > 0: m runs down from the stable state to 0, then u from eta to the unstable -v."""
    g, eta, fold, high = well.gain, well.asymmetry, well.fold, well.state()
    top = fold + high
    v = _unstable(other)
    y, weight = _nodes([-fold, _between(-fold, high, 0.5 * (g + eta) - fold), high], depth)
    kappa, drop, pole = _centred(well[:, None], y)
    barrier = 2.0 / g * np.sum(kappa * weight, axis=1) - eta * eta / g
    path = 2.0 * log_cosh(eta) - 2.0 * np.sum(drop * weight, axis=1)
    finite = np.sum((pole + 1.0 / (y - high[:, None]) + 1.0 / (y + (fold + v)[:, None])) * weight, axis=1)

    u, weight = _nodes([-v, np.zeros_like(v), eta], depth)
    k, e = g[:, None], eta[:, None]
    near = (k - 1.0) * u - k * tanh_remainder(u) + e
    force = np.maximum(np.where(np.abs(u) < 1.0, near, k * np.tanh(u) - u + e), 0.0)
    kappa = one_sided_half_length(u, force, k, fold[:, None])
    w = u - 2.0 * kappa
    drop = _tanh_drop(u, w)
    barrier = barrier + 2.0 / g * np.sum(kappa * weight, axis=1)
    path = path + barrier - np.sum(drop * weight, axis=1)
    pole = well[:, None].rate(np.abs(w) - fold[:, None]) / (force - k * drop)
    finite = finite + np.sum((1.0 / (u + v[:, None]) - pole) * weight, axis=1)
    bend = np.log((eta + v) / v * ((top + v) / top) / (g * np.cosh(np.minimum(v, 300.0)) ** -2.0))
    return Action(barrier, path, finite - bend, well.rate(high))


def _centred(well: Well, y: Array) -> tuple[Array, Array, Array]:
    """Return kappa, tanh m - tanh w and -(1 - g sech^2 w)/F(w|u) du/dm at m = u_f + y."""
    m = np.maximum(well.fold + y, 0.0)
    kappa = half_length(m, np.maximum(well.gap - well.phi(y), 0.0), well.gain)
    w = m - kappa
    rate = well.rate(np.abs(w) - well.fold)
    stiff = 1.0 + well.gain * mean_tanh_deficit_slope(m, kappa, mean_tanh_deficit(m, kappa))
    with np.errstate(divide="ignore", invalid="ignore"):
        pole = rate / (kappa * stiff)
    return kappa, _tanh_drop(m, w), pole


def _unstable(other: Well) -> Array:
    """Return v > 0, minus the unstable state, from the mirrored shallower well; by Newton's method where v is small."""
    g, eta = other.gain, -other.asymmetry
    v = np.maximum(other.fold + other.barrier(), 0.0)
    for _ in range(3):
        t = np.tanh(v)
        slope = (g - 1.0) - g * t * t
        change = ((g - 1.0) * v - g * tanh_remainder(v) - eta) / slope
        v = np.where((v < 0.5 * other.fold) & (v < 1.0), v - change, v)
    return v


def _between(low: Array, high: Array, wanted: Array) -> Array:
    return np.clip(wanted, 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high)


def _depth(gain: np.float64) -> int:
    """Return how often the pieces of the path, some 2 g long, are halved towards their ends."""
    return max(2, int(np.ceil(np.log2(8.0 * gain))) - 1)


def _nodes(breaks: list[Array], depth: int) -> tuple[Array, Array]:
    """Return nodes and weights, of shape (points, nodes), on panels that grow away from the breaks."""
    grown = 2.0 ** np.arange(-depth, 0.0)
    unit = np.concatenate([[0.0], grown, 1.0 - grown[-2::-1], [1.0]])
    x, w = legendre(_NODES)
    share = (unit[:-1, None] + np.diff(unit)[:, None] * x).ravel()
    back = ((1.0 - unit[1:, None]) + np.diff(unit)[:, None] * (1.0 - x)).ravel()
    weight = (np.diff(unit)[:, None] * w).ravel()
    nodes, weights = [], []
    for low, high in pairwise(breaks):
        length = (high - low)[:, None]
        nodes.append(np.where(share < 0.5, low[:, None] + length * share, high[:, None] - length * back))
        weights.append(length * weight)
    return np.concatenate(nodes, axis=1), np.concatenate(weights, axis=1)


def diffusion_barriers(g: Array, eta: Array) -> Array:
    """Return (2/g^2) times the integral of F cosh^2 u over the upper well's side; NaN where there are not two wells."""
    result = np.full(g.shape, np.nan)
    inside = np.flatnonzero((g > 1.0) & (g < 1e300))
    well, other = Well.of(g[inside], eta[inside]), Well.of(g[inside], -np.abs(eta[inside]))
    index = inside[other.gap > 0.0]
    well, other = well[other.gap > 0.0], other[other.gap > 0.0]
    low = np.where(well.asymmetry <= 0.0, other.barrier(), -_unstable(other) - other.fold)
    depth = _depth(np.minimum(np.max(well.gain, initial=1.0), 400.0))  # beyond which the barrier is infinite
    for start in range(0, index.size, 4096):
        part = slice(start, start + 4096)
        y, weight = _nodes([low[part], well[part].state()], depth)
        force = np.maximum(well[part][:, None].gap - well[part][:, None].phi(y), 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            cosh = np.cosh(np.minimum(np.abs(well.fold[part, None] + y), 710.0)) / well.gain[part, None]
            value = 2.0 * np.sum(force * cosh * cosh * weight, axis=1)
        result[index[part]] = np.where(well.gain[part] > 400.0, np.inf, value)
    return result


def _tanh_drop(u: Array, w: Array) -> Array:
    """Return tanh u - tanh w for u >= w, without cancellation."""
    d = u - w
    with np.errstate(over="ignore"):
        near = np.sinh(np.minimum(d, 1.0)) / np.cosh(np.clip(u, -300, 300)) / np.cosh(np.clip(w, -300, 300))
    return np.where(d < 1.0, near, np.tanh(u) - np.tanh(w))
