"""Noise of finite increments to any number of digits: fluctuations, early warnings, the stationary density."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath

from moecusp._arguments import ParameterError
from moecusp.precise.certainty import certain
from moecusp.precise.multiprecision import exact, positive
from moecusp.precise.quadrature import integrate
from moecusp.precise.roots import blurred_roots, drift_roots

_CUSP = "other than 0 at the gain 1: at the cusp nothing holds the router"


def stationary_variance(
    gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> tuple[Any, ...]:
    """Return delta g^2 sech^2 u/(B r (2 - delta r)), r = -F', at each equilibrium; see `moecusp.stationary_variance`.

    In the places of `equilibria`, nan at an unstable one.
    """
    g, eta, delta, b = _router(gain, asymmetry, step, batch_size)
    if g == 1 and eta == 0:
        raise ParameterError("asymmetry", asymmetry, _CUSP)

    def variance(n: Any, sech: Any) -> Any:
        square, decay = n.number(g) * sech, n.number(delta)
        rate = 1 - square
        return decay * n.number(g / b) * square / (rate * (2 - decay * rate))

    return _each(variance, g, eta, digits, backend)


def lag1_autocorrelation(
    gain: Any, asymmetry: Any, step: Any, *, digits: int = 50, backend: str = "auto"
) -> tuple[Any, ...]:
    """Return 1 + delta F' at each equilibrium; see `moecusp.lag1_autocorrelation`.

    In the places of `equilibria`, nan at an unstable one.

    >>> from moecusp import precise
    >>> [round(float(c), 12) for c in precise.lag1_autocorrelation("0.5", 0, "0.01")]
    [0.995]
    """
    g, eta, delta, _ = _router(gain, asymmetry, step, 1)
    return _each(lambda n, sech: 1 + n.number(delta) * (n.number(g) * sech - 1), g, eta, digits, backend)


def log_stationary_density(
    u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return the logarithm of `stationary_density`; see `moecusp.log_stationary_density`."""
    return certain(_log_density(u, gain, asymmetry, step, batch_size), digits, backend)[0]


def stationary_density(
    u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return the stationary density of the diffusion limit, for any gain > 0; see `moecusp.stationary_density`.

    Its normalisation is a quadrature: 200 digits take seconds with flint, ten times that with mpmath.
    """
    log_density = _log_density(u, gain, asymmetry, step, batch_size)
    return certain(lambda n: (n.exp(log_density(n)[0]),), digits, backend)[0]


def drift_integral(n: Any, u: Any, gain: Any, eta: Any) -> Any:
    """Return the integral of F cosh^2 from 0 to u."""
    sinh, double = n.sinh(u), n.sinh(2 * u)
    return (gain / 2 + n.double(0.25)) * sinh * sinh + eta * (u / 2 + double / 4) - u * (u + double) / 4


def _log_density(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any) -> Callable[[Any], tuple[Any]]:
    place = exact("u", u)
    g, eta, delta, b = _router(positive("gain", gain), asymmetry, step, batch_size)

    def log_density(n: Any) -> tuple[Any]:
        bits = n.ctx.prec
        strength, k, e = n.number(2 * b / (delta * g * g)), n.number(g), n.number(eta)

        def exponent(x: Any) -> Any:
            return 2 * n.log(n.cosh(x)) + strength * drift_integral(n, x, k, e)

        roots = drift_roots(n, g, eta, bits)
        heights = [n.settle(exponent(x)) for x in roots]
        best = max(heights)
        (mass,) = integrate(n, lambda x: (n.exp(exponent(x) - best),), _window(n, roots, exponent, best, bits), bits)
        return (exponent(n.number(place)) - best - n.log(mass),)

    return log_density


def _window(n: Any, roots: list[Any], exponent: Callable[[Any], Any], best: Any, bits: int) -> list[Any]:
    """Return the roots between two ends beyond which the density is below 2^-bits of its peak."""
    ends = []
    for outermost, side in ((roots[0], -1), (roots[-1], 1)):
        away = n.double(2.0**-40)
        while n.settle(exponent(outermost + side * away) - best) > -bits:
            away = 2 * away
        ends.append(outermost + side * away)
    return [ends[0], *roots, ends[1]]


def _each(
    function: Callable[[Any, Any], Any], g: Fraction, eta: Fraction, digits: int, backend: str
) -> tuple[Any, ...]:
    """Return function(arithmetic, sech^2 u) at every stable equilibrium, and nan at the unstable one."""

    def values(n: Any) -> tuple[Any, ...]:
        roots = blurred_roots(n, g, eta)
        stable = [roots[0], roots[2]] if len(roots) == 3 else roots
        return tuple(function(n, 1 / n.cosh(u) ** 2) for u in stable)

    found = certain(values, digits, backend)
    return found if len(found) == 1 else (found[0], mpmath.nan, found[1])


def _router(gain: Any, asymmetry: Any, step: Any, batch_size: Any) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Return the parameters exactly, or raise ParameterError."""
    delta = positive("step", step)
    if delta > 1:
        raise ParameterError("step", step, "finite and real and > 0 and <= 1")
    return exact("gain", gain, 0), exact("asymmetry", asymmetry), delta, exact("batch_size", batch_size, 1)
