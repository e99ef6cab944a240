"""How fast an imbalance shrinks: from scores, or from loads alone, whose noise is told from it by its memory."""

from __future__ import annotations

import numpy as np

from moecusp._arguments import Array
from moecusp.diagnosis.estimates import Estimate, Identification, ratio, unknown
from moecusp.diagnosis.panel import backward, covariance, forward, instrumented
from moecusp.diagnosis.records import Records

FORGOTTEN = "the loads keep no memory that is told apart from the noise of their tokens: record longer, or the scores"


def of_scores(records: Records, reach: float) -> Estimate:
    """Return 1 - phi, the share by which an imbalance of the scores shrinks a step."""
    s, m = records.scores[:-1], records.every
    found = instrumented(records.rates, [-s], [-s])
    span = m * records.increment
    half = reach * float(covariance(found.influence)[0, 0]) ** 0.5
    if not half > 0.0:
        return unknown("the scores do not fluctuate")
    whole = [1.0 - span * (float(found.values[0]) + each) for each in (0.0, half, -half)]
    return _per_step(whole[0], whole[1], whole[2], m)


def of_loads(loads: Array, every: int, reach: float) -> Estimate:
    """Return 1 - phi from loads alone: phi^m is the ratio of their autocovariances at two records and at one.

    Loads are a first-order process and the independent noise of their tokens, which only the autocovariance of one and
    the same batch contains. The interval is Fieller's, of moments that are correlated over two records.
    """
    f = loads - loads.mean(axis=1, keepdims=True)
    later, middle, earlier = f[2:], f[1:-1], f[:-2]
    z = backward(earlier)[:-1]
    y, x = (np.einsum("nk,nk->n", z, forward(each)[1:]) for each in (later, middle))
    total = covariance(np.stack([y, x], axis=1), 2)
    found = ratio(float(y.sum()), float(x.sum()), (total[0, 0], total[0, 1], total[1, 1]), reach, FORGOTTEN)
    return _per_step(found.value, found.low, found.high, every) if found.known else found


def _per_step(value: float, low: float, high: float, m: int) -> Estimate:
    """Return 1 - phi for phi^m, of which an odd root is taken where it is negative and m is 1."""
    if m > 1 and value <= 0.0:
        return unknown("nothing is left of an imbalance from one record to the next: record more often")
    value, low, high = (each if m == 1 else max(each, 0.0) ** (1.0 / m) for each in (value, low, high))
    return Estimate(1.0 - value, 1.0 - high, 1.0 - low, Identification.ESTIMATED)
