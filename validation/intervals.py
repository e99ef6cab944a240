"""Intervals of effects that may be missing altogether."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from moecusp.report import Interval, clopper_pearson, student


def over(samples: ArrayLike, confidence: float, unit: str = "seeds") -> Interval:
    """Return Student's interval for the mean; unbounded, without an estimate, where no repetition gave a value.

    A run in which nothing happened leaves its claims open: it must not take the report with it.

    Examples
    --------
    >>> over([float("nan")] * 4, 0.99).high
    inf
    """
    values = np.asarray(samples, dtype=np.float64)
    if values.size and not np.isnan(values).all():
        return student(values, confidence, unit)
    return _none(confidence, values.size, unit)


def share(successes: int, trials: int, confidence: float, unit: str) -> Interval:
    """Return the interval of Clopper and Pearson for a share; unbounded, without an estimate, where there is no trial.

    Trials need not be alike, if they are independent: the share is then their mean chance, and its bounds are at least
    as sure (Hoeffding, Ann. Math. Stat. 27 (1956) 713-721).

    Examples
    --------
    >>> round(share(600, 600, 0.99, "routers").low, 4), share(0, 0, 0.99, "routers").low
    (0.9912, -inf)
    """
    return clopper_pearson(successes, trials, confidence, unit) if trials else _none(confidence, trials, unit)


def bounded(samples: ArrayLike, confidence: float, unit: str = "seeds") -> Interval:
    """Return Student's interval for the mean of values in [0, 1]; where all are 0 or all are 1, that of a share.

    Student's has no width there, as if nothing else could have come.

    Examples
    --------
    >>> round(bounded([1.0] * 16, 0.99).low, 4), bounded([0.25, 0.5, 0.75], 0.9) == over([0.25, 0.5, 0.75], 0.9)
    (0.7181, True)
    """
    values = np.asarray(samples, dtype=np.float64)
    if values.size and (np.all(values == 0.0) or np.all(values == 1.0)):
        return share(int(values.sum()), values.size, confidence, unit)
    return over(values, confidence, unit)


def _none(confidence: float, n: int, unit: str) -> Interval:
    return Interval(np.nan, -np.inf, np.inf, confidence, max(n, 1), unit, "none", np.inf)
