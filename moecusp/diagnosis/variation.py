"""The feedback from the noise of the scores: the share of B tokens has the variance q/B, the score kappa^2 q/B."""

from __future__ import annotations

import numpy as np

from moecusp._arguments import Array
from moecusp.diagnosis.panel import instrumented, least_squares
from moecusp.diagnosis.records import Records


def variation(records: Records) -> tuple[dict[str, float], dict[str, Array]]:
    """Return the feedback, and its change a step where it varies, with what each record adds to their errors.

    The variance of a mean rate over m steps, given its first score, is kappa^2 (1 - |f|^2) (1 + A^2 + ... +
    A^(2m - 2))/(B m^2), A the step's total slope: summed over experts, with what scores and earlier loads explain of
    the rates taken off.
    """
    rows, experts = records.loads.shape
    s, f = records.scores[1:rows], records.loads
    past = [s, *(each - each.mean(axis=1, keepdims=True) for each in (s**2, s**3)), f[:-1], f[1:]]
    rest = least_squares(records.rates[1:], past).rest
    free = (rows - 1) * (experts - 1)
    squares = (rest**2).sum(axis=1) * free / max(free - (experts - 1) - len(past), 1)
    squares = squares * float(records.batch_size or 1.0) / _shrunk(records)
    shares = f[1:] + 1.0 / experts
    counted = records.load_tokens or np.inf
    q = (1.0 - (shares**2).sum(axis=1)) * (counted / (counted - 1.0) if np.isfinite(counted) else 1.0)
    at = (
        np.ones((rows - 1, 1))
        if records.varying != "feedback"
        else np.hstack([np.ones((rows - 1, 1)), records.steps[1:]])
    )
    found = np.zeros(at.shape[1])
    found[0] = np.sqrt(squares.sum() / q.sum())
    for _ in range(30):
        size = at @ found
        weights = at / np.maximum(size**2, 1e-3 * float((size**2).max()))[:, None]
        slope = weights.T @ (2.0 * (size * q)[:, None] * at)
        step = np.linalg.solve(slope, weights.T @ (squares - size**2 * q))
        found = found + step
        if np.abs(step).max() <= 1e-12 * np.abs(found).max():
            break
    size = at @ found
    influence = (weights * (squares - size**2 * q)[:, None]) @ np.linalg.inv(slope).T
    names = ("feedback", "feedback_slope")[: len(found)]
    padded = np.concatenate([np.zeros((1, len(found))), influence])
    return dict(zip(names, found.tolist(), strict=True)), dict(zip(names, padded.T, strict=True))


def _shrunk(records: Records) -> float:
    """Return (1 + A^2 + ... + A^(2m - 2))/m^2 with the total slope A of a step."""
    m = records.every
    if m == 1:
        return 1.0
    s = records.scores[:-1]
    whole = 1.0 - m * records.increment * float(instrumented(records.rates, [-s], [-s]).values[0])
    squared = max(whole, 1e-9) ** (2.0 / m)
    return float(np.sum(squared ** np.arange(m))) / m**2
