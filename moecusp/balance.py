"""Load balancing as feedback control: the proportional bias rule, mode by mode (docs/theory.md, section 9).

The rule b <- b + r (1/K - f), f the slot shares of a batch of B tokens. In a mode of the susceptibility with eigenvalue
lambda the bias x obeys x <- (1 - r lambda) x - r xi near balance, Var xi = q/B, q the variance of one token's slot
shares in that mode. Tracking: `balance_tracking`; matrices: `balance_covariance`; the sign rule: `balance_sign`;
balance losses: `balance_loss`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import POSITIVE, Range, reals
from moecusp._numerics.double import two_product
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import parts, scaled, where

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


def plain(value: Any) -> Any:
    """Return NumPy scalars as floats of Python, for a readable tuple."""
    return float(value) if isinstance(value, np.float64) else value
