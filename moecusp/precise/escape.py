"""Barriers and mean escape times to any number of digits, by quadrature of the implicit slope p(u).

With w = u + g p the slope solves log(cosh w/cosh u) = (w - u)(u - eta)/g, a convex function of w with the trivial root
w = u. The barrier is the integral of -p from the unstable to the stable state, in the coordinate u throughout.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.precise.certainty import certain
from moecusp.precise.multiprecision import arithmetic, exact
from moecusp.precise.newton import START, Slopes, newton
from moecusp.precise.noise import _router, drift_integral
from moecusp.precise.quadrature import integrate
from moecusp.precise.roots import blurred_roots, drift_roots, in_proportion
from moecusp.precise.starts import outer_start


def escape_barrier(gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> tuple[Any, Any]:
    """Return the barriers from the lower and the upper stable state; see `moecusp.escape_barrier`.

    Each point of the quadrature solves an equation: 200 digits take a second with flint, several with mpmath.
    Large gains have layers that cost more: gains to 30 or so are practical.

    >>> from moecusp import precise
    >>> [round(float(s), 12) for s in precise.escape_barrier("1.5", digits=20)]
    [0.22432058827, 0.22432058827]
    """
    g, eta = _two_wells(gain, asymmetry, backend)
    return _sides(lambda n, eta: _barrier(n, g, eta), eta, digits, backend)


def diffusion_barrier(gain: Any, asymmetry: Any = 0, *, digits: int = 50, backend: str = "auto") -> tuple[Any, Any]:
    """Return (2/g^2) times the integral of F cosh^2 between the states; see `moecusp.diffusion_barrier`.

    In closed form from the equilibria, so that 10,000 digits are no trouble.
    """
    g, eta = _two_wells(gain, asymmetry, backend)

    def barrier(n: Any, side: Fraction) -> Any:
        _, middle, top = blurred_roots(n, g, side)
        k, e = n.number(g), n.number(side)
        return 2 * (drift_integral(n, top, k, e) - drift_integral(n, middle, k, e)) / (k * k)

    return _sides(barrier, eta, digits, backend)


def log_escape_time(
    gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> tuple[Any, Any]:
    """Return the logarithms of `escape_time`; see `moecusp.log_escape_time`."""
    g, eta = _two_wells(gain, asymmetry, backend)
    _, _, delta, b = _router(gain, asymmetry, step, batch_size)
    return _sides(lambda n, eta: _log_time(n, g, eta, delta, b), eta, digits, backend)


def escape_time(
    gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> tuple[Any, Any]:
    """Return the mean times to leave the lower and the upper stable state; see `moecusp.escape_time`.

    The formula, not the chain, has all these digits. About the cost of `escape_barrier`.
    """
    g, eta = _two_wells(gain, asymmetry, backend)
    _, _, delta, b = _router(gain, asymmetry, step, batch_size)
    return _sides(lambda n, eta: n.exp(_log_time(n, g, eta, delta, b)), eta, digits, backend)


def _two_wells(gain: Any, asymmetry: Any, backend: str) -> tuple[Fraction, Fraction]:
    g, eta = exact("gain", gain, 0), exact("asymmetry", asymmetry)
    number = arithmetic(backend)
    if g <= 1:
        raise ParameterError("gain", gain, "finite and real and > 1: else there is one stable state")
    if outer_start(number, g, abs(eta), -1) is None:
        raise ParameterError(
            "asymmetry", asymmetry, "below fold_asymmetry(gain) in size: else there is one stable state"
        )
    return g, eta


def _sides(function: Any, eta: Fraction, digits: int, backend: str) -> tuple[Any, Any]:
    """Return function(arithmetic, eta) for the upper well and for the lower, which is its mirror image."""
    if eta == 0:
        (value,) = certain(lambda n: (function(n, eta),), digits, backend)
        return value, value
    lower, upper = certain(lambda n: (function(n, -eta), function(n, eta)), digits, backend)
    return lower, upper


def _barrier(n: Any, g: Fraction, eta: Fraction) -> Any:
    bits = n.ctx.prec
    _, middle, top = drift_roots(n, g, eta, 2 * bits)

    def integrand(u: Any) -> tuple[Any]:
        return (-_climb(n, u, g, eta, bits),)

    (area,) = integrate(n, integrand, [middle, top], bits)
    return area / n.number(g)


def _log_time(n: Any, g: Fraction, eta: Fraction, delta: Fraction, b: Fraction) -> Any:
    """Return log(2 pi/r) - (B J + I)/2 + B S/delta.

    J = S - int (tanh u - tanh w) du. I, whose poles are removed in the coordinate (u + w)/2 = u - kappa with slope
    1/(g sech^2 u) at either end, is int q + 1/(u - low) - 1/(high - u) du + 2 log(cosh high/cosh low) with
    q = (g sech^2 w - 1)/(g tanh w - u + eta). The removal costs half the precision next to the ends.
    """
    bits = n.ctx.prec
    with n.precision(2 * bits + START):
        _, low, high = drift_roots(n, g, eta, 2 * bits + START)
        k, e = n.number(g), n.number(eta)

        def integrand(u: Any) -> tuple[Any, Any, Any]:
            y = _climb(n, u, g, eta, 2 * bits)
            if not y:  # closer to an end than that is known
                return (0 * u,) * 3
            t = n.tanh(u + y)
            pole = (k * (1 - t * t) - 1) / (k * t - u + e)
            return -y, n.tanh(u) - t, pole + 1 / (u - low) - 1 / (high - u)

        area, drop, finite = integrate(n, integrand, [low, high], bits)
        barrier = area / k
        finite = finite + 2 * n.log(n.cosh(high) / n.cosh(low))
        rate = 1 - k / n.cosh(high) ** 2
        strength = n.number(b)
        return n.log(2 * n.pi() / rate) - (strength * (barrier - drop) + finite) / 2 + barrier * n.number(b / delta)


def _climb(n: Any, u: Any, g: Fraction, eta: Fraction, bits: int) -> Any:
    """Return w - u < 0 for u between the unstable and the stable state, right to so many bits; 0 at the ends."""
    with n.precision(bits + 2 * START):
        k, e = n.number(g), n.number(eta)
        force = n.settle(k * n.tanh(u) - u + e)
        if not force > 0:
            return 0 * u
    with n.precision(2 * START):
        spread = n.cosh(u) ** 2
        start = n.settle(-2 * force * spread / k)
        if start > -0.125:
            start = n.settle(start * 1.5)
        else:  # where the other terms have fallen below |w| - |u| - log 2
            start = n.settle(-(u + abs(u) + 1) / (1 + (u - e) / k))

    gain, level, one = in_proportion(n, g, eta)

    def f(n: Any, y: Any) -> tuple[Any, tuple[Any, ...], Slopes]:
        share = one * u - level
        if -1 < y < 0:
            half, sway = n.sinh(y / 2), n.tanh(u) * n.sinh(y)
            bow = 2 * half * half
            rise, size = gain * n.log1p(bow + sway), gain * (bow + abs(sway))
        else:
            rise, size = gain * (_log_cosh(n, u + y) - _log_cosh(n, u)), gain * (abs(u) + abs(y) + 1)

        def slopes() -> tuple[Any, Any]:
            t = n.tanh(u + y)
            return gain * t - share, gain * (1 - t * t) / 2

        fall = y * share
        return rise - fall, (size, fall), slopes

    y = newton(n, f, start, bits)
    return n.blur(y, n.exponent(y) - bits)


def _log_cosh(n: Any, x: Any) -> Any:
    a = abs(x)
    return a + n.log((1 + n.exp(-2 * a)) / 2)
