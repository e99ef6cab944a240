"""Means of logistic functions over Gaussian margins: graded Gauss-Legendre panels, integrands of one sign.

The margin is x ~ N(b, sigma^2). Lengths are in units of the temperature T unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from moecusp._numerics import pairs as dd
from moecusp._numerics.gauss import erf, legendre, panels, ratio
from moecusp._numerics.kernels import sinh_remainder
from moecusp._numerics.operations import Array

SQRT_2_PI = np.sqrt(2.0 / np.pi)
_GRADING = np.concatenate([[0.0], 2.0 ** np.arange(-11, 1)])
_STEPS = 6.0 * np.arange(8)  # a logistic function is analytic within pi of the axis, and saturated at 42
_DEVIATIONS = 1.5 * np.arange(7)  # a Gaussian is below 1e-17 of its peak at 9 standard deviations
_BLOCK = 2048


def mean_decay(
    shift: dd.Pair, rate: dd.Pair, drift: dd.Pair, power: int, weight: str = "one", odd: bool = False
) -> tuple[Array, Array]:
    """Return (m, r) with E q w/(1 + q)^power = m r^2, q = exp(-|x|/T): r alone goes below the smallest float.

    The pairs are b/T, sigma/T and b/sigma, b >= 0; the weight w is 1, |x|/T ("size") or 1 - q ("bend"), times the sign
    of x if odd. The integral is
    sqrt(2/pi) int exp(-(drift^2 + z^2)/2) cosh(drift z) q w/(1 + q)^power dz, q = exp(-rate z), over z > 0, with sinh
    in place of cosh if odd.
    """
    factor, (area, moment) = _WEIGHTS[weight, power]
    beta, slope = np.minimum(drift[0], 1e30), np.clip(rate[0], 1e-30, 1e30)
    fall = slope - beta  # the integrand is exp(-z^2/2 - fall z) times a factor between 1/4 and 2
    peak = np.maximum(-fall, 0.0)
    before = np.minimum(peak, 9.0)
    after = np.where(fall > 0.0, 80.0 / (np.abs(fall) + np.sqrt(fall * fall + 80.0)), 9.0)
    breaks = (before + after)[..., None] * _GRADING - before[..., None]

    def integrand(y: Array) -> Array:
        f, p, v, c = (v[..., None, None] for v in (np.maximum(fall, 0.0), peak, slope, beta))
        z = p + y
        sides = -np.expm1(-2.0 * c * z) if odd else 1.0 + np.exp(-2.0 * c * z)
        return np.asarray(np.exp(-y * (0.5 * y + f)) * sides * factor(v * z) / (1.0 + np.exp(-v * z)) ** power)

    cold = root_gaussian(drift)
    warm = rate[0] < drift[0]
    usable = np.where(warm, rate[0], 0.0), np.where(warm, rate[1], 0.0)
    half = dd.multiply(usable, usable)
    exponent = dd.add((0.5 * half[0], 0.5 * half[1]), dd.negative(shift))
    mean = 0.5 * SQRT_2_PI * panels(integrand, breaks, 32)
    root = np.where(fall < 0.0, _root_exp(exponent), cold)

    narrow, wide = rate[0] < 1e-20, rate[0] > 1e20  # sigma is nothing beside T, T nothing beside sigma
    decayed = _root_exp(dd.negative(shift))
    flat = SQRT_2_PI * (moment * (drift[0] / rate[0]) if odd else area) / rate[0]
    size = (
        shift[0] if odd else rate[0] * SQRT_2_PI * cold * cold + shift[0] * erf(np.sqrt(0.5) * drift[0])
    )  # of the mean, or mean size
    single = factor(size) / (1.0 + decayed * decayed) ** power
    if odd and weight == "one":
        single = single * erf(np.sqrt(0.5) * drift[0])
    mean = np.where(narrow, single, np.where(wide, flat, mean))
    return np.asarray(mean), np.where(narrow, decayed, np.where(wide, cold, root))


# weight and power: the weight at |x|/T = a, and the integrals of q w/(1 + q)^power and of a times it over a > 0
_WEIGHTS: dict[tuple[str, int], tuple[Callable[[Array], Any], tuple[float, float]]] = {
    ("one", 1): (np.ones_like, (np.log(2.0), np.pi**2 / 12.0)),
    ("one", 2): (np.ones_like, (0.5, np.log(2.0))),
    ("size", 2): (lambda a: a, (np.log(2.0), np.pi**2 / 6.0)),
    ("bend", 3): (lambda a: -np.expm1(-a), (0.25, 0.5)),
}


def gap_slopes(t: Array, b: Array, s: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives of E 1/(1 + exp(|x|/T)), x ~ N(b, s^2), in T, b and s.

    That in s is s times the second derivative in b, which has a kink's share; where that cancels (s > T) the three are
    tied by the gap's being a function of ratios.
    """
    with np.errstate(all="ignore"):
        size = np.abs(b)
        pairs = ratio(size, t), ratio(s, t), ratio(size, s)
        even, odd, bend = (
            m * r * r
            for m, r in (
                mean_decay(*pairs, power=2, weight="size"),
                mean_decay(*pairs, power=2, odd=True),
                mean_decay(*pairs, power=3, weight="bend"),
            )
        )
        kink = 0.25 * SQRT_2_PI * root_gaussian(pairs[2]) ** 2
        by_sigma = np.where(s <= t, (bend * (s / t) - kink) / t, (odd * (size / t) - even) / s)
        return even / t, -np.copysign(odd / t, b), by_sigma


