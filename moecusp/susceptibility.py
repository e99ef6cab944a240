"""Susceptibility of a real router: how its loads answer added scores, and the feedback it can bear (theory.md, 6)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import POSITIVE, REAL, Array, ParameterError, real, reals

_CHUNK = 1 << 22  # numbers of temporary probabilities held at once


class HardSusceptibility(NamedTuple):
    """An estimate of the susceptibility of hard top-1 routing, with what it was made from.

    Attributes
    ----------
    susceptibility : ndarray, shape (..., K, K)
        Weighted Laplacian of the tie graph (1/score).
    standard_error : ndarray, shape (..., K, K)
        Of each entry, for independent tokens; entries without any token in their slab get the error of one token.
    width : float
        Half the width w of the slab |a_i - a_j| <= w in which tokens were counted (score).
    tokens : int
        Number of tokens.
    """

    susceptibility: NDArray[Any]
    standard_error: NDArray[Any]
    width: float
    tokens: int


def susceptibility(logits: Any, inverse_temperature: Any = 1.0) -> Any:
    """Susceptibility of a softmax router, chi = beta mean over tokens of diag p - p p^T.

    The derivative of the loads with respect to scores added to every token's logits: symmetric, positive semidefinite,
    with the constant vector in its kernel.

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2.
    inverse_temperature : float
        Inverse temperature beta > 0 (1/score) of p = softmax(beta a).

    Returns
    -------
    ndarray, shape (..., K, K)
        chi (1/score).

    Raises
    ------
    ParameterError
        If logits are not finite and real, have fewer than two axes or fewer than two experts, or inverse_temperature
        is not one positive number.

    Notes
    -----
    Diagonal entries are minus the sum of the others in their row, so that nothing cancels when a router is nearly
    certain, and rows sum to 0 to rounding. Logits of any size are allowed.

    References
    ----------
    Statement ``susceptibility.psd``; docs/theory.md, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import susceptibility
    >>> susceptibility(np.zeros((1, 2))).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    values, restore = _logits(logits)
    beta = _positive("inverse_temperature", inverse_temperature)
    *batch, tokens, experts = values.shape
    flat = values.reshape(-1, tokens, experts)
    chi = np.zeros((flat.shape[0], experts, experts))
    step = max(1, _CHUNK // experts)
    for row, block in enumerate(flat):
        for start in range(0, tokens, step):
            part = block[start : start + step]
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                # halved, for the difference of two finite numbers can overflow
                fall = 2.0 * (0.5 * part - 0.5 * part.max(axis=1, keepdims=True))
                p = np.exp(np.where(fall == 0.0, 0.0, beta * fall))
                p /= p.sum(axis=1, keepdims=True)
                chi[row] -= p.T @ p
    with np.errstate(under="ignore", over="ignore"):
        return restore((beta * (_laplacian(chi) / tokens)).reshape(*batch, experts, experts))


def critical_feedback_from_logits(logits: Any, decay: Any = 1.0, inverse_temperature: Any = 1.0) -> Any:
    """Feedback at which the recorded state of a softmax router loses stability, kappa_c = mu/lambda_max(chi).

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2.
    decay : array_like
        Decay rate mu > 0 (1/time). Broadcasts with the leading axes of logits.
    inverse_temperature : float
        Inverse temperature beta > 0 (1/score).

    Returns
    -------
    float or ndarray, shape (...)
        kappa_c (score/time); inf where every token is routed with certainty. The gain is g = kappa/kappa_c.

    Raises
    ------
    ParameterError
        As for `susceptibility`; if decay is out of range or does not broadcast.

    References
    ----------
    Statement ``susceptibility.critical_feedback``; docs/theory.md, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import critical_feedback_from_logits
    >>> round(float(critical_feedback_from_logits(np.zeros((1, 4)))), 12)
    4.0
    """
    _, narrow = _logits(logits)
    top = largest_eigenvalue(np.asarray(susceptibility(np.asarray(logits, dtype=np.float64), inverse_temperature)))
    mu = real("decay", decay, POSITIVE)
    try:
        np.broadcast_shapes(mu.shape, top.shape)
    except ValueError as error:
        raise ParameterError("decay", mu.shape, f"of a shape that broadcasts with {top.shape}") from error
    with np.errstate(divide="ignore", over="ignore"):
        return narrow(np.asarray(mu / top))


def hard_susceptibility(logits: Any, width: Any) -> HardSusceptibility:
    """Estimate the susceptibility of hard top-1 routing from recorded logits.

    chi_ij = -c_ij, where c_ij is the density at 0 of a_i - a_j on the event that i and j are the top two; it is
    estimated by the share of tokens with |a_i - a_j| <= w over 2 w.

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2.
    width : float
        Half the width w > 0 of the slab (score). The bias falls as w^2 where the density is smooth, and the standard
        error grows as w^(-1/2).

    Returns
    -------
    HardSusceptibility
        The estimate and its standard error.

    Raises
    ------
    ParameterError
        As for `susceptibility`; if width is not one positive number.

    References
    ----------
    Statement ``susceptibility.tie_graph``; docs/theory.md, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import hard_susceptibility
    >>> found = hard_susceptibility(np.array([[0.0, 0.1], [0.0, 3.0]]), width=0.5)
    >>> found.susceptibility.tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    values, restore = _logits(logits)
    slab = _positive("width", width)
    *batch, tokens, experts = values.shape
    flat = values.reshape(-1, tokens, experts)
    counts = np.zeros((flat.shape[0], experts, experts))
    for row, block in enumerate(flat):
        pairs = np.argpartition(block, experts - 2, axis=1)[:, -2:]
        top = np.take_along_axis(block, pairs, axis=1)
        with np.errstate(over="ignore"):
            close = pairs[np.abs(top[:, 1] - top[:, 0]) <= slab]
        np.add.at(counts[row], (close[:, 0], close[:, 1]), 1.0)
    counts += counts.swapaxes(-1, -2)
    estimate = _laplacian(-counts) / tokens
    share = np.maximum(np.abs(estimate), 1.0 / tokens)
    error = np.sqrt(np.maximum(share * (1.0 - share), share / tokens) / tokens)
    shape = (*batch, experts, experts)
    with np.errstate(over="ignore"):
        estimate, error = (np.asarray(restore((v / (2.0 * slab)).reshape(shape))) for v in (estimate, error))
    return HardSusceptibility(estimate, error, slab, tokens)


def largest_eigenvalue(matrices: Array) -> Array:
    """Return the largest eigenvalue of symmetric positive semidefinite matrices, shape (..., K, K) to (...)."""
    scale = np.max(np.abs(matrices), axis=(-2, -1), keepdims=True)
    safe = np.where(scale > 0.0, scale, 1.0)
    return np.asarray(np.maximum(np.linalg.eigvalsh(matrices / safe)[..., -1], 0.0) * scale[..., 0, 0])


def _laplacian(negative: Array) -> Array:
    """Return the matrices with their diagonals replaced by minus the sum of the rest of the row."""
    result = negative.copy()
    diagonal = np.arange(result.shape[-1])
    result[..., diagonal, diagonal] = 0.0
    result[..., diagonal, diagonal] = -result.sum(axis=-1)
    return result + 0.0


def _logits(logits: Any) -> tuple[Array, Any]:
    (values,), restore = reals(logits=(logits, REAL))
    if values.ndim < 2 or values.shape[-1] < 2:
        raise ParameterError("logits", values.shape, "of shape (..., tokens, K) with K >= 2")
    return values, restore


def _positive(name: str, value: Any) -> float:
    array = real(name, value, POSITIVE)
    if array.ndim:
        raise ParameterError(name, array.shape, "one number")
    return float(array)
