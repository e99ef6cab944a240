"""Susceptibility of a real router: how its loads answer added scores, and the feedback it can bear (theory.md, 6)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import POSITIVE, REAL, Array, ParameterError, number, real, reals
from moecusp._numerics.operations import is_tensor, namespace, on_host, where

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
    certain, and rows sum to 0 to rounding. Logits of any size are allowed. For tensors it is differentiable in the
    logits and in inverse_temperature, to any order, and equal to the result for arrays but for the rounding of sums.

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
    values, restore = _logits(logits, beside=inverse_temperature)
    beta = _positive("inverse_temperature", inverse_temperature)
    tokens, experts = values.shape[-2:]
    with np.errstate(all="ignore"):
        if is_tensor(values):
            products = _products(values, beta)
        else:
            flat = values.reshape(-1, tokens, experts)
            products = np.zeros((flat.shape[0], experts, experts))
            step = max(1, _CHUNK // experts)
            for row, block in enumerate(flat):
                for start in range(0, tokens, step):
                    products[row] += _products(block[start : start + step], beta)
            products = products.reshape(*values.shape[:-2], experts, experts)
        return restore(beta * (_laplacian(products) / tokens))


def _products(logits: Any, beta: Any) -> Any:
    """Return the sum over tokens of p p^T."""
    xp = namespace(logits)
    top = xp.amax(logits, -1)[..., None]
    top = top.detach() if is_tensor(top) else top  # p does not change with it
    # halved, for the difference of two finite numbers can overflow
    fall = xp.clip(2.0 * (0.5 * logits - 0.5 * top), -np.finfo(np.float64).max, 0.0)
    p = xp.exp(beta * fall)
    p = p / p.sum(-1)[..., None]
    return p.swapaxes(-1, -2) @ p


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
        Differentiable twice for tensors, by the eigenvector: a term of a training loss. Where the largest eigenvalue
        is multiple, as for uniform loads, the gradient is that of one branch.

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
    values, narrow = _logits(logits, beside=decay)
    top = largest_eigenvalue(susceptibility(values, inverse_temperature))
    mu = real("decay", decay, POSITIVE)
    try:
        np.broadcast_shapes(tuple(mu.shape), tuple(top.shape))
    except ValueError as error:
        raise ParameterError("decay", tuple(mu.shape), f"of a shape that broadcasts with {tuple(top.shape)}") from error
    if is_tensor(top):
        mu, narrow = namespace(top).as_tensor(mu, device=top.device), _logits(logits, beside=top)[1]
    with np.errstate(all="ignore"):
        return narrow(where(top > 0.0, mu / where(top > 0.0, top, 1.0), np.inf))


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
        The estimate and its standard error. For tensors without gradient: counts are piecewise constant.

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
    slab = float(number("width", width, POSITIVE))
    estimate, error = (restore(v) for v in on_host(lambda a: _tie_graph(a, slab), values))
    return HardSusceptibility(estimate, error, slab, values.shape[-2])


def _tie_graph(values: Array, slab: float) -> tuple[Array, Array]:
    """Return the estimate and its standard error."""
    *batch, tokens, experts = values.shape
    flat = values.reshape(-1, tokens, experts)
    counts = np.zeros((flat.shape[0], experts, experts))
    for row, block in enumerate(flat):
        pairs = np.argpartition(block, -2)[:, -2:]
        top = np.take_along_axis(block, pairs, axis=1)
        with np.errstate(over="ignore"):
            close = pairs[np.abs(top[:, 1] - top[:, 0]) <= slab]
        np.add.at(counts[row], (close[:, 0], close[:, 1]), 1.0)
    counts += counts.swapaxes(-1, -2)
    estimate = _laplacian(counts) / tokens
    share = np.maximum(np.abs(estimate), 1.0 / tokens)
    error = np.sqrt(np.maximum(share * (1.0 - share), share / tokens) / tokens)
    shape = (*batch, experts, experts)
    with np.errstate(over="ignore"):
        return (estimate / (2.0 * slab)).reshape(shape), (error / (2.0 * slab)).reshape(shape)


def largest_eigenvalue(matrices: Any) -> Any:
    """Return the largest eigenvalue of symmetric positive semidefinite matrices, shape (..., K, K) to (...).

    Its derivative is v v^T with the eigenvector v: where the eigenvalue is multiple, one of its subgradients.
    """
    xp = namespace(matrices)
    scale = xp.amax(abs(matrices), (-2, -1))
    scale = where(scale > 0.0, scale, 1.0)
    scale = scale.detach() if is_tensor(scale) else scale
    scaled = matrices / scale[..., None, None]
    top = xp.linalg.eigvalsh(scaled)[..., -1] if not is_tensor(scaled) else _top(scaled)
    return xp.clip(top, 0.0, None) * scale


def _top(matrices: Any) -> Any:
    """Return the largest eigenvalue as the Rayleigh quotient of an eigenvector that is right to first order.

    A first-order error of the vector is one of third order in the quotient, so both its derivatives are exact.
    """
    torch = namespace(matrices)
    known = matrices.detach()
    values, vectors = torch.linalg.eigh(known)
    top, v = values[..., -1:], vectors[..., -1:]
    gap = top - values
    inverse = where(gap > 1e-12, 1.0 / where(gap > 1e-12, gap, 1.0), 0.0)[..., None, :]
    v = v + (vectors * inverse) @ (vectors.mT @ ((matrices - known) @ v))
    quotient = ((v.mT @ matrices @ v) / (v.mT @ v))[..., 0, 0]
    return top[..., 0] + (quotient - quotient.detach())


def _laplacian(products: Any) -> Any:
    """Return the Laplacian of a matrix of weights: minus them, and on the diagonal the sum of the rest of the row."""
    other = where(namespace(products).eye(products.shape[-1], **_like(products)) > 0.0, 0.0, products)
    return where(other == 0.0, 0.0, -other) + _diagonal(other.sum(-1))


def _diagonal(values: Any) -> Any:
    return values[..., None] * namespace(values).eye(values.shape[-1], **_like(values))


def _like(x: Any) -> dict[str, Any]:
    return {"dtype": x.dtype, "device": x.device} if is_tensor(x) else {}


def _logits(logits: Any, beside: Any = None) -> tuple[Any, Any]:
    """Return the logits as a tensor if what stands beside them is one, and the function that restores their type."""
    (values,), restore = reals(logits=(logits, REAL))
    if is_tensor(beside) and not is_tensor(values):
        (values,), restore = reals(logits=(namespace(beside).as_tensor(values, device=beside.device), REAL))
    if values.ndim < 2 or values.shape[-1] < 2:
        raise ParameterError("logits", tuple(values.shape), "of shape (..., tokens, K) with K >= 2")
    return values, restore


def _positive(name: str, value: Any) -> Any:
    array = real(name, value, POSITIVE)
    if array.ndim:
        raise ParameterError(name, tuple(array.shape), "one number")
    return array if is_tensor(array) else float(array)
