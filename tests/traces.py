"""Records of routing whose books balance, made by hand and drawn."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from moecusp.trace import LAYOUTS, ROLES, STACKS, UNROUTED, RoutingTrace, Sample, Site, SiteTrace

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
SUFFIXES = (".npz", ".safetensors")


def site(**changes):
    return replace(Site("mlp", 0, experts=3, k=2), **changes)


def record(**changes):
    """Three experts, two slots: five tokens, then four of which one slot was dropped; two tokens of padding."""
    usual = {
        "site": site(),
        "counts": [[4, 3, 3], [2, 5, 0]],
        "tokens": [5, 4],
        "unrouted": {"dropped": [0, 1], "padded": [0, 4]},
    }
    return SiteTrace(**{**usual, **changes})


@st.composite
def samples(draw, site, batches):
    tokens = draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = random.integers(-1, site.experts, (tokens, site.k))
    weights = np.array(random.uniform(0.1, 1, chosen.shape) * (chosen >= 0)).astype(
        np.dtype(draw(st.sampled_from("efd")))
    )
    kind = draw(st.sampled_from((None, "raw", "probability")))
    scores = np.asarray(random.normal(size=(tokens, site.experts))).astype(np.dtype(draw(st.sampled_from("efd"))))
    if kind == "probability":
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Sample(
        chosen,
        weights=draw(st.sampled_from((None, weights))),
        scores=None if kind is None else scores,
        kind=kind,
        mask=draw(st.sampled_from((None, random.uniform(size=tokens) < 0.7))),
        batch=random.integers(0, batches, tokens),
    )


@st.composite
def records(draw, site, batches):
    """A record whose books balance by construction: the sample's tokens, and others that go to random experts."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sample = draw(st.none() | samples(site, batches))
    tokens = random.integers(0, 30, batches)
    routed = np.zeros((batches, site.experts), int)
    unrouted = {name: np.zeros(batches, int) for name in UNROUTED}
    unrouted["padded"] = random.integers(0, 3, batches) * site.k
    for batch in range(batches):
        slots = random.integers(0, site.experts + 5, tokens[batch] * site.k)
        filled = np.bincount(slots, minlength=site.experts + 5)
        routed[batch] = filled[: site.experts]
        for name, count in zip(UNROUTED, filled[site.experts :], strict=False):
            unrouted[name][batch] = count
    if sample is not None:
        routed += sample.counts(batches, site.experts)
        tokens = tokens + np.bincount(sample.batch[sample.mask], minlength=batches)
        gone = np.bincount(sample.batch[sample.mask], ((sample.chosen < 0).sum(axis=1))[sample.mask], batches)
        unrouted["null"] += gone.astype(int)
    return SiteTrace(
        site,
        routed,
        tokens,
        unrouted,
        bias=random.standard_normal(routed.shape, np.float32) if draw(st.booleans()) else None,
        steps=np.sort(random.integers(0, 100, batches)) if draw(st.booleans()) else None,
        sample=sample,
    )


@st.composite
def traces(draw):
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    batches = draw(st.integers(1, 4))
    found = []
    for name in names:
        place = Site(
            name,
            draw(st.integers(0, 100)),
            experts=draw(st.integers(1, 6)),
            k=draw(st.integers(1, 3)),
            role=draw(st.sampled_from(ROLES)),
            stack=draw(st.sampled_from(STACKS)),
            layout=draw(st.sampled_from(LAYOUTS[:2])),
        )
        found.append(draw(records(place, batches)))
    return RoutingTrace(found, draw(st.dictionaries(NAMES, NAMES, max_size=2)), draw(st.lists(NAMES, max_size=2)))
