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
from moecusp._numerics.operations import greatest, is_tensor, namespace, on_host, parts, scaled, where

MOST_TERMS = 200  # the smallest term is the one near (sigma/T)^2/2, and after some hundred the factorials have won


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
        Number of terms, from 1 to 200.

    Returns
    -------
    float or ndarray
        The partial sum, of the broadcast shape; inf beyond the range of a float. The series is asymptotic: it diverges
        for every temperature.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    0 where the density at 0 is below the smallest float, for |b| > 39 sigma.

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
    count = integer("terms", terms, 1, MOST_TERMS)
    with np.errstate(all="ignore"):
        return restore(_partial_sum(t, b, s, count))


def _partial_sum(t: Any, b: Any, s: Any, count: int) -> Any:
    """Sum He_2n(b/s) (T/s)^(2n) eta_D(2n+1) with its own exponent: no term leaves the range of a float."""
    xp = namespace(t)
    z = xp.clip(b / s, -40.0, 40.0)  # beyond it the density at 0 is below the smallest float
    warm, wide = _exponent(t), _exponent(s)
    tau, twos = scaled(t, -warm) / scaled(s, -wide), warm - wide  # T/s = tau 2^twos
    before, hermite, power = xp.zeros_like(z), xp.ones_like(z), 0.0 * twos  # He_k(z) tau^k = hermite 2^power
    total, unit = xp.zeros_like(z), xp.full_like(twos, -np.inf)  # the sum is total 2^unit
    for n in range(count):
        high = power + 2.0 * n * twos
        old, unit = unit, greatest(unit, high)
        total = scaled(total, where(old > -np.inf, old - unit, 0.0))
        total = total + scaled(_dirichlet_eta(2 * n + 1) * hermite, high - unit)
        for k in (2 * n, 2 * n + 1):
            before, hermite = hermite, tau * (z * hermite - k * (tau * before))
        size = _exponent(greatest(abs(before), abs(hermite)))
        before, hermite, power = scaled(before, -size), scaled(hermite, -size), power + size
    last = _exponent(total)
    return scaled(SQRT_2_PI * _peak(b, s) * tau * scaled(total, -last), unit + last + twos)


def _exponent(x: Any) -> Any:
    """Return the power of two of x, without a gradient."""
    return parts(x.detach() if is_tensor(x) else x)[1]


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
        Number of terms N, from 1 to 200.

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
    count = integer("terms", terms, 1, MOST_TERMS)
    with np.errstate(all="ignore"):
        bound = SQRT_2_PI * _dirichlet_eta(2 * count + 1) * (t / s)
        for odd in range(1, 2 * count, 2):
            bound = bound * (odd * (t / s) ** 2)
        return restore(bound)


def _dirichlet_eta(order: int) -> float:
    from scipy.special import zeta

    return float(np.log(2.0)) if order == 1 else float(-np.expm1((1 - order) * np.log(2.0)) * zeta(order))
