"""The reduced two-expert flow du/dtau = F(u; g, eta) = g tanh u - u + eta: the definition all else is checked against.

u = beta (s1 - s2)/2 is the reduced score difference, g the gain, eta the reduced asymmetry (docs/theory.md, sections
2 and 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, of_router, reals
from moecusp._numerics import pairs as dd
from moecusp._numerics import roots
from moecusp._numerics.elementary import curve_sums
from moecusp._numerics.gradients import differentiable
from moecusp._numerics.kernels import log_cosh, tanh_remainder, well
from moecusp._numerics.operations import least, namespace, patched, where


def _drift_partials(u: Any, gain: Any, asymmetry: Any, _: Any) -> tuple[Any, Any, Any]:
    return slope(u, gain), u.tanh(), 1.0


@of_router
@differentiable(_drift_partials)
def drift(u: Any, gain: Any, asymmetry: Any = 0.0) -> Any:
    """Rate of change of the reduced score difference, F = g tanh u - u + eta.

    Parameters
    ----------
    u : array_like
        Reduced score difference (dimensionless), any real.
    gain : array_like or RouterParameters
        Gain g >= 0 (dimensionless; 1 is critical). Broadcasts with u.
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h.

    Returns
    -------
    float or ndarray
        F, of the broadcast shape; inf where it exceeds the range of a float.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    Notes
    -----
    Evaluated as (g - 1) u - g (u - tanh u) + eta for |u| <= 1, so that nothing cancels near the cusp. The error is
    within 2 units in the last place of the largest of g tanh u, u and eta: near a zero of F, where these cancel, it is
    that absolute error which remains. Use `equilibria` to locate the zeros, not the sign of a computed F.

    References
    ----------
    Statement ``reduced.drift``; docs/theory.md, section 2.

    Examples
    --------
    >>> from moecusp import drift
    >>> float(drift(0.0, gain=1.5, asymmetry=0.25))
    0.25
    """
    (x, g, eta), restore = reals(u=(u, REAL), gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    xp = namespace(x)
    inner = xp.clip(x, -1.0, 1.0)
    with np.errstate(all="ignore"):
        near = (g - 1.0) * inner - g * tanh_remainder(inner)
        far = g * xp.tanh(x) - x
        return restore(where(abs(x) <= 1.0, near, far) + eta)


@of_router
@differentiable(lambda u, gain, _: (-2.0 * gain * u.tanh() * (1.0 - u.tanh() ** 2), 1.0 - u.tanh() ** 2))
def slope(u: Any, gain: Any) -> Any:
    """Derivative of the drift, F' = g sech^2 u - 1 = (g - 1) - g tanh^2 u; negative where an equilibrium is stable.

    Parameters
    ----------
    u, gain : array_like or RouterParameters
        As for `drift`.

    Returns
    -------
    float or ndarray
        F', of the broadcast shape; minus the relaxation rate in units of the decay.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    Notes
    -----
    The error is within 3e-16 of the larger of 1 and g sech^2 u; near a fold, F' itself is small.

    References
    ----------
    Statement ``reduced.slope``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import slope
    >>> float(slope(0.0, gain=1.5))
    0.5
    """
    (x, g), restore = reals(u=(u, REAL), gain=(gain, NON_NEGATIVE))
    return restore(roots.blocked(_slope, x, g)[0])


def _slope(u: Any, g: Any) -> tuple[Any]:
    """Return the slope of flat arrays: near u = 0 from g - 1, elsewhere from cosh^2 u, which is right to 0.8 ulp."""
    size = abs(u)
    t = namespace(u).tanh(u)
    over = g / curve_sums(least(size, 350.0))[0]
    (over,) = patched((over,), size > 350.0, _far_slope, size, g)  # cosh^2 u may overflow
    return (where(size <= 0.5, (g - 1.0) - g * t * t, over - 1.0),)


def _far_slope(size: Any, g: Any) -> tuple[Any]:
    """Return g sech^2 u for |u| > 350, also where sech^2 u alone would be subnormal."""
    return (dd.times_exp(dd.single(g), dd.single(-2.0 * least(size, 1000.0)), 2.0),)


@of_router
@differentiable(lambda u, gain, asymmetry, _: (-drift(u, gain, asymmetry), -log_cosh(u), -u))
def potential(u: Any, gain: Any, asymmetry: Any = 0.0) -> Any:
    """Potential V with F = -V': V = u^2/2 - g log cosh u - eta u, so that V(0) = 0.

    V falls along every trajectory (a Lyapunov function: no cycles); its wells are the stable equilibria.

    Parameters
    ----------
    u, gain, asymmetry : array_like, or a RouterParameters for gain and asymmetry
        As for `drift`.

    Returns
    -------
    float or ndarray
        V, of the broadcast shape (dimensionless); inf where it exceeds the range of a float.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    Notes
    -----
    The error is within 3 units in the last place of the largest of the three terms; for eta = 0 and g = 1, where the
    first two cancel to u^4/12, V itself is right to 4 units.

    References
    ----------
    Statement ``reduced.potential``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import potential
    >>> float(potential(0.0, gain=1.5, asymmetry=0.25))
    0.0
    """
    (x, g, eta), restore = reals(u=(u, REAL), gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    return restore(roots.blocked(_potential, x, g, eta)[0])


def _potential(u: Any, g: Any, eta: Any) -> tuple[Any]:
    """Return the potential of flat arrays, each of its two forms where it holds."""
    near = abs(u) <= 2.0
    if near.all():
        return (_potential_near(u, g, eta),)
    (value,) = patched((_potential_far(u, g, eta),), near, lambda *part: (_potential_near(*part),), u, g, eta)
    return (value,)


def _potential_near(u: Any, g: Any, eta: Any) -> Any:
    scale = where((g > 1e300) | (abs(eta) > 1e300), 0.25, 1.0)  # so that only V itself can overflow
    cusp = 0.5 * (scale - scale * g) * u * u + scale * g * well(u)
    return (cusp - scale * u * eta) / scale + 0.0


def _potential_far(u: Any, g: Any, eta: Any) -> Any:
    outer = abs(u)
    quarter = 0.125 * outer - 0.25 * namespace(u).sign(u) * eta - 0.25 * g * (log_cosh(outer) / outer)
    return 4.0 * outer * quarter
