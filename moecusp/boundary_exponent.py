"""Is the boundary mass of recorded margins linear? Its local exponent at 0, by order statistics (theory.md, section 6).

Where the interface is crossed at a non-zero angle, M(w) = P(|margin| <= w) is c w: exponent 1. A margin that is flat
across its interface has a smaller exponent, one whose density vanishes there a larger one, and a flat piece 0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import NON_NEGATIVE, Array, Range, constant, number
from moecusp._numerics.operations import is_tensor, namespace

_SHARE = Range(0.0, 0.5, open_low=True)
_TOLERANCE = Range(0.0, 1.0, open_low=True, open_high=True)
_CONFIDENCE = Range(0.0, 1.0, open_low=True, open_high=True)
_NARROWER = 4  # the small window holds a quarter of the tokens of the large one
_FEWEST = 30  # tokens in the small window, below which there is no interval
_CLEAR = 64.0  # widths of the resolution that the small window must have
_ATOM = (
    0.7  # share of the tokens within 8 resolutions that lie within one: 1/8 if M is linear, 1/2 for x^3, 1 for an atom
)


class Linearity(StrEnum):
    """What recorded margins say of the law M(w) = c w at their tie."""

    LINEAR = "LINEAR"
    """The interval of the exponent lies within the tolerance of 1."""
    NOT_LINEAR = "NOT_LINEAR"
    """The intervals of both windows lie outside it, on one side: no correction that vanishes with w explains them."""
    CANNOT_TELL = "CANNOT_TELL"
    """These tokens are too few, their grid too coarse, or the exponent still changes between the windows."""


class BoundaryExponent(NamedTuple):
    """The local exponent of a boundary mass, with what it was made from.

    Attributes
    ----------
    estimate, low, high : float
        The exponent at 0 and its interval; NaN, 0 and infinity where the tokens are too few for any.
    confidence : float
        Of the interval.
    verdict : Linearity
        Whether the law is linear there.
    width : float
        Width of the small window (score): nothing is said of margins far below it.
    inside : int
        Tokens within it.
    tied : int
        Tokens whose margin is no larger than the resolution.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    verdict: Linearity
    width: float
    inside: int
    tied: int


def boundary_exponent(
    margins: Any, *, confidence: float = 0.99, tolerance: float = 0.1, share: float = 0.1, resolution: float = 0.0
) -> BoundaryExponent:
    """Estimate the exponent a of M(w) = P(abs(margin) <= w) ~ C w^a at 0, and say whether it is 1.

    Within a window in which M is a power, log(w/abs(margin)) is exponential with rate a: Hill's estimator on the
    smallest margins. Two windows, of `share` of the tokens and of a quarter of them, are extrapolated to width 0.

    Parameters
    ----------
    margins : array_like
        Recorded margins of independent tokens (score), of any sign and shape: a_1 - a_2 of two experts, or the lead of
        the largest logit over the second.
    confidence : float
        Of the interval, in (0, 1).
    tolerance : float
        Half the width of the band about 1 within which an exponent counts as linear, in (0, 1).
    share : float
        Share of the tokens, those nearest to the tie, in the large window: in (0, 1/2].
    resolution : float
        Spacing of the grid that the logits were rounded to (score); 2^-8 of the largest logit for bfloat16. At least
        the spacing of the margins' own type at the largest of them is taken.

    Returns
    -------
    BoundaryExponent

    Raises
    ------
    ParameterError
        If the margins are empty, not finite or a tensor that asks for a gradient, or another argument is out of range.

    Notes
    -----
    If M(w) = C w (1 + b w^p), the exponent of a window is 1 + b w^p p/(p + 1) + ...: curvature of the density gives p
    = 2, a third expert p = 1. With r the ratio of the widths, small + (small - large)/(r - 1) is free of such a term
    for p = 1 and has at most 1/r of the large window's for p = 2. What vanishes only as 1/log w, as at a crossing of
    two interfaces, stays. A correction beyond the tolerance leaves the verdict open. The interval is that of a gamma
    variable, exact for one window and a power, with the variance of the extrapolation; false alarms and coverage are
    measured in tests/test_boundary_exponent.py. Tokens of one document are not independent: thin them out.

    References
    ----------
    B. M. Hill, Ann. Stat. 3 (1975) 1163-1174. Statements ``boundary.slope``, ``interface.power``; docs/theory.md,
    section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import boundary_exponent
    >>> x = np.random.default_rng(0).normal(size=200_000)
    >>> boundary_exponent(x).verdict.value, boundary_exponent(x**3).verdict.value
    ('LINEAR', 'NOT_LINEAR')
    """
    size = np.abs(constant("margins", margins)).ravel()
    level = number("confidence", confidence, _CONFIDENCE)
    band = number("tolerance", tolerance, _TOLERANCE)
    part = number("share", share, _SHARE)
    grid = max(number("resolution", resolution, NON_NEGATIVE), _spacing(margins) * float(size.max()))
    return _estimate(size, grid, level, band, part)


