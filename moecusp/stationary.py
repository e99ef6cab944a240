"""The stationary density of the diffusion limit of the two-expert router (docs/theory.md, section 7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, REAL, of_router, reals
from moecusp._numerics.density import log_density, log_density_slopes
from moecusp._numerics.gradients import evaluate, last
from moecusp._numerics.operations import namespace, on_host, where
from moecusp.dynamics import drift
from moecusp.noise import BATCH, STEP


@of_router
def log_stationary_density(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Any:
    """Logarithm of `stationary_density`.

    Parameters
    ----------
    u, gain, asymmetry, step, batch_size : array_like, or a RouterParameters for gain and asymmetry
        As for `stationary_density`.

    Returns
    -------
    float or ndarray
        log rho(u), of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``noise.density``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import log_stationary_density
    >>> round(float(log_stationary_density(5.0, gain=1.5, asymmetry=0.0, step=0.1)), 6)
    -73476.947835
    """

    def function(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any) -> Any:
        (x, g, eta, delta, b), restore = _density_arguments(u, gain, asymmetry, step, batch_size)
        return restore(on_host(log_density, x, g, eta, delta / b))

    return evaluate(function, _density_partials, u, gain, asymmetry, step, batch_size)


def _density_partials(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any, _: Any) -> tuple[Any, ...]:
    torch = namespace(u)
    near = where(abs(u) < 300.0, u, 0.0)
    along = 2.0 * near.tanh() + 2.0 * batch_size / (step * gain**2) * drift(near, gain, asymmetry) * near.cosh() ** 2

    def slopes(u: Any, gain: Any, asymmetry: Any, delta: Any) -> Any:
        return torch.stack(on_host(log_density_slopes, *torch.broadcast_tensors(u, gain, asymmetry, delta)), 0)

    by_gain, by_asymmetry, by_delta = last(slopes, u, gain, asymmetry, step / batch_size)
    return along, by_gain, by_asymmetry, by_delta / batch_size, -by_delta * step / batch_size**2


@of_router
def stationary_density(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Any:
    """Stationary density of the diffusion limit: drift F, variance rate delta g^2 sech^2 u/B.

    rho is proportional to cosh^2 u exp((2 B/(delta g^2)) (g sinh^2 u/2 - u^2/4 - u sinh 2u/4 + cosh 2u/8
    + eta (u/2 + sinh 2u/4))).

    Parameters
    ----------
    u : array_like
        Reduced score difference (dimensionless), any real.
    gain : array_like or RouterParameters
        Gain g > 0 (dimensionless).
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h.
    step : array_like
        delta = decay * increment, 0 < delta <= 1 (dimensionless).
    batch_size : array_like
        Tokens averaged in one step, B >= 1. All five broadcast.

    Returns
    -------
    float or ndarray
        rho(u), of the broadcast shape; it integrates to 1. NaN where float64 cannot resolve it: where g exp(2 u)/delta
        at a stable u is too large, about g > 6 at delta = 0.01.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Tensors are evaluated on the host, and can be differentiated once, in u to any order.
    The normalising integral is right to the last digits. The relative error is that of rounding the exponent: some
    1e-15 times its largest term (the exponents of the formula above, with (g - 1) sinh^2 u/2 - u^4/12 for those of eta
    = 0 near u = 0), at u and at the stable states. As a description of the chain it is good near each stable state;
    between two of them it is exponentially wrong, as the diffusion limit has the wrong barrier: see `escape_barrier`.

    References
    ----------
    Statement ``noise.density``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import stationary_density
    >>> round(float(stationary_density(0.0, gain=0.5, asymmetry=0.0, step=0.01)), 9)
    7.978821278
    """
    arguments, restore = _density_arguments(u, gain, asymmetry, step, batch_size)
    logarithm = log_stationary_density(*arguments)
    with np.errstate(all="ignore"):
        return restore(namespace(logarithm).exp(logarithm))


def _density_arguments(u: Any, gain: Any, asymmetry: Any, step: Any, batch_size: Any) -> Any:
    return reals(
        u=(u, REAL),
        gain=(gain, POSITIVE),
        asymmetry=(asymmetry, REAL),
        step=(step, STEP),
        batch_size=(batch_size, BATCH),
    )
