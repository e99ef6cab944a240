"""The optimal path out of a well, enclosed: the implicit half-length kappa at points and on complex balls.

In the centre m = (u + w)/2 and half-length kappa = (u - w)/2 of the segment between u and w = u + p g the momentum's
equation says that the mean of tanh over [m - kappa, m + kappa] is (m + kappa - eta)/g. Two coordinates serve,

- along m > 0: Phi = kappa + m - eta - g mean(m, kappa), which rises with kappa at a rate of at least 1, for the mean
  of tanh over a segment about m > 0 falls as the segment grows;
- along u: Phi = u - eta - g mean(u - kappa, kappa), which rises with kappa, for the mean of tanh over [u - 2 kappa, u]
  falls.

So there is one positive root wherever F > 0, and it is analytic. Means of f', f'' over a segment lie in the convex hull
of their values on any ball that contains it: balls are convex, also complex ones. Away from kappa = 0 the derivatives
of Psi = 2 kappa Phi are sharper on balls: they are sums of u, kappa, tanh u and tanh w.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from flint import acb, arb, ctx

from moecusp.certify.balls import Ball, root
from moecusp.certify.escape_means import TINY, float_log_cosh, log_cosh, mean_tanh

_SPARE = 44  # bits that differences over longer ones may lose
_ROUGH = 2.0**-10  # half-lengths below which floating point is of no use
_STEPS = 12
_CLOSE = 46  # bits of a root from which one step over a ball of slopes gives twice as many
_TRIES = 8
_FEW = 60
_DOUBLINGS = 200


class Tube(NamedTuple):
    """kappa(x) - centre - slope (x - middle) lies in rest for every x in a ball; nothing is known if rest is None."""

    middle: Ball
    centre: Ball
    slope: Ball
    tight: bool  # whether kappa is known well at the middle, for the ball's size
    rest: Any = None

    def on(self, x: Ball) -> Ball:
        """Return about kappa."""
        return self.centre + self.slope * (x - self.middle)


Rates = Callable[[Any, Any, Any], tuple[Any, Any]]


class Line(NamedTuple):
    """k, u and w on balls around a line."""

    k: Any
    u: Any
    w: Any


@dataclass(frozen=True)
class Path:
    """kappa as a function of m or of u, for every gain and asymmetry in two balls."""

    gain: Ball
    asymmetry: Ball
    along_u: bool

    def ends(self, x: Any, k: Any) -> tuple[Any, Any]:
        """Return u and w."""
        return (x, x - 2 * k) if self.along_u else (x + k, x - k)

    def value(self, x: Ball, k: Ball) -> Ball:
        """Return Phi at real x and k."""
        m = x - k if self.along_u else x
        return m + k - self.asymmetry - self.gain * mean_tanh(m, k)

    def at(self, x: Ball, bits: int, guess: Ball | None = None) -> Ball:
        """Return kappa over a narrow ball of real x; not a finite one if F > 0 is not certain and kappa not found.

        Newton's method from the guess: where a step from its last point, over the slopes on a ball about that, stays in
        the ball, Phi has its root there. Without a guess, or if that fails, by bisection to bits - 40 bits.
        """
        if guess is not None and guess > 0:
            k = self._roughly(x, guess)
            for _ in range(_STEPS):
                value, slope = self._newton(x, k)
                step = (value / slope).mid()
                if not 2 * abs(step) < k:
                    break
                if abs(step) < k.min(arb(1)) * 2.0**-_CLOSE:  # slopes change within lengths of 1
                    found = self._certain(x, k, value, step)
                    if found is not None:
                        return found
                    break
                k = (k - step).mid()
        return self._bracketed(x, bits)

    def _certain(self, x: Ball, k: Ball, value: Ball, step: Ball) -> Ball | None:
        error = 2 * abs(step) + k / 2 ** int(ctx.prec)
        for _ in range(_TRIES):
            cell = k + arb(0, 1) * error
            if not cell > 0:
                break
            change = value / self._newton(x, cell)[1]
            if change.abs_upper() < error:
                return k - change
            error = 2 * change.abs_upper().max(error)
        return None

    def _roughly(self, x: Ball, guess: Ball) -> Ball:
        """Return about kappa, by Newton's method in floating point where that has the digits."""
        k, y, gain, asymmetry = float(guess), float(x), float(self.gain), float(self.asymmetry)
        if k < _ROUGH or gain > 1 / _ROUGH**4:
            return guess.mid()
        for _ in range(_STEPS):
            u, w = self.ends(y, k)
            start, mean = math.tanh(w), (float_log_cosh(u) - float_log_cosh(w)) / (2 * k)
            rise = gain * (mean - start) / k if self.along_u else 1 - gain * ((start + math.tanh(u)) / 2 - mean) / k
            step = (u - asymmetry - gain * mean) / rise if rise > 0 else math.inf
            if not 2 * abs(step) < k:
                return guess.mid()
            k -= step
            if abs(step) < k / 2**20:
                break
        return arb(k)

    def _newton(self, x: Ball, k: Ball) -> tuple[Ball, Ball]:
        """Return Phi and its derivative in k at real x and k > 0."""
        u, w = self.ends(x, k)
        if not k > TINY:
            _, across = self.hulls(u, w, k)
            return self.value(x, k), across
        start, end = w.tanh(), u.tanh()
        mean = (log_cosh(u) - log_cosh(w)) / (2 * k)
        value = u - self.asymmetry - self.gain * mean
        if self.along_u:
            return value, self.gain * (mean - start) / k
        return value, 1 - self.gain * ((start + end) / 2 - mean) / k

    def _bracketed(self, x: Ball, bits: int) -> Ball:
        force = -self.value(x, arb(0))
        if not force > 0:
            return arb.nan()
        high = (force * 1.125).upper()
        while not self.value(x, high) > 0:
            high = (2 * high).upper()
            if high > 2**20 * (1 + self.gain + abs(self.asymmetry)):
                return arb.nan()
        with ctx.workprec(int(ctx.prec) + _SPARE):
            return root(lambda k: self.value(x, k), lambda k: self._newton(x, k)[1], arb(0), high, bits)

    def most(self, x: Ball) -> Ball:
        """Return a bound on kappa over a ball of real x: where Phi is certainly positive."""
        k = (self.value(x, arb(0)).abs_upper() + arb(2) ** -int(ctx.prec)).upper()
        for _ in range(_DOUBLINGS):
            if self.value(x, k) > 0:
                return k
            k = (2 * k).upper()
        return arb.nan()

    def over(self, x: Ball, guess: Ball) -> Ball:
        """Return kappa over a ball of real x where F > 0, however wide it is."""
        found = self.at(x, _FEW, guess)
        return found if found.is_finite() else arb(0).union(self.most(x))

    def hulls(self, u: Any, w: Any, k: Any) -> tuple[Any, Any]:
        """Return the derivatives of Phi in the coordinate and in kappa, from hulls."""
        t = u.union(w).tanh()
        slope = self.gain * (1 - t * t)
        growth = slope * t * k * 2 / 3  # minus g times the mean's derivative in kappa at a fixed m
        return 1 - slope, slope + growth if self.along_u else 1 + growth

    def products(self, u: Any, w: Any, k: Any) -> tuple[Any, Any]:
        """Return the derivatives of Psi in the coordinate and in kappa."""
        start, end = self.gain * w.tanh(), self.gain * u.tanh()
        level = 2 * (u - self.asymmetry)
        return 2 * k - end + start, level - 2 * start if self.along_u else level + 2 * k - start - end

    def tube(self, x: Any, guess: Ball | None = None) -> Tube:
        """Return a tube about kappa on a ball about a real number, where it is proved to be analytic.

        Let l be the line. Where -f(x, l(x))/f_k(x, l + rest) lies inside rest for every x, f = Phi or Psi, f has one
        root in l + rest for each x, and by the implicit function theorem it is analytic. It is kappa if it is so at the
        middle. f(x, l(x)) is f(middle, centre) and the mean value theorem's (f_x + slope f_k)(x - middle).
        """
        middle = x.real.mid()
        start = self.at(middle, _FEW, guess)
        centre = start.mid()
        if not start.is_finite():
            return Tube(middle, centre, arb(0), tight=False)
        apart = x - middle
        starts, rates = self.ends(middle, centre), self.hulls if centre < TINY else self.products
        along, across = rates(*starts, centre)
        slope = -(along / across).mid()
        if not slope.is_finite():
            return Tube(middle, centre, arb(0), tight=False)
        u, w = (y + d * apart for y, d in zip(starts, self._shares(slope), strict=True))
        line = Line(centre + slope * apart, u, w)
        value, spread = self.value(middle, centre), start - centre
        rest = self._rest(self.hulls, line, slope, value, apart, spread)
        if rest is None and not line.k.contains(0):
            rest = self._rest(self.products, line, slope, 2 * centre * value, apart, spread)
        return Tube(middle, centre, slope, bool(4 * start.rad() < apart.abs_upper()), rest)

    def _rest(self, rates: Rates, line: Line, slope: Ball, value: Ball, apart: Any, spread: Ball) -> Any:
        """Return a ball that a step from the line takes into its own interior, or None."""
        along, across = rates(line.u, line.w, line.k)
        value = value + (along + slope * across) * apart
        rest = _inflated(-value / across, spread)
        for _ in range(_TRIES):
            k = line.k + rest
            if rates == self.products and k.contains(0):
                return None
            u, w = (line.u, line.w - 2 * rest) if self.along_u else (line.u + rest, line.w - rest)
            across = rates(u, w, k)[1]
            if not across.is_finite() or across.contains(0):
                return None
            step = -value / across
            if _inside(step, rest):
                return step
            rest = _inflated(step, spread)
        return None

    def _shares(self, slope: Ball) -> tuple[Ball, Ball]:
        """Return the derivatives of u and w along the line."""
        return (arb(1), 1 - 2 * slope) if self.along_u else (1 + slope, 1 - slope)


def _inflated(x: Any, start: Ball) -> Any:
    """Return a ball about x and start, symmetric about the real axis and wider than both."""
    real = x.real.union(start)
    more = real.abs_upper() / 4
    tall = x.imag.abs_upper() * 5 / 4 + more / 16
    return acb(real + arb(0, 1) * more, arb(0, 1) * tall)


def _inside(inner: Any, outer: Any) -> bool:
    return bool(inner.is_finite()) and all(
        a.lower() < b.lower() and b.upper() < a.upper() for a, b in ((outer.real, inner.real), (outer.imag, inner.imag))
    )
