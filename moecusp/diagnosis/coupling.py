"""How the loads of a layer answer its scores: the largest response, who trades tokens with whom, and what it can bear.

The largest eigenvalue of an estimated matrix is too large on average (it is convex in the matrix), and v chi v with the
eigenvector v of other tokens too small (it is at most the largest eigenvalue). So both are taken, and the interval
reaches from below the one to above the other.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from moecusp._arguments import ParameterError
from moecusp.diagnosis.means import Mean, mean
from moecusp.diagnosis.quantities import Quantity
from moecusp.diagnosis.tokens import Floats, Tokens
from moecusp.susceptibility import critical_feedback_from_logits, susceptibility
from moecusp.ties import hard_susceptibility

WIDTH_BIAS = 1.5**0.5
"""What the bias of a slab of the width of least mean square error adds to the standard error.

With M(w) = 2 C w + q w^2 the bias of C is q w/2 and its variance C/(2 w n): where their sum of squares is least, the
square of the bias is half the variance."""
ALIKE = 0.5  # square of the cosine between the vectors of two halves, below which no vector is told
ENOUGH = 8192  # tokens that tell at which temperature a response halves
STEPS = 25  # temperatures between which that is sought
PART = 0.5  # of the largest component of the vector: experts with as much trade tokens


@dataclass(frozen=True)
class Trade:
    """Experts that trade tokens in the mode of the largest response: those of `gaining` against those of `losing`."""

    gaining: tuple[int, ...]
    losing: tuple[int, ...]
    vector: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Coupling:
    """The response of a layer's loads.

    Attributes
    ----------
    largest : Quantity
        lambda_max of the tie graph, for shares of slots (1/score).
    critical : Quantity
        1/lambda_max: critical feedback per unit decay (score).
    safe_rate : Quantity
        2/lambda_max: largest stable rate of a proportional bias rule (score).
    soft : Quantity
        lambda_max of softmax routing: the response of the mean probabilities (1/score).
    trade : Trade or None
        Which experts trade tokens; None where the tokens do not tell, `trade_reason` says why.
    matrix, soft_matrix : ndarray, shape (experts, experts), or None
        The responses themselves.
    width : float or None
        Half the width of the slab in which ties of single experts were counted (score).
    tie_width : float or None
        That for ties of any pair together, which are more and take less.
    doubling : float or None
        Least temperature above 1 at which 1/lambda_max of softmax routing of these logits is twice as large.
    """

    largest: Quantity
    critical: Quantity
    safe_rate: Quantity
    soft: Quantity
    trade: Trade | None
    trade_reason: str
    matrix: Floats | None
    soft_matrix: Floats | None
    width: float | None
    tie_width: float | None
    doubling: float | None


@dataclass(frozen=True, eq=False)
class Deciding:
    """The experts and scores between which each token's last place is decided: the k-th and the (k+1)-th largest."""

    last: NDArray[np.int64]
    next: NDArray[np.int64]
    margin: Floats

    @classmethod
    def of(cls, scores: NDArray[Any], k: int) -> Deciding:
        """Return those of scores, shape (tokens, experts)."""
        parted = np.partition(scores, (-k - 1, -k), axis=1)
        upper, lower = parted[:, -k], parted[:, -k - 1]
        last, following = ((scores == level[:, None]).argmax(axis=1) for level in (upper, lower))
        tied = np.flatnonzero(last == following)
        if tied.size:  # equal scores: any two of them
            order = np.argpartition(scores[tied], (-k - 1, -k), axis=1)
            last[tied], following[tied] = order[:, -k], order[:, -k - 1]
        with np.errstate(invalid="ignore"):
            margin = np.where(np.isfinite(lower), upper.astype(float) - lower.astype(float), np.inf)
        return cls(last, following, margin)


def coupling(tokens: Tokens | str, deciding: Deciding | None) -> Coupling:
    """Return the response of a layer, or the reasons why it cannot be told."""
    if isinstance(tokens, str) or deciding is None:
        return unknown(str(tokens))
    soft, soft_matrix = _soft(tokens)
    doubled = None if soft_matrix is None else doubling(tokens.logits)
    found = _tie_graph(tokens)
    if isinstance(found, str):
        return unknown(found, soft, soft_matrix, doubled)
    halves, width, tie_width = found
    largest, vector, alike = _largest(halves, tokens, _pull(deciding, width, tokens.k), WIDTH_BIAS)
    note = f"{tokens.words}, ties within {width:.3g}; {largest.note}"
    value, low, high = largest.value, largest.low, largest.high
    assert value is not None
    assert low is not None
    assert high is not None
    reason = (
        "" if alike >= ALIKE else "two halves of the tokens name different experts: more than one mode is this large"
    )
    return Coupling(
        Quantity("largest_response", value, low, high, note=note),
        _over(1.0, "critical_feedback", value, low, high, note),
        _over(2.0, "safe_rate", value, low, high, note),
        soft,
        None if reason else trade(vector),
        reason,
        _pooled(halves),
        soft_matrix,
        width,
        tie_width,
        doubled,
    )


def unknown(
    reason: str, soft: Quantity | None = None, soft_matrix: Floats | None = None, doubled: float | None = None
) -> Coupling:
    """Return a response that cannot be told."""
    largest, critical, safe = (
        Quantity(name, reason=reason) for name in ("largest_response", "critical_feedback", "safe_rate")
    )
    soft = soft or Quantity("soft_response", reason=reason)
    return Coupling(largest, critical, safe, soft, None, reason, None, soft_matrix, None, None, doubled)


