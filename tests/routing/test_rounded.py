"""Choices made in low precision: counted as they were made, and told apart from a router that is not obeyed."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import numpy as np
import pytest
import torch
from torch import nn

from moecusp.routing import doctor, record
from moecusp.routing.obedience import NEARLY, _highest, _sets, _share

EXPERTS, K, TOKENS, WIDTH = 64, 4, 4096, 32
NARROW = [torch.bfloat16, torch.float16]


class Experts(nn.Module):
    num_experts = EXPERTS

    def forward(self, hidden_states, top_k_index, top_k_weights):
        return hidden_states * top_k_weights.sum(dim=1, keepdim=True)


class Block(nn.Module):
    """Chooses by probabilities in its precision, which tie where logits do not; `off` tokens run the least likely."""

    def __init__(self, off=0):
        super().__init__()
        torch.manual_seed(0)
        self.gate, self.experts, self.off = nn.Linear(WIDTH, EXPERTS, bias=False), Experts(), off

    def forward(self, hidden_states):
        likely = self.gate(hidden_states).float().softmax(-1).to(hidden_states.dtype)
        weights, ids = likely.topk(K, dim=-1)
        ids[: self.off] = likely[: self.off].topk(K, dim=-1, largest=False).indices
        return self.experts(hidden_states, ids, weights)


def inputs(dtype):
    return {"hidden_states": torch.randn(TOKENS, WIDTH, generator=torch.Generator().manual_seed(1)).to(dtype)}


@pytest.mark.parametrize("dtype", NARROW)
def test_ties_that_rounding_makes_are_less_than_one_slot_in_100(dtype):
    """The examination calls a router obeyed from 99 % on: bfloat16 takes some slots away, and not so many."""
    model, given = Block().to(dtype), inputs(dtype)
    with record(model, sample=TOKENS) as recorder, torch.no_grad():
        model(**given)
    (found,) = recorder.trace()
    scores = model.gate(given["hidden_states"]).detach().float()
    ids = scores.softmax(-1).to(dtype).topk(K, dim=-1).indices
    assert found.counts.tolist() == [np.bincount(ids.flatten(), minlength=EXPERTS).tolist()]
    kept = found.sample
    assert kept is not None
    share = _share(_sets(kept.chosen, EXPERTS), _highest(kept))
    assert NEARLY < share <= 1.0
    assert share < 1.0 or dtype is torch.float16
    (finding,) = doctor(model, given)["obeyed"]
    assert (finding.state.value, finding.reason) == ("ok", "the experts that run are the router's highest scores")


@pytest.mark.parametrize("dtype", NARROW)
def test_two_tokens_in_100_that_run_something_else_are_no_rounding(dtype):
    (finding,) = doctor(Block(off=TOKENS // 50).to(dtype), inputs(dtype))["obeyed"]
    assert finding.state.value == "fail"


@pytest.mark.parametrize("dtype", NARROW)
def test_rounding_moves_the_share_that_ties_say(dtype):
    """Of tokens whose set changes between float32 and a rounded one, half of those that are ties at the k-th place.

    So says docs/boundary.md of rounding logits that were computed exactly. Two thousand ties, error sqrt(p/n): the band
    is 5 standard errors.
    """
    count = 400_000
    logits = torch.randn(count, 8, generator=torch.Generator().manual_seed(2))
    top = [each.float().sort(dim=-1, descending=True) for each in (logits, logits.to(dtype))]
    sets = [torch.zeros(count, 8).scatter_(1, each.indices[:, :2], 1.0) for each in top]
    tied = (top[1].values[:, 1] == top[1].values[:, 2]).sum().item()
    moved = (sets[0] != sets[1]).any(dim=1).sum().item()
    assert abs(moved - tied / 2) < 5 * (tied / 4) ** 0.5
