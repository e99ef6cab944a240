"""Starting values and Halley steps for the equilibria of the two-expert router (docs/theory.md, section 3).

By symmetry E = |eta| >= 0. With a = sqrt((g - 1)/g), u_f = arsinh sqrt(g - 1) and t = tanh d the outer roots
+-(u_f + d) for g > 1 solve

    (d - t) + a t^2/(1 + a t) = eta_f + E  (right),  eta_f - E  (left),

in which nothing cancels. The middle root -w is u_f - y near the fold, with a t^2/(1 - a t) - (y - t) = eta_f - E,
t = tanh y; otherwise (g - 1) w - g (w - tanh w) = E or, where tanh w saturates, w + 2 g/(1 + exp 2w) = g - E. The only
root for g <= 1 solves (1 - g) u + g (u - tanh u) = E.

Formulas only, under the same rule as `double`: every backend runs this code and returns the same bits. Each equation
takes `STEPS` steps, enough from its starting value over the whole domain. How many roots there are, and which
equation the middle one solves, follows from `prepare` and `middle_kind` alone.
"""

from __future__ import annotations

from typing import Any

from moecusp._numerics.double import fold_point, polynomial, two_sum
from moecusp._numerics.operations import as_bits, as_float, sqrt, where
from moecusp._numerics.series import EXP, LOG2_HIGH, LOG2_LOW, TANH_DENOMINATOR, TANH_LIMIT, TANH_NUMERATOR

_ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding and subtracting it rounds to an integer
_LARGE = 1075 << 52  # bits of 2^52
_PER_LOG2 = 1.4426950408889634
STEPS = 3
_TINY = 2.0**-900  # below it residuals would be subnormal, and the leading term is exact for _LIFT times as much
_LIFT = 2.0**600


def exp_minus(x: Any) -> Any:
    """Return exp(-x) for 0 <= x; beyond 708 the value at 708."""
    x = where(x < 708.0, x, 708.0)
    n = (x * _PER_LOG2 + _ROUNDER) - _ROUNDER
    r = (n * LOG2_HIGH - x) + n * LOG2_LOW
    power = as_float(as_bits(_ROUNDER + (1023.0 - n)) << 52)  # 2^-n
    return power * (1.0 + (r + r * r * polynomial(EXP[2:], r)))


def tanh_pair(x: Any) -> Any:
    """Return tanh x and x - tanh x for x >= 0, both without cancellation."""
    inside = where(x < TANH_LIMIT, x, TANH_LIMIT)
    y = inside * inside
    e = exp_minus(2.0 * x)
    near = x < TANH_LIMIT
    above = where(near, inside * y * polynomial(TANH_NUMERATOR, y), 2.0 * e)
    ratio = above / where(near, polynomial(TANH_DENOMINATOR, y), 1.0 + e)  # x - tanh x, or 1 - tanh x
    tanh = where(near, inside, 1.0) - ratio
    return tanh, where(near, ratio, x - tanh)


def rough_root(x: Any) -> Any:
    """Return the cube root of x > 0 within a few parts in 1e5."""
    y = as_float((as_bits(x) >> 32) * 1431655766 + 3071306043645493248)  # a third of the exponent
    cube = y * y * y
    return y * ((cube + (x + x)) / (cube + cube + x))


def rough_log(x: Any) -> Any:
    """Return log x within 0.06."""
    scaled = as_float((as_bits(x) >> 12) | _LARGE) - 4503599627370496.0  # the bits, as a number, over 2^12
    return scaled * 6.304136882681135e-13 - 709.06  # log 2/2^40


def halley(newton: Any, bend: Any) -> Any:
    """Return Halley's step from Newton's and bend = f''/f'; Newton's where the correction would turn it round."""
    shrink = 1.0 - 0.5 * newton * bend
    return newton / where(shrink > 0.0, shrink, 1.0)


def descend(x: Any, step: Any) -> Any:
    """Return x - step, or x/2 where that would leave x > 0."""
    return where(step < x, x - step, 0.5 * x)


def prepare(g: Any, size: Any) -> Any:
    """Return eta_f rounded to nearest, the exact gap eta_f - E rounded, u_f and a, for g > 1 (of g = 2 elsewhere)."""
    above = where(g > 1.0, g, 2.0)
    d, d_low = two_sum(above, -1.0)
    fold, fold_low, fold_u = fold_point(d, d_low)
    return fold, (fold - size) + fold_low, fold_u, sqrt(d / above)


def middle_kind(g: Any, size: Any, fold_u: Any) -> Any:
    """Return 0, 1, 2 where the middle root is best solved by `before`, `saturated` and `small`."""
    most = 0.6 * fold_u
    border = where(most < fold_u - 1.0, fold_u - 1.0, most)
    tanh, rest = tanh_pair(border)
    before = size > where(border < 1.0, (g - 1.0) * border - g * rest, g * tanh - border)  # w > border
    saturated = (border > 0.65) & (size > g * 0.5716699660851172 - 0.65)  # w > 0.65
    return where(before, 0, where(saturated, 1, 2))


def lifted(size: Any) -> Any:
    """Return E, or _LIFT times a tiny E."""
    return where(size < _TINY, size * _LIFT, size)


def only_lowered(g: Any, size: Any, u: Any) -> Any:
    """Undo `lifted`: the root is linear in a tiny E, but goes with its cube root at g = 1."""
    lowered = where(g < 1.0, u * _LIFT**-1, u * 2.0**-200)
    return where(size > 0.0, where(size < _TINY, lowered, u), 0.0)


