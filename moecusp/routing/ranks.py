"""One trace of all processes of a group, from the trace that each of them recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray

from moecusp._arguments import ParameterError
from moecusp.trace import RoutingTrace, Sample, SiteTrace
from moecusp.trace.storage import decoded, encoded


def together(make: Callable[[], RoutingTrace], group: Any, over: str, most: int, seed: int) -> RoutingTrace:
    """Return on every rank what all ranks of a group recorded, one router at a time.

    Parameters
    ----------
    make : callable
        Returns this rank's trace. If it fails on one rank, all ranks raise.
    group : ProcessGroup
        Of torch.distributed.
    over : {"tokens", "experts", "shards"}
        As in `RoutingTrace.sum`.
    most : int
        Tokens of each router in the sample of the whole: a uniform part of all ranks' tokens.
    seed : int
        Decides which.

    Raises
    ------
    RuntimeError
        If a rank recorded nothing, or a router was not called there.
    ParameterError
        If the ranks have other routers, batches, steps or biases.
    """
    check(group)
    mine, problem = None, ""
    try:
        mine = make()
    except Exception as error:  # whatever it is, the other ranks must not wait for this one
        problem = str(error) or type(error).__name__
    names = [] if mine is None else [record.site.name for record in mine]
    states = _gathered((problem, names), group)
    failed = [f"rank {rank}: {state[0]}" for rank, state in enumerate(states) if state[0]]
    if failed or mine is None:
        raise RuntimeError("; ".join(failed))
    for rank, (_, theirs) in enumerate(states):
        if theirs != states[0][1]:
            raise ParameterError(f"routers of rank {rank}", theirs, f"those of rank 0: {states[0][1]}")
    wholes = []
    for number, record in enumerate(mine):
        own = _shared(record, group, most, (seed, number)) if over == "tokens" else record.without_sample()
        part = RoutingTrace([own], mine.source, mine.notes)
        parts = [decoded(f"rank {rank}", *given) for rank, given in enumerate(_gathered(encoded(part), group))]
        wholes.append(RoutingTrace.sum(parts, over))
    records = [whole.records[0] for whole in wholes]
    return RoutingTrace(records, wholes[0].source, wholes[0].notes)


def check(group: Any) -> None:
    """Raise ParameterError for what is no group of torch.distributed that this process belongs to."""
    if not (dist.is_available() and dist.is_initialized() and isinstance(group, dist.ProcessGroup)):
        raise ParameterError("group", group, "a group of torch.distributed, such as torch.distributed.group.WORLD")


def anywhere(mine: bool, group: Any) -> bool:
    """Whether it is so on any rank of a group, all of which must ask."""
    return any(_gathered(mine, group))


def _shared(record: SiteTrace, group: Any, most: int, seed: tuple[int, int]) -> SiteTrace:
    """Return a rank's record with its share of a sample of at most so many tokens of all ranks."""
    offered = int(record.tokens.sum() + record.unrouted["padded"].sum() // record.site.k)
    shares = share(np.asarray(_gathered(offered, group)), most, np.random.default_rng(seed))
    if record.sample is None:
        return record
    rank = dist.get_rank(group)
    random = np.random.default_rng([*seed, rank + 1])
    kept = np.sort(random.permutation(record.sample.tokens)[: shares[rank]])
    if not kept.size:
        return record.without_sample()
    arrays = {name: array[kept] for name, array in record.sample.arrays().items()}
    sample = Sample(**arrays, kind=record.sample.kind)
    return SiteTrace(record.site, record.counts, record.tokens, record.unrouted, record.bias, record.steps, sample)


def share(offered: NDArray[np.int64], most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return how many of a uniform sample of all tokens are each rank's, drawn without replacement, (ranks,)."""
    total = int(offered.sum())
    if total <= most:
        return offered
    drawn = random.choice(total, most, replace=False, shuffle=False)
    return np.bincount(np.searchsorted(np.cumsum(offered), drawn, side="right"), minlength=offered.size)


def _gathered(mine: Any, group: Any) -> list[Any]:
    """Return what each rank of a group gave, which is their own: nothing that others made is read."""
    every = [None] * dist.get_world_size(group)
    dist.all_gather_object(every, mine, group=group)
    return every
