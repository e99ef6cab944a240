"""Whether the experts that run are the router's: found, scored, obeyed, each reason and remedy."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import numpy as np
import pytest
import torch
from torch import nn

from moecusp.routing.findings import INFINITE, State
from moecusp.routing.obedience import (
    DISOBEYED,
    SKIPPED,
    TWICE,
    _found,
    _highest,
    _obeyed,
    _own,
    _scored,
    _sets,
    _share,
    _watched,
)
from moecusp.routing.sites import Place
from moecusp.trace import Sample, Site, SiteTrace
from tests.routing.examined import place, said
from tests.routing.own import Experts


def trace(sample: Sample | None, count: int = 2) -> SiteTrace:
    ran = [0] * count if sample is None else [*sample.chosen[:, 0]]
    return SiteTrace(Site("a", 0, 3, 1), np.bincount(ran, minlength=3)[None], np.array([count]), sample=sample)


class TestObedience:
    def test_found(self):
        idle = "Experts is there and was not called with these inputs"
        assert said(_found(place(), None, True)) == ("found", "a", "warn", idle, SKIPPED)
        assert said(_found(place(), None, False)) == ("found", "a", "fail", idle, SKIPPED)
        for reader, read in ((None, "called through"), (print, "read from")):
            found = _found(place(reader=reader), trace(None), True)
            assert said(found) == ("found", "a", "ok", f"3 experts, 1 a token, {read} Experts", "")

    def test_scored(self):
        raw = Sample([[0], [1]], scores=[[0.0, 2.0, 1.0]] * 2, kind="raw")
        likely = Sample([[0], [1]], scores=[[0.5, 0.25, 0.25]] * 2, kind="probability")
        padded = Sample([[0], [1]], mask=[True, False])
        lost = "scores or weights of {} of 2 tokens are not finite"
        for sample, state, reason, remedy in (
            (raw, "ok", "raw logits", ""),
            (likely, "warn", "probabilities under the name of logits", TWICE),
            (Sample([[0], [1]]), "not applicable", "none were seen", ""),
            (None, "fail", lost.format(2), INFINITE),
            (padded, "fail", lost.format(1), INFINITE),
        ):
            assert said(_scored(place(), trace(sample))) == ("scores", "a", state, reason, remedy)

    def test_a_call_without_tokens_has_no_scores(self):
        assert said(_scored(place(), trace(None, 0))) == ("scores", "a", "not applicable", "none were seen", "")

    def test_obeyed(self):
        chosen, scores = [[0], [1]], np.array([[3.0, 2.0, 1.0], [0.0, 2.0, 1.0]])
        plain, scored = Sample(chosen), Sample(chosen, scores=scores, kind="raw")
        other = Sample(chosen, scores=scores[:, ::-1].copy(), kind="raw")
        own, wrong = torch.tensor(chosen), torch.tensor([[0], [2]])
        run, biased = "the experts that run are", place(bias=torch.zeros(3))
        though = ", though not its highest scores (bias, groups or hashing decide): top-k of its logits is wrong here"
        for at, sample, parts, state, reason, remedy in (
            (place(), None, [], "not applicable", "no token was kept", ""),
            (place(), plain, [], "not applicable", "the router's own choice is not to be seen", ""),
            (place(), scored, [], "ok", f"{run} the router's highest scores", ""),
            (place(), other, [], "fail", f"{run} among the router's highest scores in 50% of the slots", DISOBEYED),
            (
                *(biased, other, [], "not applicable"),
                *("chosen by scores and a selection bias; no ids to compare with", ""),
            ),
            (biased, scored, [], "ok", f"{run} the router's highest scores", ""),
            (place(), plain, [own], "ok", f"{run} the router's ids", ""),
            (place(), scored, [own], "ok", f"{run} the router's ids", ""),
            (place(), other, [own], "ok", f"{run} the router's ids{though}", ""),
            (biased, plain, [wrong], "fail", f"{run} among the router's ids in 50% of the slots", DISOBEYED),
        ):
            assert said(_obeyed(at, trace(sample), parts)) == ("obeyed", "a", state, reason, remedy)

    def test_nearly_is_99_of_100_slots(self):
        for wrong, state in ((1, State.OK), (2, State.FAIL)):
            parts = [torch.tensor([[int(i < wrong)] for i in range(100)])]
            assert _obeyed(place(), trace(Sample([[0]] * 100), 100), parts).state is state

    def test_own_choice(self):
        ids, mask = torch.tensor([[2, 0], [1, -1]]), torch.tensor([[0, 1, 1], [1, 0, 0]])
        assert _own([], 2, 3) is None
        assert _own([ids, mask], 4, 3) is None
        assert _own([ids], 3, 3) is None
        for parts in ([ids], [ids[:1], ids[1:]], [ids.int()]):
            assert _own(parts, 2, 3).tolist() == [[True, False, True], [False, True, False]]
        assert _own([mask], 2, 3).tolist() == mask.bool().tolist()
        assert _own([mask.bool()], 2, 3).tolist() == mask.bool().tolist()
        assert _own([mask], 2, 4).tolist() == [[True, True, False, False]] * 2  # two wide: ids of four experts
        assert _own([2 * mask], 2, 3).tolist() == [[True, False, True]] * 2
        assert _own([-mask], 2, 3).tolist() == [[True, False, False]] * 2
        assert _own([torch.tensor([[0, 1], [1, 1]])], 2, 2).tolist() == [[True, True], [False, True]]

    def test_sets(self):
        assert _sets(np.array([[0, 3], [2, 2], [-1, 9]]), 3).tolist() == [
            *([True, False, False], [False, False, True], [False] * 3)
        ]
        assert _highest(Sample([[0]])) is None
        scores = [[3.0, 2.0, 2.0], [1.0, 5.0, 4.0]]
        for k, wanted in ((1, [[1, 0, 0], [0, 1, 0]]), (2, [[1, 1, 1], [0, 1, 1]])):
            found = _highest(Sample([list(range(k))] * 2, scores=scores, kind="raw"))
            assert found.astype(int).tolist() == wanted
        ran, chosen = np.array([[True, True, False], [True, False, False]]), np.array([[True] * 3, [False] * 3])
        assert _share(ran, chosen) == pytest.approx(2 / 3, rel=1e-15)
        assert _share(np.zeros((1, 3), bool), chosen[:1]) == 0.0

    def test_what_is_watched(self):
        gate, experts = nn.Identity(), Experts()
        found = [place(module=experts, router=gate), Place("b", Experts(), None)]
        with _watched(found) as (calls, outputs):
            for _ in range(2):
                experts(torch.ones(1, 8), torch.zeros(1, 1).long(), torch.ones(1, 1))
            gate((torch.ones(2, 3), torch.arange(3), torch.ones(2, 3, 2).long(), torch.zeros(2, 5).long()))
            gate(torch.ones(1, 2).int())
            gate("nothing")
        assert calls == {"a": 2, "b": 0}
        assert [part.tolist() for part in outputs["a"]] == [[[1, 1]] * 6, [[1, 1]]]
        assert outputs["b"] == []
        gate(torch.ones(1, 2).int())
        assert len(outputs["a"]) == 2
