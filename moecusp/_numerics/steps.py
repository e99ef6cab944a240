"""The equilibria of the two-expert router: the equation of each root, its starting value and the two steps to it.

By symmetry E = |eta| >= 0. With a = sqrt((g - 1)/g), u_f = arsinh sqrt(g - 1) and t = tanh d the outer roots
+-(u_f + d) for g > 1 solve

    (d - t) + a t^2/(1 + a t) = L,    L = eta_f + E (right),  eta_f - E (left),

in which nothing cancels; the middle root near the fold is -(u_f - y), where d = -y solves the same equation (the left
one's) and a y, L change sign. All other roots solve

    (1 - g) u + g (u - tanh u) = E:

a root that is certain to be the only one, and the middle root -w, for which E changes sign; where tanh saturates the
equation is written (u - E) - g + g (1 - tanh u) = 0 (docs/theory.md, section 3).

Formulas only, under the same rule as `double`: every backend runs this code and returns the same bits. A starting value
is within 10 % (up to E = 1e9, beyond which the equations are linear); the first step, of order four, takes it to a few
parts in 1e5 with a quick tanh; the second, Halley's with all digits, to the float. How many roots there are, and which
equation the middle one solves, follows from `alone`, `prepare` and `middle_kind`.
"""

from __future__ import annotations

from typing import Any

from moecusp._numerics.double import fold_point, two_product, two_sum
from moecusp._numerics.elementary import (
    exponential_fraction,
    quarter_exponential,
    quick_fraction,
    rough_log,
    rough_reciprocal_sqrt,
    rough_root,
    rough_sqrt,
    rough_tanh,
    tanh_pair,
    tanh_parts,
)
from moecusp._numerics.operations import greatest, least, patched, split, sqrt, where

_FAR = 1e9  # this far out the equations are linear, and one step finds the root from anywhere


def halley(newton: Any, bend: Any) -> Any:
    """Return Halley's step from Newton's and bend = f''/f'."""
    return newton / (1.0 - 0.5 * newton * bend)


def householder(newton: Any, bend: Any, twist: Any) -> Any:
    """Return the step of order four from Newton's, bend = f''/f' and twist = f^(3)/f'."""
    half = 0.5 * newton * bend
    return newton * (1.0 - half) / (1.0 - 2.0 * half + newton * newton * twist * (1.0 / 6.0))


def descend(x: Any, step: Any) -> Any:
    """Return x - step, but at least x/2."""
    return greatest(x - step, 0.5 * x)


def alone(g: Any, size: Any) -> Any:
    """Return where there is certainly one root, which `only` finds; elsewhere it takes the fold to know.

    eta_f(1 + d)^2 < 4 d^3/(9 + 4 d), statement ``fold.outer``.
    """
    d = g - 1.0
    beyond = size * size * (9.0 + 4.0 * d) > 4.00000000000004 * d * d * d  # for rounding
    return (g <= 1.0) | (beyond & (g < 8.0))


def prepare(g: Any, size: Any) -> Any:
    """Return eta_f rounded to nearest, the exact gap eta_f - E rounded, u_f and a, for g > 1."""
    d, d_low = two_sum(g, -1.0)
    fold, fold_low, fold_u, a = fold_point(d, d_low)
    return fold, (fold - size) + fold_low, fold_u, a


def middle_kind(g: Any, size: Any, fold_u: Any) -> Any:
    """Return 0, 1, 2 where the middle root is best solved by `before`, `saturated` and `small`."""
    border = greatest(fold_u - 1.0, 0.6 * fold_u)
    tanh, rest = tanh_pair(border)
    before = size > where(border < 1.0, (g - 1.0) * border - g * rest, g * tanh - border)  # w > border
    saturated = (border > 0.65) & (size > g * 0.5716699660851172 - 0.65)  # w > 0.65
    return where(before, 0, where(saturated, 1, 2))


def fold_quick(a: Any, level: Any, d: Any) -> Any:
    """Improve d roughly: the step of order four for (d - t) + a t^2/(1 + a t) = level, brought to one division.

    With t = T/D and 1 + a t = Q/D, N/Q^2 is the derivative and W/(Q D) the value.
    """
    t, rest, below = quick_fraction(d)
    q = below + a * t
    s = below * below - t * t
    turn = t + a * below
    n = t * (2.0 * a * below + t * (1.0 + a * a))
    w = q * (rest - least(level, _FAR) * below) + a * t * t
    bend = s * turn * w
    twist = s * ((s - 2.0 * t * turn) * q - 3.0 * a * s * turn) * (w * w) * 0.3333333333333333
    square = n * n * below
    change = below * q * w * (square - bend) / (below * below * n * (square - 2.0 * bend) + twist)
    return descend(d, change)


