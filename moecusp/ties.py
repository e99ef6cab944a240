"""Susceptibility of hard routing, from how many recorded tokens lie near a tie (docs/theory.md, 6)."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import POSITIVE, Array, ParameterError, integer, number
from moecusp._logits import Logits, read
from moecusp._numerics.operations import on_host
from moecusp.susceptibility import laplacian

_TIED = 0.1  # share of exact ties among the counted tokens above which the grid of the logits shows in the estimate
_PILOT = 1 << 18  # tokens whose margins choose a width
_NEAR = 0.1  # share of them that the width is chosen from


class HardSusceptibility(NamedTuple):
    """An estimate of the susceptibility of hard routing, with what it was made from.

    Attributes
    ----------
    susceptibility : ndarray, shape (..., K, K)
        Weighted Laplacian of the tie graph (1/score), the derivative of the shares of slots.
    standard_error : ndarray, shape (..., K, K)
        Of each entry, for independent blocks of tokens; entries without any token in their slab get the error of one
        token.
    width : float
        Half the width w of the slab |a_i - a_j| <= w in which tokens were counted (score).
    tokens : int or ndarray of int, shape (...)
        Number of tokens; of each batch if there was a mask.
    ties : ndarray of int, shape (...)
        Number of tokens whose two logits that decide are equal. Where they are more than a tenth of those in the slab
        the logits lie on a grid too coarse for the width.
    """

    susceptibility: NDArray[Any]
    standard_error: NDArray[Any]
    width: float
    tokens: Any
    ties: Any


def hard_susceptibility(
    logits: Any, width: Any = None, *, top_k: int = 1, block: int = 1, mask: Any = None
) -> HardSusceptibility:
    """Estimate the susceptibility of hard top-k routing from recorded logits.

    chi_ij = -c_ij/k, where c_ij is the density at 0 of a_i - a_j on the event that i and j are the k-th and the
    (k+1)-th; it is estimated by the share of tokens with |a_i - a_j| <= w over 2 w. A token for which the two are not
    determined, because logits are equal, is shared evenly among the pairs that they could be.

    Parameters
    ----------
    logits : array_like, shape (..., tokens, K)
        Recorded router logits a (score), K >= 2; infinities as for `susceptibility`.
    width : float, optional
        Half the width w > 0 of the slab (score). The standard error grows as w^(-1/2). The bias falls as w^2 for two
        experts whose density is smooth, and as w for more: a third logit can lie between. By default the width at which
        the two add up to least is estimated from the margins, and returned.
    top_k : int
        Number of experts k that take a token, 1 <= k < K.
    block : int
        Number of consecutive tokens, counted from the first of a batch, that may depend on each other: those of one
        sequence. The standard error takes blocks as independent.
    mask : array_like of bool, shape (..., tokens), optional
        True for the tokens that count, as for `susceptibility`.

    Returns
    -------
    HardSusceptibility
        The estimate and its standard error. For tensors without gradient: counts are piecewise constant.

    Raises
    ------
    ParameterError
        As for `susceptibility`; if width is not one positive number, or cannot be chosen because no token has its two
        logits apart; if top_k or block is out of range.

    Warns
    -----
    UserWarning
        If more than a tenth of the tokens in the slab are exact ties: the logits lie on a grid (that of bfloat16, say)
        that is not much finer than the width, or coarser, and the estimate is then off by about that share, or, with
        nothing but ties, too large by any factor. Or if the logits look like probabilities.

    References
    ----------
    Statements ``susceptibility.tie_graph`` and ``susceptibility.slot_ties``; docs/theory.md, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import hard_susceptibility
    >>> found = hard_susceptibility(np.array([[0.0, 0.1], [0.0, 3.0]]), width=0.5)
    >>> found.susceptibility.tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    slab = None if width is None else float(number("width", width, POSITIVE))
    recorded = read(logits, mask)
    k = integer("top_k", top_k, 1, recorded.values.shape[-1] - 1)
    together = integer("block", block, 1)
    given = [part for part in recorded[:2] if part is not None]

    def count(values: Array, kept: Any = None) -> tuple[Array, Array, Any, Any, Any]:
        tokens = Logits(values, kept, recorded.restore)
        half = _best_width(tokens, k) if slab is None else slab
        return (*_tie_graph(tokens, half, k, together), np.asarray(half))

    estimate, error, inside, ties, half = on_host(count, *given)
    slab = float(half)
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


def deciding(logits: Array, k: int) -> tuple[Array, Array]:
    """Return the k-th and the (k+1)-th largest logit of each token."""
    parted = np.partition(logits, -k - 1)
    return parted[:, -k:].min(axis=1), parted[:, -k - 1]


def _margins(logits: Array, k: int) -> tuple[Array, Array, Array]:
    """Return the k-th largest logit, the (k+1)-th, and how far they are apart: NaN if no expert is left to choose."""
    first, second = deciding(logits, k)
    with np.errstate(all="ignore"):
        return first, second, np.where((first == second) & (first > -np.inf), 0.0, first - second)


