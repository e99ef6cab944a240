"""The way out of a well of the finite-increment router, by large deviations (docs/theory.md, section 7).

The optimal path leaves the well with momentum p(u), the non-zero root of p (u - eta) = log(cosh(p g + u)/cosh u). Let
w = u + p g: then tanh w is the tilted imbalance, and the equation says that the mean of tanh over [w, u] is
(u - eta)/g. With the centre m = (u + w)/2 and half-length kappa = (u - w)/2 as coordinates the action is

    integral p du = (2/g) integral kappa dm,

for kappa vanishes at both ends, and for m > 0 the equation reads kappa + g (tanh m - mean) = F(m), all of it positive.

Everything here is about the upper well; the lower one is its mirror image. For eta <= 0 (the shallower well) m stays
positive. For large g kappa(m) has a layer at the unstable state, of width 1/g^2, and kappa(u) one at the stable state,
exponentially thin: so the path is split, and u is the coordinate next to the unstable state, m next to the stable one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from moecusp._numerics import pairs as dd
from moecusp._numerics.double import two_sum
from moecusp._numerics.expert_kernels import falling_exponential_remainder
from moecusp._numerics.kernels import sinh_remainder, tanh_remainder
from moecusp._numerics.operations import Array

ARTANH_TERMS = 24  # of the series of (artanh x - x)/x^3 for |x| <= 1/2


def fold_asymmetry(g: Array) -> dd.Pair:
    """Return eta_f(g) for 1 < g < 1e300: half of sinh 2v - 2v, sinh v = sqrt(g - 1)."""
    root = dd.square_root(two_sum(g, np.full_like(g, -1.0)))
    v = np.arcsinh(root[0])
    sinh = dd.add(dd.sinh_remainder(dd.single(v)), dd.single(v))
    low = dd.add(root, dd.negative(sinh))[0] / np.sqrt(g)
    twice = dd.sinh_remainder((2.0 * v, 2.0 * low))
    return 0.5 * twice[0], 0.5 * twice[1]


@dataclass(frozen=True)
class Well:
    """The upper well of routers with g > 1, in the distance y = u - u_f from the fold: F = gap - phi(y).

    Attributes
    ----------
    gain, asymmetry, gap : ndarray
        g, eta and eta_f + eta > 0.
    fold, slant : ndarray
        u_f and a = tanh u_f.
    """

    gain: Array
    asymmetry: Array
    gap: Array
    fold: Array
    slant: Array

    @classmethod
    def of(cls, g: Array, eta: Array) -> Well:
        """Return the wells of routers with g > 1; their gap is not positive where there is no such well."""
        gap = dd.add(fold_asymmetry(g), dd.single(eta))
        excess = g - 1.0
        return cls(g, eta, gap[0], np.arcsinh(np.sqrt(excess)), np.sqrt(excess / g))

    def __getitem__(self, index: object) -> Well:
        """Return some of the wells, or all with more axes."""
        parts = (self.gain, self.asymmetry, self.gap, self.fold, self.slant)
        return Well(*(part[index] for part in parts))  # type: ignore[call-overload]

    def phi(self, y: Array) -> Array:
        """Return phi(y) = (y - tanh y) + a tanh^2 y/(1 + a tanh y)."""
        t = np.tanh(y)
        return np.asarray(tanh_remainder(y) + self.slant * t * t / self._q(y, t))

    def _q(self, y: Array, t: Array) -> Array:
        a = self.slant
        below = 1.0 / (self.gain * (1.0 + a)) + 2.0 * a / (np.exp(np.minimum(-2.0 * y, 700.0)) + 1.0)
        return np.where(y < 0.0, below, 1.0 + a * t)

    def rate(self, y: Array) -> Array:
        """Return -F' = phi'(y) = 1 - g sech^2 u: the relaxation rate in the well."""
        a, small = self.slant, np.clip(y, -0.5, 0.5)
        t = np.tanh(small)
        near = t * (2.0 * a + t * (1.0 + a * a)) / self._q(small, t) ** 2
        decayed = np.exp(-2.0 * np.abs(self.fold + y))
        return np.where(np.abs(y) < 0.5, near, 1.0 - self.gain * 4.0 * decayed / (1.0 + decayed) ** 2)

    def state(self) -> Array:
        """Return the y > 0 of the stable state."""
        scale = np.minimum(np.sqrt(self.gap / self.slant), np.cbrt(3.0 * self.gap))
        return _bisect(self.phi, 0.01 * np.minimum(scale, self.gap + 0.5), self.gap + 2.0, self.gap)

    def barrier(self) -> Array:
        """Return the y < 0 of the unstable state, for eta <= 0."""
        scale = np.minimum(np.sqrt(self.gap / self.slant), self.fold)
        return -_bisect(lambda e: self.phi(-e), 1e-3 * scale / self.gain, self.fold, self.gap)


def _bisect(f: Callable[[Array], Array], low: Array, high: Array, level: Array) -> Array:
    """Solve f = level for an increasing f between positive bounds, halving the ratio of the bounds."""
    low, high = np.log(low), np.log(high)
    for _ in range(62):
        middle = 0.5 * (low + high)
        above = f(np.exp(middle)) > level
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.exp(0.5 * (low + high))


def artanh_remainder(x: Array) -> Array:
    """Return artanh x - x for 0 <= x < 1."""
    inside = np.minimum(x, 0.5)
    square = inside * inside
    total = np.zeros_like(x)
    for n in range(ARTANH_TERMS, 0, -1):
        total = total * square + 1.0 / (2 * n + 1)
    return np.where(x <= 0.5, inside * square * total, np.arctanh(np.where(x < 1.0, x, 0.0)) - x)


def mean_tanh_deficit(m: Array, k: Array) -> Array:
    """Return tanh m - (mean of tanh over [m - k, m + k]), for m, k >= 0; about k^2 tanh m sech^2 m/3."""
    small = np.minimum(k, 1.0)
    t = np.tanh(m)
    left = t * tanh_remainder(small) - artanh_remainder(t * np.tanh(small))
    x, e = 2.0 * small, np.exp(-2.0 * m)
    sinh, cosh = np.sinh(x), np.cosh(x)
    r = e * sinh / (1.0 + e * cosh)
    rest = sinh_remainder(x)
    rise = x * 2.0 * np.sinh(0.5 * x) ** 2 - rest  # x cosh x - sinh x
    right = artanh_remainder(r) + e * (rest - e * rise) / ((1.0 + e * cosh) * (1.0 + e))
    near = np.divide(np.where(m < 0.75, left, right), small, out=np.zeros_like(k), where=small > 0.0)
    wide = np.maximum(k, 1.0)
    return np.asarray(np.where(k <= 1.0, near, mean_missing(m - wide, m + wide) - missing(m)))


def mean_tanh_deficit_slope(m: Array, k: Array, deficit: Array) -> Array:
    """Return the derivative of `mean_tanh_deficit` in k from its value."""
    spread, wide, small = tanh_slope(m), np.maximum(k, 1.0), np.minimum(k, 1.0)
    square, t = np.tanh(small) ** 2, np.tanh(m)
    near = t * square * spread / (spread + t * t * tanh_slope(small))  # tanh m - (mean of tanh at both ends)
    far = 0.5 * (missing(m + wide) + missing(m - wide)) - missing(m)
    rise = np.where(k <= 1.0, near, far) - deficit
    return np.asarray(rise / np.where(k > 0.0, k, 1.0))


def tanh_slope(x: Array) -> Array:
    """Return sech^2 x."""
    e = np.exp(-2.0 * np.minimum(np.abs(x), 300.0))
    return np.asarray(4.0 * e / (1.0 + e) ** 2)


def missing(x: Array) -> Array:
    """Return 1 - tanh x."""
    return np.asarray(2.0 / (np.exp(np.minimum(2.0 * x, 700.0)) + 1.0))


def mean_missing(w: Array, u: Array) -> Array:
    """Return the mean of 1 - tanh over [w, u], to a relative error of some 1e-16/(u - w)."""
    return np.asarray((softplus(w) - softplus(u)) / (u - w))


def softplus(x: Array) -> Array:
    """Return log(1 + exp(-2 x))."""
    return np.asarray(np.maximum(-2.0 * x, 0.0) + np.log1p(np.exp(-2.0 * np.abs(x))))


def tanh_drop(u: Array, d: Array) -> Array:
    """Return tanh u - tanh(u - d) for d >= 0, without cancellation."""
    w = u - d
    shift = np.maximum(np.maximum(w, -u), 0.0)  # (|u| + |w| - d)/2
    ends = (1.0 + np.exp(-2.0 * np.abs(u))) * (1.0 + np.exp(-2.0 * np.abs(w)))
    return np.asarray(-2.0 * np.expm1(-2.0 * d) * np.exp(-2.0 * shift) / ends)


def one_sided_deficit(u: Array, k: Array) -> Array:
    """Return tanh u - (mean of tanh over [u - 2 k, u]), for k >= 0; about k sech^2 u."""
    h = 2.0 * np.minimum(k, 0.5)
    decayed = np.exp(-2.0 * np.abs(u))
    minor, major = decayed / (1.0 + decayed), 1.0 / (1.0 + decayed)
    plus, minus = np.where(u > 0.0, major, minor), np.where(u > 0.0, minor, major)  # (1 +- tanh u)/2
    grown = 2.0 * plus * h
    growth = 2.0 * np.sinh(0.5 * grown) ** 2 + sinh_remainder(grown)  # exp(grown) - 1 - grown
    excess = plus * falling_exponential_remainder(2.0 * minus * h) + minus * growth
    near = np.divide(np.log1p(excess), h, out=np.zeros_like(k), where=h > 0.0)
    wide = np.maximum(k, 0.5)
    w = u - 2.0 * wide
    far = np.where(u > 0.0, mean_missing(w, u) - missing(u), missing(-u) - mean_missing(-u, -w))
    return np.asarray(np.where(k <= 0.5, near, far))


def half_length(m: Array, force: Array, gain: Array, eta: Array) -> Array:
    """Solve k + g (tanh m - mean over [m - k, m + k]) = F for m >= 0."""

    def f(k: Array, m: Array, force: Array, gain: Array) -> tuple[Array, Array]:
        deficit = mean_tanh_deficit(m, k)
        return k + gain * deficit - force, 1.0 + gain * mean_tanh_deficit_slope(m, k, deficit)

    signs = 0.5 * (eta - m + np.hypot(eta - m, 2.0 * np.sqrt(gain) * np.sqrt(m)))  # the root for sign in place of tanh
    return _bracketed(f, force, np.minimum(force, signs), m, force, np.broadcast_to(gain, m.shape))


def one_sided_half_length(u: Array, force: Array, gain: Array, eta: Array) -> Array:
    """Solve g (tanh u - mean over [u - 2 k, u]) = F."""
    high = np.where(force > 0.0, 2.0 * gain + 4.0, 0.0)
    spread = tanh_slope(u)

    def f(k: Array, u: Array, force: Array, gain: Array, spread: Array) -> tuple[Array, Array]:
        deficit = one_sided_deficit(u, k)
        rise = tanh_drop(u, 2.0 * k) - deficit
        return gain * deficit - force, gain * np.where(k > 0.0, rise / np.where(k > 0.0, k, 1.0), spread)

    signs = np.where(u > 0.0, u / (1.0 + (u - eta) / gain), high)  # the root for sign in place of tanh
    start = np.minimum(np.minimum(force / gain / spread, signs), 0.5 * high)
    return _bracketed(f, high, start, u, force, np.broadcast_to(gain, u.shape), spread)


def _bracketed(f: Callable[..., tuple[Array, Array]], high: Array, x: Array, *arguments: Array) -> Array:
    """Solve f = 0 for an increasing f on [0, high]: Newton's method, bisection where it would leave the bracket.

    f(x, *arguments) returns value and slope. An entry is done after a Newton step below 1e-8, relative for x < 1: it
    converges quadratically.
    """
    result = x.copy()
    index = np.flatnonzero(high > 0.0)
    x, high = x.ravel()[index], high.ravel()[index]
    low, parts = np.zeros_like(x), [part.ravel()[index] for part in arguments]
    for _ in range(100):
        if not index.size:
            break
        value, slope = f(x, *parts)
        low, high = np.where(value < 0.0, x, low), np.where(value > 0.0, x, high)
        with np.errstate(all="ignore"):
            following = x - value / slope
        inside = (following >= low) & (following <= high)
        following = np.where(inside, following, 0.5 * (low + high))
        result.ravel()[index] = following
        going = ~inside | (np.abs(following - x) > np.maximum(1e-8 * np.minimum(following, 1.0), 1e-15 * following))
        index, x, low, high = index[going], following[going], low[going], high[going]
        parts = [part[going] for part in parts]
    return result
