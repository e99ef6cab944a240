"""The interval of a statistic of clustered data, from whole clusters drawn again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from moecusp._arguments import ParameterError, integer, number, real
from moecusp.report.intervals import CONFIDENCE, Interval, in_errors


def cluster_bootstrap(
    samples: Any,
    clusters: Any,
    statistic: Callable[[Any], float] = np.mean,
    *,
    source: np.random.Generator,
    confidence: float = 0.99,
    resamples: int = 20_000,
    unit: str = "clusters",
) -> Interval:
    """Return a bootstrap interval for a statistic of samples that come in clusters; whole clusters are drawn.

    Parameters
    ----------
    samples : array_like, shape (samples, ...)
        Finite numbers, along the first axis.
    clusters : array_like, shape (samples,)
        The cluster that each belongs to: the seed, router or document whose samples are not independent of each other.
    statistic : callable
        Takes samples, returns a number.
    source : numpy.random.Generator
        Draws the clusters.
    confidence : float
        In (0, 1).
    resamples : int
        How many times the clusters are drawn, at least 100.
    unit : str
        What the clusters are.

    Returns
    -------
    Interval
        Unbounded where the clusters are too few for the confidence: fewer than 3, or the quantile sought lies
        beyond the resamples.

    Raises
    ------
    ParameterError
        If the arguments are out of range or do not fit together, or the statistic is not a finite number.

    Notes
    -----
    The percentile interval, expanded for the number of clusters so that it has the width of Student's where the
    statistic is a mean [1]_. Approximate: its coverage is measured in tests/report/test_intervals.py.
    `Interval.detectable` takes the statistic for normal, with the standard error of the resamples.

    References
    ----------
    .. [1] T. C. Hesterberg, Am. Stat. 69 (2015) 371-386, section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.report import cluster_bootstrap
    >>> rng = np.random.default_rng(0)
    >>> seeds = np.repeat(np.arange(20), 5)
    >>> found = cluster_bootstrap(rng.normal(size=20)[seeds], seeds, source=rng, confidence=0.9, resamples=1000)
    >>> found.n, found.low < 0 < found.high
    (20, True)
    """
    from scipy.stats import norm

    level = number("confidence", confidence, CONFIDENCE)
    draws = integer("resamples", resamples, 100)
    if not isinstance(source, np.random.Generator):
        raise ParameterError("source", source, "a numpy.random.Generator")
    values, labels = real("samples", samples), np.asarray(clusters)
    if values.ndim == 0 or labels.shape != values.shape[:1]:
        raise ParameterError("clusters", clusters, "a vector with one label for each sample")
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    n, estimate = len(groups), number("statistic", statistic(values))
    method = "bootstrap over clusters"
    unbounded = Interval(estimate, -np.inf, np.inf, level, n, unit, method, np.inf)
    if n < 3:
        return unbounded
    expansion = (n / (n - 1)) ** 0.5
    reach, detectable = in_errors(level, n - 1)
    tail = float(norm.sf(expansion * reach))
    if tail * draws < 1.0:
        return unbounded
    chosen = source.integers(n, size=(draws, n))
    found = np.array([statistic(values[np.concatenate([groups[i] for i in row])]) for row in chosen], dtype=np.float64)
    real("statistic", found)
    low, high = (float(end) for end in np.quantile(found, (tail, 1.0 - tail)))
    error = float(found.std(ddof=1)) * expansion
    return Interval(estimate, low, high, level, n, unit, method, detectable * error)
