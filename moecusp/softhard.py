"""The gap between soft and hard routing, for Gaussian margins (docs/theory.md, section 6).

The margin a_1 - a_2 of a token is normal, N(b, sigma^2): a linear router on Gaussian inputs.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, REAL, Array, integer, reals
from moecusp._numerics import pairs as dd
from moecusp._numerics.gauss import half_square, ratio
from moecusp._numerics.gradients import differentiable, evaluate, last
from moecusp._numerics.logistic import SQRT_2_PI, gap_slopes, mean_decay
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import greatest, is_tensor, namespace, on_host, parts, scaled, where

_ROOT_2_PI = Fraction("0.7978845608028653558798921198687637369517")  # sqrt(2/pi)
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
    The error is some units in the last place of the largest term: more, relatively, where terms of opposite signs
    cancel. 0 for |b| >= 60 sigma, where the density at 0 is below 1e-780.

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
    z = xp.clip(b / s, -60.0, 60.0)
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
    peak, low = _peak(b, s)  # the density at 0 alone may be below the smallest float
    last = _exponent(total)
    return scaled(SQRT_2_PI * peak * tau * scaled(total, -last), unit + last + twos + low)


def _exponent(x: Any) -> Any:
    """Return the power of two of x, without a gradient."""
    return parts(x.detach() if is_tensor(x) else x)[1]


def _peak(b: Any, s: Any) -> tuple[Any, Any]:
    """Return exp(-(b/s)^2/2) as a number near 1, which can be differentiated, and a power of two; 0 for |b| >= 60 s."""

    def value(b: Any, s: Any) -> tuple[Any, Any]:
        z = ratio(b, s)
        high, _, twos = dd.exp_parts(half_square(z))
        return where(abs(z[0]) < 60.0, high, 0.0), twos

    def partials(b: Any, s: Any, peak: Any) -> tuple[Any, Any]:
        z = b / s
        return -(z / s) * peak, z * (z / s) * peak

    return evaluate(value, partials, b, s)  # type: ignore[no-any-return]


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

    def partials(t: Any, s: Any, bound: Any) -> tuple[Any, Any]:
        order = 2.0 * count + 1.0 + 0.0 * bound
        return quotient((order, bound), (t,)), -quotient((order, bound), (s,))

    with np.errstate(all="ignore"):
        return restore(evaluate(lambda t, s: _bound(t, s, count), partials, t, s))


def _bound(t: Any, s: Any, count: int) -> Any:
    """Return sqrt(2/pi) eta_D(2N+1) (2N-1)!! (T/s)^(2N+1), in pairs that carry their own exponents."""
    (top, warm), (bottom, wide) = parts(t), parts(s)
    tau, order = dd.divide(dd.single(top), dd.single(bottom)), 2 * count + 1  # in (1/2, 2), as 2^401 is a float
    factorials = prod(range(1, 2 * count, 2))
    twos = factorials.bit_length()
    exact = _ROOT_2_PI * Fraction(factorials, 2**twos)
    high = namespace(t).full_like(t, float(exact))
    result = dd.multiply((high, 0.0 * high + float(exact - Fraction(float(exact)))), _power(tau, order))
    eta = _dirichlet_eta(order)
    return scaled(result[0] * eta + result[1] * eta, twos + order * (warm - wide))


def _power(x: dd.Pair, order: int) -> dd.Pair:
    result = x
    for bit in bin(order)[3:]:
        result = dd.multiply(result, result)
        result = dd.multiply(result, x) if bit == "1" else result
    return result


def _dirichlet_eta(order: int) -> float:
    from scipy.special import zeta

    return float(np.log(2.0)) if order == 1 else float(-np.expm1((1 - order) * np.log(2.0)) * zeta(order))
