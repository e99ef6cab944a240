"""Regression of scores that carry their own past noise: many experts, each with a drive of its own, over many steps.

Subtracting a mean over all steps would mix later noise into earlier scores (a bias of order 1/steps that pooling over
experts does not remove). Here each row is taken less the mean of *later* rows, and its instruments less that of
*earlier* ones (forward and backward orthogonal deviations), so that noise stays uncorrelated with every instrument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moecusp._arguments import Array

FIRST_STAGE = 16.0
"""Least F of the instruments with which a coefficient's interval is believed."""
COLLINEAR = 1e-7
"""Share of the largest singular value below which regressors count as collinear."""


def forward(x: Array) -> Array:
    """Return x (rows, ...) less the mean of later rows, scaled so that white noise stays white: one row fewer."""
    left = np.arange(len(x) - 1.0, 0.0, -1.0).reshape(-1, *[1] * (x.ndim - 1))
    later = np.cumsum(x[::-1], axis=0)[::-1][1:] / left
    return np.asarray(np.sqrt(left / (left + 1.0)) * (x[:-1] - later))


def backward(x: Array) -> Array:
    """Return x (rows, ...) less the mean of earlier rows, from the second row on."""
    past = np.arange(1.0, len(x)).reshape(-1, *[1] * (x.ndim - 1))
    earlier = np.cumsum(x, axis=0)[:-1] / past
    return np.asarray(np.sqrt(past / (past + 1.0)) * (x[1:] - earlier))


def beyond(x: Array) -> Array:
    """Return x (rows, ...) less the straight line through earlier rows, from the second row on; 0 before the fourth."""
    time = np.arange(float(len(x)))
    count, first, second = time[1:], np.cumsum(time)[:-1], np.cumsum(time**2)[:-1]
    shape = (-1, *[1] * (x.ndim - 1))
    level = np.cumsum(x, axis=0)[:-1] / count.reshape(shape)
    crossed = np.cumsum(x * time.reshape(shape), axis=0)[:-1]
    spread = np.maximum(second - first**2 / count, 0.5)
    ahead = time[1:] - first / count
    slope = (crossed - first.reshape(shape) * level) / spread.reshape(shape)
    scale = np.where(count > 2, 1.0 / np.sqrt(1.0 + 1.0 / count + ahead**2 / spread), 0.0)
    return np.asarray(scale.reshape(shape) * (x[1:] - level - slope * ahead.reshape(shape)))


def within(x: Array) -> Array:
    """Return x (rows, ...) less its mean over all rows."""
    return np.asarray(x - x.mean(axis=0))


@dataclass(frozen=True)
class Fit:
    """Coefficients of a regression.

    Attributes
    ----------
    values : ndarray, shape (coefficients,)
        Estimates.
    influence : ndarray, shape (rows, coefficients)
        What each row adds to their errors, on the rows of y: the sum of its outer products is their covariance.
    strength : ndarray, shape (coefficients,)
        F of the instruments for each regressor, the others given; infinite for what is its own instrument.
    """

    values: Array
    influence: Array
    strength: Array


def instrumented(
    y: Array, regressors: Sequence[Array], instruments: Sequence[Array], exogenous: Sequence[Array] = ()
) -> Fit:
    """Regress y (rows, experts) on regressors, with a constant for each expert.

    Parameters
    ----------
    y : ndarray, shape (rows, experts)
        What is explained, of noise that is uncorrelated with all instruments of the same and of earlier rows.
    regressors, instruments : sequences of ndarray, shape (rows, experts)
        At least as many instruments as regressors. Instruments are known before the row's noise.
    exogenous : sequence of ndarray
        Further regressors without any noise, such as time: each is its own instrument. Where there are any, others are
        taken to follow a trend, which means of earlier rows miss, and their instruments are taken less a line.
    """
    x = np.stack([forward(each)[1:] for each in (*regressors, *exogenous)])
    past = beyond if exogenous else backward
    z = np.stack([*(past(each)[:-1] for each in instruments), *(forward(each)[1:] for each in exogenous)])
    right = forward(y)[1:]
    scale = [np.sqrt((each**2).sum(axis=(1, 2), keepdims=True)) for each in (x, z)]
    x, z = (each / np.where(size > 0.0, size, 1.0) for each, size in zip((x, z), scale, strict=True))
    cross = np.einsum("qnk,pnk->qp", z, x)
    weight = np.linalg.pinv(np.einsum("qnk,rnk->qr", z, z))
    projected = cross.T @ weight
    solve = np.linalg.pinv(projected @ cross) @ projected
    found = solve @ np.einsum("qnk,nk->q", z, right)
    rest = right - np.tensordot(found, x, 1)
    influence = np.zeros((len(y), len(x)))
    influence[1:-1] = np.einsum("qnk,nk->nq", z, rest) @ solve.T
    size = np.where(scale[0][:, 0, 0] > 0.0, scale[0][:, 0, 0], np.inf)
    return Fit(found / size, influence / size, _strength(x, z, cross, weight))


