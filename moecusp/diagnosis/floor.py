"""How uneven the loads of a batch are by sampling alone: the floor that no balancing gets below."""

from __future__ import annotations

import numpy as np

from moecusp._arguments import POSITIVE, ParameterError, integer, number

FAIR_SLOTS = 10.0  # of an expert in a batch, below which the floor is not given


def sampling_floor(tokens: float, experts: int, k: int = 1) -> float:
    """Expected largest load of a batch over the fair share, minus 1, where independent tokens choose evenly.

    With m = B k/K slots an expert, E max c/m - 1 = (sum over x >= 0 of (1 - F(x)^K) - m)/m, F the distribution of K
    independent counts of mean m and variance m (K - k)/(K - 1): Poisson for k = 1, binomial for k > 1.

    Parameters
    ----------
    tokens : float
        B, tokens of the batch; m = B k/K must be at least 10.
    experts : int
        K >= 2.
    k : int
        Slots of a token, 1 <= k < K.

    Returns
    -------
    float
        The floor of max_vio.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Notes
    -----
    The counts of a batch are negatively correlated, as independent ones minus their mean are, whose expectation is m;
    that the two have the same distribution is exact for Gaussian counts (statement ``balance.max_violation``), and here
    their skewness comes in addition. Within 3 % of simulated batches for m >= 10, K = 2 to 128, k = 1 to 8
    (tests/diagnosis/test_floor.py).

    References
    ----------
    Statement ``balance.max_violation``; docs/diagnosis.md.

    Examples
    --------
    >>> from moecusp.diagnosis import sampling_floor
    >>> round(sampling_floor(512, 8), 3)
    0.181
    """
    from scipy.special import betainc, pdtr

    count = integer("experts", experts, 2)
    slots = integer("k", k, 1, count - 1)
    m = number("tokens", tokens, POSITIVE) * slots / count
    if m < FAIR_SLOTS:
        raise ParameterError("tokens", tokens, f"such that tokens k/experts >= {FAIR_SLOTS:g}")
    width = np.sqrt(m) * (12.0 + np.log(count))
    low = np.floor(max(0.0, m - width))
    x = np.arange(low, np.ceil(m + width) + 50.0)
    if slots == 1:
        below = pdtr(x, m)
    else:
        p = (slots - 1.0) / (count - 1.0)
        trials = m / p
        inside = x < trials
        below = np.where(inside, betainc(np.where(inside, trials - x, 1.0), x + 1.0, 1.0 - p), 1.0)
    return float((low + (1.0 - below**count).sum() - m) / m)
