"""The landscape of a soft router of two experts near its hard limit, for Gaussian inputs (docs/theory.md, section 6).

The mixture's output is tanh(margin/(2 T)) times half the difference of its experts, the margin v.x normal with unit
variance; the target is the sign of v*.x, or of x - b* for a router with a threshold. Losses are squared errors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import POSITIVE, Array, ParameterError, Range, constant, reals
from moecusp._numerics.gauss import legendre, panels
from moecusp._numerics.logistic import mean_decay

_EXPONENT = Range(low=0.0, high=100.0, open_low=True)
_COLD = Range(low=0.0, high=0.3, open_low=True)
_THRESHOLD = Range(low=-2.0, high=2.0)
_TEMPERATURE = Range(low=0.0, high=1e12)
_COUPLING = 2.0 / np.pi


class Saddle(NamedTuple):
    """The loss a^2 A(T) - 2 a C(T) theta + 1 to second order about the router at right angles to its teacher.

    a is half the difference of the experts, theta the angle of the router to the right angle. Its Hessian is
    [[2 A, -2 C], [-2 C, 0]].

    Attributes
    ----------
    power : ndarray
        A = E tanh(xi/(2 T))^2, in (0, 1].
    coupling : ndarray
        C = sqrt(2/pi) E sech(xi/(2 T))^2/(2 T), in (0, 2/pi].
    growth_rate : ndarray
        sqrt(A^2 + 4 C^2) - A: the rate at which gradient flow leaves the saddle, minus the smaller eigenvalue.
    decay_rate : ndarray
        sqrt(A^2 + 4 C^2) + A, the larger eigenvalue.
    """

    power: Any
    coupling: Any
    growth_rate: Any
    decay_rate: Any


def routing_saddle(temperature: Any) -> Saddle:
    """Power, coupling and rates of the saddle of a router at right angles to its teacher, at temperature T.

    Cooling raises the coupling of router and experts; the rate at which they leave the saddle together is largest at a
    finite temperature, T = 0.2460..., for a cold router's output also has more power. At exact symmetry of the experts
    (a = 0) and no angle there is no gradient, whatever T.

    Parameters
    ----------
    temperature : array_like
        T in [0, 1e12], in standard deviations of the margin; 0 for hard routing.

    Returns
    -------
    Saddle
        Arrays of the shape of temperature.

    Raises
    ------
    ParameterError
        If the argument is out of range, or a tensor that asks for a gradient.

    Notes
    -----
    Relative error below 1e-14.

    References
    ----------
    Statement ``landscape.saddle``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import routing_saddle
    >>> round(float(routing_saddle(0.0).growth_rate), 12)  # sqrt(1 + 16/pi^2) - 1
    0.618993186606
    """
    t = constant("temperature", temperature, _TEMPERATURE)
    with np.errstate(all="ignore"):
        power, coupling = _moments(t)
        root = np.hypot(power, 2.0 * coupling)
        growth = 2.0 * coupling * (2.0 * coupling / (root + power))
        return Saddle(*(np.asarray(part)[()] for part in (power, coupling, growth, root + power)))


def _moments(t: Array) -> tuple[Array, Array]:
    """Return A and C."""
    cold = t < 1e-9  # A = 1 - 4 phi(0) T, C = 2/pi (1 - O(T^2))
    warm = np.where(cold, 1.0, t)
    rate, nothing = (1.0 / warm, np.zeros_like(warm)), (np.zeros_like(warm), np.zeros_like(warm))
    mean, root = mean_decay(nothing, rate, nothing, power=2)
    variance = mean * root * root  # E p (1 - p)
    nodes = np.linspace(0.0, 12.0, 13)

    def integrand(x: Array) -> Array:
        return np.asarray(np.exp(-0.5 * x * x) * np.tanh(0.5 * x / np.maximum(warm, 0.5)[..., None, None]) ** 2)

    breaks = np.broadcast_to(nodes, (*warm.shape, nodes.size))
    direct = np.sqrt(2.0 / np.pi) * panels(integrand, breaks, 24)
    power = np.where(warm < 0.5, 1.0 - 4.0 * variance, direct)
    coupling = np.sqrt(2.0 / np.pi) * 2.0 * variance / warm
    start = 1.0 - 4.0 / np.sqrt(2.0 * np.pi) * np.where(cold, t, 0.0)
    return np.where(cold, start, power), np.where(cold, _COUPLING, coupling)


def jump_curvature(temperature: Any, density: Any) -> Any:
    """Curvature 2 f0/T of a soft router's risk in its threshold, at a teacher with a jump: it diverges as T falls.

    The risk is E (tanh((x - b)/(2 T)) - sign x)^2, its curvature that in b at the teacher's b = 0, to leading order: a
    strict minimum of soft routing that hard routing, with a kink there, does not have.

    Parameters
    ----------
    temperature : array_like
        T > 0, in the unit of x.
    density : array_like
        Density f0 > 0 of x at the jump (1/unit of x). It broadcasts with temperature.

    Returns
    -------
    float or ndarray
        Curvature (1/unit of x squared), of the broadcast shape; inf where it exceeds the range of a float.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Relative corrections are of order T |f'(0)|/f0 and T^2.

    References
    ----------
    Statement ``landscape.jump``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import jump_curvature
    >>> float(jump_curvature(0.01, 0.3))
    60.0
    """
    (t, f), restore = reals(temperature=(temperature, POSITIVE), density=(density, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(2.0 * (f / t))


def soft_risk_constant(exponent: Any) -> Any:
    """Constant C of the excess risk C T^alpha of a soft router whose margins are U^(1/alpha), experts and target +-1.

    C = 4 alpha int u^(alpha-1)/(1 + exp u)^2 du = 4 Gamma(alpha + 1) (eta_D(alpha) - eta_D(alpha - 1)), eta_D the
    Dirichlet eta function: the share of tokens within w of the tie is w^alpha.

    Parameters
    ----------
    exponent : array_like
        alpha in (0, 100].

    Returns
    -------
    float or ndarray
        C, of the shape of exponent.

    Raises
    ------
    ParameterError
        If the argument is out of range, or a tensor that asks for a gradient.

    Notes
    -----
    By quadrature of the integral, whose integrand is positive: relative error below 1e-13.

    References
    ----------
    Statement ``softhard.risk``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_risk_constant
    >>> round(float(soft_risk_constant(1.0)), 12)
    0.77258872224
    """
    a = constant("exponent", exponent, _EXPONENT)
    with np.errstate(all="ignore"):
        # by parts: 8 int u^alpha exp(u)/(1 + exp u)^3 du, on panels that shrink to the end u = 0
        peak = np.maximum(0.5 * a, 1.0)
        grades = np.concatenate([[0.0], np.logspace(-9.0, -1.0, 17), [0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0]])
        breaks = np.concatenate([peak[..., None] * grades, (9.0 * peak + 40.0)[..., None]], axis=-1)
        power = a[..., None, None]
        first = breaks[..., 1] ** (a + 1.0) / (a + 1.0)  # exp(u)/(1 + exp u)^3 is 1/8 (1 - u/2) on the first panel
        head = first * 0.125 * (1.0 - 0.5 * breaks[..., 1] * (a + 1.0) / (a + 2.0))

        def integrand(u: Array) -> Array:
            return np.exp(power * np.log(u) - 2.0 * u) / (1.0 + np.exp(-u)) ** 3

        rest = panels(integrand, breaks[..., 1:], 32)
        return np.asarray(8.0 * (head + rest))[()]


def threshold_shift(temperature: Any, threshold: Any) -> Any:
    """Distance b_T - b* of the best threshold of a soft router from its teacher's, for x ~ N(0, 1).

    b_T minimises E (tanh((x - b)/(2 T)) - sign(x - b*))^2; the shift is (4 log 2 - 2) b* T^2 + O(T^4): the objective
    moves by O(T), the minimiser by O(T^2).

    Parameters
    ----------
    temperature : array_like
        T in (0, 0.3]. Warm routers with a far threshold have no such minimum.
    threshold : array_like
        b* in [-2, 2]. It broadcasts with temperature.

    Returns
    -------
    float or ndarray
        The shift, of the broadcast shape, with the sign of b*.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast, or for a tensor that asks for a gradient.

    Notes
    -----
    The stationary point is solved for in a form without cancellation: relative error below 1e-12.

    References
    ----------
    Statement ``softhard.threshold``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import threshold_shift
    >>> round(float(threshold_shift(0.1, 0.7)), 12)
    0.005385701251
    """
    t, b = constant("temperature", temperature, _COLD), constant("threshold", threshold, _THRESHOLD)
    try:
        t, b = np.broadcast_arrays(t, b)
    except ValueError as error:
        shapes = {"temperature": t.shape, "threshold": b.shape}
        raise ParameterError("temperature and threshold", shapes, "of shapes that broadcast together") from error
    with np.errstate(all="ignore"):
        return (np.sign(b) * _shift(t, np.abs(b)))[()]


def _shift(t: Array, b: Array) -> Array:
    """Solve A(b + d) = B(d) for d, b >= 0, by Newton's method on panels of the scaled margin y = (x - b - d)/T.

    With s = sech^2(y/2), A = int_0^inf exp(-T^2 y^2/2) 2 sinh((b + d) T y) (1 - tanh(y/2)) s dy is what tanh misses of
    the sign, B = 2 int_0^(d/T) exp(-T^2 y^2/2 + (b + d) T y) s dy what the sign changes between the two thresholds.
    """
    x, weights = legendre(48)
    y = 60.0 * x**2  # nodes cluster at the tie; the integrand falls as exp(-2 y + (b + d) T y)
    step = weights * 120.0 * x
    s = 4.0 * np.exp(-y) / (1.0 + np.exp(-y)) ** 2
    miss = 2.0 * np.exp(-y) / (1.0 + np.exp(-y)) * s  # (1 - tanh(y/2)) s

    def residual(d: Array) -> tuple[Array, Array]:
        place, time = (b + d)[..., None], t[..., None]
        bell = np.exp(-0.5 * (time * y) ** 2)
        a = (2.0 * bell * np.sinh(place * time * y) * miss) @ step
        slope = (2.0 * bell * time * y * np.cosh(place * time * y) * miss) @ step
        z = (d / t)[..., None] * x
        inner = 4.0 * np.exp(-z) / (1.0 + np.exp(-z)) ** 2 * np.exp(-0.5 * (time * z) ** 2 + place * time * z)
        change = 2.0 * (d / t) * (inner @ weights)
        edge = 2.0 * inner_at(d / t) / t
        turn = 2.0 * (d / t) * ((inner * time * z) @ weights)
        return change - a, edge + turn - slope

    def inner_at(z: Array) -> Array:
        return np.asarray(4.0 * np.exp(-z) / (1.0 + np.exp(-z)) ** 2 * np.exp(-0.5 * (t * z) ** 2))

    d = (4.0 * np.log(2.0) - 2.0) * b * t * t
    for _ in range(30):
        value, slope = residual(d)
        d = np.maximum(d - value / slope, 0.0)
    return np.asarray(d)
