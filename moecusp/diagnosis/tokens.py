"""The sampled tokens that a diagnosis rests on: the scores by which their experts were chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError
from moecusp.trace import Sample, SiteTrace

Floats = NDArray[np.float64]

TOKENS = 2**16  # sampled tokens of a site that are looked at, unless said otherwise
AGREEMENT = 0.99  # share of tokens whose chosen experts must be the top k of the scores
FEWEST = 100  # tokens, below which nothing is estimated from scores


@dataclass(frozen=True, eq=False)
class Tokens:
    """Sampled tokens of one site.

    Attributes
    ----------
    logits : ndarray, shape (tokens, experts)
        Raw scores; logarithms of probabilities where those were recorded.
    rule : str
        What of them the router takes the k largest of: a key of `RULES`.
    bias : ndarray, shape (tokens, experts), or None
        The selection bias in force, where it has a part in the rule.
    k : int
        Slots of a token.
    batch : ndarray of int, shape (tokens,)
        Which batch each token comes from.
    recorded : int
        Tokens with scores in the trace, of which these are all or a random part.
    agreement : float
        Share of these tokens whose chosen experts are the k largest by the rule.
    """

    logits: NDArray[Any]
    rule: str
    bias: NDArray[Any] | None
    k: int
    batch: NDArray[np.int64]
    recorded: int
    agreement: float

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.logits)

    @property
    def words(self) -> str:
        """Which tokens these are."""
        part = "" if self.size == self.recorded else f" of {self.recorded:,} with scores"
        return f"{self.size:,} tokens{part}"

    def scores(self, logits: NDArray[Any], rows: Any = slice(None)) -> NDArray[Any]:
        """Return what the router compares, for logits of these rows."""
        found = RULES[self.rule](logits)
        return found if self.bias is None else np.asarray(found + self.bias[rows])


def _sigmoid(a: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-a)))


def _softmax(a: NDArray[Any]) -> NDArray[Any]:
    p = np.exp(a - a.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


RULES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "logits": lambda a: a,
    "logits + bias": lambda a: a,
    "softmax + bias": _softmax,
    "sigmoid + bias": _sigmoid,
}


def thinned(record: SiteTrace, most: int) -> SiteTrace:
    """Return a site's record with at most so many sampled tokens, padding left out: one at random from each stretch."""
    sample = record.sample
    if sample is None:
        return record
    rows = np.flatnonzero(sample.mask)
    if not rows.size:
        return record.without_sample()
    if rows.size > most:
        rows = rows[np.argsort(sample.batch[rows], kind="stable")]
        edges = np.linspace(0, rows.size, most + 1).astype(np.int64)
        rows = rows[np.random.default_rng(0).integers(edges[:-1], edges[1:])]
    parts = {name: array[rows] for name, array in sample.arrays().items()}
    return SiteTrace(
        record.site, record.counts, record.tokens, record.unrouted, record.bias, record.steps,
        Sample(**parts, kind=sample.kind),
    )  # fmt: skip


def tokens_of(record: SiteTrace, recorded: int) -> Tokens | str:
    """Return the tokens of a thinned record, or the reason why its scores cannot tell how experts were chosen."""
    site, sample = record.site, record.sample
    if site.k >= site.experts:
        return "every token goes to every expert: nothing is chosen"
    if site.layout != "fixed":
        chosen = {"at_most": "a threshold, not k, decides how many experts a token takes", "free": "experts choose"}
        return f"{chosen[site.layout]}: a top-k set has no part in it"
    if sample is None or sample.scores is None:
        return "no scores of tokens were recorded (record with a sample of logits)"
    if sample.tokens < FEWEST:
        return f"{sample.tokens} tokens with scores; {FEWEST} are the fewest"
    if sample.kind == "raw" and _like_probabilities(sample.scores):
        return "the raw scores look like probabilities, between 0 and 1 and adding up to 1: say so when recording them"
    with np.errstate(divide="ignore"):
        logits = np.log(sample.scores) if sample.kind == "probability" else sample.scores
    bias = None if record.bias is None or not np.any(record.bias) else record.bias[sample.batch]
    rules = ["logits"]
    if bias is not None:  # sigmoid's of logarithms of probabilities would mean nothing
        rules = ["logits + bias", "softmax + bias", *["sigmoid + bias"] * (sample.kind == "raw"), "logits"]
    best = 0.0
    for rule in rules:
        found = Tokens(logits, rule, bias if "bias" in rule else None, site.k, sample.batch, recorded, 1.0)
        agreement = _agreement(found.scores(logits), sample.chosen)
        if agreement >= AGREEMENT:
            return replace(found, agreement=agreement)
        best = max(best, agreement)
    return (
        f"the chosen experts are the {site.k} largest scores of {best:.1%} of the tokens only: something else decides "
        "too (a bias that was not recorded, groups, capacity), so the distance to a tie is not known"
    )


def _like_probabilities(scores: NDArray[Any]) -> bool:
    """Return whether every token's scores lie in [0, 1] and add up to 1 within the rounding of bfloat16."""
    if scores.min() < 0.0 or scores.max() > 1.0:
        return False
    return bool((np.abs(scores.sum(axis=1, dtype=np.float64) - 1.0) <= 2.0**-7).all())


def _agreement(scores: NDArray[Any], chosen: NDArray[np.int64]) -> float:
    """Return the share of tokens whose chosen experts all have one of the k largest scores (ties allowed)."""
    k = chosen.shape[1]
    least = np.partition(scores, -k, axis=1)[:, -k]
    taken = np.take_along_axis(scores, np.maximum(chosen, 0), axis=1)
    return float(((chosen < 0) | (taken >= least[:, None])).all(axis=1).mean())


def largest(scores: NDArray[Any], k: int, level: NDArray[Any] | None = None) -> NDArray[np.bool_]:
    """Return which experts are in each token's top-k set; of equal scores those of lower number, as frameworks do.

    `level`, shape (tokens,), is the k-th largest score of each, where it is known.
    """
    least = np.partition(scores, -k, axis=1)[:, -k, None] if level is None else level[:, None]
    above, ties = scores > least, scores == least
    missing = k - above.sum(axis=1, keepdims=True)
    crowded = ties.sum(axis=1) > missing[:, 0]
    if crowded.any():
        ties[crowded] &= np.cumsum(ties[crowded], axis=1) <= missing[crowded]
    return np.asarray(above | ties)


def checked_tokens(value: int) -> int:
    """Return the number of tokens to look at, or raise ParameterError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < FEWEST:
        raise ParameterError("tokens", value, f"a whole number >= {FEWEST}")
    return int(value)
