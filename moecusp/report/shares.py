"""The interval of a share of independent trials."""

from __future__ import annotations

import numpy as np

from moecusp._arguments import ParameterError, integer, number
from moecusp.report.intervals import CONFIDENCE, POWER, Interval


def clopper_pearson(successes: int, trials: int, confidence: float = 0.99, unit: str = "trials") -> Interval:
    """Return the interval of Clopper and Pearson for a share; it covers at least as often as it says, at any share.

    Parameters
    ----------
    successes, trials : int
        0 <= successes <= trials, trials >= 1; the trials are independent.
    confidence : float
        In (0, 1).
    unit : str
        What the trials are.

    Returns
    -------
    Interval
        `Interval.detectable` holds at the edge where it is largest, near a half.

    Raises
    ------
    ParameterError
        If the numbers are out of range.

    References
    ----------
    .. [1] C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413.

    Examples
    --------
    >>> from moecusp.report import clopper_pearson
    >>> found = clopper_pearson(0, 10, confidence=0.9)
    >>> found.low, round(found.high, 6) == round(1 - 0.05 ** (1 / 10), 6)
    (0.0, True)
    """
    from scipy.stats import binomtest

    level = number("confidence", confidence, CONFIDENCE)
    n, k = integer("trials", trials, 1), integer("successes", successes, 0)
    if k > n:
        raise ParameterError("successes", successes, f"<= trials = {n}")
    ends = binomtest(k, n).proportion_ci(level, method="exact")
    return Interval(
        k / n, float(ends.low), float(ends.high), level, n, unit, "Clopper-Pearson", _detectable_share(n, level)
    )


def _detectable_share(trials: int, confidence: float) -> float:
    """Return the largest, over all edges, of the departures that `trials` place beyond an edge as often as `POWER`.

    Edges from the lower end of k - 1 successes up to that of k take k successes to be passed; the share that
    gives so many with probability `POWER` is furthest from the first of them.
    """
    from scipy.stats import beta

    k = np.unique(np.linspace(1, trials, min(trials, 4001)).astype(np.int64))  # a smooth function of k, for many trials
    share = beta.ppf(POWER, k, trials - k + 1)
    edge = np.where(k > 1, beta.ppf((1.0 - confidence) / 2, np.maximum(k - 1, 1), trials - k + 2), 0.0)
    return float(np.max(share - edge))