def fold_step(a: Any, level: Any, d: Any) -> Any:
    """Improve d: Halley's step for (d - t) + a t^2/(1 + a t) = level, brought to one division.

    n/q^2 is the derivative, and w is half of q times the value (half, for level may be near the end of the floats).
    """
    t, rest = tanh_pair(d)
    q = 1.0 + a * t
    n = t * (2.0 * a + t * (1.0 + a * a))
    w = 0.5 * q * (rest - level) + 0.5 * a * t * t
    below = n * n - 2.0 * w * ((1.0 - t * t) * (t + a))
    return d - w * (2.0 * q * n / below)


def beyond_start(a: Any, level: Any) -> Any:
    """Return roughly how far an outer root lies beyond its fold."""
    third = 0.3333333333333333 * (1.0 - a) * rough_root(3.0 * level)
    near = rough_sqrt(level / (a + third))
    t = rough_tanh(near)
    far = level + t * (1.0 - a * t * (0.96 - 0.46 * a * t))
    return greatest(near, far)


def beyond(a: Any, level: Any) -> Any:
    """Return how far an outer root lies beyond its fold."""
    return fold_step(a, level, fold_quick(a, level, beyond_start(a, level)))


def before_start(a: Any, gap: Any) -> Any:
    """Return roughly how far a middle root, in the outer part of its range, lies before its fold: at most 1."""
    near = sqrt(gap / a)
    return sqrt(gap / (a + (a * a - 0.3333333333333333) * near))


def before(a: Any, gap: Any) -> Any:
    """Return how far a middle root, in the outer part of its range, lies before its fold."""
    return fold_step(-a, -gap, fold_quick(-a, -gap, before_start(a, gap)))


def direct_quick(c: Any, g: Any, level: Any, u: Any) -> Any:
    """Improve u roughly: the step of order four for c u + g (u - tanh u) = level, brought to one division.

    With tanh u = T/D, n/D is the value and p/D^2 the derivative.
    """
    t, rest, below = quick_fraction(u)
    s = below * below - t * t
    n = (c * u - least(level, _FAR)) * below + g * rest
    p = c * (below * below) + g * t * t
    bend = g * t * s * n
    twist = g * s * (below * below - 3.0 * t * t) * (n * n) * 0.3333333333333333
    square = p * p
    change = below * n * (square - bend) / (p * (square - 2.0 * bend) + twist)
    return descend(u, change)


def direct_step(g: Any, level: Any, u: Any) -> Any:
    """Improve u: Halley's step for (1 - g) u + g (u - tanh u) = level."""
    t, rest = tanh_pair(u)
    over = 1.0 / ((1.0 - g) + g * t * t)
    newton = ((1.0 - g) * u + g * rest - level) * over
    return u - halley(newton, 2.0 * t * (1.0 - t * t) * (g * over))


def only_step(g: Any, level: Any, u: Any) -> Any:
    """Improve u as `direct_step` does; from 1 on the terms that cancel are taken together."""
    near, base, ratio = tanh_parts(u)  # tanh u = base - ratio, base being u or 1
    t = base - ratio
    over = 1.0 / ((1.0 - g) + g * t * t)
    newton = (where(near, (1.0 - g) * u - level, (u - level) - g) + g * ratio) * over
    return u - halley(newton, 2.0 * t * (1.0 - t * t) * (g * over))


def lift(size: Any, tiniest: float, tiny: float) -> Any:
    """Return a factor for tiny E."""
    return where(size < 2.0**-750, tiniest, where(size < 2.0**-430, tiny, 1.0 + 0.0 * size))


def lifted(size: Any) -> Any:
    """Return E, or for a tiny E a multiple that keeps the squares of residuals from underflowing.

    It is still so tiny that the root is linear in it, or at g = 1 goes with its cube root.
    """
    return patched((1.0 * size,), size < 2.0**-430, lambda size: (size * lift(size, 2.0**636, 2.0**318),), size)[0]


def only_start(g: Any, e: Any) -> Any:
    """Return an only root roughly."""
    root = rough_root(e * 3.0 / greatest(g, 0.1))
    (near,) = split(g > 1.0, above_start, below_start, g, root, 1.0 / e)
    far = e + g * rough_tanh(near)
    return greatest(near, far)


def above_start(g: Any, root: Any, over: Any) -> Any:
    """Return a small only root for g > 1 roughly, from that for g - 1 = 0 and 1/E."""
    part = 0.3333333333333333 * root * root * over  # 1/(g root), but for errors of the rough root
    near = root + (g - 1.0) * part * (2.0 - g * root * part)
    small = least(near, 1.5)
    return (near * (1.0 + 0.13 * small * small),)


def below_start(g: Any, root: Any, over: Any) -> Any:
    """Return a small only root for g <= 1 roughly, from that for g - 1 = 0 and 1/E."""
    small = least(root, 1.5)
    cubic = root * (1.0 + 0.13 * small * small)
    part = (1.0 - g) * cubic * over
    return (cubic * rough_reciprocal_sqrt(1.0 + part * (part + 0.2)),)


def only_lowered(g: Any, size: Any, u: Any) -> Any:
    """Undo `lifted`."""

    def lowered(g: Any, size: Any, u: Any) -> Any:
        down = where(g < 1.0, lift(size, 2.0**-636, 2.0**-318), lift(size, 2.0**-212, 2.0**-106))
        return (where(size > 0.0, u * down, 0.0),)

    return patched((1.0 * u,), size < 2.0**-430, lowered, g, size, u)[0]


