"""Records of routers for the metrics: counts alone, and tokens routed to the largest logits."""

import numpy as np

from moecusp.trace import Sample, Site, SiteTrace


def counted(counts, k=1, **more):
    """A record of counts alone; tokens as many as fit."""
    counts = np.asarray(counts)
    tokens = -(-counts.sum(axis=1) // k)
    missing = tokens * k - counts.sum(axis=1)
    return SiteTrace(Site("mlp", 0, counts.shape[1], k), counts, tokens, {"null": missing}, **more)


def routed(logits, k, name="mlp", layer=0, mask=None, batch=None, bias=0.0, weights=False):
    """A record of a router that takes the k largest of logits + bias, all of its tokens sampled."""
    tokens, experts = logits.shape
    mask = np.ones(tokens, bool) if mask is None else mask
    batch = np.zeros(tokens, int) if batch is None else batch
    chosen = np.argsort(-(logits + bias), axis=1, kind="stable")[:, :k]
    p = softmax(logits)
    kept = Sample(
        chosen,
        weights=np.take_along_axis(p, chosen, axis=1) if weights else None,
        scores=logits,
        kind="raw",
        mask=mask,
        batch=batch,
    )
    batches = int(batch.max()) + 1
    return SiteTrace(
        Site(name, layer, experts, k),
        kept.counts(batches, experts),
        np.bincount(batch[mask], minlength=batches),
        {"padded": k * np.bincount(batch[~mask], minlength=batches)},
        sample=kept,
    )


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)
