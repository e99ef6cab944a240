"""Tokens kept whole: their scores, chosen experts and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError
from moecusp.trace.arrays import MAX_EXPERTS, Integers, naturals, numbers, truths

KINDS = ("raw", "probability")  # what scores are: logits before any softmax, or a softmax's output
_SUM = 2.0**-7  # how far from 1 the probabilities of a token in bfloat16 may add up


@dataclass(frozen=True, eq=False)
class Sample:
    """Some tokens of a site: all of them, or a random part.

    Parameters
    ----------
    chosen : array_like of int, shape (tokens, k)
        Chosen experts; -1 is a slot that no real expert got.
    weights : array_like of float, shape (tokens, k), optional
        Weights of the chosen experts. A slot with weight 0 runs no expert: its chosen must be -1.
    scores : array_like of float, shape (tokens, experts), optional
        What the router gave each expert, in float16, float32 or float64. Raw scores may hold -inf (ruled out).
    kind : {"raw", "probability"}, optional
        What scores are; needed with them. Probabilities lie in [0, 1] and add up to 1 within 2^-7.
    mask : array_like of bool, shape (tokens,), optional
        False for padding, which counts nowhere. Default: no padding.
    batch : array_like of int, shape (tokens,), optional
        Which batch each token comes from. Default: the first.

    Raises
    ------
    ParameterError
        If an argument is not as said; its name, its value and what is allowed are in the message.

    Notes
    -----
    Arrays are read-only; one that is read-only already is shared, any other is copied.

    Examples
    --------
    >>> from moecusp.trace import Sample
    >>> sample = Sample([[0, 2], [1, -1]], scores=[[1.0, 0.0, 0.5], [0.0, 2.0, 1.0]], kind="raw")
    >>> sample.tokens, sample.k, sample.mask.tolist()
    (2, 2, [True, True])
    """

    chosen: Any
    weights: Any = None
    scores: Any = None
    kind: str | None = None
    mask: Any = None
    batch: Any = None

    def __post_init__(self) -> None:
        """Check everything and put read-only arrays in place."""
        put = object.__setattr__
        put(self, "chosen", naturals("chosen", self.chosen, (None, None), low=-1, high=MAX_EXPERTS - 1))
        tokens = self.tokens
        if not tokens or not self.k:
            raise ParameterError("chosen.shape", self.chosen.shape, "(tokens >= 1, k >= 1)")
        mask = np.ones(tokens, bool) if self.mask is None else self.mask
        put(self, "mask", truths("mask", mask, (tokens,)))
        batch = np.zeros(tokens, np.int64) if self.batch is None else self.batch
        put(self, "batch", naturals("batch", batch, (tokens,)))
        if self.weights is not None:
            put(self, "weights", numbers("weights", self.weights, (tokens, self.k)))
            idle = (self.weights == 0) & (self.chosen >= 0) & self.mask[:, None]
            if idle.any():
                row, slot = np.argwhere(idle)[0]
                allowed = "-1: its weight is 0, so no expert runs"
                raise ParameterError(f"chosen[{row}, {slot}]", self.chosen[row, slot].item(), allowed)
        if (self.scores is None) != (self.kind is None) or self.kind not in (None, *KINDS):
            raise ParameterError("kind", self.kind, f"{' or '.join(map(repr, KINDS))} with scores, None without")
        if self.scores is not None:
            self._check_scores()

    def _check_scores(self) -> None:
        raw = self.kind == "raw"
        scores = numbers("scores", self.scores, (self.tokens, None), ruled_out=raw)
        object.__setattr__(self, "scores", scores)
        if not 1 <= scores.shape[1] <= MAX_EXPERTS:
            raise ParameterError("scores.shape", scores.shape, f"(tokens, experts), experts from 1 to {MAX_EXPERTS}")
        if raw:
            bad, allowed = (scores == -np.inf).all(axis=1), "finite for one expert at least"
        else:
            bad = (scores < 0).any(axis=1) | (scores > 1).any(axis=1)
            bad |= abs(scores.sum(axis=1, dtype=np.float64) - 1) > _SUM
            allowed = "probabilities that add up to 1; call them 'raw' if they are none"
        bad &= self.mask
        if bad.any():
            row = int(np.argmax(bad))
            raise ParameterError(f"scores[{row}]", scores[row].tolist(), allowed)

    @property
    def tokens(self) -> int:
        """Number of tokens, padding included."""
        return int(self.chosen.shape[0])

    @property
    def k(self) -> int:
        """Slots of a token."""
        return int(self.chosen.shape[1])

    @property
    def experts(self) -> int | None:
        """Number of experts, where scores say it."""
        return None if self.scores is None else int(self.scores.shape[1])

    def counts(self, batches: int, experts: int) -> Integers:
        """Return how often each expert was chosen in each batch, (batches, experts), without padding."""
        real = (self.chosen >= 0) & self.mask[:, None]
        cells = (self.batch[:, None] * experts + self.chosen)[real]
        return np.bincount(cells, minlength=batches * experts).reshape(batches, experts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are there, by name."""
        names = ("chosen", "weights", "scores", "mask", "batch")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def __eq__(self, other: object) -> bool:
        """Whether kind and all arrays are the same, types included."""
        if not isinstance(other, Sample):
            return NotImplemented
        mine, theirs = self.arrays(), other.arrays()
        return self.kind == other.kind and mine.keys() == theirs.keys() and all(same(mine[n], theirs[n]) for n in mine)

    __hash__ = None  # type: ignore[assignment]


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays have one type and the same entries."""
    return a.dtype == b.dtype and np.array_equal(a, b)


def joined(samples: list[Sample | None], offsets: list[int]) -> Sample | None:
    """Return the tokens of all samples, the batches of each counted from its offset; None if none of them has tokens.

    Raises ParameterError unless all of those that have tokens hold the same arrays.
    """
    present = [(sample, offset) for sample, offset in zip(samples, offsets, strict=True) if sample is not None]
    if not present:
        return None
    first = present[0][0]
    for sample, _ in present:
        if sample.arrays().keys() != first.arrays().keys() or sample.kind != first.kind:
            raise ParameterError(
                "sample", (sample.kind, *sample.arrays()), f"like the first: {(first.kind, *first.arrays())}"
            )
    parts = [{**sample.arrays(), "batch": sample.batch + offset} for sample, offset in present]
    return Sample(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, kind=first.kind)


def alike(a: NDArray[Any] | None, b: NDArray[Any] | None) -> bool:
    """Whether both are None, or the same array."""
    return a is b or (a is not None and b is not None and same(a, b))
