"""The routing of a whole model: its sites in order, and how traces are put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType

from moecusp._arguments import ParameterError
from moecusp.trace.merging import added, appended, united
from moecusp.trace.sites import SiteTrace, text

_MOST = 1000  # entries of source and notes


@dataclass(frozen=True)
class RoutingTrace:
    """What was recorded of a model's routers.

    Parameters
    ----------
    records : iterable of SiteTrace
        One for each site, at least one; kept in the order of the model: encoder before decoder, layers as numbers.
    source : mapping of str to str
        Where it comes from: model, framework, text.
    notes : iterable of str
        What went wrong or was left out while recording.

    Raises
    ------
    ParameterError
        If there is no record, two have the same name, or an argument is not as said.

    Examples
    --------
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace
    >>> one = SiteTrace(Site("layers.10", 10, experts=2, k=1), [[3, 1]], [4])
    >>> two = SiteTrace(Site("layers.9", 9, experts=2, k=1), [[2, 2]], [4])
    >>> trace = RoutingTrace([one, two])
    >>> [record.site.name for record in trace], trace["layers.10"].counts.tolist()
    (['layers.9', 'layers.10'], [[3, 1]])
    >>> RoutingTrace.concatenate([trace, trace])["layers.9"].batches
    2
    """

    records: Sequence[SiteTrace]
    source: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check everything and sort the records."""
        records = tuple(self.records) if isinstance(self.records, Iterable) else ()
        if not records or not all(isinstance(record, SiteTrace) for record in records):
            raise ParameterError("records", self.records, "SiteTrace objects, one at least: no router was recorded")
        names = [record.site.name for record in records]
        if len(set(names)) < len(names):
            twice = next(name for name, count in Counter(names).items() if count > 1)
            raise ParameterError("site.name", twice, "the name of one site only")
        if not isinstance(self.source, Mapping) or len(self.source) > _MOST:
            raise ParameterError("source", self.source, f"a mapping of at most {_MOST} texts")
        if isinstance(self.notes, str) or not isinstance(self.notes, Sequence) or len(self.notes) > _MOST:
            raise ParameterError("notes", self.notes, f"a sequence of at most {_MOST} texts")
        source = {text("source key", k, 100): text(f"source[{k!r}]", v, 5000) for k, v in self.source.items()}
        notes = tuple(text(f"notes[{i}]", note, 5000) for i, note in enumerate(self.notes))
        object.__setattr__(self, "records", tuple(sorted(records, key=lambda record: record.site.order)))
        object.__setattr__(self, "source", MappingProxyType(source))
        object.__setattr__(self, "notes", notes)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[SiteTrace]:
        """Iterate over the records in the order of the model."""
        return iter(self.records)

    def __len__(self) -> int:
        """Return the number of sites."""
        return len(self.records)

    def __getitem__(self, name: str) -> SiteTrace:
        """Return the record of the site of this name."""
        for record in self.records:
            if record.site.name == name:
                return record
        raise ParameterError("name", name, f"one of the {len(self)} sites, such as {self.records[0].site.name!r}")

    def without_samples(self) -> RoutingTrace:
        """Return the counts alone."""
        return RoutingTrace([record.without_sample() for record in self], self.source, self.notes)

    @classmethod
    def sum(cls, traces: Iterable[RoutingTrace], over: str = "tokens") -> RoutingTrace:
        """Put the ranks of one run together.

        Parameters
        ----------
        traces : iterable of RoutingTrace
            One for each rank, with the same sites and batches.
        over : {"tokens", "experts", "shards"}
            "tokens" (data parallel): the ranks saw other tokens; counts, tokens and unrouted slots are added, sampled
            tokens joined. "experts" (expert parallel): the ranks saw the same tokens and ran other experts; counts are
            added, and a slot is a sentinel only if it is one on every rank. "shards": so too, but each rank numbers its
            own experts from 0; those of the second follow those of the first, and so on. No samples in either.

        Returns
        -------
        RoutingTrace
            Of all ranks, with their notes; of `source` what all agree on.

        Raises
        ------
        ParameterError
            If sites, batches, steps or biases differ, or ranks said to hold the same tokens do not.
        """
        if over not in ("tokens", "experts", "shards"):
            raise ParameterError("over", over, "'tokens', 'experts' or 'shards'")
        if over == "tokens":
            return _together(traces, lambda records: reduce(added, records))
        return _together(traces, lambda records: united(records, over == "shards"))

    @classmethod
    def concatenate(cls, traces: Iterable[RoutingTrace]) -> RoutingTrace:
        """Put the batches of the traces one after the other.

        Parameters
        ----------
        traces : iterable of RoutingTrace
            With the same sites.

        Returns
        -------
        RoutingTrace
            Of all batches, with all notes; of `source` what all agree on.

        Raises
        ------
        ParameterError
            If sites differ, only some have steps or biases, or the steps of one lie before those of an earlier one.
        """
        return _together(traces, appended)


def _together(traces: Iterable[RoutingTrace], combine: Callable[[list[SiteTrace]], SiteTrace]) -> RoutingTrace:
    parts = list(traces)
    if not parts or not all(isinstance(part, RoutingTrace) for part in parts):
        raise ParameterError("traces", parts, "RoutingTrace objects, one at least")
    first = parts[0]
    for part in parts:
        if [r.site for r in part] != [r.site for r in first]:
            raise ParameterError("traces", [r.site.name for r in part], "of the same sites")
    records = [combine(list(records)) for records in zip(*(part.records for part in parts), strict=True)]
    source = dict(set.intersection(*(set(part.source.items()) for part in parts)))
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))[:_MOST]
    return RoutingTrace(records, dict(sorted(source.items())), notes)
