"""Readers of routers whose experts are not called with the ids of the chosen: three lines each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from moecusp.routing.dispatch import Dispatch

Reader = Callable[[Any, Any], Dispatch]  # from a module and what it returned
READERS: dict[str, Reader] = {}
CALLS: dict[str, Callable[[Dispatch], Dispatch]] = {}  # what a call of experts of this class means, if not what it says

HOW = """write a reader, three lines, for the class of the module that chooses the experts:
    def read(module, output):
        scores, weights, ids = output                                    # whatever it returns
        return Dispatch(module.num_experts, ids, weights, scores)        # moecusp.routing.Dispatch
    with record(model, readers={"ItsClass": read}) as recorder: ..."""


def reader(name: str) -> Callable[[Reader], Reader]:
    """Enter a reader for the modules of this class."""

    def enter(read: Reader) -> Reader:
        READERS[name] = read
        return read

    return enter


@reader("Llama4Router")
def _llama4(module: Any, output: tuple[Tensor, Tensor]) -> Dispatch:
    """All experts run on all tokens; those that are not chosen on zeros."""
    weights, ids = output[0].topk(module.top_k, dim=1)
    return Dispatch(module.num_experts, ids, weights, output[1])


@reader("JetMoeTopKGating")
def _jetmoe(module: Any, output: tuple[Tensor, Tensor, Tensor, list[int], Tensor]) -> Dispatch:
    """Slots are sorted by expert: the first is the place of each, the fourth how many each expert has."""
    place, _, gates, sizes, logits = output
    experts = torch.arange(module.num_experts, device=place.device)
    chosen = experts.repeat_interleave(torch.as_tensor(sizes, device=place.device), output_size=place.numel())
    ids, weights = torch.empty_like(place), torch.empty_like(gates)
    ids[place], weights[place] = chosen, gates
    shape = (-1, module.top_k)
    return Dispatch(module.num_experts, ids.reshape(shape), weights.reshape(shape), logits)


@reader("DogeCDMoE")
def _doge(module: Any, output: tuple[Tensor, Tensor]) -> Dispatch:
    """Product keys: expert (x, y) has the score of row x plus that of column y."""
    rows, columns = output[1].topk(module.num_keys, dim=-1)  # the module's own order, which decides ties
    scores = (rows[0].unsqueeze(-1) + rows[1].unsqueeze(-2)).flatten(1)
    ids = (columns[0].unsqueeze(-1) * module.num_keys + columns[1].unsqueeze(-2)).flatten(1)
    top, places = scores.topk(module.top_k, dim=-1)
    logits = (output[1][0].unsqueeze(-1) + output[1][1].unsqueeze(-2)).flatten(1)
    rest = module.num_experts - logits.shape[1]  # without a key, if the number of experts is no square
    logits = nn.functional.pad(logits, (0, rest), value=float("-inf"))
    return Dispatch(module.num_experts, ids.gather(-1, places), top.softmax(dim=-1), logits)


def _nllb(call: Dispatch) -> Dispatch:
    """Its experts take the router's mask, (tokens, experts), for ids: 1 where it chose first and 0 elsewhere.

    Of a token's slots only its two choices have weight: the first runs expert 1, the second expert 0.
    """
    if call.ids.shape[1] != call.experts:
        return call
    weights, places = call.weights.topk(2, dim=-1)
    note = "its experts take the router's mask for ids: experts 0 and 1 run, whatever the router chose"
    return replace(call, ids=call.ids.gather(1, places), weights=weights, zero="dropped", note=note)


CALLS["NllbMoeExperts"] = _nllb
