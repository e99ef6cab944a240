"""Traces whose truth is known: Gaussian logits with offsets, hard top-k, all of it by independent code."""

from dataclasses import replace

import numpy as np

from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace


def site_trace(experts=8, k=1, batches=40, size=400, offsets=None, seed=0, sampled=None, bias=None, logits=None):
    """A site at which independent N(offset, 1) logits choose the k largest; some tokens are kept with their logits."""
    rng = np.random.default_rng(seed)
    tokens = batches * size
    if logits is None:
        logits = rng.standard_normal((tokens, experts), dtype=np.float32)
        if offsets is not None:
            logits += np.asarray(offsets, dtype=np.float32)
    scores = logits if bias is None else logits + bias
    chosen = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    batch = np.repeat(np.arange(batches), size)
    counts = np.zeros((batches, experts), np.int64)
    np.add.at(counts, (np.repeat(batch, k), chosen.ravel()), 1)
    kept = np.arange(tokens) if sampled is None else np.sort(rng.permutation(tokens)[:sampled])
    sample = Sample(chosen[kept], scores=logits[kept], kind="raw", batch=batch[kept]) if kept.size else None
    recorded = None if bias is None else np.tile(np.asarray(bias, dtype=float), (batches, 1))
    return SiteTrace(Site("mlp", 0, experts, k), counts, np.full(batches, size), bias=recorded, sample=sample)


def counted(shares, batches=40, size=400, seed=0, k=1):
    """Counts alone: independent tokens that choose with these probabilities (k = 1)."""
    counts = np.random.default_rng(seed).multinomial(size, shares, size=batches)
    return SiteTrace(Site("mlp", 0, len(shares), k), counts, np.full(batches, size))


def trace(*records):
    """A model with these sites, one a layer."""
    named = [replace(r, site=replace(r.site, name=f"layers.{i}.mlp", layer=i)) for i, r in enumerate(records)]
    return RoutingTrace(named, {"model": "planted"})


def permuted(record, order):
    """The same router with its experts numbered otherwise: expert i is now where order has i."""
    place = np.argsort(order)
    sample = record.sample
    moved = None
    if sample is not None:
        scores = None if sample.scores is None else sample.scores[:, order]
        chosen = np.where(sample.chosen < 0, -1, place[np.maximum(sample.chosen, 0)])
        moved = Sample(chosen, scores=scores, kind=sample.kind, mask=sample.mask, batch=sample.batch)
    return SiteTrace(record.site, record.counts[:, order], record.tokens, sample=moved)
