"""Intervals of effects that may be missing altogether."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from moecusp.report import Interval, student


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
    return Interval(np.nan, -np.inf, np.inf, confidence, max(values.size, 1), unit, "none", np.inf)
