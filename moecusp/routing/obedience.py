"""Whether routers are called, and whether their experts run what they chose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from moecusp.routing.adapters import Reader
from moecusp.routing.findings import INFINITE, Finding, State
from moecusp.routing.recorder import record
from moecusp.routing.sites import Place
from moecusp.routing.trial import Trial
from moecusp.trace import Sample, SiteTrace

ALL = 2**20  # tokens: more than a trial has
NEARLY = 0.99  # of the slots: below, it is no matter of ties
SKIPPED = "if its tokens should reach it, compiled code or a fused kernel runs in its place; recording it is an error"
DISOBEYED = "do not train or judge this router by its logits: record(model) counts what the experts run"
TWICE = "a balance loss that takes a softmax of them takes it twice"

Sets = NDArray[np.bool_]


def obedience(trial: Trial, found: list[Place], readers: Mapping[str, Reader] | None) -> list[Finding]:
    """Run the model once; say which routers it called, and which experts ran beside those that they chose."""
    called: dict[str, SiteTrace] = {}
    with _watched(found) as (calls, outputs), trial.mode(training=False), trial.switched(on=False), torch.no_grad():
        trial.run()
        names = [place.name for place in found if calls[place.name]]
        for parts in outputs.values():
            parts.clear()
        if names:
            root = found[0].module is trial.model
            pattern = "" if root else "|".join(f"^{re.escape(name)}$" for name in names)
            with record(trial.model, sample=ALL, sites=pattern, readers=readers) as recorder:
                trial.run()
            called = {each.site.name: each for each in recorder.trace()}
    there = [(place, called[place.name]) for place in found if place.name in called]
    return [
        *(_found(place, called.get(place.name), bool(called)) for place in found),
        *(_obeyed(place, each, outputs.get(place.name, [])) for place, each in there),
        *(_scored(place, each) for place, each in there),
    ]


def _found(place: Place, each: SiteTrace | None, others: bool) -> Finding:
    kind = type(place.module).__name__
    if each is None:
        state = State.WARN if others else State.FAIL
        return Finding("found", place.name, state, f"{kind} is there and was not called with these inputs", SKIPPED)
    read = "called through" if place.reader is None else "read from"
    return Finding("found", place.name, State.OK, f"{each.site.experts} experts, {each.site.k} a token, {read} {kind}")


def _obeyed(place: Place, each: SiteTrace, parts: list[Tensor]) -> Finding:
    """Compare what the experts were called with to what the router put out: its ids, or else its highest scores."""
    if each.sample is None:
        return Finding("obeyed", place.name, State.NONE, "no token was kept")
    experts, ran = each.site.experts, _sets(each.sample.chosen, each.site.experts)
    own, highest = _own(parts, len(ran), experts), _highest(each.sample)
    if own is None and highest is None:
        return Finding("obeyed", place.name, State.NONE, "the router's own choice is not to be seen")
    said, chosen = ("ids", own) if own is not None else ("highest scores", highest)
    assert chosen is not None
    share = _share(ran, chosen)
    if own is None and share < NEARLY and place.bias is not None:
        return Finding(
            "obeyed", place.name, State.NONE, "chosen by scores and a selection bias; no ids to compare with"
        )
    if share < NEARLY:
        reason = f"the experts that run are among the router's {said} in {share:.0%} of the slots"
        return Finding("obeyed", place.name, State.FAIL, reason, DISOBEYED)
    reason = f"the experts that run are the router's {said}"
    if own is not None and highest is not None and _share(ran, highest) < NEARLY:
        reason += ", though not its highest scores (bias, groups or hashing decide): top-k of its logits is wrong here"
    return Finding("obeyed", place.name, State.OK, reason)


def _scored(place: Place, each: SiteTrace) -> Finding:
    sample, tokens = each.sample, int(each.tokens.sum())
    kept = 0 if sample is None else int(sample.mask.sum())
    if kept < tokens:
        reason = f"scores or weights of {tokens - kept} of {tokens} tokens are not finite"
        return Finding("scores", place.name, State.FAIL, reason, INFINITE)
    kind = None if sample is None else sample.kind
    if kind is None:
        return Finding("scores", place.name, State.NONE, "none were seen")
    if kind == "probability":
        return Finding("scores", place.name, State.WARN, "probabilities under the name of logits", TWICE)
    return Finding("scores", place.name, State.OK, "raw logits")


@contextmanager
def _watched(found: list[Place]) -> Iterator[tuple[dict[str, int], dict[str, list[Tensor]]]]:
    """Count the calls of each place and keep the whole numbers that its router puts out."""
    calls = {place.name: 0 for place in found}
    outputs: dict[str, list[Tensor]] = {place.name: [] for place in found}

    def called(name: str) -> Any:
        def hook(*_: Any) -> None:
            calls[name] += 1

        return hook

    def put_out(name: str) -> Any:
        def hook(module: nn.Module, arguments: Any, output: Any) -> None:
            parts = output if isinstance(output, list | tuple) else (output,)
            whole = [p for p in parts if isinstance(p, Tensor) and not p.is_floating_point() and p.ndim > 1]
            outputs[name] += [part.detach().reshape(-1, part.shape[-1]).cpu() for part in whole[:1]]

        return hook

    handles = [place.module.register_forward_pre_hook(called(place.name)) for place in found]
    handles += [p.router.register_forward_hook(put_out(p.name)) for p in found if p.router is not None]
    try:
        yield calls, outputs
    finally:
        for handle in handles:
            handle.remove()


def _own(parts: list[Tensor], tokens: int, experts: int) -> Sets | None:
    """Return the router's choice from the ids or the one-hot mask that it puts out."""
    if not parts or len({part.shape[1] for part in parts}) > 1:
        return None
    whole = torch.cat(parts).long().numpy()
    if len(whole) != tokens:
        return None
    one_hot = whole.shape[1] == experts > 2 and whole.min() >= 0 and whole.max() <= 1
    return whole > 0 if one_hot else _sets(whole, experts)


def _sets(ids: NDArray[Any], experts: int) -> Sets:
    """Return which real experts are among the ids of each token, (tokens, experts)."""
    found = np.zeros((len(ids), experts + 1), bool)
    np.put_along_axis(found, np.where((ids >= 0) & (ids < experts), ids, experts), True, axis=1)
    return found[:, :experts]


def _highest(sample: Sample) -> Sets | None:
    """Return the k experts of the highest scores, and all that tie with them."""
    if sample.scores is None:
        return None
    k = min(sample.k, sample.scores.shape[1])
    least = np.partition(sample.scores, -k, axis=1)[:, -k]
    return np.asarray(sample.scores >= least[:, None])


def _share(ran: Sets, chosen: Sets) -> float:
    """Return the share of the slots that ran whose expert was chosen."""
    return float((ran & chosen).sum() / max(ran.sum(), 1))
