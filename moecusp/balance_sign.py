"""The sign rule of load balancing, b <- b + u sign(1/K - load), mode by mode (docs/theory.md, section 9).

It has no stability threshold. Near balance and with sampling noise the mean of the sign is linear in the load, which
makes it a proportional rule of effective rate u sqrt(2/pi)/S, S the standard deviation of an observed load. For jointly
Gaussian biases and loads of alike experts the second moments close (statement ``balance.sign_closure``): an
approximation for batches of tokens, checked by simulation (docs/balance.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, ParameterError, constant, integer, reals
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import sqrt, where
from moecusp.balance import BalanceVariance, plain
from moecusp.expert_boundary import expert_boundary_slope

ROOT_TWO_OVER_PI = 0.7978845608028654  # sqrt(2/pi): slope of E sign(m + Z) at m = 0


def effective_update_rate(bias_step: Any, deviation: Any) -> Any:
    """Rate r of the proportional rule that the sign rule amounts to near balance: u sqrt(2/pi)/S.

    Parameters
    ----------
    bias_step : array_like
        u > 0 (score): what the rule adds to a bias or takes from it.
    deviation : array_like
        S > 0: standard deviation of an observed load (slot share); for small u the sampling noise, sqrt(Sigma_ii/B).

    Returns
    -------
    float or ndarray
        r (score), of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``balance.sign``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import effective_update_rate
    >>> noise = (7 / 64 / 512) ** 0.5  # eight experts, hard top-1, 512 tokens
    >>> round(float(effective_update_rate(0.003, noise)), 3)
    0.164
    """
    (u, s), restore = reals(bias_step=(bias_step, POSITIVE), deviation=(deviation, POSITIVE))
    return restore(quotient((u, 0.0 * u + ROOT_TWO_OVER_PI), (s,)))


def sign_variance(
    bias_step: Any, eigenvalue: Any, noise: Any, experts: int, lattice_spacing: Any = 0.0
) -> BalanceVariance:
    """Stationary variances of alike experts under the sign rule, by the Gaussian closure.

    With a = (2/pi) arcsin(1/(K-1)), e the lattice spacing d (2 d for K = 2) over sqrt(2 pi) and
    c = sqrt(pi/8) u lambda (K-1)/K, the deviation S of an observed load solves
    S^2 = noise^2 + c ((1 + a) S - e). a: the loads add up to 1, so that the signs of two experts are opposed; e: a load
    of exactly 1/K has sign 0.

    Parameters
    ----------
    bias_step : array_like
        u > 0 (score).
    eigenvalue : array_like
        lambda > 0 of the susceptibility of the slot shares (1/score); the mean over the K - 1 modes where they differ.
    noise : array_like
        Standard deviation of an observed load by sampling alone, sqrt(Sigma_ii/B) > 0.
    experts : int
        K >= 2.
    lattice_spacing : array_like
        1/(k B) for top-k routing if k B/K is a whole number, so that observed loads can be exactly 1/K; otherwise 0.
        At most sqrt(2 pi) times the noise.

    Returns
    -------
    BalanceVariance
        Of a bias mode, and of the true and the observed load of an expert; arrays of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    The closure is solved to 16 digits; that it holds is an approximation. Against simulation of Gaussian
    logits, K = 2 to 16, top-1 and top-2, r_eff lambda from 0.01 to 1.1: within 2 % up to 0.3, 4 % beyond.

    References
    ----------
    Statement ``balance.sign_closure``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import sign_variance
    >>> noise = (7 / 64 / 512) ** 0.5
    >>> round(float(sign_variance(0.003, 0.2034, noise, 8, 1 / 512).bias) * 1e6, 2)
    141.98
    """
    count = integer("experts", experts, 2)
    (u, lam, s, d), restore = reals(
        bias_step=(bias_step, POSITIVE),
        eigenvalue=(eigenvalue, POSITIVE),
        noise=(noise, POSITIVE),
        lattice_spacing=(lattice_spacing, NON_NEGATIVE),
    )
    with np.errstate(all="ignore"):
        q = (2.0 if count == 2 else 1.0) * (0.5 * ROOT_TWO_OVER_PI) * (d / s)  # 1/sqrt(2 pi), in units of the noise
        if (q > (2.0 if count == 2 else 1.0)).any():
            raise ParameterError("lattice_spacing", lattice_spacing, "at most sqrt(2 pi) times the noise")
        opposed = 1.0 + 2.0 / np.pi * np.arcsin(1.0 / (count - 1.0))
        half = np.sqrt(np.pi / 8.0)
        c = quotient((u, lam, 0.0 * u + half * (1.0 - 1.0 / count)), (s,))
        near = where(c < 1e100, c, 1.0)
        size = 0.5 * opposed * near
        t = where(c < 1e100, size + sqrt(size * size + (1.0 - near * q)), opposed * c)
        spread = opposed * t - q  # variance of a sign, times S in units of the noise
        bias = quotient((u, s, half * spread), (lam,))
        load, observed = quotient((c, s, s, spread)), quotient((s, s, t, t))
    return BalanceVariance(*(plain(restore(value)) for value in (bias, load, observed)))


def sign_tracking_lag(drift: Any, bias_step: Any, deviation: Any) -> Any:
    """Steady excess of a load under the sign rule while its logit drifts by v a step: sqrt(2) S erfinv(v/u).

    The rule follows only if |v| < u: then the mean of the sign is v/u.

    Parameters
    ----------
    drift : array_like
        v (score/step).
    bias_step : array_like
        u > 0 (score).
    deviation : array_like
        S > 0: standard deviation of an observed load (slot share), taken as Gaussian.

    Returns
    -------
    float or ndarray
        Lag (slot share), of the broadcast shape, with the sign of v; infinite where |v| >= u.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast, or for a tensor that asks for a gradient.

    References
    ----------
    Statement ``balance.sign_lag``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import sign_tracking_lag
    >>> round(float(sign_tracking_lag(0.0005, 0.001, 0.01)), 9)
    0.006744898
    >>> float(sign_tracking_lag(0.002, 0.001, 0.01))
    inf
    """
    from scipy.special import erfcinv, erfinv

    v, u = constant("drift", drift, REAL), constant("bias_step", bias_step, POSITIVE)
    (v, u, s), restore = reals(
        drift=(v, REAL), bias_step=(u, POSITIVE), deviation=(constant("deviation", deviation, POSITIVE), POSITIVE)
    )
    with np.errstate(all="ignore"):
        size = np.abs(v)
        follows = size < u
        far = size > 0.5 * u
        share = np.where(follows, size / u, 0.0)
        lost = np.where(follows, (u - size) / u, 1.0)  # exact beside u
        mean = np.where(far, erfcinv(lost), erfinv(share))
        lag = quotient((s, np.sign(v) * np.where(mean > 0.0, mean, 0.0), np.full_like(s, 2.0**0.5)))
        tiny = quotient((s, v, np.full_like(s, 0.5 * (2.0 * np.pi) ** 0.5)), (u,))  # where v/u underflows
        lag = np.where(share < 1e-12, tiny, lag)
        return restore(np.where(follows, lag, np.copysign(np.inf, v)))


def expected_max_violation(deviation: Any, experts: int) -> Any:
    """Expected largest load over the fair share minus 1, for K alike Gaussian loads: K sqrt(K/(K-1)) S m_K.

    m_K is the expected maximum of K independent N(0, 1), which is the slope of the boundary mass of K experts,
    `expert_boundary_slope(experts)`.

    Parameters
    ----------
    deviation : array_like
        S > 0: standard deviation of a load (slot share); of the observed one, for the violation that batches show.
    experts : int
        K >= 2.

    Returns
    -------
    float or ndarray
        E max_i K load_i - 1, of the shape of deviation: the floor below which no rule that fluctuates so can stay.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    Exact for Gaussian loads with equal variances and covariances that add up to 1; relative error of the constant
    below 1e-13. For counts of B tokens the skewness adds a share of about sqrt(K/B) (docs/balance.md).

    References
    ----------
    Statement ``balance.max_violation``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import expected_max_violation
    >>> round(float(expected_max_violation((7 / 64 / 512) ** 0.5, 8)), 4)  # 512 tokens, no response to any bias
    0.178
    """
    count = integer("experts", experts, 2)
    factor = float(expert_boundary_slope(count)) * count * np.sqrt(count / (count - 1.0))
    (s,), restore = reals(deviation=(deviation, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(factor * s)
