"""Loads of a layer: how uneven, with what error, what sampling explains of it, and who is dead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moecusp.diagnosis.floor import FAIR_SLOTS, sampling_floor
from moecusp.diagnosis.means import FEWEST, student
from moecusp.diagnosis.quantities import CONFIDENCE, Quantity
from moecusp.metrics import DEAD, LayerMetrics, Spread, interval, load_intervals
from moecusp.trace import SiteTrace

Floats = NDArray[np.float64]

SURE_SLOTS = 30.0
"""Fair slots of an expert from which on one that gets less than a tenth of them is called dead: of a Poisson count of
mean 30 fewer than 3 have probability 5e-11."""
DEAD_WORDS = {
    "dead_unused": "never chosen",
    "dead_relative": f"less than {DEAD:g} of a fair share of the slots",
    "dead_slots": "less than 0.1 % of the slots",
    "dead_first": f"first choice of fewer than {DEAD:g} of a fair share of the sampled tokens",
    "dead_probability": f"mean probability below {DEAD:g} of a fair one, over the sampled tokens",
    "dead_streak": "not chosen in the last 10 batches",
}


@dataclass(frozen=True, eq=False)
class Loads:
    """The loads of one layer.

    Attributes
    ----------
    relative : ndarray, shape (experts,)
        E f_e: 1 is a fair share.
    low, high : ndarray, shape (experts,), or None
        Ends of an interval for each of them by itself; None where there are too few batches, `interval_reason` says so.
    max_violation, batch_violation : Quantity
        max_e E f_e - 1 of all tokens together, and the mean over batches of its value in a batch.
    floor : Quantity
        What sampling alone gives `batch_violation`, for independent tokens.
    ratio : Quantity
        batch_violation over floor.
    dispersion : Quantity
        How many times more loads vary from batch to batch than those of independent tokens would.
    dead : tuple of (str, Quantity)
        Number of dead experts by each definition.
    dead_experts : tuple of int
        Experts that get less than a tenth of a fair share for certain: the whole interval lies below.
    spread : Spread
        Whether the layer has collapsed.
    """

    relative: Floats
    low: Floats | None
    high: Floats | None
    interval_reason: str
    max_violation: Quantity
    batch_violation: Quantity
    floor: Quantity
    ratio: Quantity
    dispersion: Quantity
    dead: tuple[tuple[str, Quantity], ...]
    dead_experts: tuple[int, ...]
    dead_reason: str
    spread: Spread


def loads(record: SiteTrace, metrics: LayerMetrics) -> Loads:
    """Return the loads of a site, given its metrics."""
    counted = record.without_sample()
    few = f"{record.batches} batches; an interval takes {FEWEST}" if record.batches < FEWEST else ""
    low = high = None
    if not few and record.routed.any():
        _, low, high = load_intervals(counted)
    batchwise = _violation(counted, "batch_violation", metrics.batchwise["max_vio"], few, True)
    floor = _floor(record)
    dead, why = _dead_for_certain(record, metrics, low, high)
    return Loads(
        metrics.relative_load,
        low,
        high,
        few,
        _violation(counted, "max_violation", metrics.values["max_vio"], few, False),
        batchwise,
        floor,
        _ratio(batchwise, floor),
        _dispersion(record, few),
        tuple(_dead(name, metrics, record.site.experts) for name in DEAD_WORDS),
        dead,
        why,
        metrics.spread,
    )


def _violation(record: SiteTrace, name: str, value: float, few: str, batchwise: bool) -> Quantity:
    if np.isnan(value):
        return Quantity(name, reason="no slot went to any expert")
    if few:
        return Quantity(name, value, reason=few)
    found = interval(record, "max_vio", CONFIDENCE, batchwise=batchwise)
    return Quantity(name, value, found.low, found.high, note=f"from {found.batches} batches in blocks of {found.block}")


def _floor(record: SiteTrace) -> Quantity:
    site, sizes = record.site, record.tokens[record.tokens > 0]
    if site.k >= site.experts:
        return Quantity("sampling_floor", 0.0, 0.0, 0.0, note="every token goes to every expert")
    if site.layout != "fixed":
        return Quantity("sampling_floor", reason="tokens take no fixed number of experts")
    if not sizes.size or sizes.min() * site.k < FAIR_SLOTS * site.experts:
        least = f"{int(sizes.min()) * site.k / site.experts:.3g}" if sizes.size else "no"
        return Quantity("sampling_floor", reason=f"a batch has {least} slots an expert; {FAIR_SLOTS:g} are the fewest")
    each, times = np.unique(sizes, return_counts=True)
    floors = [sampling_floor(float(b), site.experts, site.k) for b in each]
    value = float(np.average(floors, weights=times))
    size = f"{each[0]:,}" if each.size == 1 else f"{each[0]:,} to {each[-1]:,}"
    return Quantity("sampling_floor", value, note=f"batches of {size} independent tokens", reason="a formula")


def _ratio(seen: Quantity, floor: Quantity) -> Quantity:
    if seen.value is None or floor.value is None:
        return Quantity("imbalance_ratio", reason=seen.reason if seen.value is None else floor.reason)
    if floor.value == 0.0:
        return Quantity("imbalance_ratio", reason="sampling makes no imbalance here")
    if seen.low is None or seen.high is None:
        return Quantity("imbalance_ratio", seen.value / floor.value, reason=seen.reason, note=floor.note)
    return Quantity(
        "imbalance_ratio", seen.value / floor.value, seen.low / floor.value, seen.high / floor.value, note=floor.note
    )  # fmt: skip


def _dispersion(record: SiteTrace, few: str) -> Quantity:
    """Return the variance of counts between batches over that of independent tokens with the same mean shares."""
    kept = record.tokens > 0
    counts, tokens, n = record.counts[kept].astype(float), record.tokens[kept].astype(float), int(kept.sum())
    if few or n < FEWEST:
        return Quantity("dispersion", reason=few or f"{n} batches with tokens; {FEWEST} are the fewest")
    if record.site.layout == "free":
        return Quantity("dispersion", reason="experts choose their tokens")
    taken = counts.sum(axis=0) / tokens.sum()  # probability that a token takes the expert
    expected = tokens * float((taken * (1.0 - taken)).sum())
    if expected.min() <= 0.0:
        return Quantity("dispersion", reason="no load can vary")
    each = ((counts - tokens[:, None] * taken) ** 2).sum(axis=1) / expected * n / (n - 1.0)
    value, error = float(each.mean()), float(each.std(ddof=1)) / n**0.5
    reach = student(n - 1) * error
    return Quantity("dispersion", value, max(value - reach, 0.0), value + reach, note=f"from {n} batches")


def _dead(name: str, metrics: LayerMetrics, experts: int) -> tuple[str, Quantity]:
    share = metrics.values.get(name)
    if share is not None and not np.isnan(share):
        return name, Quantity("dead_experts", float(round(share * experts)), note=DEAD_WORDS[name])
    missing = {
        "dead_streak": f"{metrics.record.batches} batches; 10 are needed",
        "dead_first": "neither weights nor scores of tokens were recorded",
        "dead_probability": "no scores of tokens were recorded",
    }
    return name, Quantity("dead_experts", reason=missing.get(name, "no slot went to any expert"), note=DEAD_WORDS[name])


def _dead_for_certain(
    record: SiteTrace, metrics: LayerMetrics, low: Floats | None, high: Floats | None
) -> tuple[tuple[int, ...], str]:
    fair = float(record.routed.sum()) / record.site.experts
    if fair < SURE_SLOTS:
        return (), f"{fair:.3g} slots an expert on average; {SURE_SLOTS:g} are the fewest"
    if high is None:
        return (), f"{record.batches} batches; {FEWEST} are the fewest"
    return tuple(int(i) for i in np.flatnonzero((high < DEAD) & (metrics.relative_load < DEAD))), ""