def small_lowered(size: Any, w: Any) -> Any:
    """Undo `lifted`."""
    return where(size < _TINY, w * _LIFT**-1, w)


def only_start(g: Any, size: Any) -> Any:
    """Start for `only_step`: the least of three upper bounds of the root, one for each regime."""
    linear = size / where(g < 1.0, 1.0 - g, 1e-300)
    cubic = rough_root(size * 3.0 / where(g > 0.5, g, 0.5))
    outer = size + g
    least = where((cubic < linear) & (g > 0.5), cubic, linear)
    return where(least < outer, least, outer)


def only_step(g: Any, size: Any, u: Any) -> Any:
    """Improve the root of (1 - g) u + g (u - tanh u) = E for 0 <= g <= 1."""
    t, rest = tanh_pair(u)
    over = 1.0 / ((1.0 - g) + g * t * t)
    newton = ((1.0 - g) * u + g * rest - size) * over
    return descend(u, halley(newton, 2.0 * g * t * (1.0 - t * t) * over))


def beyond_start(a: Any, level: Any) -> Any:
    """Start for `beyond_step`: the least of three upper bounds."""
    near = sqrt(level / a)
    cubic = rough_root(3.0 * level)
    outer = level + 1.0 / (1.0 + a)
    least = where(near < cubic, near, cubic)
    return where(least < outer, least, outer)


def beyond_step(a: Any, level: Any, d: Any) -> Any:
    """Improve the root of (d - t) + a t^2/(1 + a t) = level, d > 0: convex and increasing.

    Halley's step, brought to one division: n/q^2 is the derivative, with q = 1 + a t, and w is half of q times the
    value (half, for level may be near the end of the floats).
    """
    t, rest = tanh_pair(d)
    q = 1.0 + a * t
    n = t * (2.0 * a + t * (1.0 + a * a))
    w = 0.5 * q * (rest - level) + 0.5 * a * t * t
    below = n * n - 2.0 * w * ((1.0 - t * t) * (t + a))
    return descend(d, w * (2.0 * q * n / where(below > 0.0, below, n * n)))


def before_start(a: Any, gap: Any) -> Any:
    """Start for `before_step`."""
    x = sqrt(gap / a)
    return where(x < 0.7, x, 0.5 * rough_log(1.0 + 2.0 * x + 2.0 * gap))


def before_step(g: Any, a: Any, gap: Any, y: Any) -> Any:
    """Improve the root of a t^2/(1 - a t) - (y - t) = gap, 0 < y <= max(0.4 u_f, 1)."""
    t, rest = tanh_pair(y)
    e = exp_minus(2.0 * y)
    q = 1.0 / (g * (1.0 + a)) + 2.0 * a * (e / (1.0 + e))  # 1 - a t
    n = t * (2.0 * a - t * (1.0 + a * a))
    over = 1.0 / n
    newton = q * (a * t * t - q * (rest + gap)) * over
    return descend(y, halley(newton, 2.0 * (1.0 - t * t) * (a - t) * over / q))


def saturated_start(g: Any, size: Any) -> Any:
    """Start for `saturated_step`: two rounds of w = log(2 g/(g - E - w) - 1)/2."""
    w = 0.5 * rough_log(2.0 * (g / (g - size)) - 0.999)
    rest = (g - size) - where(w > 0.5, w, 0.5)
    w = 0.5 * rough_log(2.0 * (g / where(rest > 1.0, rest, 1.0)) - 0.999)
    return where(w > 0.5, w, 0.5)


def saturated_step(g: Any, size: Any, w: Any) -> Any:
    """Improve the root of w + 2 g/(1 + exp 2w) = g - E between 0.65 and u_f - 1."""
    e = exp_minus(2.0 * w)
    tail = g * (2.0 * e / (1.0 + e))
    first = 1.0 - 2.0 * tail / (1.0 + e)
    newton = (w + tail - (g - size)) / first
    return descend(w, halley(newton, 4.0 * tail * (1.0 - e) / ((1.0 + e) * (1.0 + e)) / first))


def small_start(g: Any, size: Any) -> Any:
    """Start for `small_step`: two terms of the series in E."""
    w = size / (g - 1.0)
    return w + w * (w * w * (g / (3.0 * (g - 1.0))))


def small_step(g: Any, size: Any, w: Any) -> Any:
    """Improve the root of (g - 1) w - g (w - tanh w) = E for 0 <= w <= 0.65."""
    t, rest = tanh_pair(w)
    first = (g - 1.0) - g * t * t
    over = 1.0 / first
    newton = ((g - 1.0) * w - g * rest - size) * over
    return descend(w, halley(newton, -2.0 * t * (1.0 - t * t) * (g * over)))


def gain_start(eta: Any) -> Any:
    """Start for `gain_step`: two terms of the series at the cusp, or d = eta - 1/2 + log(4 d + 2)/2 far from it."""
    cubed = rough_root(2.25 * eta * eta)
    return where(eta < 1.0, cubed * (1.0 + 0.2 * cubed), eta - 0.5 + 0.5 * rough_log(4.0 * eta + 4.0))


def gain_step(eta: Any, d: Any) -> Any:
    """Improve the root of eta_f(1 + d) = eta, d > 0: slope sqrt(d/(1 + d))."""
    fold, fold_low, _ = fold_point(d, 0.0)
    newton = ((fold - eta) + fold_low) / sqrt(d / (1.0 + d))
    return descend(d, halley(newton, 0.5 / d / (1.0 + d)))


def gain_finish(size: Any, d: Any) -> Any:
    """Return the gain; below 1e-30 it is 1 to the last digit."""
    return where(size < 1e-30, 1.0, 1.0 + d)
