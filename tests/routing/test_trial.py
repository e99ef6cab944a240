"""How the examination runs a model: made-up tokens, configurations, circumstances that end, gradients."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from moecusp import ParameterError
from moecusp.routing.trial import Trial, checkpointing, coefficients, configurations, cut, made_up
from tests.routing.examined import Configured, place
from tests.routing.own import Experts, Gate, Model, tokens


class TestTrial:
    def test_what_is_made_up(self):
        """Two rows of 32 tokens, none of them special, the same each time."""
        model = Configured(vocab_size=9, pad_token_id=0, eos_token_id=[1], bos_token_id=3)
        model.weight = nn.Parameter(torch.zeros(1))
        found = made_up(model, 5)
        assert list(found) == ["input_ids", "attention_mask"]
        assert found["input_ids"].shape == (2, 32)
        assert set(found["input_ids"].flatten().tolist()) == {1, 2, 4, 5, 6, 7, 8}
        assert torch.equal(found["attention_mask"], torch.ones(2, 32).long())
        assert torch.equal(made_up(model, 5)["input_ids"], found["input_ids"])
        assert not torch.equal(made_up(model, 6)["input_ids"], found["input_ids"])
        model.config.is_encoder_decoder = True
        assert made_up(model, 5)["decoder_input_ids"].tolist() == found["input_ids"].tolist()
        model.config.get_text_config = lambda: SimpleNamespace(vocab_size=2, x_token_id=1)
        assert set(made_up(model, 5)["input_ids"].flatten().tolist()) == {0}
        for size in (0, None, "9"):
            model.config.get_text_config = lambda size=size: SimpleNamespace(vocab_size=size)
            with pytest.raises(ParameterError, match="vocab_size"):
                made_up(model, 5)

    def test_configurations_and_coefficients(self):
        class Config:
            def __init__(self, **more: Any) -> None:
                self.__dict__.update(more)

            def to_dict(self) -> None:
                raise NotImplementedError

        inner = Config(aux_loss_coef=1, router_aux_loss_coef="no")
        outer = Config(text=inner, again=inner, aux_loss_coef=0.5)
        model = nn.Sequential(nn.ReLU(), nn.ReLU())
        outer.other = SimpleNamespace(aux_loss_coef=0.125)  # no configuration
        model[0].config, model[1].config = outer, None
        model[1].router_aux_loss_coef = 0.25
        model[0].gradient_checkpointing = False
        assert {id(config) for config in configurations(model)} == {id(outer), id(inner)}
        assert len(configurations(model)) == 2
        assert coefficients(model)[0] == (model[1], "router_aux_loss_coef")
        assert {(id(owner), name) for owner, name in coefficients(model)[1:]} == {
            (id(outer), "aux_loss_coef"), (id(inner), "aux_loss_coef"),
        }  # fmt: skip
        assert checkpointing(model) == [model[0]]

    def test_circumstances_end(self):
        class Its(Configured):
            def forward(self, x, output_router_logits=None):
                return x, output_router_logits, self.training, torch.rand(1).item()

        model = Its(output_router_logits=False, aux_loss_coef=0.5)
        trial, state = Trial(model, {"x": 3}, 7), torch.random.get_rng_state()
        x, flag, training, number = trial.run()
        assert (x, flag, training) == (3, None, True)
        assert trial.run()[3] == number == Trial(model, {"x": 3}, 7).run(x=4)[3] != Trial(model, {"x": 3}, 8).run()[3]
        assert torch.equal(torch.random.get_rng_state(), state)
        with trial.switched(on=True):
            assert (trial.run()[1], model.config.output_router_logits) == (True, True)
        with trial.switched(on=False):
            assert (trial.run()[1], model.config.output_router_logits) == (None, False)
        with trial.coefficient(0.75), trial.mode(training=False):
            assert (model.config.aux_loss_coef, trial.run()[2]) == (0.75, False)
        assert (trial.run()[1:3], vars(model.config)) == (
            *((None, True), {"output_router_logits": False, "aux_loss_coef": 0.5}),
        )
        model.gradient_checkpointing = True
        for reentrant in (None, False, True):
            with trial.checkpointed(reentrant):
                assert model.gradient_checkpointing is (reentrant is not None)
                kept = model._gradient_checkpointing_func
                assert (None if kept is None else kept.keywords) == (
                    None if reentrant is None else {"use_reentrant": reentrant}
                )
            assert model.gradient_checkpointing is True
            assert not hasattr(model, "_gradient_checkpointing_func")

    def test_loss(self):
        class Its(nn.Module):
            def forward(self, input_ids=None, labels=None):
                return SimpleNamespace(loss=None if labels is None else labels.sum().float())

        class Other(nn.Module):
            def forward(self, input_ids=None):
                return SimpleNamespace(loss=self.value)

        ids = torch.ones(2, 3)
        assert Trial(Its(), {"input_ids": ids}, 0).loss() == 6.0
        assert Trial(Its(), {"input_ids": ids, "labels": 2 * ids}, 0).loss() == 12.0
        assert Trial(Its(), {}, 0).loss() is None
        other = Other()
        for other.value, loss in ((torch.tensor(3.0), 3.0), (torch.ones(1), None), (3.0, None), (None, None)):
            assert Trial(other, {}, 0).loss() == loss

    def test_buffers_are_put_back(self):
        model = Gate()
        before = model.e_score_correction_bias.clone()
        with Trial(model, {}, 0).kept():
            model.e_score_correction_bias += 1.0
        assert torch.equal(model.e_score_correction_bias, before)

    def test_gradients_of_some_alone(self):
        """Through a layer of embeddings, whose output has a gradient though its weights have none."""
        model = Model(layers=1)
        wanted, grads = [model.layers[0].gate.line.weight], [torch.ones(1)]
        model.embedding.weight.grad = kept = torch.zeros_like(model.embedding.weight)
        model.layers[0].experts.weight.requires_grad_(False)
        trial = Trial(model, {"input_ids": tokens()}, 0)
        with trial.only(wanted):
            assert [p.requires_grad for p in model.parameters()].count(True) == 1
            assert trial.run().requires_grad
            assert model.embedding(tokens()).requires_grad
            trial.run().sum().backward()
            grads = [p.grad is not None for p in model.parameters()]
        assert grads.count(True) == 1
        assert model.embedding.weight.grad is kept
        assert wanted[0].grad is None
        assert [p.requires_grad for p in model.parameters()].count(False) == 1
        assert not model.embedding._forward_hooks

    @pytest.mark.parametrize("named", [True, False])
    def test_weights_of_experts_are_cut_off(self, named):
        experts = Experts()
        weights = torch.ones(1, 1, requires_grad=True)
        hidden, ids = torch.ones(1, 8), torch.zeros(1, 1).long()
        arguments, keywords = ((hidden, ids), {"top_k_weights": weights}) if named else ((hidden, ids, weights), {})
        with cut([place(module=experts), place(module=nn.ReLU(), reader=print)]):
            experts(*arguments, **keywords).sum().backward()
        assert weights.grad is None
        experts(*arguments, **keywords).sum().backward()
        assert weights.grad is not None
