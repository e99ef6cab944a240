"""Load balancing as feedback control: the proportional bias rule, mode by mode (docs/theory.md, section 9).

The rule b <- b + r (1/K - f), f the slot shares of a batch of B tokens. In a mode of the susceptibility with eigenvalue
lambda the bias x obeys x <- (1 - r lambda) x - r xi near balance, Var xi = q/B, q the variance of one token's slot
shares in that mode. Matrices: `balance_covariance`; the sign rule: `balance_sign`; balance losses: `balance_loss`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import POSITIVE, REAL, Range, reals
from moecusp._numerics.double import two_product
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.kernels import cube_root
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import parts, scaled, sqrt, where

BATCH = Range(low=1.0)


class BalanceVariance(NamedTuple):
    """Stationary variances, or covariance matrices, under a bias rule.

    Attributes
    ----------
    bias : ndarray
        Of the bias, about its mean over the experts (score^2).
    load : ndarray
        Of the true load: the expected slot share at the bias.
    observed : ndarray
        Of the slot share that one batch shows.
    """

    bias: Any
    load: Any
    observed: Any


class BalanceAutocorrelation(NamedTuple):
    """Correlations between one step and the next.

    Attributes
    ----------
    bias : ndarray
        Of the bias, and of the true load.
    observed : ndarray
        Of the load that batches show.
    """

    bias: Any
    observed: Any


def _gap(rate: Any, eigenvalue: Any, bound: float = 2.0) -> Any:
    """Return bound - r lambda to the last digit, also where they are close."""

    def value(r: Any, lam: Any) -> Any:
        with np.errstate(all="ignore"):
            (a, i), (b, j) = parts(r), parts(lam)
            product, error = two_product(a, b)
            return (bound - scaled(product, i + j)) - scaled(error, i + j)

    return evaluate(value, lambda r, lam, _: (-lam, -r), rate, eigenvalue)


def proportional_variance(update_rate: Any, eigenvalue: Any, token_variance: Any, batch_size: Any = 1) -> Any:
    """Stationary variances of a mode under b <- b + r (1/K - load): the noise floor of the rule.

    bias r q/(B lambda (2 - r lambda)), true load r lambda q/(B (2 - r lambda)), observed load 2 q/(B (2 - r lambda)).

    Parameters
    ----------
    update_rate : array_like
        r > 0 (score), as in `largest_safe_update_rate`.
    eigenvalue : array_like
        lambda > 0 of the susceptibility of the slot shares (1/score).
    token_variance : array_like
        q > 0: v.Sigma v for the mode's unit vector v and the covariance Sigma of one token's slot shares.
    batch_size : array_like
        Tokens B >= 1 a step.

    Returns
    -------
    BalanceVariance
        Arrays of the broadcast shape; NaN where r lambda >= 2: the rule is not stable.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Of the linearised chain, exactly; 4 ulp, also beside the threshold. A steady drift does not change them.

    References
    ----------
    Statement ``balance.proportional``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import proportional_variance
    >>> proportional_variance(2.0, 0.2, 0.1, 100)
    BalanceVariance(bias=0.00625, load=0.00025000000000000006, observed=0.00125)
    """
    (r, lam, q, batch), restore = reals(
        update_rate=(update_rate, POSITIVE),
        eigenvalue=(eigenvalue, POSITIVE),
        token_variance=(token_variance, POSITIVE),
        batch_size=(batch_size, BATCH),
    )
    gap = _gap(r, lam)
    stable = gap > 0.0
    gap = where(stable, gap, 1.0)
    with np.errstate(all="ignore"):
        found = (
            quotient((r, q), (batch, lam, gap)),
            quotient((r, lam, q), (batch, gap)),
            quotient((q,), (batch, 0.5 * gap)),
        )
    return BalanceVariance(*(plain(restore(where(stable, value, np.nan))) for value in found))


def proportional_autocorrelation(update_rate: Any, eigenvalue: Any) -> Any:
    """Lag-1 autocorrelations of a mode under the proportional rule: 1 - r lambda of the bias, -r lambda/2 of the load.

    The true load is the bias times lambda and shares its autocorrelation. The observed load is what the rule adds up,
    so that a surplus is followed by a deficit.

    Parameters
    ----------
    update_rate : array_like
        r > 0 (score).
    eigenvalue : array_like
        lambda > 0 of the susceptibility of the slot shares (1/score).

    Returns
    -------
    BalanceAutocorrelation
        Arrays of the broadcast shape; NaN where r lambda >= 2.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``balance.autocorrelation``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import proportional_autocorrelation
    >>> proportional_autocorrelation(2.0, 0.25)
    BalanceAutocorrelation(bias=0.5, observed=-0.25)
    """
    (r, lam), restore = reals(update_rate=(update_rate, POSITIVE), eigenvalue=(eigenvalue, POSITIVE))
    stable = _gap(r, lam) > 0.0
    with np.errstate(all="ignore"):
        bias = where(stable, _gap(r, lam, 1.0), np.nan)
        observed = where(stable, -0.5 * where(stable, r, 1.0) * where(stable, lam, 1.0), np.nan)
    return BalanceAutocorrelation(plain(restore(bias)), plain(restore(observed)))


def tracking_lag(drift: Any, update_rate: Any) -> Any:
    """Steady excess of a load under the proportional rule while its logit drifts by v a step: v/r.

    Parameters
    ----------
    drift : array_like
        v (score/step), about the mean over the experts.
    update_rate : array_like
        r > 0 (score).

    Returns
    -------
    float or ndarray
        v/r, of the broadcast shape (slot share): whatever the susceptibility.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``balance.lag``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import tracking_lag
    >>> float(tracking_lag(0.001, 0.5))
    0.002
    """
    (v, r), restore = reals(drift=(drift, REAL), update_rate=(update_rate, POSITIVE))
    with np.errstate(all="ignore"):
        return restore(v / r)


def _slack(x: Any) -> Any:
    """Return d log(r lambda)/d log(v^2 lambda^2 B/q) = (2 - x)/(6 - x), x = r lambda."""
    return (2.0 - x) / (6.0 - x)


def _best_partials(v: Any, lam: Any, q: Any, batch: Any, r: Any) -> tuple[Any, ...]:
    e = _slack(r * lam)
    return 2.0 * e * r / v, (2.0 * e - 1.0) * r / lam, -e * r / q, e * r / batch


def best_update_rate(drift: Any, eigenvalue: Any, token_variance: Any, batch_size: Any = 1) -> Any:
    """Update rate r of least mean square imbalance, lag^2 + noise = (v/r)^2 + r lambda q/(B (2 - r lambda)).

    Parameters
    ----------
    drift : array_like
        v > 0: drift of the mode's logit (score/step).
    eigenvalue : array_like
        lambda > 0 of the susceptibility of the slot shares (1/score).
    token_variance : array_like
        q > 0: variance of one token's slot shares in the mode.
    batch_size : array_like
        Tokens B >= 1 a step.

    Returns
    -------
    float or ndarray
        r (score), of the broadcast shape: less than 2/lambda, and the only minimum.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    x = r lambda solves q x^3 = B (v lambda)^2 (2 - x)^2; with x = c z^2, c^3 = B (v lambda)^2/q, that is
    z^3 + c z^2 = 2, solved by Newton's method from above. Relative error below 1e-15 and 8 ulp.

    References
    ----------
    Statement ``balance.best_rate``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import best_update_rate
    >>> round(float(best_update_rate(0.001, 0.2, 0.1, 512)), 9)
    0.453586527
    """
    (v, lam, q, batch), restore = _tracked(drift, eigenvalue, token_variance, batch_size)
    return restore(evaluate(_best, _best_partials, v, lam, q, batch))


def _best(v: Any, lam: Any, q: Any, batch: Any) -> Any:
    with np.errstate(all="ignore"):
        (a, i), (b, j), (d, k), (n, m) = parts(v), parts(lam), parts(q), parts(batch)
        power = 2 * (i + j) + m - k
        whole = power // 3
        c = scaled(cube_root(scaled((a * b) * (a * b) * n / d, power - 3 * whole)), whole)
        z = where(c > 1.0, sqrt(2.0 / where(c > 1.0, c, 1.0)), 0.0 * c + 1.2599210498948732)
        for _ in range(9):
            # the convex z^3 + c z^2 - 2, divided by z (z + c) so that nothing overflows
            z = z - z * (1.0 - 2.0 / (z * z * (z + c))) / (2.0 + z / (z + c))
        return quotient((c, z, z), (lam,))


def best_update_rate_leading(drift: Any, eigenvalue: Any, token_variance: Any, batch_size: Any = 1) -> Any:
    """Leading order of `best_update_rate` for slow drifts, r lambda << 1: (4 B v^2/(lambda q))^(1/3).

    Parameters
    ----------
    drift : array_like
        v > 0: drift of the mode's logit (score/step).
    eigenvalue : array_like
        lambda > 0 of the susceptibility of the slot shares (1/score).
    token_variance : array_like
        q > 0: variance of one token's slot shares in the mode.
    batch_size : array_like
        Tokens B >= 1 a step.

    Returns
    -------
    float or ndarray
        r (score), of the broadcast shape. It exceeds the best rate, by about a share r lambda/3 of it.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``balance.best_rate``; docs/theory.md, section 9.

    Examples
    --------
    >>> from moecusp import best_update_rate_leading
    >>> round(float(best_update_rate_leading(0.001, 0.2, 0.1, 512)), 9)
    0.467842838
    """
    (v, lam, q, batch), restore = _tracked(drift, eigenvalue, token_variance, batch_size)

    def value(v: Any, lam: Any, q: Any, batch: Any) -> Any:
        with np.errstate(all="ignore"):
            (a, i), (b, j), (d, k), (n, m) = parts(v), parts(lam), parts(q), parts(batch)
            power = 2 * i + m - j - k
            whole = power // 3
            return scaled(cube_root(scaled(4.0 * (a * a) * n / (b * d), power - 3 * whole)), whole)

    def partials(v: Any, lam: Any, q: Any, batch: Any, r: Any) -> tuple[Any, ...]:
        return 2.0 * r / (3.0 * v), -r / (3.0 * lam), -r / (3.0 * q), r / (3.0 * batch)

    return restore(evaluate(value, partials, v, lam, q, batch))


def _tracked(drift: Any, eigenvalue: Any, token_variance: Any, batch_size: Any) -> Any:
    return reals(
        drift=(drift, POSITIVE),
        eigenvalue=(eigenvalue, POSITIVE),
        token_variance=(token_variance, POSITIVE),
        batch_size=(batch_size, BATCH),
    )


def plain(value: Any) -> Any:
    """Return NumPy scalars as floats of Python, for a readable tuple."""
    return float(value) if isinstance(value, np.float64) else value
