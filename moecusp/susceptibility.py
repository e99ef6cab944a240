"""Susceptibility of softmax routers: how loads answer added scores, and the feedback they can bear (theory.md, 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import POSITIVE, Array, ParameterError, real
from moecusp._logits import Logits, finite_above, read
from moecusp._numerics.operations import is_tensor, namespace, where
from moecusp._numerics.threads import one_thread

_TINY = 1e-290  # below it, beta times a difference of logits that overflows would not be large


def susceptibility(logits: Any, inverse_temperature: Any = 1.0, *, mask: Any = None) -> Any:
    """Susceptibility of a softmax router, chi = beta mean over tokens of diag p - p p^T.

    The derivative of the loads with respect to scores added to every token's logits: symmetric, positive semidefinite,
    with the constant vector in its kernel.

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2. -inf marks an expert that cannot be chosen; +inf wins, shared among
        several.
    inverse_temperature : float
        Inverse temperature beta > 0 (1/score) of p = softmax(beta a).
    mask : array_like of bool, shape (..., tokens), optional
        True for the tokens that count, false for padding, whose logits are not looked at. The tokens that a NumPy
        masked array of logits masks are left out too.

    Returns
    -------
    ndarray, shape (..., K, K)
        chi (1/score).

    Raises
    ------
    ParameterError
        If logits are NaN or complex, -inf for every expert of a token, have fewer than two axes or fewer than two
        experts; if inverse_temperature is not one positive number; if mask does not fit the logits or leaves a batch
        without a token.

    Warns
    -----
    UserWarning
        If the logits look like probabilities.

    Notes
    -----
    Diagonal entries are minus the sum of the others in their row, so that nothing cancels when a router is nearly
    certain, and rows sum to 0 to rounding. Logits of any size are allowed, and products with beta of any size. Row and
    column of an expert that no token can choose are 0. For tensors it is differentiable in the logits and in
    inverse_temperature, to any order, and equal to the result for arrays but for the rounding of sums; the derivative
    by an infinite logit, or one that the mask leaves out, is 0.

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
    beta = _positive("inverse_temperature", inverse_temperature)
    recorded = read(logits, mask, beside=[beta])
    return recorded.restore(_soft(recorded, beta))


def _soft(logits: Logits, beta: Any) -> Any:
    *batch, _, experts = logits.values.shape
    tokens = logits.tokens if logits.kept is None else logits.tokens[..., None, None]
    with np.errstate(all="ignore"):
        if is_tensor(logits.values):
            products = _products(finite_above(logits.values), logits.kept, beta)
        else:
            products = np.zeros((int(np.prod(batch)), experts, experts))
            with one_thread():
                for row, _, block in logits.blocks():
                    add_products(products[row], softmax(block, float(beta)))
            products = mirrored(products).reshape(*batch, experts, experts)
        return beta * (laplacian(products) / tokens)


def softmax(logits: Array, beta: float, out: Array | None = None) -> Array:
    """Return softmax(beta a) of tokens as `Logits.blocks` yields them, in the least number of passes over them.

    Into `out`, if there is one: memory that is given back and asked for anew block by block costs as much as a pass.
    """
    top = logits.max(axis=1, keepdims=True)
    if top.max() == np.inf:
        logits = finite_above(logits)
        top = logits.max(axis=1, keepdims=True)
    if beta < _TINY:  # halved, for the difference of two finite numbers can overflow
        p = 0.5 * logits - 0.5 * top
        p *= beta
        p *= 2.0
    else:
        p = np.subtract(logits, top, out=out)
        if beta != 1.0:
            p *= beta
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return np.asarray(p)


def add_products(total: Array, p: Array) -> None:
    """Add the products p^T p of tokens (tokens, K) to the lower triangle of a total (K, K), in its place."""
    from scipy.linalg.blas import dsyrk  # here: the rest of the library starts without it

    dsyrk(1.0, p.T, beta=1.0, c=total.T, overwrite_c=True)  # BLAS reads columns, and has the transpose of both


def mirrored(lower: Array) -> Array:
    """Return symmetric matrices (..., K, K) of their lower triangles."""
    return np.asarray(np.tril(lower) + np.tril(lower, -1).swapaxes(-1, -2))


def _products(logits: Any, kept: Any, beta: Any) -> Any:
    """Return the sum over the tokens of a tensor that count of p p^T, to be differentiated."""
    xp = namespace(logits)
    top = xp.amax(logits, -1)[..., None].detach()  # p does not change with it
    possible = logits > -np.inf
    # halved, for the difference of two finite numbers can overflow; multiplied last, for beta times a logit can
    fall = where(possible, 0.5 * where(possible, logits, 0.0) - 0.5 * top, 0.0)
    p = where(possible, xp.exp(2.0 * (beta * fall)), 0.0)
    p = p / p.sum(-1)[..., None]
    return p.swapaxes(-1, -2) @ (p if kept is None else where(kept[..., None], p, 0.0))


def critical_feedback_from_logits(
    logits: Any, decay: Any = 1.0, inverse_temperature: Any = 1.0, *, mask: Any = None
) -> Any:
    """Feedback at which the recorded state of a softmax router loses stability, kappa_c = mu/lambda_max(chi).

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2; infinities as for `susceptibility`.
    decay : array_like
        Decay rate mu > 0 (1/time). Broadcasts with the leading axes of logits.
    inverse_temperature : float
        Inverse temperature beta > 0 (1/score).
    mask : array_like of bool, shape (..., tokens), optional
        True for the tokens that count, as for `susceptibility`.

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
    beta = _positive("inverse_temperature", inverse_temperature)
    recorded = read(logits, mask, beside=[decay, beta])
    top = largest_eigenvalue(_soft(recorded, beta))
    mu = real("decay", decay, POSITIVE)
    try:
        np.broadcast_shapes(tuple(mu.shape), tuple(top.shape))
    except ValueError as error:
        raise ParameterError("decay", tuple(mu.shape), f"of a shape that broadcasts with {tuple(top.shape)}") from error
    if is_tensor(top):
        mu = namespace(top).as_tensor(mu, device=top.device)
    with np.errstate(all="ignore"):
        return recorded.restore(where(top > 0.0, mu / where(top > 0.0, top, 1.0), np.inf))


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


def laplacian(products: Any) -> Any:
    """Return the Laplacian of a matrix of weights: minus them, and on the diagonal the sum of the rest of the row."""
    other = where(namespace(products).eye(products.shape[-1], **_like(products)) > 0.0, 0.0, products)
    return where(other == 0.0, 0.0, -other) + _diagonal(other.sum(-1))


def _diagonal(values: Any) -> Any:
    return values[..., None] * namespace(values).eye(values.shape[-1], **_like(values))


def _like(x: Any) -> dict[str, Any]:
    return {"dtype": x.dtype, "device": x.device} if is_tensor(x) else {}


def _positive(name: str, value: Any) -> Any:
    array = real(name, value, POSITIVE)
    if array.ndim:
        raise ParameterError(name, tuple(array.shape), "one number")
    return array if is_tensor(array) else float(array)