def doubling(logits: Floats) -> float | None:
    """Return the least temperature above 1 at which the critical feedback of softmax routing is twice as large.

    Of logits (tokens, K), of which `ENOUGH` tell; None where no temperature moves it. No token answers a score by more
    than beta/2: at beta = lambda_max(chi)/2 the response is less than half of what it was.
    """
    some = logits[:: max(1, len(logits) // ENOUGH)]

    def excess(beta: float) -> float:
        return 1.0 / float(critical_feedback_from_logits(some, 1.0, beta)) - half

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        half = 0.5 / float(critical_feedback_from_logits(some))
        if half <= 0.0:
            return None
        grid = np.geomspace(1.0, half, STEPS)
        after = next(n for n in range(1, STEPS) if excess(float(grid[n])) <= 0.0)
        return 1.0 / float(brentq(excess, float(grid[after]), float(grid[after - 1]), xtol=1e-9, rtol=1e-9))


def trade(vector: Floats) -> Trade:
    """Return who trades with whom in a mode, the largest component gaining."""
    v = np.asarray(vector, dtype=float)
    v = v * np.sign(v[np.argmax(np.abs(v))]) / np.abs(v).max()
    order = np.argsort(-np.abs(v), kind="stable")
    gaining = tuple(int(i) for i in order if v[i] >= PART)
    losing = tuple(int(i) for i in order if v[i] <= -PART)
    if not losing:  # one against many
        losing = tuple(int(i) for i in np.argsort(v, kind="stable")[:1])
    return Trade(gaining, losing, tuple(v.tolist()))


Halves = list[tuple[int, Floats]]


def _split(batch: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which tokens are in the first half: every other batch, or every other token of fewer than two batches."""
    place = np.unique(batch, return_inverse=True)[1]
    return np.asarray((place if place.max() > 0 else np.arange(batch.size)) % 2 == 0)


def _tie_graph(tokens: Tokens) -> tuple[Halves, float, float] | str:
    """Return the tie graphs of two halves and widths of slabs for experts and for all ties, or why there is none.

    The width of least error grows as the number of ties to the power -1/3, and an expert has 2/K of them.
    """
    scores = tokens.scores(tokens.logits)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            tie_width = hard_susceptibility(scores, top_k=tokens.k).width
        except ParameterError:
            return "no token has its two deciding scores apart: the scores lie on a grid"
        except UserWarning as warning:
            return f"the scores lie on too coarse a grid for their distances to be told (record in float32): {warning}"
    width = tie_width * (0.5 * scores.shape[1]) ** (1.0 / 3.0)
    first = _split(tokens.batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        halves = [
            (int(part.sum()), hard_susceptibility(scores[part], width, top_k=tokens.k).susceptibility)
            for part in (first, ~first)
        ]
    return [(n, np.asarray(chi, dtype=float)) for n, chi in halves], width, tie_width


def _pull(deciding: Deciding, width: float, k: int) -> Any:
    """Return a function from a vector v to what each token adds to v chi v."""
    near = deciding.margin <= width

    def pull(v: Floats) -> Floats:
        return np.asarray(near * (v[deciding.last] - v[deciding.next]) ** 2 / (2.0 * width * k))

    return pull


def _soft(tokens: Tokens) -> tuple[Quantity, Floats | None]:
    """Return the largest response of softmax routing, and its matrix."""
    if tokens.rule.startswith("sigmoid"):
        return Quantity("soft_response", reason="the router makes no softmax of its logits but sigmoids"), None
    first = _split(tokens.batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        halves: Halves = [
            (int(part.sum()), np.asarray(susceptibility(tokens.logits[part]), dtype=float)) for part in (first, ~first)
        ]
    top = tokens.logits.max(axis=1, keepdims=True)
    p = np.exp(tokens.logits - top)
    p /= p.sum(axis=1, keepdims=True)

    def pull(v: Floats) -> Floats:
        w = v.astype(p.dtype)
        return np.asarray(np.maximum(p @ (w * w) - (p @ w) ** 2, 0.0), dtype=float)

    found, _, _ = _largest(halves, tokens, pull, 1.0)
    note = f"{tokens.words}; {found.note}"
    return Quantity("soft_response", found.value, found.low, found.high, note=note), _pooled(halves)


def _pooled(halves: Halves) -> Floats:
    whole = sum(n for n, _ in halves)
    return np.asarray(sum(n * chi for n, chi in halves) / whole)


def _largest(halves: Halves, tokens: Tokens, pull: Any, widening: float) -> tuple[Quantity, Floats, float]:
    """Return the largest eigenvalue with an interval, its vector, and how alike the vectors of the halves are."""
    (n, a), (m, b) = halves
    values, vectors = np.linalg.eigh(_pooled(halves))
    high, v = float(values[-1]), vectors[:, -1]
    va, vb = np.linalg.eigh(a)[1][:, -1], np.linalg.eigh(b)[1][:, -1]
    low = min(high, float(m * (va @ b @ va) + n * (vb @ a @ vb)) / (n + m))
    spread: Mean = mean(pull(v), tokens.batch)
    half = spread.reach * spread.error * widening
    ends = max(low - half, 0.0), high + half
    found = Quantity("largest_response", 0.5 * (low + high), *ends, note=spread.note)
    return found, v, float(va @ vb) ** 2


def _over(numerator: float, name: str, value: float, low: float, high: float, note: str) -> Quantity:
    if value <= 0.0:
        return Quantity(name, reason="no token is near a tie: nothing answers the scores")
    ends = numerator / high, numerator / low if low > 0.0 else np.inf
    return Quantity(name, numerator / value, *ends, note=note)
