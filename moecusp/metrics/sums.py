"""What every metric is made from: sums over the tokens of each batch, which add up over batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError
from moecusp.trace import Sample, SiteTrace

Floats = NDArray[np.float64]
_CHUNK = 2**18  # scores in float64 at a time: they stay in the cache
_LEAST = -745.0  # exp of it is the smallest number above 0


@dataclass(frozen=True)
class Sums:
    """Sums over tokens; leading axes (...) are batches, resamples or nothing. What was not recorded is None.

    Attributes
    ----------
    k : int
        Slots of a token.
    counts : ndarray, shape (..., experts)
        Slots that each expert got.
    tokens, dropped : ndarray, shape (...)
        Tokens, and slots dropped over capacity.
    sampled : ndarray, shape (...)
        Tokens of the sample, which the following are sums over.
    chosen : ndarray, shape (..., experts)
        Slots of the sample that each expert got.
    first : ndarray, shape (..., experts)
        Tokens of the sample whose first choice each expert is: the slot of the largest weight, or else score.
    weights : ndarray, shape (..., experts)
        Weights that each expert got.
    probabilities : ndarray, shape (..., experts)
        Router probabilities (softmax of raw scores).
    entropy : ndarray, shape (...)
        Entropy (nats) of a token's probabilities.
    squares : ndarray, shape (...)
        (log sum exp of a token's raw scores)^2.
    """

    k: int
    counts: Floats
    tokens: Floats
    dropped: Floats
    sampled: Floats | None = None
    chosen: Floats | None = None
    first: Floats | None = None
    weights: Floats | None = None
    probabilities: Floats | None = None
    entropy: Floats | None = None
    squares: Floats | None = None

    @property
    def experts(self) -> int:
        """Number of experts."""
        return int(self.counts.shape[-1])

    def arrays(self) -> dict[str, Any]:
        """Return the sums that are there, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "k"}
        return {name: array for name, array in named.items() if array is not None}

    def total(self) -> Sums:
        """Return the sums over the first axis."""
        return replace(self, **{name: array.sum(axis=0) for name, array in self.arrays().items()})

    def weighted(self, weights: Floats) -> Sums:
        """Return the sums over batches, each taken as often as the rows of `weights` (resamples, batches) say."""
        return replace(self, **{name: weights @ array for name, array in self.arrays().items()})


def batch_sums(record: SiteTrace) -> Sums:
    """Return the sums over the tokens of each batch of a site's record, with batches as their first axis."""
    if not isinstance(record, SiteTrace):
        raise ParameterError("record", record, "a SiteTrace")
    sample = record.sample
    dropped = record.unrouted["dropped"].astype(float)
    counted = Sums(record.site.k, record.counts.astype(float), record.tokens.astype(float), dropped)
    if sample is None or not sample.mask.any():
        return counted
    batches, experts = record.batches, record.site.experts
    sampled = np.bincount(sample.batch[sample.mask], minlength=batches).astype(float)
    chosen = sample.counts(batches, experts).astype(float)
    found: dict[str, Any] = {**_choices(sample, batches, experts), **_scores(sample, batches)}
    return replace(counted, sampled=sampled, chosen=chosen, **found)


def _choices(sample: Sample, batches: int, experts: int) -> dict[str, Floats]:
    """Return the weights and the first choices of each batch."""
    cells = sample.batch[:, None] * experts + sample.chosen
    real = (sample.chosen >= 0) & sample.mask[:, None]

    def summed(mask: NDArray[np.bool_], values: Any = None) -> Floats:
        return np.bincount(cells[mask], values, batches * experts).astype(float).reshape(batches, experts)

    if sample.weights is not None:
        found = {"weights": summed(real, sample.weights[real])}
        order = sample.weights
    elif sample.scores is not None:
        found, order = {}, np.take_along_axis(sample.scores, np.maximum(sample.chosen, 0), axis=1)
    else:
        return {}
    ranked = np.where(real, order.astype(float), -np.inf)
    first = real & (np.arange(sample.k) == ranked.argmax(axis=1)[:, None])
    return {**found, "first": summed(first)}


def _scores(sample: Sample, batches: int) -> dict[str, Floats]:
    """Return the sums of probabilities, entropies and squared log-sum-exps of each batch."""
    if sample.scores is None:
        return {}
    probabilities = np.zeros((batches, sample.scores.shape[1]))
    entropy, squares = np.zeros(batches), np.zeros(batches)
    for scores, batch in _chunks(sample):
        p, information, logarithm = _softmax(scores) if sample.kind == "raw" else (scores, _entropy(scores), None)
        starts = np.flatnonzero(np.diff(batch, prepend=-1))
        probabilities[batch[starts]] += np.add.reduceat(p, starts, axis=0)
        entropy[batch[starts]] += np.add.reduceat(information, starts)
        if logarithm is not None:
            squares[batch[starts]] += np.add.reduceat(logarithm**2, starts)
    found = {"probabilities": probabilities, "entropy": entropy}
    return {**found, "squares": squares} if sample.kind == "raw" else found


def _chunks(sample: Sample) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
    """Give scores in float64 and batches of unpadded tokens, ordered by batch, some at a time."""
    rows = np.flatnonzero(sample.mask)
    rows = rows[np.argsort(sample.batch[rows], kind="stable")]
    size = max(1, _CHUNK // sample.scores.shape[1])
    for start in range(0, rows.size, size):
        part = rows[start : start + size]
        yield sample.scores[part].astype(float), sample.batch[part]


def _softmax(scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return p, its entropy and the log of the sum of exponentials of each row."""
    top = scores.max(axis=1, keepdims=True)
    shifted = np.maximum(scores - top, _LEAST)  # -inf too, which would make 0 x inf
    p = np.exp(shifted)
    total = p.sum(axis=1)
    logarithm = np.log(total)
    information = logarithm - np.einsum("te,te->t", p, shifted) / total
    p /= total[:, None]
    return p, information, top[:, 0] + logarithm


def _entropy(p: Floats) -> Floats:
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1))
