"""Intervals of a metric from the batches of a trace, which need not be independent of each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from moecusp._arguments import POSITIVE, ParameterError, integer, number
from moecusp.metrics.definitions import METRICS, per, relative
from moecusp.metrics.sums import Floats, batch_sums
from moecusp.trace import SiteTrace

FEWEST = 10  # batches
_AT_ONCE = 2**22  # entries of resampled sums


@dataclass(frozen=True)
class BatchInterval:
    """An estimate with an interval, from `batches` batches resampled in blocks of `block`."""

    estimate: float
    low: float
    high: float
    confidence: float
    batches: int
    block: int


def interval(
    record: SiteTrace,
    name: str,
    confidence: float = 0.95,
    *,
    batchwise: bool = False,
    block: int | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> BatchInterval:
    """Return a metric with an interval over batches (circular block bootstrap).

    Parameters
    ----------
    record : SiteTrace
        At least 10 batches.
    name : str
        A key of `METRICS`.
    confidence : float
        Between 0 and 1.
    batchwise : bool
        Whether the metric is the mean over batches of its value in a batch, rather than that of all tokens together.
    block : int, optional
        Batches that stay together, so that the dependence of neighbours stays. Default: ceil(batches^(1/3)), the rate
        at which the error of the variance is least (Hall, Horowitz & Jing 1995).
    resamples, seed : int
        Number of resamples, and the seed of the generator.

    Returns
    -------
    BatchInterval
        The basic interval 2 m - q, with m the estimate and q the quantiles of the resamples: where noise alone
        raises a metric (max_vio of few tokens) the resamples are raised twice, and the interval makes up for it; it
        reaches to the estimate at least. It is widened by Student's quantile over the normal one, for the number of
        blocks less one.

    Raises
    ------
    ParameterError
        If there are too few batches, or the trace does not hold what the metric is made from.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.metrics import interval
    >>> from moecusp.trace import Site, SiteTrace
    >>> counts = np.random.default_rng(0).multinomial(1000, [0.4, 0.3, 0.3], size=50)
    >>> found = interval(SiteTrace(Site("mlp", 0, experts=3, k=1), counts, np.full(50, 1000)), "max_vio")
    >>> found.low < 0.2 < found.high, found.block
    (True, 4)
    """
    if name not in METRICS:
        raise ParameterError("name", name, f"one of {', '.join(METRICS)}")
    sums, metric = batch_sums(record), METRICS[name]
    if any(need not in sums.arrays() for need in metric.needs):
        raise ParameterError("record", record.site.name, f"with a sample that holds what {name} is made from")
    each = metric.of(sums)
    valid = ~np.isnan(each)

    def taken(weights: Floats) -> Floats:
        if not batchwise:
            return metric.of(sums.weighted(weights))
        return per(weights[:, valid] @ each[valid], weights[:, valid].sum(axis=1))

    entries = sum(array[0].size for array in sums.arrays().values())
    estimate, low, high, level, length = _bootstrap(
        record, taken, entries, confidence, block, resamples, seed, name
    )  # fmt: skip
    ends = max(float(low), metric.least), float(high)
    return BatchInterval(float(estimate), *ends, level, record.batches, length)


def load_intervals(
    record: SiteTrace,
    confidence: float = 0.95,
    *,
    block: int | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Floats, Floats, Floats]:
    """Return the relative load E f_e of each expert, with an interval for each by itself.

    Parameters
    ----------
    record, confidence, block, resamples, seed
        As for `interval`.

    Returns
    -------
    estimate, low, high : ndarray, shape (experts,)
        1 is a fair share.

    Raises
    ------
    ParameterError
        As for `interval`.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.metrics import load_intervals
    >>> from moecusp.trace import Site, SiteTrace
    >>> counts = np.random.default_rng(0).multinomial(1000, [0.4, 0.3, 0.3], size=50)
    >>> estimate, low, high = load_intervals(SiteTrace(Site("mlp", 0, experts=3, k=1), counts, np.full(50, 1000)))
    >>> low[0] < 1.2 < high[0]
    np.True_
    """
    if not isinstance(record, SiteTrace):
        raise ParameterError("record", record, "a SiteTrace")
    counts = record.counts.astype(float)
    estimate, low, high, _, _ = _bootstrap(
        record, lambda weights: relative(weights @ counts), counts.shape[1], confidence, block, resamples, seed, "loads"
    )
    return estimate, np.maximum(low, 0.0), high


def _bootstrap(
    record: SiteTrace,
    taken: Callable[[Floats], Floats],
    entries: int,
    confidence: float,
    block: int | None,
    resamples: int,
    seed: int,
    name: str,
) -> tuple[Floats, Floats, Floats, float, int]:
    """Return what `taken` gives for weights of one for each batch, its interval, the confidence and the block.

    `taken` takes weights (resamples, batches) to values (resamples, ...); `entries` is how many numbers it makes of
    each resample.
    """
    level = number("confidence", confidence, POSITIVE)
    if level >= 1.0:
        raise ParameterError("confidence", confidence, "> 0 and < 1")
    n = record.batches
    if n < FEWEST:
        raise ParameterError("batches", n, f">= {FEWEST} for an interval")
    length = math.ceil(n ** (1.0 / 3.0)) if block is None else integer("block", block, 1)
    if length > n // 2:
        raise ParameterError("block", length, f"at most half of the {n} batches")
    count = integer("resamples", resamples, 100)
    generator = np.random.default_rng(integer("seed", seed, 0))
    estimate = taken(np.ones((1, n)))[0]
    chunk = max(1, _AT_ONCE // (n + entries))
    values = np.concatenate(
        [taken(_weights(generator, min(chunk, count - i), n, length)) for i in range(0, count, chunk)]
    )
    values = values[~np.isnan(values).reshape(len(values), -1).any(axis=1)]
    if not values.size or np.isnan(estimate).any():
        raise ParameterError("record", record.site.name, f"with tokens to take {name} of")
    ends = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    low, high = _wider(n / length, level) * (ends - estimate)
    return estimate, estimate - np.maximum(high, 0.0), estimate - np.minimum(low, 0.0), level, length


def _wider(blocks: float, confidence: float) -> float:
    """Return how much wider an interval from so few blocks must be: Student's quantile, and an unbiased variance."""
    from scipy.special import ndtri, stdtrit  # here, so that importing this takes NumPy alone

    level = 0.5 + confidence / 2
    return float(stdtrit(blocks - 1.0, level) / ndtri(level) * math.sqrt(blocks / (blocks - 1.0)))


def _weights(generator: np.random.Generator, resamples: int, batches: int, block: int) -> Floats:
    """Return how often each batch is taken: blocks from anywhere on a circle, the last one cut to fit."""
    starts = generator.integers(0, batches, (resamples, -(-batches // block), 1))
    places = ((starts + np.arange(block)) % batches).reshape(resamples, -1)[:, :batches]
    cells = places + batches * np.arange(resamples)[:, None]
    return np.bincount(cells.ravel(), minlength=resamples * batches).reshape(resamples, batches).astype(float)