def only(g: Any, size: Any) -> Any:
    """Return the root where `alone` says that there is one, E >= 0."""
    e = lifted(size)
    return only_lowered(g, size, only_step(g, e, direct_quick(1.0 - g, g, e, only_start(g, e))))


def small_rough(g: Any, e: Any) -> Any:
    """Return a middle root below 0.65 roughly: three terms of the series in E, improved for the equation over g."""
    linear = e / (g - 1.0)
    over = 1.0 / g
    ratio = linear * linear * (g / (3.0 * (g - 1.0)))
    start = linear * (1.0 + ratio * (1.0 + 3.0 * ratio))
    return direct_quick((1.0 - g) * over, 1.0, -e * over, start)


def small_lowered(size: Any, w: Any) -> Any:
    """Undo `lifted`."""
    down = lambda size, w: (w * lift(size, 2.0**-636, 2.0**-318),)  # noqa: E731
    return patched((1.0 * w,), size < 2.0**-430, down, size, w)[0]


def small(g: Any, size: Any) -> Any:
    """Return a middle root below 0.65."""
    e = lifted(size)
    return small_lowered(size, direct_step(g, -e, small_rough(g, e)))


def saturated_step(g: Any, size: Any, w: Any) -> Any:
    """Improve the root of w + g (1 - tanh w) = g - E between 0.65 and u_f - 1: the step of order four."""
    a, b = exponential_fraction(w)
    over = 1.0 / (a + b)
    rest = 2.0 * a * over  # 1 - tanh w
    t = (b - a) * over
    s = rest * (2.0 * b * over)
    first = 1.0 / (1.0 - g * s)
    newton = (w + g * rest - (g - size)) * first
    return descend(w, householder(newton, 2.0 * t * s * (g * first), 2.0 * s * (1.0 - 3.0 * t * t) * (g * first)))


def saturated_start(g: Any, size: Any) -> Any:
    """Return roughly a middle root where tanh saturates: two rounds of w = log(2 g/(g - E - w) - 1)/2."""
    w = 0.5 * rough_log(2.0 * (g / (g - size)) - 1.0)
    rest = (g - size) - greatest(w, 0.7)
    w = 0.5 * rough_log(2.0 * (g / greatest(rest, 1.0)) - 1.0)
    return greatest(w, 0.7)


def saturated_finish(g: Any, size: Any, w: Any) -> Any:
    """Improve w as `saturated_step` does, the value evaluated in pairs: it is a small sum of terms of the size of g."""

    def plainly(g: Any, size: Any, w: Any) -> Any:
        return (saturated_step(g, size, w),)

    e, e_low = quarter_exponential(2.0 * w)
    d, d_low = two_sum(4.0 * e, 1.0)
    d_low = d_low + 4.0 * e_low
    rest = 2.0 / d  # 1 - tanh w
    product, error = two_product(rest, d)
    rest_low = ((2.0 - product) - error - rest * d_low) / d
    tail, tail_low = two_product(g, rest)
    total, total_low = two_sum(tail, -(g - size))
    gap_low = two_sum(g, -size)[1]
    value = (total + w) + (total_low + (tail_low + g * rest_low - gap_low))
    s = rest * (2.0 - rest)
    first = 1.0 / (1.0 - g * s)
    t = 1.0 - rest
    better = w - householder(value * first, 2.0 * t * s * (g * first), 2.0 * s * (1.0 - 3.0 * t * t) * (g * first))
    return patched((better,), g > 1e280, plainly, g, size, w)[0]  # where products overflow


def saturated(g: Any, size: Any) -> Any:
    """Return a middle root where tanh saturates."""
    return saturated_finish(g, size, saturated_step(g, size, saturated_start(g, size)))


def gain_step(eta: Any, d: Any) -> Any:
    """Improve the root of eta_f(1 + d) = eta, d > 0: Halley's step, with the slope sqrt(d/(1 + d)) = tanh u_f."""
    fold, fold_low, _, slope = fold_point(d, 0.0 * d)
    newton = ((fold - eta) + fold_low) / slope
    return descend(d, halley(newton, 0.5 / d / (1.0 + d)))


def gain(size: Any) -> Any:
    """Return the g >= 1 with eta_f(g) = E; below 1e-30 it is 1 to the last digit.

    It starts from two terms of the series at the cusp, or from d = E - 1/2 + log(4 d + 2)/2 far from it.
    """
    eta = greatest(size, 1e-30)
    cubed = rough_root(2.25 * eta * eta)
    d = where(eta < 1.0, cubed * (1.0 + 0.2 * cubed), eta - 0.5 + 0.5 * rough_log(4.0 * eta + 4.0))
    d = gain_step(eta, gain_step(eta, gain_step(eta, d)))
    return where(size < 1e-30, 1.0, 1.0 + d)
