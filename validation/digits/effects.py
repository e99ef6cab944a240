"""From what was measured to the effects that are judged, one value per seed or router."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validation.studies import Measured, Plan, cases

Array = NDArray[np.float64]


def onsets(plan: Plan, measured: Measured) -> Array:
    """Return the measured critical feedbacks (score/time), shape (routers, seeds)."""
    rates = [part["rates"] for part in cases(measured, "onset")]
    return np.stack([onset(grid, rate) for grid, rate in zip(plan["growth.feedbacks"], rates, strict=True)])


def onset(feedbacks: Array, rates: Array) -> Array:
    """Return per seed the feedback at which the straight line through its growth rates passes 0."""
    line = np.polynomial.polynomial.polyfit(feedbacks, rates.T, 1)
    return np.asarray(-line[0] / line[1])


def gathered(measured: Measured, claim: str, name: str) -> Array:
    """Return an array of sweeps or training runs over all seeds, which are the first axis."""
    return np.concatenate([part[name] for part in cases(measured, claim)])


def distances(plan: Plan, imbalance: Array) -> Array:
    """Return |m - nearest predicted stable m| for imbalances (..., feedbacks)."""
    stable = np.where(plan["branch.stable"], plan["branch.imbalance"], np.nan)
    return np.asarray(np.nanmin(np.abs(imbalance[..., None] - stable), axis=-1))


def widths(measured: Measured) -> Array:
    """Return the width (score/time) of the loops in the asymmetry, shape (seeds, feedbacks)."""
    jumps = gathered(measured, "sweeps", "jumps")
    return np.asarray(jumps[:, 0] - jumps[:, 1])


def standard_error(samples: Array, axis: int = 0) -> Array:
    """Return the standard error of the mean."""
    return np.asarray(samples.std(axis=axis, ddof=1) / samples.shape[axis] ** 0.5)
