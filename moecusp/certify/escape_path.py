"""The optimal path out of a well, enclosed: the implicit half-length kappa at points and on complex balls.

In the centre m = (u + w)/2 and half-length kappa = (u - w)/2 of the segment between u and w = u + p g the momentum's
equation says that the mean of tanh over [m - kappa, m + kappa] is (m + kappa - eta)/g. Two coordinates serve,

- along m > 0: Phi = kappa + m - eta - g mean(m, kappa), which rises with kappa at a rate of at least 1, for the mean
  of tanh over a segment about m > 0 falls as the segment grows;
- along u: Phi = u - eta - g mean(u - kappa, kappa), which rises with kappa, for the mean of tanh over [u - 2 kappa, u]
  falls.

So there is one positive root wherever F > 0, and it is analytic. Means of f', f'' over a segment lie in the convex hull
of their values on any ball that contains it: balls are convex, also complex ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flint import acb, arb, ctx

from moecusp.certify.balls import Ball, root

_TINY = 2.0**-20  # half-lengths below which derivatives come from their hulls, and the mean from its series
_SMALL = 0.25  # and, on wide balls, below which the mean comes from its series
_SPARE = 44  # bits that differences over longer ones may lose


@dataclass(frozen=True)
class Path:
    """kappa as a function of m or of u, for every gain and asymmetry in two balls."""

    gain: Ball
    asymmetry: Ball
    along_u: bool

    def _centre(self, x: Any, k: Any) -> Any:
        return x - k if self.along_u else x

    def value(self, x: Any, k: Any) -> Any:
        """Return Phi."""
        m = self._centre(x, k)
        return m + k - self.asymmetry - self.gain * mean_tanh(m, k)

    def slope(self, x: Any, k: Any) -> Any:
        """Return its derivative in kappa."""
        m = self._centre(x, k)
        if self.along_u:
            return self.gain * (mean_slope(m, k) - mean_growth(m, k))
        return 1 - self.gain * mean_growth(m, k)

    def drag(self, x: Any, k: Any) -> Any:
        """Return its derivative in the coordinate."""
        return 1 - self.gain * mean_slope(self._centre(x, k), k)

    def at(self, x: Ball, bits: int) -> Ball:
        """Return kappa at an exact real x where F > 0: not a finite ball if F > 0 is not certain."""
        force = -self.value(x, arb(0))
        if not force > 0:
            return arb.nan()
        high = (force * 1.125).upper()
        while not self.value(x, high) > 0:
            high = (2 * high).upper()
            if high > 2**20 * (1 + self.gain + abs(self.asymmetry)):
                return arb.nan()
        with ctx.workprec(60 + _SPARE):
            k = root(lambda k: self.value(x, k), lambda k: self.slope(x, k), arb(0), high, 60).mid()
        for _ in range(bits // 80 + 1):
            k = (k - self.value(x, k) / self.slope(x, k)).mid()
        error = (k / arb(2) ** (bits - 40)).upper()
        low, high = (k - error).lower(), (k + error).upper()
        if self.value(x, low) < 0 and self.value(x, high) > 0:  # certain, for Phi rises
            return low.union(high)
        return root(lambda k: self.value(x, k), lambda k: self.slope(x, k), arb(0), high, bits)

    def on(self, x: Any, bits: int) -> Any:
        """Return kappa on a ball about a real number; not finite unless kappa is proved to be analytic there.

        Where a Newton step from kappa_c, exact, takes a ball X into its own interior for every x, Phi has one root in X
        for each x, and by the implicit function theorem it is analytic. It is kappa if X contains kappa(x_c).
        """
        if not isinstance(x, acb):
            x = acb(x)
        middle = x.real.mid()
        narrow = x.rad() < arb(2) ** -(bits // 2)
        start = self.at(middle, bits if narrow else 60)
        if x.is_exact() and x.imag == 0:
            return acb(start)
        if not start.is_finite() or x.imag.mid() != 0:
            return acb(arb.nan())
        centre = start.mid()
        rest = self.value(middle, centre) + self.drag(x, acb(centre)) * (x - middle)
        cell = _inflated(centre - rest / self.slope(x, acb(centre)), start)
        for _ in range(6):
            slope = self.slope(x, cell)
            if not slope.is_finite() or slope.contains(0):
                break
            step = centre - rest / slope
            if _inside(step, cell) and cell.contains(acb(start)):
                return step
            cell = _inflated(step, start)
        return acb(arb.nan())


def _inflated(x: Any, start: Ball) -> Any:
    """Return a ball about x and start, symmetric about the real axis and wider than x."""
    real = x.real.union(start)
    more = real.rad() / 4 + abs(start) / 2**30
    tall = x.imag.abs_upper() * 5 / 4 + abs(start) / 2**30
    return acb(real + arb(0, 1) * more, arb(0, 1) * tall)


def _inside(inner: Any, outer: Any) -> bool:
    return bool(inner.is_finite()) and all(
        a.lower() < b.lower() and b.upper() < a.upper() for a, b in ((outer.real, inner.real), (outer.imag, inner.imag))
    )


def mean_tanh(m: Any, k: Any) -> Any:
    """Return the mean of tanh over [m - k, m + k] = tanh m A(tanh m tanh k) tanh k/k, A(x) = artanh(x)/x."""
    if not k.abs_upper() < (
        _TINY if m.is_exact() and k.is_exact() else _SMALL
    ):  # direct: sharper at points, worse on wide balls
        return (_log_cosh(m + k) - _log_cosh(m - k)) / (2 * k)
    t = m.tanh()
    return t * _artanh_ratio(t * k.tanh()) * _sinh_ratio(k) / k.cosh()


def mean_slope(m: Any, k: Any) -> Any:
    """Return its derivative in m, the mean of sech^2."""

    def direct() -> Any:
        return ((m + k).tanh() - (m - k).tanh()) / (2 * k)

    return _better(m, k, direct, lambda: 1 - _along(m, k).tanh() ** 2)


def mean_growth(m: Any, k: Any) -> Any:
    """Return its derivative in k: k/3 times a mean of tanh'' = -2 tanh sech^2."""

    def direct() -> Any:
        return (((m + k).tanh() + (m - k).tanh()) / 2 - mean_tanh(m, k)) / k

    def hull() -> Any:
        t = _along(m, k).tanh()
        return -2 * k / 3 * t * (1 - t * t)

    return _better(m, k, direct, hull)


def _better(m: Any, k: Any, direct: Callable[[], Any], hull: Callable[[], Any]) -> Any:
    """Return the narrower of two enclosures; the hull alone for tiny k."""
    if not k.abs_lower() > _TINY:
        return hull()
    first = direct()
    if m.is_exact() and k.is_exact():
        return first
    second = hull()
    return first if first.is_finite() and _width(first) < _width(second) else second


def _width(x: Any) -> Any:
    return x.rad() if isinstance(x, arb) else x.real.rad().max(x.imag.rad())


def _along(m: Any, k: Any) -> Any:
    return (m + k).union(m - k)


def _log_cosh(z: Any) -> Any:
    """Return log cosh z, analytic for |Im z| < pi/2; else not finite."""
    if isinstance(z, acb) and not z.imag.abs_upper() < 1.5:
        return acb(arb.nan())
    y = -z if z.real.mid() < 0 else z
    return y + (1 + (-2 * y).exp()).log() - arb(2).log()


def _sinh_ratio(k: Any) -> Any:
    """Return sinh k/k, also at 0."""
    value = (acb(0, 1) * k).sinc()
    return value if isinstance(k, acb) else value.real


def _artanh_ratio(x: Any) -> Any:
    """Return sum of x^(2n)/(2n+1), with a bound on what is left out; not finite unless |x| < 1/2."""
    largest = x.abs_upper()
    if not largest < 2 * _SMALL:
        return acb(arb.nan()) if isinstance(x, acb) else arb.nan()
    square, terms = x * x, int(ctx.prec) // 38 + 1 if largest < 2 * _TINY else 20
    total = x * 0
    for n in reversed(range(terms)):
        total = total * square + arb(1) / (2 * n + 1)
    rest = arb(0, 1) * (largest ** (2 * terms) * 2)
    return total + (acb(rest, rest) if isinstance(x, acb) else rest)
