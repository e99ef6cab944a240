"""Which part of a router's output is taken for its scores; the source; compiled code."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from moecusp.routing import record
from moecusp.routing.hooks import forget_compiled
from tests.routing.own import Experts


class Scoring(nn.Module):
    """A gate whose output is given, beside experts."""

    def __init__(self, output, declared=None):
        super().__init__()
        self.gate, self.experts, self.output = nn.Identity(), Experts(), output
        if declared is not None:
            self._can_record_outputs = {"router_logits": SimpleNamespace(target_class=nn.Identity, index=declared)}

    def forward(self, ids):
        self.gate(self.output)
        return self.experts(torch.ones(len(ids), 8), ids, torch.ones(ids.shape))


class TestScores:
    """Which part of a router's output is taken for its scores."""

    @pytest.mark.parametrize(
        ("output", "declared", "taken"),
        [
            (torch.ones(3, 4), None, True),
            (torch.ones(1, 3, 4), None, True),
            ((torch.ones(3, 4), 0), None, True),
            ([torch.ones(3, 4)], 0, True),
            ((0, torch.ones(3, 4)), 1, True),
            ((0, torch.ones(3, 4)), None, False),
            ((torch.ones(3, 4),), 1, False),
            (torch.ones(3, 4).long(), None, False),
            ((), None, False),
        ],
    )
    def test_by_what_it_returns(self, output, declared, taken):
        with record(model := Scoring(output, declared)) as recorder:
            model(torch.tensor([[0], [1], [2]]))
        sample = recorder.trace().records[0].sample
        assert (sample.scores is not None) is taken

    def test_source(self):
        model = Scoring(torch.ones(1, 4))
        for config, kind in ((None, None), (SimpleNamespace(), None), (SimpleNamespace(model_type="mixed"), "mixed")):
            model.config = config
            with record(model) as recorder:
                model(torch.tensor([[0]]))
            source = {"model": "Scoring", "torch": torch.__version__}
            assert dict(recorder.trace().source) == (source if kind is None else {**source, "model_type": kind})

    def test_compiled_code_is_forgotten_only_where_there_is_some(self, monkeypatch):
        resets = []
        monkeypatch.setattr(torch._dynamo, "reset", lambda: resets.append(0))
        model = nn.Sequential(nn.ReLU())
        forget_compiled(model)
        assert resets == []
        model[0]._orig_mod = 0
        forget_compiled(model)
        del model[0]._orig_mod
        model[0]._compiled_call_impl = print
        forget_compiled(model)
        assert len(resets) == 2
