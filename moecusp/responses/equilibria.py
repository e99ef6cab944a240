"""Equilibria of one router, and the roots of functions that are monotone between known points."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array


class ResponseEquilibria(NamedTuple):
    """Equilibria of dz/dt = kappa G(z) - mu z + h.

    Attributes
    ----------
    z : ndarray
        Score differences (score), ascending.
    imbalance : ndarray
        G(z) = p1 - p2 at each.
    stable : ndarray of bool
        Where kappa G'(z) < mu.
    """

    z: Array
    imbalance: Array
    stable: NDArray[np.bool_]


def roots(function: Callable[[Array], Array], points: Array) -> Array:
    """Return the roots of a function that is monotone between consecutive points, ascending."""
    from scipy.optimize import elementwise

    signs = np.sign(function(points))
    exact = points[signs == 0]
    points, signs = points[signs != 0], signs[signs != 0]
    left = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    brackets = [i for i in left if not np.any((exact > points[i]) & (exact < points[i + 1]))]
    if not brackets:
        return np.asarray(exact)
    found = elementwise.find_root(function, (points[brackets], points[np.add(brackets, 1)]))
    return np.sort(np.concatenate([exact, np.asarray(found.x, dtype=np.float64)]))
