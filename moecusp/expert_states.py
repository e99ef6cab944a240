"""Every equilibrium of K experts without drives: which experts are favoured, how much, and is it stable (theory.md, 5).

At an equilibrium the scores take at most two values. With m experts at the high one and w = x/2 > 0 half the
difference, w coth w - t w = g, t = 1 - 2 m/K. The left side is convex: for 2 m < K it falls from 1 to the fold gain of
the family and rises again; otherwise it rises from 1. So counting needs only the sign of the distance to the fold,
which is known in double-double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import NON_NEGATIVE, Array, integer, real, reals
from moecusp._numerics import pairs as dd
from moecusp._numerics.expert_solver import solve_families
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.kernels import sinh_excess
from moecusp._numerics.operations import is_tensor, namespace, on_host, where
from moecusp.equilibria import Stability

STATES = 2**24  # gains times experts: some 10 GB while they are solved


@dataclass(frozen=True, eq=False)
class ExpertEquilibria:
    """Equilibria of one router of K experts or of many, up to renaming the experts.

    Row m of the axis before the last holds the states in which m experts are favoured; row 0 is the balanced state.
    A state with m favoured experts stands for as many equilibria as there are choices of m out of K.

    Attributes
    ----------
    experts : int
        Number of experts K.
    difference : ndarray, shape (..., K, 2)
        Difference x = v_high - v_low in reduced score, ascending and padded with NaN; 0 for the balanced state.
    load_high, load_low : ndarray, shape (..., K, 2)
        Load of each favoured expert, and of each other one; NaN-padded. Their ratio is exp x.
    stability : ndarray of int, shape (..., K, 2)
        Values of `Stability`.
    unstable_directions : ndarray of int, shape (..., K, 2)
        Number of positive eigenvalues of the linearised flow; -1 in the padding.
    """

    experts: int
    difference: NDArray[Any]
    load_high: NDArray[Any]
    load_low: NDArray[Any]
    stability: NDArray[np.int8]
    unstable_directions: NDArray[np.int64]

    @property
    def favoured(self) -> NDArray[np.int64]:
        """Number m of favoured experts of each row, shape (K,)."""
        return np.arange(self.experts)

    @property
    def count(self) -> Any:
        """Number of states up to renaming the experts, the balanced one included; shape (...)."""
        there = self.difference == self.difference
        return there.sum((-2, -1))


def expert_equilibria(gain: Any, experts: int) -> ExpertEquilibria:
    """All equilibria of dv/dtau = K g softmax(v) - v, with their stability.

    Parameters
    ----------
    gain : array_like
        Gain g >= 0 (dimensionless; 1 is critical for the balanced state).
    experts : int
        Number of experts K >= 2; at most 2^24 over the number of gains, so that the states fit in memory.

    Returns
    -------
    ExpertEquilibria
        With arrays of shape (..., K, 2), where (...) is the shape of gain.

    Raises
    ------
    ParameterError
        If gain is not finite and real, is negative or empty, or experts is not an integer >= 2.

    Notes
    -----
    Stable are the balanced state for g < 1 and the outer state of one favoured expert; a group of m > 1 favoured
    experts breaks up in m - 1 directions. At g = 1 the balanced state is semistable for K >= 3, stable for K = 2.
    Tensors are solved on the host, and differentiated in the gain by the implicit function theorem.
    The gain of a fold is irrational, so that no float lies on it: a state is listed if it exists at the given float.

    References
    ----------
    Statements ``expert.at_most_two_values``, ``expert.families`` and ``expert.one_favoured``; docs/theory.md,
    section 5.

    Examples
    --------
    >>> from moecusp import expert_equilibria
    >>> found = expert_equilibria(gain=0.95, experts=3)
    >>> found.difference[1].round(6).tolist(), found.stability[1].tolist()
    ([0.367305, 1.735633], [2, 1])
    """
    k = integer("experts", experts, 2, max(2, STATES // math.prod(real("gain", gain, NON_NEGATIVE).shape)))
    if not is_tensor(gain):
        return ExpertEquilibria(k, *_states(gain, k))
    x, high, low, stability, directions = on_host(lambda g: _states(g, k), _checked(gain))
    difference = evaluate(lambda _: x.to(gain.dtype), lambda g, x: (_difference_slope(g, x, k),), gain)
    p_high = evaluate(lambda _: high.to(gain.dtype), lambda x, _: ((k - _favoured(x, k)) * _product(x, k),), difference)
    p_low = evaluate(lambda _: low.to(gain.dtype), lambda x, _: (-_favoured(x, k) * _product(x, k),), difference)
    return ExpertEquilibria(k, difference, p_high, p_low, stability, directions)


def _checked(gain: Any) -> Any:
    (g,), _ = reals(gain=(gain, NON_NEGATIVE))
    return g


def _favoured(x: Any, k: int) -> Any:
    """Return m for each row of states, as a column."""
    return namespace(x).arange(float(k), dtype=x.dtype, device=x.device)[:, None]


def _product(x: Any, k: int) -> Any:
    """Return the product of the loads p_high p_low; nothing for the balanced state, whose loads are constant."""
    m = _favoured(x, k)
    e = where((x == x) & (m > 0.0), -x, -np.inf).exp()
    return e / (m + (k - m) * e + (m == 0.0)) ** 2


def _difference_slope(gain: Any, x: Any, k: int) -> Any:
    """Return dx/dg = 2/(L'(x/2) - t), from L(w) - t w = g, L = w coth w, t = 1 - 2 m/K; 0 for the balanced state."""
    m = _favoured(x, k)
    there = (x == x) & (m > 0.0)
    w = 0.5 * where(there, x, 1.0)
    small = where(w <= 1.0, w, 1.0)
    near = sinh_excess(2.0 * small) / (2.0 * small.sinh() ** 2)
    e = (-2.0 * where(w > 1.0, w, 1.0)).exp()
    far = (1.0 - e * (4.0 * where(w > 1.0, w, 1.0) + e)) / (1.0 - e) ** 2
    return where(there, 2.0 / (where(w <= 1.0, near, far) - (k - 2.0 * m) / k), 0.0)


def _states(gain: Any, k: int) -> tuple[Any, ...]:
    """Return the fields of `ExpertEquilibria` after the first."""
    (g,), restore = reals(gain=(gain, NON_NEGATIVE))
    with np.errstate(all="ignore"):
        high, low, outer = solve_families(g.reshape(-1, 1), k)
        loads = _loads(high, low, np.arange(1.0, k)[:, None], k)
    shape = (*g.shape, k - 1, 2)

    def table(first: float, rest: Array) -> Array:
        row = np.broadcast_to(np.array([first, np.nan]), (*g.shape, 1, 2))
        return np.asarray(restore(np.concatenate([row, rest.reshape(shape)], axis=-2)))

    difference = table(0.0, high)
    directions = np.full(difference.shape, -1, dtype=np.int64)
    found = ~np.isnan(high.reshape(shape))
    index = np.arange(k - 1)[:, None] + ~outer.reshape(shape)
    directions[..., 1:, :] = np.where(found, index, -1)
    directions[..., 0, 0] = np.where(g > 1.0, k - 1, 0)
    stability = np.full(difference.shape, Stability.ABSENT, dtype=np.int8)
    stability[directions == 0] = Stability.STABLE
    stability[directions > 0] = Stability.UNSTABLE
    if k > 2:
        stability[..., 0, 0][g == 1.0] = Stability.SEMISTABLE
    return difference, table(1.0 / k, loads[0]), table(1.0 / k, loads[1]), stability, directions


def _loads(high: Array, low: Array, m: Array, k: int) -> tuple[Array, Array]:
    e = dd.exp((-high, -low))
    total = m + (k - m) * e
    return 1.0 / total, e / total
