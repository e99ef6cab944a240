"""The two experts that trade most tokens, as a router of two experts: its response, and where it folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moecusp.diagnosis.coupling import Coupling, Deciding
from moecusp.diagnosis.means import mean
from moecusp.diagnosis.quantities import Quantity
from moecusp.diagnosis.tokens import Floats, Tokens
from moecusp.responses import EmpiricalResponse

FEWEST = 50  # tokens that are decided between the two, below which their response is not given
MOST = 2**16  # of them that the response is made of: one at random from each stretch


@dataclass(frozen=True, eq=False)
class Pair:
    """The most exposed pair of a layer.

    With score difference z between the two, all other scores fixed, their difference of slot shares moves as
    (q/k) G(z): q the share of tokens that are decided between them, G the mean sign of z + margin.

    Attributes
    ----------
    experts : (int, int)
        i and j, first the one that more of the tokens between them go to.
    share : Quantity
        q.
    imbalance : Quantity
        G(0): by how much more of those tokens go to i than to j, over all of them.
    critical : Quantity
        Feedback per unit decay (score) at which their present balance loses stability: k/(q G'(0)).
    least_fold : Quantity
        Least feedback per unit decay (score) at which they have a fold at any difference of drives: k/(q max G').
    folds : tuple of (float, float)
        Score difference and asymmetry h/mu of each fold, both score, at the feedback given; empty without one.
    margins : ndarray
        Margins a_i - a_j of (some of) those tokens, ascending.
    jitter : float
        Standard deviation of the kernel that smooths them (score).
    """

    experts: tuple[int, int]
    share: Quantity
    imbalance: Quantity
    critical: Quantity
    least_fold: Quantity
    folds: tuple[tuple[float, float], ...]
    margins: Floats
    jitter: float


def pair(tokens: Tokens | str, deciding: Deciding | None, found: Coupling, feedback: float | None) -> Pair | str:
    """Return the most exposed pair of a layer, or why it cannot be told; feedback is per unit decay (score)."""
    if isinstance(tokens, str) or deciding is None:
        return str(tokens)
    if found.matrix is None:
        return found.largest.reason
    ties = np.triu(-found.matrix, 1)
    i, j = (int(place) for place in np.unravel_index(np.argmax(ties), ties.shape))
    forward, back = ((deciding.last == a) & (deciding.next == b) for a, b in ((i, j), (j, i)))
    if back.sum() > forward.sum():
        i, j, forward, back = j, i, back, forward
    signs = forward.astype(float) - back
    between = forward | back
    count = int(between.sum())
    if count < FEWEST:
        return f"fewer than {FEWEST} tokens are decided between the two most exposed experts"
    signed = signs[between] * deciding.margin[between]
    jitter = _bandwidth(signed)
    if jitter <= 0.0:
        return f"the tokens between experts {i} and {j} all have the same margin"
    peak = (2.0 / np.pi) ** 0.5 / jitter
    with np.errstate(under="ignore"):
        slopes = np.where(between, peak * np.exp(-0.5 * (deciding.margin / jitter) ** 2), 0.0)
    slope, share, lead = (mean(values, tokens.batch) for values in (slopes, between.astype(float), signs))
    note = f"{count:,} tokens between experts {i} and {j}; {share.note}"
    response = EmpiricalResponse(_some(signed), jitter=jitter)
    q, k = share.value, tokens.k
    top = response.largest_slope()
    low, high = (float(np.clip(end / q, -1.0, 1.0)) for end in lead.interval())
    return Pair(
        (i, j),
        Quantity("pair_share", q, *_positive(share.interval()), note=note),
        Quantity("pair_imbalance", lead.value / q, low, high, note=note),
        _critical(slope.value / k, tuple(end / k for end in slope.interval()), note),
        Quantity("pair_fold", k / (q * top), note=f"smoothed over {jitter:.3g}; {note}", reason="no error is known"),
        _folds(response, feedback, q / k, top),
        response.margins,
        jitter,
    )


def _bandwidth(margins: Floats) -> float:
    """Return the standard deviation of a kernel for the density of margins, by Silverman's rule."""
    finite = margins[np.isfinite(margins)]
    if finite.size < FEWEST:
        return 0.0
    quarter, three = np.quantile(finite, [0.25, 0.75])
    spreads = [value for value in (float(finite.std()), float(three - quarter) / 1.349) if value > 0.0]
    return float(0.9 * min(spreads, default=0.0) * finite.size**-0.2)


def _some(margins: Floats) -> Floats:
    finite = margins[np.isfinite(margins)]
    if finite.size <= MOST:
        return finite
    edges = np.linspace(0, finite.size, MOST + 1).astype(np.int64)
    return np.asarray(np.sort(finite)[np.random.default_rng(0).integers(edges[:-1], edges[1:])])


def _positive(ends: tuple[float, float]) -> tuple[float, float]:
    return max(ends[0], 0.0), ends[1]


def _critical(slope: float, ends: tuple[float, ...], note: str) -> Quantity:
    if slope <= 0.0:
        return Quantity("pair_critical", reason="none of their tokens is near a tie")
    low, high = ends
    return Quantity("pair_critical", 1.0 / slope, 1.0 / high, 1.0 / low if low > 0.0 else np.inf, note=note)


def _folds(
    response: EmpiricalResponse, feedback: float | None, weight: float, top: float
) -> tuple[tuple[float, float], ...]:
    """Return folds at a feedback per unit decay, of which the pair has its part; none below 1/top."""
    if feedback is None or feedback * weight * top <= 1.0:
        return ()
    z, h = response.folds(feedback * weight)
    return tuple((float(a), float(b)) for a, b in zip(z, h, strict=True))
