"""The sign rule b <- b + u sign(1/K - load): seen by its steps of one size, and what rate it amounts to."""

from __future__ import annotations

import numpy as np

from moecusp.balance_sign import effective_update_rate
from moecusp.diagnosis.estimates import Estimate, Identification
from moecusp.diagnosis.panel import covariance
from moecusp.diagnosis.records import Records

SAME = 1e-3  # by what share sizes of steps may differ by rounding
OFTEN = 0.5  # share of the steps that are not 0, at least


def sign_rule(records: Records, reach: float) -> Estimate | None:
    """Return the effective rate u sqrt(2/pi)/S of the sign rule; None if the scores do not move by it.

    Its interval is that of S, the deviation of the recorded loads from 1/K, which must be those of single steps.
    """
    steps = records.moves
    sizes = np.abs(steps)
    u = float(np.median(sizes[sizes > 0.0])) if (sizes > 0.0).any() else 0.0
    moved = sizes > 0.5 * u
    alike = np.abs(np.where(moved, sizes - u, sizes)) <= SAME * u
    if records.every > 1 or not u > 0.0 or not alike.all() or moved.mean() < OFTEN or (steps[moved] > 0).all():
        return None
    square = (records.loads**2).mean(axis=1)
    size = float(square.mean()) ** 0.5
    error = float(covariance((square - square.mean())[:, None] / len(square))[0, 0]) ** 0.5 / (2.0 * size)
    rate = [float(effective_update_rate(u, each)) for each in (size, size + reach * error)]
    low_size = size - reach * error
    high = float(effective_update_rate(u, low_size)) if low_size > 0.0 else np.inf
    return Estimate(rate[0], rate[1], high, Identification.ESTIMATED)