def _root_exp(x: dd.Pair) -> Array:
    """Return exp(x/2); 0 for -inf and NaN."""
    return np.asarray(dd.exp((np.where(np.isnan(x[0]), -np.inf, 0.5 * x[0]), 0.5 * x[1])))


def root_gaussian(z: dd.Pair) -> Array:
    """Return exp(-z^2/4), whose square is below the smallest float where z > 39."""
    near = np.abs(z[0]) < 60.0
    inside = np.where(near, z[0], 0.0), np.where(near, z[1], 0.0)
    square = dd.multiply(inside, inside)
    return np.where(near, dd.exp((-0.25 * square[0], -0.25 * square[1])), 0.0)


def mean_tanh(w: Array, s: float) -> Array:
    """Return E tanh((w + s zeta)/2), zeta ~ N(0, 1), for w >= 0 and 1e-12 < s < 1e12.

    Paired, zeta and -zeta give sinh w/(cosh w + cosh(s zeta)) > 0: right to the last digits also for tiny w.
    """

    def block(w: Array) -> Array:
        top = np.minimum(9.0 * s, w + 42.0)[:, None]
        breaks = np.concatenate([w[:, None] + _STEPS, w[:, None] - _STEPS[1:], _on(s * _DEVIATIONS, w)], axis=1)
        at = w[:, None, None]

        def integrand(y: Array) -> Array:
            opened = (1.0 + np.exp(y - at)) * (1.0 + np.exp(-(at + y)))
            return np.asarray(np.exp(-0.5 * (y / s) ** 2) / opened)

        return panels(integrand, np.sort(np.clip(breaks, 0.0, top), axis=1), 24)

    w = np.minimum(w, 60.0 * (1.0 + s))
    return np.asarray(np.minimum(-np.expm1(-2.0 * w) * (SQRT_2_PI / s) * _blocks(block, w), 1.0))


def mean_bend(w: Array, s: float) -> Array:
    """Return -d^2/dw^2 E tanh((w + s zeta)/2) for 0 <= w <= 4 (1 + s): 2 int rho tanh(y/2) (phi_- - phi_+) dy, y > 0.

    rho is the logistic density, phi_-+ that of N(0, s^2) at w -+ y; the integrand is positive.
    """

    def block(w: Array) -> Array:
        low, top = np.maximum(w - 9.0 * s, 0.0)[:, None], np.minimum(w + 9.0 * s, w + 84.0)[:, None]
        around = w[:, None] + s * np.concatenate([-_DEVIATIONS, _DEVIATIONS[1:]])
        breaks = np.concatenate([_on(_STEPS, w), w[:, None] + _STEPS, around], axis=1)
        at = w[:, None, None]

        def integrand(y: Array) -> Array:
            q = np.exp(-y)
            pair = np.exp(-0.5 * ((y - at) / s) ** 2) * -np.expm1(-2.0 * at * y / s**2)
            return np.asarray(q * -np.expm1(-y) / (1.0 + q) ** 3 * pair)

        return panels(integrand, np.sort(np.clip(breaks, low, top), axis=1), 24)

    return np.asarray(SQRT_2_PI / s * _blocks(block, w))


def mean_deficit(w: Array, s: float) -> Array:
    """Return G - w G' of G(w) = E tanh((w + s zeta)/2), for a row 0 <= w <= 4 (1 + s), without cancellation.

    It is int x (-G''(x)) dx over [0, w]; for small s, the mean of its closed form over pairs zeta and -zeta, which is
    of one sign where it counts.
    """
    if s > 0.5:
        x, weights = legendre(16)
        return np.asarray(w * w * ((x * mean_bend(w[:, None] * x, s)) @ weights))
    rest = 0.5 * sinh_remainder(2.0 * w)[:, None, None]  # sinh w cosh w - w
    lack = (2.0 * w * np.sinh(0.5 * w) ** 2 - sinh_remainder(w))[:, None, None]  # w cosh w - sinh w

    def integrand(zeta: Array) -> Array:
        c = np.cosh(s * zeta)
        kernel = (rest - c * lack) / (np.cosh(w)[:, None, None] + c) ** 2
        return np.asarray(np.exp(-0.5 * zeta * zeta) * kernel)

    return np.asarray(SQRT_2_PI * panels(integrand, _on(_DEVIATIONS, w), 24))


def _on(row: Any, w: Array) -> Array:
    return np.asarray(np.broadcast_to(row, (w.size, row.size)))


def _blocks(function: Callable[[Array], Array], w: Array) -> Array:
    flat = w.ravel()
    parts = [function(flat[i : i + _BLOCK]) for i in range(0, flat.size, _BLOCK)]
    return np.concatenate(parts).reshape(w.shape)
