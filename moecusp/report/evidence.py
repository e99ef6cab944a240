"""How strongly an interval speaks for and against a band: the p-values behind a verdict, to be adjusted for many."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from moecusp._arguments import ParameterError
from moecusp.report.intervals import Interval, in_errors
from moecusp.report.verdict import Finding, Verdict

_SCALED = ("Student", "two one-sided t tests", "bootstrap over clusters")
"""Methods whose ends lie a quantile of Student's t, in standard errors, from the estimate."""


class Evidence(NamedTuple):
    """Two p-values, each the least `Finding.false_alarm` at which the data give that verdict."""

    supporting: float
    """Against the effect being outside the band."""
    refuting: float
    """Against its being inside."""


def evidence(finding: Finding) -> Evidence:
    """Return the p-values behind the verdict of a finding.

    Parameters
    ----------
    finding : Finding

    Returns
    -------
    Evidence
        A finding is SUPPORTED exactly where `supporting` is at most its `false_alarm`, REFUTED where `refuting` is.
        Both are 1 where the interval is unbounded, and where the finding was left INCONCLUSIVE by design.

    Raises
    ------
    ParameterError
        If the interval was made by a method that is not one of `moecusp.report`.

    Notes
    -----
    Each is the larger, or for `refuting` the smaller, of two one-sided p-values, one for each edge of the band: exact
    for Student's interval and that of Clopper and Pearson, approximate for the bootstrap, as its interval is. A number
    without chance gives 0 and 1.

    Examples
    --------
    >>> from moecusp.report import evidence, judge, student
    >>> found = evidence(judge("demo", "the ratio is 1", "ratio", student([0.99, 1.0, 1.01, 1.0]), (0.9, 1.1)))
    >>> round(found.supporting, 6), round(found.refuting, 6)
    (7.5e-05, 0.999925)
    """
    interval = finding.interval
    low, high = finding.accepted
    if not math.isfinite(interval.high - interval.low):
        return Evidence(1.0, 1.0)
    if interval.low == interval.high:
        inside = low <= interval.estimate <= high
        found = Evidence(float(not inside), float(inside))
    elif interval.method == "Clopper-Pearson":
        found = _of_share(interval, low, high)
    elif interval.method in _SCALED:
        found = _of_scaled(interval, low, high)
    else:
        raise ParameterError("method", interval.method, "one of the methods of moecusp.report")
    left_open = finding.verdict is Verdict.INCONCLUSIVE and min(found) <= finding.false_alarm
    return Evidence(1.0, 1.0) if left_open else found


def _of_share(interval: Interval, low: float, high: float) -> Evidence:
    from scipy.stats import binom

    successes = round(interval.estimate * interval.n)

    def at_least(share: float) -> float:
        return float(binom.sf(successes - 1, interval.n, share))

    def at_most(share: float) -> float:
        return float(binom.cdf(successes, interval.n, share))

    supporting = max(at_least(low) if low > 0.0 else 0.0, at_most(high) if high < 1.0 else 0.0)
    refuting = min(at_most(max(low, 0.0)), at_least(min(high, 1.0)))
    return Evidence(supporting, refuting)


def _of_scaled(interval: Interval, low: float, high: float) -> Evidence:
    from scipy.special import stdtr

    freedom = interval.n - 1
    reach, _ = in_errors(interval.confidence, freedom)
    estimate, below, above = interval.estimate, interval.estimate - interval.low, interval.high - interval.estimate
    distances = np.array([estimate - low, high - estimate, low - estimate, estimate - high])
    sides = np.array([below, above, above, below])
    # a bootstrap's interval may end at its estimate: then all of it is inside an edge that is not before that end
    beyond = np.where(distances + np.array([1.0, 1.0, -1.0, -1.0]) * np.finfo(float).tiny > 0.0, np.inf, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(sides > 0.0, distances / sides, beyond)
    tails = stdtr(freedom, -reach * errors)
    return Evidence(float(max(tails[:2])), float(min(tails[2:])))
