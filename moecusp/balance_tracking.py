"""How the proportional bias rule follows logits that drift, and at which rate best (docs/theory.md, section 9)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, REAL, reals
from moecusp._numerics.gradients import evaluate
from moecusp._numerics.kernels import cube_root
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import parts, scaled, sqrt, where
from moecusp.balance import BATCH


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