def _strength(x: Array, z: Array, cross: Array, weight: Array) -> Array:
    """Return F of the part of each regressor that its instruments explain and the other regressors do not."""
    explained = np.einsum("qp,qnk->pnk", weight @ cross, z)
    found = np.full(len(x), np.inf)
    for p in range(len(x)):
        alone, raw = explained[p].ravel(), x[p].ravel()
        if len(x) > 1:
            others = np.delete(explained, p, 0).reshape(len(x) - 1, -1)
            part = np.linalg.lstsq(others.T, alone, rcond=None)[0]
            alone, raw = alone - part @ others, raw - part @ np.delete(x, p, 0).reshape(len(x) - 1, -1)
        noise = ((raw - alone) ** 2).sum()
        free = max(len(z) - len(x) + 1, 1)
        if noise > 0.0:
            found[p] = (alone**2).sum() / free / (noise / max(raw.size - len(z), 1))
    return found


def covariance(influence: Array, lags: int | None = None) -> Array:
    """Return the covariance (p, p) of estimates of given influence (rows, p), rows correlated with near ones.

    After Newey and West, but for neighbours, which count in full: records may share a load. lags: how far rows may be
    correlated; by default 4 (rows/100)^(2/9).
    """
    rows = len(influence)
    reach = int(4.0 * (rows / 100.0) ** (2.0 / 9.0)) if lags is None else lags
    own = influence.T @ influence
    total = own
    for lag in range(1, min(reach, rows - 1) + 1):
        part = influence[lag:].T @ influence[:-lag]
        total = total + (1.0 if lag == 1 else 1.0 - lag / (reach + 1.0)) * (part + part.T)
    return np.asarray(total if np.linalg.eigvalsh(total)[0] >= 0.0 else own)


@dataclass(frozen=True)
class LeastSquares:
    """A regression without instruments.

    Attributes
    ----------
    values, influence : ndarray
        As of `Fit`.
    rest : ndarray, shape (rows, experts)
        What is left of y.
    determined : ndarray of bool, shape (coefficients,)
        Which coefficients the regressors determine.
    """

    values: Array
    influence: Array
    rest: Array
    determined: Array


def least_squares(y: Array, regressors: Sequence[Array]) -> LeastSquares:
    """Regress y (rows, experts) on regressors with a constant for each expert."""
    x = np.stack([within(each) for each in regressors])
    columns = x.reshape(len(x), -1).T
    size = np.sqrt((columns**2).sum(axis=0))
    largest = np.array([float(np.abs(each).max()) for each in regressors])
    constant = size <= 1e-9 * largest * len(columns) ** 0.5  # of rounding alone
    size = np.where(constant, 1.0, size)
    scaled = np.where(constant, 0.0, columns / size)
    left, singular, right = np.linalg.svd(scaled, full_matrices=False)
    kept = singular > COLLINEAR * max(float(singular.max(initial=0.0)), 1e-300)
    determined = ~constant & ((right[~kept] ** 2).sum(axis=0) < 1e-8)
    inverse = right.T * np.where(kept, 1.0 / np.where(kept, singular, 1.0), 0.0)
    values = inverse @ (left.T @ within(y).ravel())
    rest = within(y) - (scaled @ values).reshape(y.shape)
    moments = np.einsum("pnk,nk->np", x, rest) / size
    return LeastSquares(values / size, moments @ (inverse @ inverse.T) / size, rest, determined)
