"""Where a model has routers: places, their names, experts, routers, biases and readers."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import moecusp as mc
from moecusp.routing.sites import Place, called_with_choices, experts_of, places, score_indices
from tests.routing.own import Called, Experts, Model, Plain


class Many(Experts):
    def __init__(self, **attributes):
        super().__init__()
        del self.num_experts
        for name, value in attributes.items():
            setattr(self, name, value)


class Named(nn.Module):
    def forward(self, hidden_states, router_mask, weights, more=None):
        raise NotImplementedError


def place(name, module=None):
    return Place(name, module or Experts(), None)


class TestPlaces:
    @pytest.mark.parametrize(
        ("name", "layer", "role", "stack"),
        [
            ("layers.3.mlp.experts", 3, "mlp", "decoder"),
            ("encoder.block.12.layer.1.attn.experts", 12, "attention", "encoder"),
            ("decoder.a7.self_attention.5.experts", 5, "attention", "decoder"),
            ("experts", 0, "mlp", "decoder"),
            ("pre_encoder.2", 2, "mlp", "decoder"),
        ],
    )
    def test_what_a_name_says(self, name, layer, role, stack):
        found = place(name)
        assert (found.layer, found.role, found.stack) == (layer, role, stack)

    def test_what_experts_are_called_with(self):
        ids, weights, scores = torch.zeros(1, 2).long(), torch.ones(1, 2), torch.ones(1, 4)
        for arguments, named in (((0, ids, weights), {}), ((0,), {"top_k_weights": weights, "top_k_index": ids})):
            found = place("a").dispatch(arguments, named, scores)
            assert (found.ids, found.weights, found.scores) == (ids, weights, scores)
            assert (found.experts, found.beyond, found.zero) == (4, 0, "null")
        zaya = type("ZayaExperts", (Many,), {})(num_experts=3, zero_expert_num=2)
        found = place("a", zaya).dispatch((0, ids, weights), {}, None)
        assert (found.experts, found.beyond, found.zero, found.scores) == (3, 2, "skipped", None)

    @pytest.mark.parametrize(
        ("attributes", "numbers"),
        [
            ({"num_experts": 5}, (5, 0)),
            ({"num_routed_experts": 6, "num_experts": 8}, (6, 0)),
            ({"n_routed_experts": 7}, (7, 0)),
            ({"num_local_experts": 9, "zero_expert_num": 2}, (9, 2)),
            ({"num_experts": 5, "zero_expert_num": None}, (5, 0)),
            ({"num_experts": "many", "a": nn.ReLU(), "b": nn.ReLU()}, (2, 0)),
            ({"a": nn.ReLU(), "b": nn.ReLU(), "c": nn.ReLU()}, (3, 0)),
        ],
    )
    def test_how_many_experts(self, attributes, numbers):
        assert experts_of(Many(**attributes)) == numbers

    def test_one_child_alone_is_no_experts(self):
        with pytest.raises(mc.ParameterError, match="num_experts"):
            experts_of(Many(a=nn.ReLU()))

    def test_who_is_called_with_choices(self):
        assert [called_with_choices(each) for each in (Experts(), Named(), Plain(), nn.Linear(1, 1), Called())] == [
            *(True, True, False, False, False)
        ]
        for name in ("top_k_index", "router_indices", "selected_experts", "router_mask", "ids"):
            made = SimpleNamespace(forward=eval(f"lambda hidden, {name}, weights: 0"))
            assert called_with_choices(made) is (name != "ids")
        assert called_with_choices(SimpleNamespace(forward=lambda hidden, top_k_index: 0)) is False

    def test_what_transformers_says_of_its_routers(self):
        class Gate:
            pass

        class Router:
            pass

        records = [SimpleNamespace(target_class=Gate, index=1), SimpleNamespace(target_class=None, index=0)]
        model = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.ReLU())
        model._can_record_outputs = {"router_logits": records, "hidden_states": [3]}
        model[0]._can_record_outputs = {"router_logits": SimpleNamespace(target_class=Router, index=2)}
        model[1]._can_record_outputs = None
        model[2]._can_record_outputs = ["router_logits"]
        model[3]._can_record_outputs = {"attentions": records}
        assert score_indices(model) == {"Gate": 1, "Router": 2}

    def test_router_and_bias_of_a_block(self):
        model = Model(layers=2)
        model.layers[1].gate.register_buffer("e_score_correction_bias", torch.zeros(()))  # no vector, so no bias
        model.layers[1].named = nn.ModuleDict({"router": nn.Linear(8, 4)})
        model.layers[1].register_parameter("expert_bias", nn.Parameter(torch.ones(4)))
        first, second = places(model, {})
        assert (first.name, first.module, first.reader) == ("layers.0.experts", model.layers[0].experts, None)
        assert (first.router, first.index) == (model.layers[0].gate, None)
        assert first.bias is model.layers[0].gate.e_score_correction_bias
        assert second.bias is model.layers[1].expert_bias
        assert [each.name for each in places(model, {}, r"\.1\.")] == ["layers.1.experts"]

    def test_a_declared_router_before_one_that_is_named_so(self):
        model = Model(layers=1)
        model.layers[0].scorer = nn.Linear(8, 4)
        model._can_record_outputs = {"router_logits": SimpleNamespace(target_class=nn.Linear, index=3)}
        model.layers[0].gate = nn.ReLU()
        (found,) = places(model, {})
        assert (found.router, found.index) == (model.layers[0].scorer, 3)
        del model.layers[0].scorer
        (found,) = places(model, {})
        assert (found.router, found.index) == (model.layers[0].gate, None)
        del model.layers[0].gate
        model.layers[0].router = nn.Tanh()
        assert places(model, {})[0].router is model.layers[0].router
        del model.layers[0].router
        assert places(model, {})[0].router is None

    def test_a_model_that_is_experts_itself(self):
        (found,) = places(Experts(), {})
        assert (found.name, found.router, found.bias) == ("Experts", None, None)

    def test_a_reader_is_for_a_class_and_those_derived_from_it(self):
        def read(module, output):
            raise NotImplementedError

        class Base(nn.Module):
            pass

        model = nn.ModuleDict({"block": nn.ModuleDict({"it": type("Derived", (Base,), {})(), "gate": nn.ReLU()})})
        model["block"].register_buffer("balancing_biases", torch.zeros(2))
        (found,) = places(model, {"Base": read})
        assert (found.name, found.module, found.reader) == ("block.it", model["block"]["it"], read)
        assert (found.router, found.index) == (None, None)
        assert found.bias is model["block"].balancing_biases

    def test_what_looks_like_a_router_must_belong_to_a_place(self):
        """Beside a place, or around one; the same name in another block is refused."""
        model = Model(layers=1)
        model.layers[0].shared = nn.ModuleDict({"experts": nn.ReLU()})
        with pytest.raises(mc.ParameterError, match=r"layers\.0\.shared\.experts \(ReLU\)"):
            places(model, {})
        model = nn.ModuleDict({"experts": nn.ModuleDict({"inner": Experts()}), "a": nn.ReLU()})
        assert [each.name for each in places(model, {})] == ["experts.inner"]
        block = nn.ModuleDict({"gate": nn.Linear(2, 2), "ab": Experts()})
        model = nn.ModuleDict({"a": block, "ab": nn.ModuleDict({"gate": nn.Linear(2, 2)})})
        model._can_record_outputs = {"router_logits": SimpleNamespace(target_class=nn.Linear, index=0)}
        with pytest.raises(mc.ParameterError, match=r"ab\.gate \(Linear\)"):
            places(model, {})