def _spacing(margins: Any) -> float:
    """Return the relative spacing of the margins' own type."""
    if is_tensor(margins):
        return float(namespace(margins).finfo(margins.dtype).eps) if margins.is_floating_point() else 0.0
    kind = np.asarray(margins).dtype
    return float(np.finfo(kind).eps) if kind.kind == "f" else 0.0


def _estimate(size: Array, grid: float, level: float, band: float, part: float) -> BoundaryExponent:
    tied = int(np.count_nonzero(size <= grid))
    large = min(int(part * size.size), size.size - 1)
    small = large // _NARROWER
    if small < _FEWEST:
        width = float(np.sort(size)[small])
        return BoundaryExponent(np.nan, 0.0, np.inf, level, Linearity.CANNOT_TELL, width, small, tied)
    nearest = np.sort(np.partition(size, large)[: large + 1])
    wide, narrow = float(nearest[large]), float(nearest[small])
    on_grid = _on_a_grid(size, grid, level, narrow, small, tied)
    if on_grid.verdict is Linearity.NOT_LINEAR or narrow <= _CLEAR * grid:
        return on_grid
    ratio = wide / narrow
    if ratio - 1.0 < 1e-9 or narrow == nearest[0]:
        return BoundaryExponent(np.nan, 0.0, np.inf, level, Linearity.CANNOT_TELL, narrow, small, tied)
    at_wide, at_narrow = (_hill(nearest[:n], width, grid) for n, width in ((large, wide), (small, narrow)))
    correction = (at_narrow - at_wide) / (ratio - 1.0)
    estimate = max(at_narrow + correction, 0.0)
    # the variance of the extrapolated exponent, as the number of tokens with which one window would have it
    events = small * (ratio - 1.0) ** 2 / (ratio**2 + (1.0 - 2.0 * ratio) * small / large)
    low, high = _interval(estimate, events, level)
    outer, inner = _interval(at_narrow, small, level)
    verdict = Linearity.CANNOT_TELL
    if abs(correction) > band:
        pass  # what the first correction leaves may be as large as the band
    elif 1.0 - band <= low and high <= 1.0 + band:
        verdict = Linearity.LINEAR
    elif max(high, inner) < 1.0 - band or min(low, outer) > 1.0 + band:
        verdict = Linearity.NOT_LINEAR
    return BoundaryExponent(estimate, low, high, level, verdict, narrow, small, tied)


def _hill(inside: Array, width: float, grid: float) -> float:
    """Return the exponent in a window; what is not resolved counts as nearer than the grid, by an unknown distance."""
    seen = np.maximum(inside, grid)
    return float(np.count_nonzero(inside > grid) / np.log(width / seen).sum())


def _interval(estimate: float, events: float, level: float) -> tuple[float, float]:
    from scipy.stats import chi2

    low, high = chi2.ppf([0.5 - 0.5 * level, 0.5 + 0.5 * level], 2.0 * events) / (2.0 * events)
    return estimate * float(low), estimate * float(high)


def _on_a_grid(size: Array, grid: float, level: float, width: float, inside: int, tied: int) -> BoundaryExponent:
    """Tell an atom at the tie from a grid that is too coarse: next to an atom there is nothing of its size."""
    from scipy.stats import binomtest

    near = max(int(np.count_nonzero(size <= 8.0 * grid)), 1)
    found = binomtest(tied, near).proportion_ci(level, method="exact")
    shares = tied / near, float(found.high), float(found.low)
    estimate, low, high = (abs(float(np.log(each))) / float(np.log(8.0)) if each else np.inf for each in shares)
    verdict = Linearity.NOT_LINEAR if found.low > _ATOM else Linearity.CANNOT_TELL
    return BoundaryExponent(estimate, low, high, level, verdict, width, inside, tied)
