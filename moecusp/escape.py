"""How long a collapsed router stays collapsed: barriers and mean escape times (docs/theory.md, section 7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, Array, of_router, reals
from moecusp._numerics.action import Action, actions, diffusion_barriers
from moecusp._numerics.gradients import differentiable, last
from moecusp._numerics.operations import namespace, on_host, where
from moecusp.equilibria import equilibria
from moecusp.noise import noise_arguments


def _barrier_partials(gain: Any, asymmetry: Any, _: Any) -> tuple[Any, Any]:
    slopes = _slopes(gain, asymmetry)
    return slopes[..., 0, 0], slopes[..., 1, 0]


@of_router
@differentiable(_barrier_partials)
def escape_barrier(gain: Any, asymmetry: Any = 0.0) -> Any:
    """Barrier S between the two stable loads: the mean escape time grows as exp(B S/delta), delta = decay * increment.

    S is the integral of p(u) from the stable to the unstable state, where p is the non-zero root of
    p (u - eta) = log(cosh(p g + u)/cosh u): the large-deviation action of the chain itself.

    Parameters
    ----------
    gain : array_like or RouterParameters
        Gain g >= 0 (dimensionless).
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h. Broadcasts with gain.

    Returns
    -------
    ndarray, shape (..., 2)
        From the lower and from the upper stable state; NaN where there are not two, and for g >= 1e150.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    Notes
    -----
    Relative error below 1e-14 (measured for g to 1e12), also next to a fold, where
    S ~ (8/3) gap^(3/2) (1 - 1/g)^(-1/4)/g with gap = eta_f - abs(eta) falls to 0: the gap is taken in double-double,
    and the action is the integral (2/g) int kappa dm over the centre m and half-length kappa of the segment
    [u + p g, u], in which nothing cancels. For large g the path has layers: docs/escape.md says where they are.
    Tensors are evaluated on the host and can be differentiated once: dS/dtheta is the integral of dp/dtheta.

    References
    ----------
    Statement ``escape.barrier``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import escape_barrier
    >>> escape_barrier(1.5).round(9).tolist()
    [0.224320588, 0.224320588]
    """
    (g, eta), restore = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    return restore(on_host(_both, g, eta).barrier)


def _diffusion_partials(gain: Any, asymmetry: Any, barrier: Any) -> tuple[Any, Any]:
    """Integrate the derivative of F cosh^2 u, which vanishes at both ends, between the equilibria."""
    torch = namespace(barrier)
    u = equilibria(gain, asymmetry).u
    u = where(torch.isfinite(barrier[..., :1]), u, torch.zeros_like(u))
    outer, middle = torch.stack([u[..., 0], u[..., 2]], -1), u[..., 1:2]
    way, sum_of_two = outer - middle, outer + middle
    scale = torch.as_tensor(gain)[..., None] ** -2
    lean = way + way.sinh() * sum_of_two.cosh()
    deep = way.sinh() * sum_of_two.sinh()
    return scale * deep - 2.0 * barrier / torch.as_tensor(gain)[..., None], scale * lean


@of_router
@differentiable(_diffusion_partials)
def diffusion_barrier(gain: Any, asymmetry: Any = 0.0) -> Any:
    """Barrier in the diffusion limit, (2/g^2) times the integral of F cosh^2 u: right only near a fold or the cusp.

    Parameters
    ----------
    gain, asymmetry : array_like, or a RouterParameters for gain and asymmetry
        As for `escape_barrier`.

    Returns
    -------
    ndarray, shape (..., 2)
        From the lower and from the upper stable state; NaN where there are not two, inf where it exceeds a float.

    Raises
    ------
    ParameterError
        As for `escape_barrier`.

    References
    ----------
    Statement ``escape.diffusion_barrier``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import diffusion_barrier
    >>> diffusion_barrier(1.5).round(9).tolist()
    [0.254567525, 0.254567525]
    """
    (g, eta), restore = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))

    def function(g: Array, eta: Array) -> Array:
        values = [diffusion_barriers(g.ravel(), sign * eta.ravel()).reshape(g.shape) for sign in (-1.0, 1.0)]
        return np.stack(values, axis=-1)

    return restore(on_host(function, g, eta))


def _time_partials(gain: Any, asymmetry: Any, step: Any, batch_size: Any, _: Any) -> tuple[Any, ...]:
    delta, b = step[..., None], batch_size[..., None]
    slopes, barrier = _slopes(gain, asymmetry), escape_barrier(gain, asymmetry)
    path = last(lambda g, eta: on_host(_both, *namespace(g).broadcast_tensors(g, eta)).path, gain, asymmetry)
    by_gain, by_asymmetry = (
        part[..., 0] * b / delta - 0.5 * (b * part[..., 1] + part[..., 2]) - part[..., 3]
        for part in (slopes[..., 0, :], slopes[..., 1, :])
    )
    return by_gain, by_asymmetry, -b * (barrier / delta) / delta, barrier / delta - 0.5 * path


def _slopes(gain: Any, asymmetry: Any) -> Any:
    """Return the derivatives of (S, J, I, log r), shape (..., well, argument, quantity)."""

    def function(gain: Any, asymmetry: Any) -> Any:
        torch = namespace(gain)
        found = on_host(_both, *torch.broadcast_tensors(gain, asymmetry))
        return torch.stack([found.by_gain, found.by_asymmetry], -2)

    return last(function, gain, asymmetry)


@of_router
@differentiable(_time_partials)
def log_escape_time(gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Any:
    """Logarithm of `escape_time`, for times beyond the range of a float.

    Parameters
    ----------
    gain, asymmetry, step, batch_size : array_like, or a RouterParameters for gain and asymmetry
        As for `escape_time`.

    Returns
    -------
    ndarray, shape (..., 2)
        From the lower and from the upper stable state; NaN where there are not two, and for g >= 1e150.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``escape.time``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import log_escape_time
    >>> log_escape_time(1.5, 0.0, step=1e-4).round(3).tolist()
    [2246.159, 2246.159]
    """
    (g, eta, delta, b), restore = noise_arguments(gain, asymmetry, step, batch_size)

    def function(g: Array, eta: Array, delta: Array, b: Array) -> Array:
        found = _both(g, eta)
        delta, b = delta[..., None], b[..., None]
        prefactor = np.log(2.0 * np.pi / found.rate) - 0.5 * (b * found.path + found.finite)
        return np.asarray(prefactor + b * found.barrier / delta)

    return restore(on_host(function, g, eta, delta, b))


@of_router
def escape_time(gain: Any, asymmetry: Any, step: Any, batch_size: Any = 1) -> Any:
    """Mean time to leave each stable state for the other, with its prefactor, in units of 1/decay.

    (2 pi/r) exp(-(B J + I)/2) exp(B S/delta), where r = -F' at the stable state, S is `escape_barrier`, and J and I are
    integrals along the same optimal path (docs/escape.md). Divide by delta for the number of steps.

    Parameters
    ----------
    gain : array_like or RouterParameters
        Gain g >= 0 (dimensionless).
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h.
    step : array_like
        delta = decay * increment, 0 < delta <= 1 (dimensionless).
    batch_size : array_like
        Tokens averaged in one step, B >= 1. All four broadcast.

    Returns
    -------
    ndarray, shape (..., 2)
        From the lower and from the upper stable state; NaN as for `log_escape_time`, inf beyond the range of a float.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Right to a factor 1 + O(delta/(B S)) when delta is well below B S. Against the exact mean first-passage time of the
    chain at g = 1.5, eta = 0, B = 1 it is 4.5 % low at delta = 0.05, 1.8 % at 0.025 and 0.8 % at 0.0125.

    References
    ----------
    Statement ``escape.time``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import escape_time
    >>> (escape_time(1.5, 0.0, step=0.05) / 0.05).round(0).tolist()
    [34026.0, 34026.0]
    """
    arguments, restore = noise_arguments(gain, asymmetry, step, batch_size)
    logarithm = log_escape_time(*arguments)
    with np.errstate(over="ignore"):
        return restore(namespace(logarithm).exp(logarithm))


def _both(g: Array, eta: Array) -> Action:
    """Return the actions of the lower and of the upper well, along a new axis after those of the arguments."""
    lower, upper = (actions(g.ravel(), side.ravel()) for side in (-eta, eta))
    lower = lower._replace(by_asymmetry=-lower.by_asymmetry)

    def joined(low: Array, up: Array) -> Array:
        return np.stack([part.reshape((*g.shape, *part.shape[1:])) for part in (low, up)], axis=g.ndim)

    return Action(*map(joined, lower, upper))
