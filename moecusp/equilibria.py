"""Every equilibrium of the two-expert router, its stability and the regime it lives in (THEORY section 3).

By symmetry the asymmetry is taken as E = |eta| and the roots are mirrored at the end. With g > 1, a = sqrt((g - 1)/g),
u_f = arsinh sqrt(g - 1) and T = tanh d, each outer root +-(u_f + d) solves

    phi(d) = (d - T) + a T^2/(1 + a T) = eta_f + E  (right),  eta_f - E  (left),

in which nothing cancels. The middle root -w solves the same equation with d < 0 when it is near the fold, and
otherwise (g - 1) w - g (w - tanh w) = E or, where tanh w saturates, w + 2 g/(1 + exp 2w) = g - E. The only root for
g <= 1 solves (1 - g) u + g (u - tanh u) = E. How many there are follows from the sign of eta_f - E alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import NON_NEGATIVE, REAL, Array, reals
from moecusp._kernels import fold_excess, tanh_remainder

_TINY = 1e-290  # below it residuals would be subnormal; the leading terms are exact there


class Stability(IntEnum):
    """What an equilibrium does to small perturbations."""

    ABSENT = 0
    """Padding: there is no equilibrium in this place."""
    STABLE = 1
    """It attracts (at the cusp itself only algebraically)."""
    UNSTABLE = 2
    """It repels."""
    SEMISTABLE = 3
    """A fold: it attracts from one side and repels to the other."""


class Regime(IntEnum):
    """Where a router lies in the (gain, asymmetry) plane."""

    MONOSTABLE = 1
    """One equilibrium, stable."""
    BISTABLE = 2
    """Three equilibria, the outer two stable."""
    FOLD = 3
    """g > 1 and |eta| = eta_f: two equilibria, one of them about to vanish."""
    CUSP = 4
    """g = 1 and eta = 0: the critical point."""


@dataclass(frozen=True, eq=False)
class Equilibria:
    """Equilibria of one router or of many.

    Attributes
    ----------
    u : ndarray, shape (..., 3)
        Reduced score differences, ascending, padded with NaN.
    stability : ndarray of int, shape (..., 3)
        Values of `Stability`.
    """

    u: NDArray[Any]
    stability: NDArray[np.int8]

    @property
    def count(self) -> Any:
        """Number of distinct equilibria, 1, 2 or 3; shape (...)."""
        return np.sum(~np.isnan(self.u), axis=-1)[()]

    @property
    def imbalance(self) -> NDArray[Any]:
        """Imbalance m = p1 - p2 = tanh u, shape (..., 3), NaN-padded."""
        return np.asarray(np.tanh(self.u))

    @property
    def load(self) -> NDArray[Any]:
        """Load of expert 1, p1 = (1 + tanh u)/2, shape (..., 3), NaN-padded."""
        decayed = np.exp(-2.0 * np.abs(self.u))
        return np.asarray(np.where(self.u > 0, 1.0, decayed) / (1.0 + decayed))


def equilibria(gain: Any, asymmetry: Any = 0.0) -> Equilibria:
    """All solutions of g tanh u - u + eta = 0, with their stability.

    Parameters
    ----------
    gain : array_like
        Gain g >= 0 (dimensionless).
    asymmetry : array_like
        Reduced asymmetry eta (dimensionless), any real. Broadcasts with gain.

    Returns
    -------
    Equilibria
        Roots u of shape (..., 3), ascending and NaN-padded, and their stability.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    Notes
    -----
    Where |eta| equals the float ``fold_asymmetry(gain)`` the two merging roots, which no float asymmetry can make
    exactly equal, are reported as one semistable equilibrium at the fold: so count = 2 exactly where `regime` is FOLD.

    References
    ----------
    Statements ``equilibrium.count`` and ``equilibrium.stability``; THEORY section 3.

    Examples
    --------
    >>> from moecusp import equilibria
    >>> found = equilibria(gain=2.0)
    >>> found.u.round(6).tolist(), found.stability.tolist()
    ([-1.915008, 0.0, 1.915008], [1, 2, 1])
    """
    (g, eta), restore = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    shape = g.shape
    u, stability = _solve(g.ravel(), eta.ravel())
    return Equilibria(np.asarray(restore(u.reshape(*shape, 3))), stability.reshape(*shape, 3))


def regime(gain: Any, asymmetry: Any = 0.0) -> Any:
    """Regime of a router from its gain and reduced asymmetry.

    Parameters
    ----------
    gain, asymmetry : array_like
        As for `equilibria`.

    Returns
    -------
    Regime or ndarray of int
        A `Regime` for scalars; an array of its values for arrays. FOLD where |asymmetry| equals the float
        ``fold_asymmetry(gain)``.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    References
    ----------
    Statement ``equilibrium.count``; THEORY section 3.

    Examples
    --------
    >>> from moecusp import regime
    >>> regime(1.5, 0.0).name
    'BISTABLE'
    """
    (g, eta), _ = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    regimes = _regimes(g, np.abs(eta))
    return Regime(int(regimes)) if regimes.ndim == 0 else regimes


def _regimes(g: Array, size: Array) -> NDArray[np.int8]:
    fold = fold_excess(np.maximum(g - 1.0, 0.0))
    result = np.full(g.shape, Regime.MONOSTABLE, dtype=np.int8)
    result[(g > 1.0) & (size < fold)] = Regime.BISTABLE
    result[(g > 1.0) & (size == fold)] = Regime.FOLD
    result[(g == 1.0) & (size == 0.0)] = Regime.CUSP
    return result


def _solve(g: Array, eta: Array) -> tuple[Array, NDArray[np.int8]]:
    size = np.abs(eta)
    regimes = _regimes(g, size)
    u = np.full((g.size, 3), np.nan)
    stability = np.zeros((g.size, 3), dtype=np.int8)

    below = g <= 1.0
    u[below, 0] = _only_root(g[below], size[below])
    stability[below, 0] = Stability.STABLE

    above = ~below
    excess = np.where(above, g - 1.0, 1.0)
    fold_u = np.arcsinh(np.sqrt(excess))
    a = np.sqrt(excess / (1.0 + excess))
    fold = fold_excess(excess)
    right = np.full(g.shape, np.nan)
    right[above] = fold_u[above] + _beyond_fold(a[above], fold[above] + size[above])

    alone = above & (regimes == Regime.MONOSTABLE)
    u[alone, 0] = right[alone]
    stability[alone, 0] = Stability.STABLE

    folded = regimes == Regime.FOLD
    u[folded, 0], u[folded, 1] = -fold_u[folded], right[folded]
    stability[folded, :2] = Stability.SEMISTABLE, Stability.STABLE

    three = regimes == Regime.BISTABLE
    gap = fold[three] - size[three]
    u[three, 0] = -(fold_u[three] + _beyond_fold(a[three], gap))
    u[three, 1] = -_middle_root(g[three], size[three], fold_u[three], a[three], gap)
    u[three, 2] = right[three]
    stability[three] = Stability.STABLE, Stability.UNSTABLE, Stability.STABLE

    mirrored = np.signbit(eta)
    u[mirrored], stability[mirrored] = _mirror(u[mirrored], stability[mirrored])
    return u + 0.0, stability  # no negative zeros


def _mirror(u: Array, stability: NDArray[np.int8]) -> tuple[Array, NDArray[np.int8]]:
    """Return the roots of -eta from those of eta, still ascending and padded at the end."""
    order = np.argsort(-u, axis=1, kind="stable")  # NaN sorts last
    return np.take_along_axis(-u, order, axis=1), np.take_along_axis(stability, order, axis=1)


def _halley(x: Array, f: Callable[[Array, NDArray[np.intp]], tuple[Array, Array, Array]]) -> Array:
    """Solve f = 0 on x > 0 by Halley's method, each entry until it stops moving.

    f(x, index) returns the value and the first two derivatives at the entries listed in index. Steps that would leave
    x > 0 are halved instead; an entry is done when its step is below 1e-11 relative, for convergence is cubic.
    """
    index = np.arange(x.size)
    for _ in range(60):
        if not index.size:
            return x
        now = x[index]
        value, first, second = f(now, index)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = value / first
            step = newton / (1.0 - 0.5 * newton * (second / first))
            # where Halley's denominator fails, Newton's step
            step = np.where(np.isfinite(step) & (np.sign(step) == np.sign(newton)), step, newton)
        step = np.where(value == 0.0, 0.0, step)
        following = np.where(step >= now, 0.5 * now, now - step)
        x[index] = following
        index = index[np.abs(following - now) > 1e-11 * following]
    raise ArithmeticError("an equilibrium did not converge; please report the parameters")


def _only_root(g: Array, size: Array) -> Array:
    """Solve (1 - g) u + g (u - tanh u) = E for g <= 1, E >= 0."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        linear = np.where(g < 1.0, size / (1.0 - g), np.inf)
        cubic = np.cbrt(3.0) * np.cbrt(size) / np.cbrt(np.where(g > 0.0, g, 1.0))
        start = np.minimum(np.minimum(linear, np.where(g > 0.0, cubic, np.inf)), size + g)
    solve = (size > _TINY) & (g > 0.0)
    gs, es = g[solve], size[solve]

    def f(u: Array, i: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        k = gs[i]
        t = np.tanh(u)
        value = (1.0 - k) * u + k * tanh_remainder(u) - es[i]
        return value, (1.0 - k) + k * t * t, 2.0 * k * t * (1.0 - t * t)

    result = start.copy()
    result[solve] = _halley(start[solve], f)
    return result


def _beyond_fold(a: Array, level: Array) -> Array:
    """Solve phi(d) = (d - T) + a T^2/(1 + a T) = level for d >= 0; phi is convex and increasing."""
    start = np.minimum(np.minimum(np.sqrt(level / a), np.cbrt(3.0) * np.cbrt(level)), level + 1.0 / (1.0 + a))

    def f(d: Array, i: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        b = a[i]
        t = np.tanh(d)
        q = 1.0 + b * t
        value = tanh_remainder(d) + b * t * t / q - level[i]
        sech = 1.0 - t * t
        return value, (t * (2.0 * b + t * (1.0 + b * b))) / (q * q), 2.0 * sech * (t + b) / q**3

    return _halley(start, f)


def _middle_root(g: Array, size: Array, fold_u: Array, a: Array, gap: Array) -> Array:
    """Return the w in [0, u_f) with g tanh w - w = E, by whichever of three forms is well conditioned."""
    border = np.maximum(0.5 * fold_u, fold_u - 1.0)
    near_fold = size > g * np.tanh(border) - border
    saturated = ~near_fold & (border > 0.5) & (size > g * np.tanh(0.5) - 0.5)
    near_zero = ~near_fold & ~saturated
    w = np.empty_like(g)
    w[near_fold] = fold_u[near_fold] - _before_fold(g[near_fold], a[near_fold], gap[near_fold])
    w[saturated] = _saturated_root(g[saturated], size[saturated])
    w[near_zero] = _small_root(g[near_zero], size[near_zero])
    return w


def _before_fold(g: Array, a: Array, gap: Array) -> Array:
    """Solve a t^2/(1 - a t) - (y - t) = gap, t = tanh y, for 0 < y <= max(u_f/2, 1)."""
    start = 0.5 * np.log1p(2.0 * np.sqrt(gap / a) + 2.0 * gap)

    def f(y: Array, i: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        b = a[i]
        t = np.tanh(y)
        sech = 1.0 - t * t
        q = 1.0 / (g[i] * (1.0 + b)) + 2.0 * b / (np.exp(2.0 * y) + 1.0)  # 1 - a t
        value = b * t * t / q - tanh_remainder(y) - gap[i]
        return value, t * (2.0 * b - t * (1.0 + b * b)) / (q * q), 2.0 * sech * (b - t) / q**3

    return _halley(start, f)


def _saturated_root(g: Array, size: Array) -> Array:
    """Solve w + 2g/(1 + exp 2w) = g - E for w between 0.5 and u_f - 1."""
    rest = g - size
    start = np.maximum(0.5, 0.5 * np.log(np.maximum(2.0 * g / rest - 1.0, 1.0)))

    def f(w: Array, i: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        k = g[i]
        decayed = np.exp(-2.0 * w)
        tail = 2.0 * k * decayed / (1.0 + decayed)
        first = 1.0 - 2.0 * tail / (1.0 + decayed)
        return w + tail - rest[i], first, 4.0 * tail * np.tanh(w) / (1.0 + decayed)

    return _halley(start, f)


def _small_root(g: Array, size: Array) -> Array:
    """Solve (g - 1) w - g (w - tanh w) = E for 0 <= w <= 0.5."""
    start = size / (g - 1.0)
    solve = size > _TINY
    gs, es = g[solve], size[solve]

    def f(w: Array, i: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        k = gs[i]
        t = np.tanh(w)
        value = (k - 1.0) * w - k * tanh_remainder(w) - es[i]
        return value, (k - 1.0) - k * t * t, -2.0 * t * (1.0 - t * t) * k

    result = start.copy()
    result[solve] = _halley(start[solve], f)
    return result
