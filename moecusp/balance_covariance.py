"""Bias rules for any router near balance: covariances from its susceptibility and one token's (docs/theory.md, 9)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, Array, ParameterError, Range, constant
from moecusp.balance import BATCH, BalanceVariance
from moecusp.balance_sign import ROOT_TWO_OVER_PI

_NULL = 1e-12  # eigenvalues below this share of the largest are none
_TURNS = 200


def proportional_covariance(
    update_rate: Any, susceptibility: Any, covariance: Any, batch_size: Any = 1
) -> BalanceVariance:
    """Stationary covariances of all experts under b <- b + r (1/K - load), near balance.

    P = (1 - r chi) P (1 - r chi) + r^2 Sigma/B; the load's chi P chi; the observed load's chi P chi + Sigma/B.

    Parameters
    ----------
    update_rate : array_like, shape (...)
        r > 0 (score).
    susceptibility : array_like, shape (..., K, K)
        chi of the slot shares (1/score), symmetric, with rows that add up to 0.
    covariance : array_like, shape (..., K, K)
        Sigma of one token's slot shares, symmetric, with rows that add up to 0.
    batch_size : array_like, shape (...)
        Tokens B >= 1 a step.

    Returns
    -------
    BalanceVariance
        Matrices of shape (..., K, K); NaN where r lambda_max >= 2, and where chi leaves more than the common mode
        without a response: there the biases wander.

    Raises
    ------
    ParameterError
        If an argument is out of range, a matrix is not square or not symmetric, or the shapes do not broadcast; for a
        tensor that asks for a gradient.

    Notes
    -----
    Of the linearised chain, exactly, up to the rounding of an eigendecomposition.

    References
    ----------
    Statement ``balance.proportional``; docs/theory.md, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import proportional_covariance
    >>> chi, sigma = 0.4 * (np.eye(2) - 0.5), 0.5 * (np.eye(2) - 0.5)
    >>> proportional_covariance(1.0, chi, sigma, 100).load.round(6).tolist()
    [[0.000625, -0.000625], [-0.000625, 0.000625]]
    """
    rate, chi, sigma, batch = _read("update_rate", update_rate, susceptibility, covariance, batch_size)
    noise = sigma / batch
    with np.errstate(all="ignore"):
        values, vectors = np.linalg.eigh(chi)
        values, lost = _responses(values)
        stable = ~lost & (rate[..., 0, 0] * values[..., -1] < 2.0)
        both = values[..., :, None] + values[..., None, :]
        pulled = both - rate * values[..., :, None] * values[..., None, :]
        push = vectors.swapaxes(-1, -2) @ noise @ vectors * rate
        bias = _back(np.where(both > 0.0, push / np.where(both > 0.0, pulled, 1.0), 0.0), vectors)
        load = chi @ bias @ chi
        parts = (bias, load, load + noise)
        return BalanceVariance(*(np.where(stable[..., None, None], part, np.nan) for part in parts))


def sign_covariance(
    bias_step: Any, susceptibility: Any, covariance: Any, batch_size: Any = 1, lattice_spacing: Any = 0.0
) -> BalanceVariance:
    """Stationary covariances of all experts under the sign rule, near balance, by the Gaussian closure.

    With O = chi P chi + Sigma/B the observed load's covariance, D = sqrt(2/pi) diag(O_ii^(-1/2)) and A the covariance
    of the signs, (2/pi) arcsin of the correlations of O: P chi D + D chi P = u A.

    Parameters
    ----------
    bias_step : array_like, shape (...)
        u > 0 (score).
    susceptibility : array_like, shape (..., K, K)
        chi of the slot shares (1/score), symmetric, with rows that add up to 0.
    covariance : array_like, shape (..., K, K)
        Sigma of one token's slot shares, symmetric, with rows that add up to 0 and a positive diagonal.
    batch_size : array_like, shape (...)
        Tokens B >= 1 a step.
    lattice_spacing : array_like, shape (...)
        1/(k B) for top-k routing if k B/K is a whole number, otherwise 0; see `sign_variance`.

    Returns
    -------
    BalanceVariance
        Matrices of shape (..., K, K), the bias about its mean over the experts; NaN where chi leaves more than the
        common mode without a response.

    Raises
    ------
    ParameterError
        If an argument is out of range, a matrix is not square or not symmetric, or the shapes do not broadcast; for a
        tensor that asks for a gradient.

    Notes
    -----
    An approximation, as `sign_variance`, to which it reduces for alike experts. Solved by iteration, which for
    alike experts at least halves the error at each turn.

    References
    ----------
    Statement ``balance.sign_closure``; docs/theory.md, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import sign_covariance
    >>> alike = np.eye(8) - 1 / 8
    >>> found = sign_covariance(0.003, 0.2034 * alike, alike / 8, 512, 1 / 512)
    >>> round(float(np.trace(found.bias)) / 7 * 1e6, 2)
    141.98
    """
    step, chi, sigma, batch = _read("bias_step", bias_step, susceptibility, covariance, batch_size)
    spacing = constant("lattice_spacing", lattice_spacing, NON_NEGATIVE)[..., None]
    noise = sigma / batch
    own = np.diagonal(noise, axis1=-2, axis2=-1)
    if np.any(own <= 0.0):
        raise ParameterError("covariance", covariance, "of a positive diagonal")
    if np.any(spacing**2 > 2.0 * np.pi * own):
        raise ParameterError("lattice_spacing", lattice_spacing, "at most sqrt(2 pi) times the noise of every load")
    with np.errstate(all="ignore"):
        observed = noise + np.zeros_like(step + chi)
        for _ in range(_TURNS):
            previous = observed
            bias, load = _closed(step, chi, observed, spacing)
            observed = load + noise
            if np.all(np.abs(observed - previous) <= 4e-16 * np.abs(observed).max((-2, -1))[..., None, None]):
                break
        lost = _responses(np.linalg.eigvalsh(chi))[1][..., None, None]
        return BalanceVariance(*(np.where(lost, np.nan, part) for part in (bias, load, observed)))


def _closed(step: Array, chi: Array, observed: Array, spacing: Array) -> tuple[Array, Array]:
    """Return the bias's and the load's covariance, given that of the observed load."""
    deviation = np.sqrt(np.diagonal(observed, axis1=-2, axis2=-1))
    signs = _signs(observed / (deviation[..., :, None] * deviation[..., None, :]), spacing / deviation)
    root = np.sqrt(ROOT_TWO_OVER_PI / deviation)
    # in y = D^(-1/2) b: the symmetric S = D^(1/2) chi D^(1/2), and Q S + S Q = u D^(-1/2) A D^(-1/2)
    values, vectors = np.linalg.eigh(root[..., :, None] * chi * root[..., None, :])
    values, _ = _responses(values)
    push = step * signs / (root[..., :, None] * root[..., None, :])
    both = values[..., :, None] + values[..., None, :]
    q = vectors.swapaxes(-1, -2) @ push @ vectors / np.where(both > 0.0, both, 1.0)
    q = np.where(both > 0.0, q, 0.0)
    pulls = values[..., :, None] * values[..., None, :]
    bias = root[..., :, None] * _back(q, vectors) * root[..., None, :]
    centre = np.eye(chi.shape[-1]) - 1.0 / chi.shape[-1]
    load = _back(q * pulls, vectors) / (root[..., :, None] * root[..., None, :])
    return centre @ bias @ centre, load


def _signs(correlation: Array, spacing: Array) -> Array:
    """Return the covariance of the signs of Gaussian loads on a lattice, one spacing a deviation apart."""
    tied = 0.5 * ROOT_TWO_OVER_PI * spacing  # probability of a load of exactly 1/K
    result = 2.0 / np.pi * np.arcsin(np.clip(correlation, -1.0, 1.0))
    alone = np.eye(correlation.shape[-1]) > 0.0
    if correlation.shape[-1] == 2:  # the two tie together
        return np.where(alone, 1.0, -1.0) * (1.0 - tied[..., None])
    return np.where(alone, 1.0 - tied[..., None], result)


def _responses(values: Any) -> tuple[Array, Any]:
    """Return eigenvalues with exact zeros, and whether others than that of the common mode are zero."""
    clean = np.where(values > _NULL * values[..., -1:], values, 0.0)
    return clean, (clean == 0.0).sum(-1) > 1


def _back(matrix: Array, vectors: Array) -> Array:
    result = vectors @ matrix @ vectors.swapaxes(-1, -2)
    return np.asarray(0.5 * (result + result.swapaxes(-1, -2)))


def _read(name: str, rate: Any, susceptibility: Any, covariance: Any, batch_size: Any) -> tuple[Array, ...]:
    """Return the arguments as arrays that broadcast: numbers with two axes more."""
    numbers = [constant(name, rate, POSITIVE), constant("batch_size", batch_size, BATCH)]
    chi = matrix("susceptibility", susceptibility)
    sigma = matrix("covariance", covariance)
    if chi.shape[-1] != sigma.shape[-1]:
        raise ParameterError("covariance", sigma.shape, f"of as many experts as the susceptibility, {chi.shape[-1]}")
    shapes = [n.shape for n in numbers] + [m.shape[:-2] for m in (chi, sigma)]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        wanted = "of leading shapes that broadcast together"
        raise ParameterError(f"{name}, batch_size, susceptibility and covariance", shapes, wanted) from error
    chi, sigma = (np.broadcast_to(m, (*shape, *m.shape[-2:])) for m in (chi, sigma))
    return numbers[0][..., None, None], chi, sigma, numbers[1][..., None, None]


def matrix(name: str, value: Any, allowed: Range = REAL) -> Array:
    """Return symmetric matrices whose rows add up to 0, or raise ParameterError."""
    m = constant(name, value, allowed)
    if m.ndim < 2 or m.shape[-1] != m.shape[-2] or m.shape[-1] < 2:
        raise ParameterError(name, m.shape, "of shape (..., K, K) with K >= 2")
    size = 1e-6 * np.abs(m).max((-2, -1))[..., None, None]
    if np.any(np.abs(m - m.swapaxes(-1, -2)) > size):
        raise ParameterError(name, value, "symmetric")
    if np.any(np.abs(m.sum(-1)) > size[..., 0] * m.shape[-1]):
        raise ParameterError(name, value, "of rows that add up to 0")
    return np.asarray(0.5 * m + 0.5 * m.swapaxes(-1, -2))
