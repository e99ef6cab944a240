"""Susceptibility of hard top-1 routing, from how many recorded tokens lie near a tie (theory.md, 6)."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import POSITIVE, Array, number
from moecusp._logits import read
from moecusp._numerics.operations import on_host
from moecusp.susceptibility import blocks, laplacian

_TIED = 0.1  # share of exact ties among the counted tokens above which the grid of the logits shows in the estimate


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
    tokens : int or ndarray of int, shape (...)
        Number of tokens; of each batch if there was a mask.
    ties : ndarray of int, shape (...)
        Number of tokens whose two largest logits are equal. Where they are more than a tenth of those in the slab the
        logits lie on a grid too coarse for the width.
    """

    susceptibility: NDArray[Any]
    standard_error: NDArray[Any]
    width: float
    tokens: Any
    ties: Any


def hard_susceptibility(logits: Any, width: Any, *, mask: Any = None) -> HardSusceptibility:
    """Estimate the susceptibility of hard top-1 routing from recorded logits.

    chi_ij = -c_ij, where c_ij is the density at 0 of a_i - a_j on the event that i and j are the top two; it is
    estimated by the share of tokens with |a_i - a_j| <= w over 2 w. A token whose top two are not determined, because
    logits are equal, is shared evenly among the pairs that they could be.

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2; infinities as for `susceptibility`.
    width : float
        Half the width w > 0 of the slab (score). The bias falls as w^2 where the density is smooth, and the standard
        error grows as w^(-1/2).
    mask : array_like of bool, shape (..., tokens), optional
        True for the tokens that count, as for `susceptibility`.

    Returns
    -------
    HardSusceptibility
        The estimate and its standard error. For tensors without gradient: counts are piecewise constant.

    Raises
    ------
    ParameterError
        As for `susceptibility`; if width is not one positive number.

    Warns
    -----
    UserWarning
        If more than a tenth of the tokens in the slab are exact ties: the logits lie on a grid (that of bfloat16, say)
        that is not much finer than the width, or coarser, and the estimate is then off by about that share, or, with
        nothing but ties, too large by any factor. Or if the logits look like probabilities.

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
    slab = float(number("width", width, POSITIVE))
    recorded = read(logits, mask)
    given = [part for part in recorded[:2] if part is not None]
    estimate, error, inside, ties = on_host(lambda *parts: _tie_graph(slab, *parts), *given)
    coarse = ties > _TIED * inside
    if coarse.any():
        share = float((ties[coarse] / inside[coarse]).max())
        warnings.warn(
            f"width = {slab:g} lies {'below' if share > 0.5 else 'near'} the grid of the logits: {share:.0%} of the "
            "tokens in the slab are exact ties, and the estimate is off by about that share, or, where all are, too "
            "large by any factor; take a larger width, or logits of more digits",
            stacklevel=2,
        )
    return HardSusceptibility(recorded.restore(estimate), recorded.restore(error), slab, recorded.tokens, ties[()])


def _tie_graph(slab: float, values: Array, kept: Any = None) -> tuple[Array, Array, Any, Any]:
    """Return the estimate, its standard error, and how many tokens lie in the slab and are exact ties."""
    *batch, tokens, experts = values.shape
    size = int(np.prod(batch))
    sums, near = np.zeros((2, size, experts, experts)), np.zeros((2, size), dtype=np.int64)
    for row, part, counted in blocks(values, kept):
        of_block, near_block = _tally(part if counted is None else part[counted], slab)
        sums[:, row] += of_block
        near[:, row] += near_block
    number_of = np.full(size, tokens) if kept is None else kept.reshape(size, tokens).sum(axis=-1)
    number_of = number_of[:, None, None]
    share, square = np.where(sums > 0.0, sums, 1.0) / number_of
    error = np.sqrt(np.maximum(square - share**2, square / number_of) / number_of)
    estimate = laplacian(sums[0]) / number_of
    shape = (*batch, experts, experts)
    with np.errstate(over="ignore"):
        scaled = (part.reshape(shape) / (2.0 * slab) for part in (estimate, error))
        return (*scaled, *near.reshape(2, *batch))


def _tally(logits: Array, slab: float) -> tuple[Array, list[int]]:
    """Sum what the tokens in the slab weigh in each pair, and the squares; count them, and the ties among them.

    On the diagonal stand the sums for an expert in any pair.
    """
    top = np.partition(logits, -2)[:, -2:]
    with np.errstate(over="ignore"):
        close = top[:, 1] - top[:, 0] <= slab
    second, first = ((logits[close] == top[close, place, None]).astype(float) for place in (0, 1))
    several = first.sum(axis=1, keepdims=True)
    tied = several > 1.0
    pair = 1.0 / np.where(tied, 0.5 * several * (several - 1.0), second.sum(axis=1, keepdims=True))
    own = np.where(tied, 2.0 / several, 1.0) * first + np.where(tied, 0.0, pair) * second
    sums = np.empty((2, *logits.shape[1:] * 2))
    for power, total in enumerate(sums, start=1):
        half = first.T @ (np.where(tied, 0.5, 1.0) * pair**power * second)  # equals are met in both orders
        total[:] = half + half.T
        np.fill_diagonal(total, (own**power).sum(axis=0))
    return sums, [len(tied), int(tied.sum())]
