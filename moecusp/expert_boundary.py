"""Boundary mass of a hard router of K experts, for independent normal logits (docs/theory.md, section 6).

The logits a_1, ..., a_K of a token are independent, N(0, sigma^2) each; its margin is the lead of the largest over the
second. For three experts and more a third logit can lie between, and the boundary mass bends at once: its remainder is
of second order in the width, not of third as for two experts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import MOST, NON_NEGATIVE, POSITIVE, Array, integer, reals
from moecusp._numerics.gauss import legendre
from moecusp._numerics.gradients import evaluate, last
from moecusp._numerics.leads import overlap
from moecusp._numerics.operations import on_host

_NEAR = 2.0  # a slab narrower than so many deviations is integrated, what lies outside a wider one subtracted


def expert_boundary_mass(width: Any, experts: int, sigma: Any = 1.0) -> Any:
    """Share of tokens whose two largest of K logits differ by at most w.

    M(w) = 1 - K int phi(x) Phi(x - w/sigma)^(K-1) dx.

    Parameters
    ----------
    width : array_like
        Width w >= 0 (score).
    experts : int
        Number of experts K, 2 to 2^53.
    sigma : array_like
        Standard deviation of a logit, sigma > 0 (score); it broadcasts with width.

    Returns
    -------
    float or ndarray
        M in [0, 1], of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    M is concave. Relative error below 1e-13 for up to a million experts. Tensors are evaluated on the host; there is
    one derivative.

    References
    ----------
    Statement ``boundary.experts``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import expert_boundary_mass, expert_boundary_slope
    >>> round(float(expert_boundary_mass(0.1, 3)), 12), round(0.1 * float(expert_boundary_slope(3)), 12)
    (0.083181557008, 0.084628437532)
    """
    count = integer("experts", experts, 2, MOST)

    def partials(w: Any, s: Any, _: Any) -> tuple[Any, Any]:
        rate = last(lambda w, s: on_host(lambda w, s: _density(w / s, count) / s, w, s), w, s)
        return rate, -(w / s) * rate

    (w, s), restore = reals(width=(width, NON_NEGATIVE), sigma=(sigma, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(evaluate(lambda w, s: on_host(lambda w, s: _mass(w / s, count), w, s), partials, w, s))


def _density(v: Array, count: int) -> Array:
    return count * (count - 1.0) * overlap(np.minimum(v, 100.0), 1, count - 2.0)


def _mass(v: Array, count: int) -> Array:
    near = v < _NEAR
    nodes, weights = legendre(20)
    narrow = np.where(near, v, 0.0)
    inside = narrow * (_density(narrow[..., None] * nodes, count) @ weights)
    outside = 1.0 - count * overlap(np.clip(v, _NEAR, 100.0), 0, count - 1.0)
    return np.where(near, inside, outside)


def expert_boundary_slope(experts: int, sigma: Any = 1.0) -> Any:
    """Slope of the boundary mass of K experts at width 0, K (K-1) int phi^2 Phi^(K-2) dx/sigma.

    It is twice the sum of the tie densities of all pairs. For two experts, 1/(sigma sqrt(pi)).

    Parameters
    ----------
    experts : int
        Number of experts K, 2 to 2^53.
    sigma : array_like
        Standard deviation of a logit, sigma > 0 (score).

    Returns
    -------
    float or ndarray
        dM/dw at 0 (1/score), of the shape of sigma.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    References
    ----------
    Statement ``boundary.experts``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import expert_boundary_slope
    >>> round(float(expert_boundary_slope(3)), 12)
    0.846284375322
    """
    count = integer("experts", experts, 2, MOST)
    (s,), restore = reals(sigma=(sigma, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(float(_density(np.array(0.0), count)) / s)


def expert_boundary_curvature(experts: int, sigma: Any = 1.0) -> Any:
    """Coefficient q <= 0 of the second order, M(w) = slope w + q w^2 + O(w^3): a third logit between the two largest.

    q = -K (K-1) (K-2)/4 int phi^3 Phi^(K-3) dx/sigma^2, and slope w + q w^2 - slope w^3/(12 sigma^2) <= M(w) <= slope w
    for every w >= 0.

    Parameters
    ----------
    experts : int
        Number of experts K >= 2; for two, q = 0.
    sigma : array_like
        Standard deviation of a logit, sigma > 0 (score).

    Returns
    -------
    float or ndarray
        q (1/score^2), of the shape of sigma.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    References
    ----------
    Statement ``boundary.experts_remainder``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import expert_boundary_curvature
    >>> round(float(expert_boundary_curvature(3)), 12)
    -0.137832223855
    """
    count = integer("experts", experts, 2, MOST)
    (s,), restore = reals(sigma=(sigma, POSITIVE))
    triple = float(overlap(np.array(0.0), 2, count - 3.0)) if count > 2 else 0.0
    with np.errstate(all="ignore"):
        return restore(-0.25 * count * (count - 1.0) * (count - 2.0) * triple / s / s)
