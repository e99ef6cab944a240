"""The gap between soft and hard routing, for Gaussian margins (docs/theory.md, section 6).

The margin a_1 - a_2 of a token is normal, N(b, sigma^2): a linear router on Gaussian inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, REAL, Array, integer, reals
from moecusp._numerics.gauss import gaussian, ratio
from moecusp._numerics.gradients import differentiable, evaluate, last
from moecusp._numerics.logistic import SQRT_2_PI, gap_slopes, mean_decay
from moecusp._numerics.operations import namespace, on_host


def _gap_partials(temperature: Any, mean: Any, sigma: Any, gap: Any) -> tuple[Any, ...]:
    torch = namespace(gap)

    def slopes(*arguments: Any) -> Any:
        return torch.stack(on_host(gap_slopes, *torch.broadcast_tensors(*arguments)), 0)

    return tuple(last(slopes, temperature, mean, sigma))


@differentiable(_gap_partials)
def soft_hard_gap(temperature: Any, mean: Any = 0.0, sigma: Any = 1.0) -> Any:
    """Mean share that a soft router gives the expert it would not choose, E[1 - max p] = E 1/(1 + exp(abs(xi)/T)).

    Parameters
    ----------
    temperature : array_like
        Temperature T = 1/beta > 0 (score).
    mean : array_like
        Mean margin b (score), any real.
    sigma : array_like
        Standard deviation of the margin, sigma > 0 (score). All three broadcast.

    Returns
    -------
    float or ndarray
        The gap in [0, 1/2], of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Gauss-Legendre quadrature on graded panels around the peak of the integrand; relative error below 1e-13 wherever
    the gap is a normal number. See `soft_hard_expansion` for small temperatures in closed form. Tensors are evaluated
    on the host and can be differentiated once.

    References
    ----------
    Statement ``softhard.gap``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_hard_gap
    >>> round(float(soft_hard_gap(0.1)), 12)
    0.054607974425
    """
    (t, b, s), restore = reals(temperature=(temperature, POSITIVE), mean=(mean, REAL), sigma=(sigma, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(on_host(_gap, t, abs(b), s))


def _gap(t: Array, b: Array, s: Array) -> Array:
    mean, root = mean_decay(ratio(b, t), ratio(s, t), ratio(b, s), power=1)
    return np.minimum(mean * root * root, 0.5)


def soft_hard_expansion(temperature: Any, mean: Any = 0.0, sigma: Any = 1.0, terms: int = 1) -> Any:
    """Small-temperature expansion of the gap, 2 T sum over n < terms of eta_D(2n+1) f^(2n)(0) T^(2n).

    f is the density of the margin and eta_D the Dirichlet eta function; the leading term is 2 log 2 T f(0).

    Parameters
    ----------
    temperature, mean, sigma : array_like
        As for `soft_hard_gap`.
    terms : int
        Number of terms, >= 1.

    Returns
    -------
    float or ndarray
        The partial sum, of the broadcast shape. The series is asymptotic: it diverges for every temperature.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``softhard.expansion``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_hard_expansion
    >>> round(float(soft_hard_expansion(0.1, terms=3)), 9)
    0.054609086
    """
    (t, b, s), restore = reals(temperature=(temperature, POSITIVE), mean=(mean, REAL), sigma=(sigma, POSITIVE))
    count = integer("terms", terms, 1)
    with np.errstate(all="ignore"):
        z, tau = b / s, t / s
        xp = namespace(z)
        total, power = xp.zeros_like(z), xp.ones_like(z)
        before, hermite = xp.zeros_like(z), xp.ones_like(z)  # He_(k-1) and He_k
        for n in range(count):
            total = total + _dirichlet_eta(2 * n + 1) * hermite * power
            power = power * tau * tau
            for k in (2 * n, 2 * n + 1):
                before, hermite = hermite, z * hermite - k * before
        return restore(SQRT_2_PI * _peak(b, s) * tau * total)


def _peak(b: Any, s: Any) -> Any:
    """Return exp(-(b/s)^2/2), which can be differentiated."""

    def partials(b: Any, s: Any, peak: Any) -> tuple[Any, Any]:
        z = b / s
        return -(z / s) * _peak(b, s), z * (z / s) * _peak(b, s)

    return evaluate(lambda b, s: gaussian(ratio(b, s)), partials, b, s)


def soft_hard_remainder(temperature: Any, sigma: Any = 1.0, terms: int = 1) -> Any:
    """Bound on the error of `soft_hard_expansion`, whatever the mean margin.

    2 T^(2N+1) eta_D(2N+1) max f^(2N) after N terms, where that maximum is (2N - 1)!!/(sigma^(2N+1) sqrt(2 pi)).

    Parameters
    ----------
    temperature, sigma : array_like
        As for `soft_hard_gap`.
    terms : int
        Number of terms N >= 1.

    Returns
    -------
    float or ndarray
        The bound, of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``softhard.remainder``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import soft_hard_remainder
    >>> float(soft_hard_remainder(0.1, terms=3)) < 1e-5
    True
    """
    (t, s), restore = reals(temperature=(temperature, POSITIVE), sigma=(sigma, POSITIVE))
    count = integer("terms", terms, 1)
    with np.errstate(all="ignore"):
        bound = SQRT_2_PI * _dirichlet_eta(2 * count + 1) * (t / s)
        for odd in range(1, 2 * count, 2):
            bound = bound * (odd * (t / s) ** 2)
        return restore(bound)


def _dirichlet_eta(order: int) -> float:
    from scipy.special import zeta

    return float(np.log(2.0)) if order == 1 else float(-np.expm1((1 - order) * np.log(2.0)) * zeta(order))
