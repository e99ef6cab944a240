"""Means over tokens with errors from their batches: tokens of one batch may be alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp.diagnosis.quantities import CONFIDENCE

FEWEST = 10  # batches, below which tokens are taken as independent of each other, and that is said


@dataclass(frozen=True)
class Mean:
    """A mean over tokens.

    Attributes
    ----------
    value, error : float
        The mean and its standard error.
    reach : float
        Quantile of Student's t that takes the error to one side of an interval.
    note : str
        What the error rests on.
    """

    value: float
    error: float
    reach: float
    note: str

    def interval(self, widening: float = 1.0) -> tuple[float, float]:
        """Return the ends of an interval whose error is `widening` times the standard one."""
        half = self.reach * self.error * widening
        return self.value - half, self.value + half


def mean(values: NDArray[Any], batch: NDArray[np.int64]) -> Mean:
    """Return the mean of one number a token, with the error of a ratio of sums over batches.

    s^2 = G/(G - 1) sum over the G batches of (S_b - m n_b)^2/n^2; of single tokens where there are fewer than `FEWEST`
    batches.
    """
    n, m = values.size, float(values.mean(dtype=np.float64))
    place = np.unique(batch, return_inverse=True)[1]
    groups = int(place.max()) + 1
    if groups >= FEWEST:
        sizes = np.bincount(place)
        apart = np.bincount(place, values) - m * sizes
        note = f"error from {groups} batches"
    else:
        groups, apart = n, values - m
        note = f"tokens taken as independent ({int(place.max()) + 1} batches; {FEWEST} would tell)"
    error = math.sqrt(groups / (groups - 1.0) * float(apart @ apart)) / n
    return Mean(m, error, student(groups - 1), note)


def student(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return the quantile of Student's t for a two-sided interval."""
    from scipy.special import stdtrit  # here, so that importing this takes NumPy alone

    return float(stdtrit(freedom, 0.5 + confidence / 2))
