"""The sum of the scores of two experts, which no selection changes: sum <- (1 - step) sum + eps (kappa + h).

Its value after n steps is a geometric series. At a small step 1 - (1 - step)^n would cancel, and 1 - step be rounded to
1, so that powers and series are taken from log(1 - step).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import Array
from moecusp._simulation.schedules import Schedule

BLOCK = 2**20
"""Powers held at a time while offsets of a schedule are summed."""


def remains(step: Array, count: Any) -> Array:
    """Return (1 - step)^count for 0 <= step < 2, to a few units of the last place of its logarithm."""
    with np.errstate(all="ignore"):  # 0 steps of size 1: 0 times -inf; what has decayed vanishes
        size = np.where(np.equal(count, 0), 1.0, np.exp(count * _logarithm(step)))
    return np.asarray(np.where((step > 1.0) & np.equal(np.mod(count, 2), 1), -size, size))


def series(step: Array, count: int) -> Array:
    """Return 1 + (1 - step) + ... + (1 - step)^(count - 1) for 0 <= step < 2, to a few units of the last place."""
    exponent = count * _logarithm(step)
    alternating = (step > 1.0) & (count % 2 == 1)
    change = np.where(alternating, 1.0 + np.exp(exponent), -np.expm1(exponent))
    return np.divide(change, step, out=np.full_like(change, float(count)), where=step > 0.0)


def total(start: Array, push: Array, step: Array, increment: Array, steps: int, schedule: Schedule) -> Array:
    """Return the sum after so many steps, shape (routers,).

    Parameters
    ----------
    start, push, step, increment : ndarray, shape (routers,)
        The sum at the start (score), eps (kappa + h) without the schedule (score), mu eps and eps.
    steps : int
        Steps taken.
    schedule : Schedule
        Offsets of kappa and h.

    Returns
    -------
    ndarray, shape (routers,)
        s1 + s2 (score).
    """
    with np.errstate(all="ignore"):  # what has decayed vanishes
        value = remains(step, steps) * start + push * series(step, steps)
        return value if schedule.constant else value + _scheduled(step, increment, steps, schedule)


def _scheduled(step: Array, increment: Array, steps: int, schedule: Schedule) -> Array:
    """Return what the offsets add: routers of one kind share the work."""
    kinds, member = np.unique(np.stack([step, increment]), axis=1, return_inverse=True)
    block, extra = max(1, BLOCK // kinds.shape[1]), np.zeros(kinds.shape[1])
    for first in range(0, steps, block):
        offsets = schedule.offsets(first, min(first + block, steps)).sum(axis=0)
        left = np.arange(len(offsets) - 1, -1, -1)
        powers = remains(kinds[0][:, None], left)
        extra = remains(kinds[0], len(offsets)) * extra + kinds[1] * (powers @ offsets)
    return np.asarray(extra[np.ravel(member)])


def _logarithm(step: Array) -> Array:
    """Return log |1 - step|; for a step above 1 from 2 - step, which is exact there as 1 - step would not be."""
    with np.errstate(divide="ignore"):  # at a step of 1 nothing remains
        return np.asarray(np.log1p(-np.minimum(step, 2.0 - step)))
