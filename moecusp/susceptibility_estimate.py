"""Susceptibility of softmax routers as an estimate: with the error that comes from the tokens (docs/theory.md, 6)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import POSITIVE, Array, ParameterError, integer, number
from moecusp._logits import Logits, read
from moecusp._numerics.operations import on_host
from moecusp._numerics.threads import one_thread
from moecusp.susceptibility import add_products, laplacian, mirrored, softmax


class SoftSusceptibility(NamedTuple):
    """An estimate of the susceptibility of softmax routing, with what it was made from.

    Attributes
    ----------
    susceptibility : ndarray, shape (..., K, K)
        chi (1/score), as `susceptibility` gives it.
    standard_error : ndarray, shape (..., K, K)
        Of each entry (1/score), for independent blocks of tokens.
    tokens : int or ndarray of int, shape (...)
        Number of tokens; of each batch if there was a mask.
    """

    susceptibility: NDArray[Any]
    standard_error: NDArray[Any]
    tokens: Any


def soft_susceptibility(
    logits: Any, inverse_temperature: float = 1.0, *, block: int = 1, mask: Any = None
) -> SoftSusceptibility:
    """Estimate the susceptibility of a softmax router from a sample of its logits, with standard errors.

    The value is that of `susceptibility`: chi = beta mean over tokens of diag p - p p^T.

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2; infinities as for `susceptibility`.
    inverse_temperature : float
        Inverse temperature beta > 0 (1/score) of p = softmax(beta a).
    block : int
        Number of consecutive tokens, counted from the first of a batch, that may depend on each other: those of one
        sequence. The standard error takes blocks as independent.
    mask : array_like of bool, shape (..., tokens), optional
        True for the tokens that count, as for `susceptibility`.

    Returns
    -------
    SoftSusceptibility
        The estimate and its standard error. Without gradient for tensors: `susceptibility` has them.

    Raises
    ------
    ParameterError
        As for `susceptibility`; if block is not an integer >= 1 or leaves a batch with fewer than two blocks.

    Warns
    -----
    UserWarning
        If the logits look like probabilities.

    Notes
    -----
    The standard error is that of a ratio of sums over blocks: s^2 = G/(G - 1) sum of (S_b - chi n_b)^2/n^2 over the G
    blocks, S_b the sum over the n_b tokens of a block that count, n all of them.

    References
    ----------
    Statement ``susceptibility.psd``; docs/theory.md, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import soft_susceptibility
    >>> found = soft_susceptibility(np.random.default_rng(0).normal(size=(10_000, 2)))
    >>> found.susceptibility.round(4).tolist(), found.standard_error.round(4).tolist()
    ([[0.1814, -0.1814], [-0.1814, 0.1814]], [[0.0006, 0.0006], [0.0006, 0.0006]])
    """
    beta = number("inverse_temperature", inverse_temperature, POSITIVE)
    recorded = read(logits, mask)
    together = integer("block", block, 1)
    given = [part for part in recorded[:2] if part is not None]

    def estimate(values: Array, kept: Any = None) -> tuple[Array, Array]:
        return _estimate(Logits(values, kept, recorded.restore), beta, together)

    chi, error = on_host(estimate, *given)
    return SoftSusceptibility(recorded.restore(chi), recorded.restore(error), recorded.tokens)


def _estimate(tokens: Logits, beta: float, together: int) -> tuple[Array, Array]:
    *batch, _, experts = tokens.values.shape
    size = int(np.prod(batch))
    sums, counts = np.zeros((3, size, experts, experts)), np.zeros((3, size))
    alone, own = np.zeros((2, size, experts, experts)), np.zeros((2, size, experts))
    space = np.empty((2, 0, experts))
    with np.errstate(all="ignore"), one_thread():
        for row, places, part in tokens.blocks(together):
            starts = np.flatnonzero(np.diff(places // together, prepend=-1))
            sizes = np.diff(starts, append=len(places))
            if sizes.max() == 1:
                if len(part) > space.shape[1]:
                    space = np.empty((2, len(part), experts))
                p, rest = space[:, : len(part)]
                _over_tokens(softmax(part, beta, p), rest, alone[:, row], own[:, row])
            else:
                sums[:, row] += _over_blocks(softmax(part, beta), starts, sizes)
            counts[:, row] += sizes.sum(), (sizes**2).sum(), sizes.size
        n, squares, groups = counts[..., None, None]
        if np.any(groups < 2):
            raise ParameterError("block", together, "small enough for two blocks of tokens in every batch")
        single, single_squares = mirrored(alone)
        for each, diagonal in ((single, own[0]), (single_squares, own[1])):
            each[..., range(experts), range(experts)] = diagonal
        total, square, across = sums + np.array([single, single_squares, single])
        share = total / n
        spread = np.maximum(square - 2.0 * share * across + share**2 * squares, 0.0)
        error = np.sqrt(groups / (groups - 1.0) * spread) / n
        shape = (*batch, experts, experts)
        return beta * laplacian(share).reshape(shape), beta * error.reshape(shape)


def _over_tokens(p: Array, rest: Array, sums: Array, own: Array) -> None:
    """Add the p_i p_j of tokens and their squares to lower triangles, the p_i (1 - p_i) to `own`; p is used up."""
    _rest(p, rest)
    rest *= p
    own += rest.sum(axis=0), np.einsum("ni,ni->i", rest, rest)
    add_products(sums[0], p)
    p *= p
    add_products(sums[1], p)


def _over_blocks(p: Array, starts: NDArray[Any], sizes: NDArray[Any]) -> Array:
    """Return what p_i p_j (p_i (1 - p_i) on the diagonal) adds up to over blocks: sums, squares, and times the size."""
    experts = p.shape[1]
    sums = np.zeros((3, experts, experts))
    for start, length in zip(starts, sizes, strict=True):
        part = p[start : start + length]
        total = part.T @ part
        np.fill_diagonal(total, 0.0)
        np.fill_diagonal(total, total.sum(axis=1))
        sums += total, total**2, total * length
    return sums


def _rest(p: Array, rest: Array) -> None:
    """Set `rest` to 1 - p, of a probability near 1 from the others."""
    np.subtract(1.0, p, out=rest)
    sure = np.flatnonzero(p.max(axis=1) > 0.5)
    top = p[sure].argmax(axis=1)
    others = p[sure]
    others[np.arange(len(sure)), top] = 0.0
    rest[sure, top] = others.sum(axis=1)
