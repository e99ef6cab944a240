"""Records of one site put together: ranks of a run, or batches one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moecusp._arguments import ParameterError
from moecusp.trace.samples import alike, joined
from moecusp.trace.sites import UNROUTED, SiteTrace


def added(a: SiteTrace, b: SiteTrace) -> SiteTrace:
    """Return both ranks of a data-parallel run as one: other tokens of the same batches."""
    _match(a, b, "bias", "steps")
    slots = {kind: a.unrouted[kind] + b.unrouted[kind] for kind in UNROUTED}
    sample = joined([a.sample, b.sample], [0, 0])
    return SiteTrace(a.site, a.counts + b.counts, a.tokens + b.tokens, slots, a.bias, a.steps, sample)


def united(records: list[SiteTrace], shards: bool) -> SiteTrace:
    """Return all ranks of an expert-parallel run as one: the same tokens, other experts.

    With `shards` each rank numbers its own experts from 0, and those of the ranks follow one another.
    """
    first = records[0]
    for other in records:
        _match(first, other, "steps", "tokens", *(() if shards else ("bias",)))
        for kind in UNROUTED:
            if kind != "sentinel" and not alike(first.unrouted[kind], other.unrouted[kind]):
                raise ParameterError(
                    f"unrouted[{kind!r}]", other.unrouted[kind].tolist(), "the same on ranks of the same tokens"
                )
        if other.sample is not None:
            raise ParameterError(
                "sample", "tokens", "None over expert-parallel ranks: keep the tokens of complete dispatches"
            )
    routed = sum(record.routed for record in records)
    lefts = [record.unrouted["sentinel"] - (routed - record.routed) for record in records]  # on none of these ranks
    for record, left in zip(records, lefts, strict=True):
        if (left < 0).any() or (left != lefts[0]).any():
            slots = record.unrouted["sentinel"].tolist()
            raise ParameterError("unrouted['sentinel']", slots, "the slots of the other ranks")
    parts = [record.counts for record in records]
    counts = np.concatenate(parts, axis=1) if shards else np.sum(parts, axis=0)
    biases = [record.bias for record in records if record.bias is not None]
    bias = first.bias if not shards else np.concatenate(biases, axis=1) if len(biases) == len(records) else None
    site = replace(first.site, experts=counts.shape[1])
    return SiteTrace(site, counts, first.tokens, {**first.unrouted, "sentinel": lefts[0]}, bias, first.steps)


def _match(a: SiteTrace, b: SiteTrace, *names: str) -> None:
    if a.site != b.site:
        raise ParameterError("site", b.site, f"the same in all parts: {a.site}")
    if a.batches != b.batches:
        raise ParameterError(f"{a.site.name}: batches", b.batches, f"{a.batches}, as on the first rank")
    for name in names:
        if not alike(getattr(a, name), getattr(b, name)):
            raise ParameterError(f"{a.site.name}: {name}", getattr(b, name), "the same on all ranks")


def appended(records: list[SiteTrace]) -> SiteTrace:
    """Return the batches of all records, one after the other."""
    first = records[0]
    optional = {}
    for name in ("bias", "steps"):
        values = [getattr(record, name) for record in records]
        if any((value is None) != (values[0] is None) for value in values):
            raise ParameterError(f"{first.site.name}: {name}", None, "there in all traces or in none")
        optional[name] = None if values[0] is None else np.concatenate(values)
    offsets = np.cumsum([0, *(record.batches for record in records[:-1])]).tolist()
    return SiteTrace(
        first.site,
        np.concatenate([record.counts for record in records]),
        np.concatenate([record.tokens for record in records]),
        {kind: np.concatenate([record.unrouted[kind] for record in records]) for kind in UNROUTED},
        optional["bias"],
        optional["steps"],
        joined([record.sample for record in records], offsets),
    )
