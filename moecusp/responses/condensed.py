"""Many margins as few weighted points, between which smooth functions have the same mean (docs/responses.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array

NODES = 24  # of a bin
_SPAN = 2.0**40  # widths from one end to the other: beyond, positions in a bin lose digits


def condensed(margins: Array, width: float) -> tuple[Array, Array] | None:
    """Return points and weights with the mean of every function that is smooth over bins of a width.

    In each bin that holds margins a function is replaced by its interpolant in 24 Chebyshev points, whose mean over
    the margins needs their Chebyshev moments alone.

    Parameters
    ----------
    margins : ndarray, shape (n,)
        Ascending.
    width : float
        Of the bins, > 0.

    Returns
    -------
    (points, weights) or None
        sum weights f(points) for mean f(margins). Points ascend; weights sum to 1 and may be negative. None where
        points would not be a quarter of the margins at most, or the margins span more widths than floats resolve.

    Notes
    -----
    If f is analytic and at most M in size within the ellipse with foci at a bin's ends whose half axes add up to
    rho width/2, its interpolant is off by at most 4 M rho^-23/(rho - 1) there (Trefethen, Approximation Theory and
    Approximation Practice, theorem 8.2), hence the mean over that bin, and rounding by a few units in the last place of
    M.
    """
    first = margins[0]
    with np.errstate(over="ignore"):
        span = (margins[-1] - first) / width
    if not (width > 0.0 and span < _SPAN and margins.size >= 4 * NODES):
        return None
    bins = np.floor((margins - first) / width)
    starts = np.flatnonzero(np.diff(bins, prepend=-1.0))
    if 4 * NODES * starts.size > margins.size:
        return None
    centres = first + width * (bins[starts] + 0.5)
    sizes = np.diff(starts, append=margins.size)
    t = (margins - np.repeat(centres, sizes)) * (2.0 / width)
    moments = np.empty((NODES, starts.size))
    before, now = np.ones_like(t), t.copy()
    moments[0], moments[1] = sizes, np.add.reduceat(now, starts)
    for order in range(2, NODES):
        before, now = now, 2.0 * t * now - before
        moments[order] = np.add.reduceat(now, starts)
    odd = 2 * np.arange(NODES)[::-1] + 1  # so that points ascend
    basis = _cosine(np.outer(odd, np.arange(NODES)))  # T_k at the points
    basis[:, 0] *= 0.5
    weights = (2.0 / NODES) * (basis @ moments) / margins.size
    points = centres + 0.5 * width * _cosine(odd)[:, None]
    return points.T.ravel(), weights.T.ravel()


def _cosine(n: NDArray[np.int_]) -> Array:
    """Return cos(pi n/(2 NODES)), odd about the quarter turn to the last digit, so that sums over points cancel."""
    turn = n % (4 * NODES)
    turn = np.minimum(turn, 4 * NODES - turn)
    rise = np.sin((NODES - np.minimum(turn, 2 * NODES - turn)) * (np.pi / (2 * NODES)))
    return np.asarray(np.where(turn <= NODES, rise, -rise))
