"""One place in a model where tokens are sent to experts, and what was counted there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from moecusp._arguments import ParameterError, integer
from moecusp.trace.arrays import MAX_COUNT, MAX_EXPERTS, Integers, naturals, numbers
from moecusp.trace.samples import Sample, alike

ROLES = ("mlp", "attention")
STACKS = ("encoder", "decoder")
LAYOUTS = ("fixed", "at_most", "free")
UNROUTED = ("skipped", "dropped", "null", "identity", "sentinel", "padded")  # slots that no real expert got


@dataclass(frozen=True)
class Site:
    """A router with its experts.

    Parameters
    ----------
    name : str
        Its path in the model, 1 to 500 printable characters.
    layer : int
        Its place in the stack, >= 0: sites are ordered by it, as a number.
    experts : int
        Number of real experts, 1 to 65,536.
    k : int
        Slots of a token, >= 1.
    role : {"mlp", "attention"}
        What the experts compute.
    stack : {"decoder", "encoder"}
        Which stack the layer belongs to.
    layout : {"fixed", "at_most", "free"}
        Every token takes k slots; or at most k (a threshold decides); or experts choose their tokens, and
        k is their average.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> from moecusp.trace import Site
    >>> Site("model.layers.3.mlp", layer=3, experts=64, k=8).role
    'mlp'
    """

    name: str
    layer: int
    experts: int
    k: int
    role: str = "mlp"
    stack: str = "decoder"
    layout: str = "fixed"

    def __post_init__(self) -> None:
        """Check every argument."""
        text("name", self.name, 500)
        for name, low, high in (("layer", 0, MAX_COUNT), ("experts", 1, MAX_EXPERTS), ("k", 1, MAX_EXPERTS)):
            value = integer(name, getattr(self, name), low)
            if value > high:
                raise ParameterError(name, value, f"an integer from {low} to {high}")
            object.__setattr__(self, name, value)
        for name, allowed in (("role", ROLES), ("stack", STACKS), ("layout", LAYOUTS)):
            if getattr(self, name) not in allowed:
                raise ParameterError(name, getattr(self, name), f"one of {', '.join(map(repr, allowed))}")

    @property
    def order(self) -> tuple[int, int, int, str]:
        """What sites are sorted by: encoder before decoder, then layer, attention before mlp, name."""
        return STACKS.index(self.stack), self.layer, -ROLES.index(self.role), self.name


@dataclass(frozen=True, eq=False)
class SiteTrace:
    """What was recorded at one site.

    Parameters
    ----------
    site : Site
        The router.
    counts : array_like of int, shape (batches, experts)
        Slots that each real expert got in each batch.
    tokens : array_like of int, shape (batches,)
        Tokens of each batch, padding left out.
    unrouted : mapping of str to array_like of int, shape (batches,), optional
        Slots that no real expert got: "skipped" (the router sent the token past the layer), "dropped" (over capacity),
        "null" (weight 0 or no id), "identity" (an expert that computes nothing), "sentinel" (an expert of another
        rank), and "padded" (slots of padding, which are outside of `tokens`). Missing ones are 0.
    bias : array_like of float, shape (batches, experts), optional
        Selection bias in force in each batch.
    steps : array_like of int, shape (batches,), optional
        Training step of each batch, not decreasing.
    sample : Sample, optional
        Tokens kept whole.

    Raises
    ------
    ParameterError
        If an argument is not as said, or the books do not balance: under the layout "fixed" counts and unrouted slots
        (padded ones apart) add up to tokens times k in each batch, under "at_most" to no more, under "free" no expert
        takes more than all tokens; and no sample holds more than was counted.

    Examples
    --------
    >>> from moecusp.trace import Site, SiteTrace
    >>> record = SiteTrace(Site("mlp", 0, experts=2, k=1), [[5, 2]], tokens=[8], unrouted={"dropped": [1]})
    >>> record.batches, record.unrouted["dropped"].tolist()
    (1, [1])
    """

    site: Site
    counts: Any
    tokens: Any
    unrouted: Any = field(default_factory=dict)
    bias: Any = None
    steps: Any = None
    sample: Sample | None = None

    def __post_init__(self) -> None:
        """Check everything, put read-only arrays in place, and balance the books."""
        put = object.__setattr__
        if not isinstance(self.site, Site):
            raise ParameterError("site", self.site, "a Site")
        experts = self.site.experts
        put(self, "counts", naturals("counts", self.counts, (None, experts)))
        batches = self.batches
        if not batches:
            raise ParameterError(
                "counts.shape", self.counts.shape, "(batches >= 1, experts): nothing was recorded here"
            )
        put(self, "tokens", naturals("tokens", self.tokens, (batches,)))
        if not isinstance(self.unrouted, Mapping) or not set(self.unrouted) <= set(UNROUTED):
            raise ParameterError("unrouted", self.unrouted, f"a mapping with keys among {', '.join(UNROUTED)}")
        zero = np.zeros(batches, np.int64)
        slots = {n: naturals(f"unrouted[{n!r}]", self.unrouted.get(n, zero), (batches,)) for n in UNROUTED}
        put(self, "unrouted", MappingProxyType(slots))
        if self.bias is not None:
            put(self, "bias", numbers("bias", self.bias, (batches, experts)))
        if self.steps is not None:
            put(self, "steps", naturals("steps", self.steps, (batches,)))
            if (np.diff(self.steps) < 0).any():
                raise ParameterError("steps", self.steps.tolist(), "in an order that does not decrease")
        self._balance()
        if self.sample is not None:
            self._check_sample(self.sample)

    def _balance(self) -> None:
        used, offered = self.routed + self.slots(*UNROUTED[:-1]), self.tokens * self.site.k
        bad, allowed = {
            "fixed": (used != offered, "tokens times k"),
            "at_most": (used > offered, "at most tokens times k"),
            "free": (
                (self.counts > self.tokens[:, None]).any(axis=1),
                "such that no expert takes more than all tokens",
            ),
        }[self.site.layout]
        if bad.any():
            batch = int(np.argmax(bad))
            where = f"{self.site.name}: counts[{batch}] and unrouted slots, padded ones apart,"
            raise ParameterError(where, f"{used[batch]} in all", f"{allowed} ({self.tokens[batch]} x {self.site.k})")

    def _check_sample(self, sample: Sample) -> None:
        site, batches = self.site, self.batches
        if not isinstance(sample, Sample):
            raise ParameterError("sample", sample, "a Sample or None")
        if sample.k != site.k or sample.experts not in (None, site.experts):
            raise ParameterError("sample (k, experts)", (sample.k, sample.experts), f"{(site.k, site.experts)}")
        if sample.batch.max() >= batches:
            raise ParameterError("sample.batch", int(sample.batch.max()), f"below {batches}, the number of batches")
        if sample.chosen.max() >= site.experts:
            raise ParameterError("sample.chosen", int(sample.chosen.max()), f"from -1 to {site.experts - 1}")
        tokens = np.bincount(sample.batch[sample.mask], minlength=batches)
        if (tokens > self.tokens).any():
            raise ParameterError("sample tokens", tokens.tolist(), "at most those of each batch")
        if (sample.counts(batches, site.experts) > self.counts).any():
            raise ParameterError("sample.chosen", f"{sample.tokens} tokens", "within the counts of their batches")

    @property
    def batches(self) -> int:
        """Number of batches."""
        return int(self.counts.shape[0])

    @property
    def routed(self) -> Integers:
        """Slots that real experts got in each batch, (batches,)."""
        return np.asarray(self.counts.sum(axis=1))

    def slots(self, *kinds: str) -> Integers:
        """Return the unrouted slots of these kinds together in each batch, (batches,)."""
        return np.asarray(np.sum([self.unrouted[kind] for kind in kinds], axis=0, dtype=np.int64))

    def __eq__(self, other: object) -> bool:
        """Whether the site, all arrays and the sample are the same."""
        if not isinstance(other, SiteTrace):
            return NotImplemented
        return (
            self.site == other.site
            and self.sample == other.sample
            and all(alike(getattr(self, n), getattr(other, n)) for n in ("counts", "tokens", "bias", "steps"))
            and all(alike(self.unrouted[n], other.unrouted[n]) for n in UNROUTED)
        )

    __hash__ = None  # type: ignore[assignment]

    def without_sample(self) -> SiteTrace:
        """Return the counts alone."""
        return replace(self, sample=None)


def text(name: str, value: object, longest: int) -> str:
    """Return printable text of 1 to `longest` characters, or raise ParameterError."""
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
        raise ParameterError(name, value, f"1 to {longest} printable characters")
    return value
