"""Derivatives of an escape's action and prefactor in gain and asymmetry, on the nodes of `action`.

Along the path w is the other end of the segment, A = -F(w|u) = u - eta - g tanh w, and kappa = (u - w)/2. The equation
of the path gives, with M the mean of tanh over [w, u],

    at fixed u:  d kappa/d eta = kappa/A,    d kappa/dg = kappa (1/g + tanh w/A),   dw/du = (2 kappa - F(u))/A,
    at fixed m:  d kappa/d eta = 1/stiff,    d kappa/dg = M/stiff,
                 d kappa/dm = (g (tanh u - tanh w)/(2 kappa) - 1)/stiff.

The action's ends are where the momentum vanishes, so that only the integrand's derivative counts; in the finite part
of the prefactor the nodes move with the ends, to which its poles are tied.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moecusp._numerics.escape_slope import tanh_slope
from moecusp._numerics.operations import Array


class Piece(NamedTuple):
    """Nodes of one part of the path, as columns of one row a router."""

    u: Array
    kappa: Array
    drop: Array  # tanh u - tanh(u - 2 kappa)
    rate: Array  # 1 - g sech^2 w
    stiff: Array  # A, where u is the coordinate; the derivative of the path's equation, where m is
    force: Array  # F at the coordinate
    weight: Array


def action_slopes(g: Array, eta: Array, first: Piece, second: Piece, ends: tuple[Array, ...]) -> tuple[Array, Array]:
    """Return d/dg and d/deta of (barrier, path, finite, log rate), each (rows, 4).

    The ends are the unstable and the stable state and the rates -F' there.
    """
    low, high, low_rate, high_rate = ends
    return (
        _slopes(g, eta, first, second, (low, high, low_rate, high_rate), by_gain=True),
        _slopes(g, eta, first, second, (low, high, low_rate, high_rate), by_gain=False),
    )


def _slopes(g: Array, eta: Array, first: Piece, second: Piece, ends: tuple[Array, ...], by_gain: bool) -> Array:
    low, high, low_rate, high_rate = ends
    k, e = g[:, None], eta[:, None]
    dg, de = (1.0, 0.0) if by_gain else (0.0, 1.0)
    low_moves = (np.tanh(low) if by_gain else 1.0) / low_rate
    high_moves = (np.tanh(high) if by_gain else 1.0) / high_rate

    u, kappa, drop, rate, a, force, weight = first
    w = u - 2.0 * kappa
    t, spread = np.tanh(w), tanh_slope(w)
    still = kappa * (1.0 / k + t / a) if by_gain else kappa / a
    barrier = np.sum(2.0 / k * (kappa * t if by_gain else kappa) / a * weight, axis=1)
    path = barrier - np.sum(2.0 * spread * still * weight, axis=1)
    turn = (2.0 * kappa - force) / a
    moved = turn * low_moves[:, None] - 2.0 * still
    change = low_moves[:, None] - de - t * dg - k * spread * moved
    rise = spread * (2.0 * k * t * moved - dg)
    finite = np.sum((rise - rate * change / a) / a * weight, axis=1)
    finite = finite + dg / g - 2.0 * np.tanh(low) * low_moves
    last = (0.5 * (1.0 - turn) * low_moves[:, None] + still)[:, -1]  # change of kappa where the parts meet
    longer = high_moves - (low_moves - last)
    meet = (rate / (0.5 * (k * drop - 2.0 * force) + kappa))[:, -1]
    finite = finite + meet * longer
    if by_gain:
        barrier = barrier + (kappa[:, -1] / g) ** 2
        path = path + (kappa[:, -1] / g) ** 2

    u, kappa, drop, rate, stiff, _, weight = second
    w = u - 2.0 * kappa
    t, spread = np.tanh(w), tanh_slope(w)
    mean = (u - e) / k if by_gain else 1.0
    still = mean / stiff
    gained = np.sum(2.0 / k * (still - dg * kappa / k) * weight, axis=1)
    barrier = barrier + gained
    path = path + gained - np.sum(2.0 * spread * still * weight, axis=1)
    shift = high_moves[:, None]
    grown = (0.5 * k * drop / kappa - 1.0) / stiff * shift + still
    up, down = shift + grown, shift - grown
    half = kappa * stiff
    tops = np.tanh(u) + t
    change = 0.5 * (3.0 * up - down - k * (tanh_slope(u) * up + spread * down) - 2.0 * de - tops * dg)
    rise = spread * (2.0 * k * t * down - dg)
    finite = finite + np.sum((rise - rate * change / half) / half * weight, axis=1)

    sech = (1.0 - high_rate) / g
    fading = sech * (2.0 * g * np.tanh(high) * high_moves - dg) / high_rate
    return np.stack([barrier, path, finite, fading], axis=-1)
