"""Metrics of the layers of a model: each by itself, and pooled for comparison only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from moecusp._arguments import ParameterError, integer
from moecusp.metrics.definitions import METRICS, balance_loss, per, relative, share
from moecusp.metrics.sums import Floats, Sums, batch_sums
from moecusp.trace import RoutingTrace, SiteTrace
from moecusp.trace.arrays import Integers

STREAK = 10  # batches in a row without a slot: an expert with as many is dead by the definition of streaks
FAIR_SLOTS = 10  # slots an expert must have got on average before a layer is called anything
HALF = 0.5  # of the experts: a layer where so many, or all that can be, are dead (dead_relative) is called collapsed


class Spread(StrEnum):
    """How a layer's tokens are spread over its experts."""

    COLLAPSED = "collapsed"  # half of the experts, or all but k, get less than a tenth of a fair share
    SPREAD = "spread"
    UNKNOWN = "too few tokens"


@dataclass(frozen=True, eq=False)
class LayerMetrics:
    """The metrics of one site.

    Attributes
    ----------
    record : SiteTrace
        What they are of.
    values : mapping of str to float
        Metrics of all tokens together (`METRICS`), and ``dead_streak``; those that need what was not recorded are left
        out.
    batchwise : mapping of str to float
        The means over batches of their values in a batch.
    load_share, relative_load : ndarray, shape (experts,)
        f_e and E f_e.
    importance, probability : ndarray, shape (experts,), or None
        Share of the weights, and mean probability, over the sample.
    streaks : ndarray of int, shape (experts,)
        Last batches in a row in which an expert got nothing.
    spread : Spread
        Whether the layer has collapsed. With at least 10 slots an expert on average, a balanced router of independent
        tokens is called collapsed with probability below 3·10^-5.
    """

    record: SiteTrace
    values: Mapping[str, float]
    batchwise: Mapping[str, float]
    load_share: Floats
    relative_load: Floats
    importance: Floats | None
    probability: Floats | None
    streaks: Integers
    spread: Spread


def layer_metrics(record: SiteTrace, streak: int = STREAK) -> LayerMetrics:
    """Return the metrics of one site.

    Parameters
    ----------
    record : SiteTrace
        The site's record.
    streak : int
        Batches in a row without a slot after which an expert counts in ``dead_streak``, which is there only if the
        record has as many batches.

    Returns
    -------
    LayerMetrics
        Its metrics.

    Raises
    ------
    ParameterError
        If an argument is not as said.

    Examples
    --------
    >>> from moecusp.metrics import layer_metrics
    >>> from moecusp.trace import Site, SiteTrace
    >>> found = layer_metrics(SiteTrace(Site("mlp", 0, experts=4, k=1), [[70, 10, 10, 10]], [100]))
    >>> round(found.values["max_vio"], 12), found.values["dead_relative"], found.spread.value
    (1.8, 0.0, 'spread')
    """
    sums = batch_sums(record)
    total = sums.total()
    there = [metric for metric in METRICS.values() if set(metric.needs) <= sums.arrays().keys()]
    values = {metric.name: float(metric.of(total)) for metric in there}
    batchwise = {metric.name: _mean(metric.of(sums)) for metric in there}
    streaks = _streaks(record)
    if record.batches >= integer("streak", streak, 1):
        values["dead_streak"] = float((streaks >= streak).mean())
    return LayerMetrics(
        record,
        MappingProxyType(values),
        MappingProxyType(batchwise),
        share(total.counts),
        relative(total.counts),
        None if total.weights is None else share(total.weights),
        None if total.probabilities is None or total.sampled is None else per(total.probabilities, total.sampled[None]),
        streaks,
        _spread(total, values["dead_relative"]),
    )


def _spread(total: Sums, dead: float) -> Spread:
    if total.counts.sum() < FAIR_SLOTS * total.experts:
        return Spread.UNKNOWN
    limit = min(HALF * total.experts, total.experts - total.k)  # k experts at least get something
    return Spread.COLLAPSED if 0 < limit <= round(dead * total.experts) else Spread.SPREAD


def _mean(values: Floats) -> float:
    """Return the mean of what is a number: a batch without slots has no metrics."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if there.size else float("nan")


def _streaks(record: SiteTrace) -> Integers:
    """Return for each expert the number of last batches in which it got nothing; batches without slots do not count."""
    used = record.counts[record.routed > 0] > 0
    if not len(used):
        return np.zeros(used.shape[1], np.int64)
    return np.where(used.any(axis=0), used[::-1].argmax(axis=0), len(used))


@dataclass(frozen=True)
class Pooled:
    """What one number for all layers says, beside the layers: for comparison only, since layers cancel in it.

    Attributes
    ----------
    balance_loss_hf : float
        What transformers calls aux_loss before its coefficient: k E sum f_e P_e with f and P over the tokens of all
        layers together. It is k when balanced, and also when every layer has collapsed onto another expert.
    balance_loss : float
        The same over k.
    worst_layer : str
        The site whose own balance loss is largest.
    worst : float
        That loss.
    """

    balance_loss_hf: float
    balance_loss: float
    worst_layer: str
    worst: float


def pooled(trace: RoutingTrace) -> Pooled:
    """Return the balance loss of all layers pooled, as transformers does, and of the worst layer.

    Parameters
    ----------
    trace : RoutingTrace
        All sites with sampled scores, and with the same number of experts and k.

    Returns
    -------
    Pooled
        For comparison only.

    Raises
    ------
    ParameterError
        If sites differ in experts or k, or have no scores.
    """
    if not isinstance(trace, RoutingTrace):
        raise ParameterError("trace", trace, "a RoutingTrace")
    sizes = sorted({(record.site.experts, record.site.k) for record in trace})
    if len(sizes) > 1:
        raise ParameterError("(experts, k)", sizes, "the same at all sites")
    totals = [batch_sums(record).total() for record in trace]
    for record, total in zip(trace, totals, strict=True):
        if total.probabilities is None:
            raise ParameterError(f"{record.site.name}: sample", None, "there, with scores")
    own = [float(balance_loss(total)) for total in totals]
    names = ("sampled", "chosen", "probabilities")
    together = replace(totals[0], **{name: np.sum([t.arrays()[name] for t in totals], axis=0) for name in names})
    loss, worst = float(balance_loss(together)), int(np.argmax(own))
    return Pooled(loss * together.k, loss, trace.records[worst].site.name, own[worst])