def _best_width(tokens: Logits, k: int) -> float:
    """Return the width of least bias and error together, from how the density of the smallest margins changes.

    With M(w) = 2 C w + q w^2 for the share of margins up to w, the estimate of C has the bias q w/2 and the variance
    C/(2 w n): they add up to least at w^3 = C/(q^2 n). C and q come from the smallest tenth of the margins, q from no
    less than its own standard error.
    """
    stride = max(1, tokens.values.size // (tokens.values.shape[-1] * _PILOT))
    found = np.concatenate([_margins(part[::stride], k)[2] for _, _, part in tokens.blocks()])
    found = np.sort(found[np.isfinite(found)])
    reach = found[int(_NEAR * found.size)] if found.size else 0.0
    if not reach > 0.0:
        apart = found[found > 0.0]
        if not apart.size:
            raise ParameterError("width", None, "given: no token has its two deciding logits apart, and both finite")
        return float(apart[0])
    inner, outer = (np.searchsorted(found, w, side="right") / found.size for w in (0.5 * reach, reach))
    bend = max(2.0 * abs(outer - 2.0 * inner), 2.0 * np.sqrt(outer / found.size)) / reach**2
    ties = max((4.0 * inner - outer) / (2.0 * reach), outer / (4.0 * reach))
    counted = tokens.tokens if tokens.kept is None else int(np.min(tokens.tokens))
    return float(min(reach, np.cbrt(ties / (bend**2 * counted))))


def _tie_graph(tokens: Logits, slab: float, k: int, together: int) -> tuple[Array, Array, Any, Any]:
    """Return the estimate, its standard error, and how many tokens lie in the slab and are exact ties."""
    *batch, _, experts = tokens.values.shape
    size = int(np.prod(batch))
    sums, near = np.zeros((3, size, experts, experts)), np.zeros((2, size), dtype=np.int64)
    counts = np.zeros((3, size))
    for row, places, part in tokens.blocks(together):
        group = np.unique(places // together, return_inverse=True)[1]
        sizes = np.bincount(group)
        of_block, near_block = _tally(part, slab, k, group, sizes)
        sums[:, row] += of_block
        near[:, row] += near_block
        counts[:, row] += sizes.sum(), (sizes**2).sum(), sizes.size
    number_of, squares, groups = counts[..., None, None]
    if together > 1 and np.any(groups < 2):
        raise ParameterError("block", together, "small enough for two blocks in every batch")
    total, square, across = np.where(sums[0] > 0.0, sums, 1.0)  # an entry without a token gets the error of one
    share = total / number_of
    spread = square - 2.0 * share * across + share**2 * squares  # sum over blocks of (sum - share size)^2
    spare = groups / (groups - 1.0) if together > 1 else 1.0
    error = np.sqrt(spare * np.maximum(spread, square / number_of)) / number_of
    shape = (*batch, experts, experts)
    with np.errstate(over="ignore"):
        scaled = (part.reshape(shape) / (2.0 * slab) / k for part in (laplacian(sums[0]) / number_of, error))
        return (*scaled, *near.reshape(2, *batch))


def _tally(logits: Array, slab: float, k: int, group: NDArray[Any], sizes: NDArray[Any]) -> tuple[Array, list[int]]:
    """Sum what the tokens in the slab weigh in each pair, over groups: the sums, their squares, and times the size.

    On the diagonal stand the sums for an expert in any pair. Beside them: tokens in the slab, and ties among them.
    """
    experts = logits.shape[1]
    first, second, apart = _margins(logits, k)
    close = np.flatnonzero(apart <= slab)
    group, tied = group[close], first[close] == second[close]
    upper, lower = (logits[close] == value[close, None] for value in (first, second))
    above, below = upper.sum(axis=1), lower.sum(axis=1)
    plain = np.where(tied, above == 2, above * below == 1)
    shared = np.unique(group[~plain])  # groups with a token that several pairs could be: added up as matrices
    plain = ~np.isin(group, shared)
    i = upper[plain].argmax(axis=1)
    j = experts - 1 - lower[plain, ::-1].argmax(axis=1)  # of two equals the other one
    sums = np.zeros((3, experts * experts))
    twice = np.concatenate([group[plain]] * 2) * experts**2
    for pairs in ((i * experts + j, j * experts + i), (i * (experts + 1), j * (experts + 1))):
        keys, times = np.unique(twice + np.concatenate(pairs), return_counts=True)
        of, entry = np.divmod(keys, experts**2)
        for total, values in zip(sums, (times, times**2, times * sizes[of]), strict=True):
            total += np.bincount(entry, values, minlength=experts**2)
    sums = sums.reshape(3, experts, experts)
    for each in shared:
        inside = np.flatnonzero(group == each)
        equal, a, b = tied[inside], above[inside], below[inside]
        weight = 1.0 / np.where(equal, a * (a - 1.0), a * b)  # equals are met in both orders
        half = (upper[inside] * weight[:, None]).T @ lower[inside].astype(float)
        total = half + half.T
        own = upper[inside].T @ np.where(equal, 2.0 / a, 1.0 / a) + lower[inside].T @ np.where(equal, 0.0, 1.0 / b)
        np.fill_diagonal(total, own)
        sums += total, total**2, total * sizes[each]
    return sums, [close.size, int(tied.sum())]
