"""The examination of models of transformers: what is known of them must be found, and nothing else."""

import pytest
import torch

pytest.importorskip("transformers")

from moecusp.routing import doctor
from moecusp.routing.findings import State
from tests.routing import families

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


def states(found, check):
    return {finding.state for finding in found[check]}


def turned_on(family, **more):
    model = families.build(family, **more)
    model.config.output_router_logits = True
    return model


class TestMixtral:
    def test_off_by_default(self):
        found = doctor(families.build("mixtral"))
        (finding,) = found["balance loss"]
        assert finding.state is State.WARN
        assert finding.remedy == "model.config.output_router_logits = True"
        assert "router_aux_loss_coef = 0.001 has no effect" in finding.reason

    def test_on(self):
        found = doctor(turned_on("mixtral"), checkpointing="on")
        assert states(found, "balance loss") == {State.OK}
        assert states(found, "gradient, checkpointed") == {State.OK}
        assert (found["gradient, reentrant"], found.status) == ((), 0)

    def test_reentrant_checkpointing_keeps_the_loss_from_the_routers(self):
        """A warning as long as the model is not set to it, a failure when it is, or going to be."""
        model = turned_on("mixtral")
        found = doctor(model)
        assert states(found, "gradient") == states(found, "gradient, checkpointed") == {State.OK}
        assert states(found, "gradient, reentrant") == {State.WARN}
        assert doctor(model, checkpointing="reentrant").status == 2
        model.gradient_checkpointing_enable({"use_reentrant": True})
        found = doctor(model)
        assert (states(found, "gradient, reentrant"), found.status) == ({State.FAIL}, 2)
        assert model.model.layers[0].gradient_checkpointing
        assert model.model.layers[0]._gradient_checkpointing_func.keywords == {"use_reentrant": True}

    def test_the_gradient_is_what_the_model_would_really_get(self):
        """By hand, under reentrant checkpointing, the routers' gradients are the same with and without the loss."""
        model = turned_on("mixtral")
        model.gradient_checkpointing_enable({"use_reentrant": True})
        model.train()
        found = []
        for coefficient in (0.0, 100.0):
            model.router_aux_loss_coef = coefficient
            model.zero_grad()
            families.call(model, labels=families.tokens()).loss.backward()
            found.append([layer.mlp.gate.weight.grad.clone() for layer in model.model.layers])
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
        assert all(bool(each.any()) for each in found[0])


def test_dense_layers_between():
    found = doctor(turned_on("qwen3_moe", mlp_only_layers=[0]))
    assert [finding.site for finding in found["found"]] == ["model.layers.1.mlp.experts"]
    assert states(found, "balance loss") == states(found, "gradient") == {State.OK}


def test_deepseek_v3_has_a_bias_that_nothing_moves_and_no_loss():
    found = doctor(turned_on("deepseek_v3"))
    assert states(found, "balance loss") == {State.NONE}
    assert states(found, "bias moves") == {State.WARN}
    assert "top-k of its logits is wrong here" in found["obeyed"][0].reason


def test_nllb_runs_other_experts_than_its_routers_choose():
    found = doctor(families.build("nllb_moe"))
    assert states(found, "obeyed") == {State.FAIL}
    assert found.status == 2


def test_switch_leaves_the_loss_out_where_every_layer_is_sparse():
    """And elsewhere takes it by argument alone, whatever its configuration says."""
    found = doctor(turned_on("switch_transformers"))
    assert "adds none" in found["balance loss"][0].reason


def test_llama4_has_a_coefficient_and_no_loss():
    (finding,) = doctor(turned_on("llama4"))["balance loss"]
    assert finding.state is State.WARN
    assert "whatever router_aux_loss_coef = " in finding.reason


def test_hash_layers_alone_break_the_loss():
    (finding,) = doctor(turned_on("deepseek_v4"))["balance loss"]
    assert finding.state is State.FAIL
    assert "IndexError" in finding.reason


def test_gemma4_hands_out_probabilities():
    assert states(doctor(families.build("gemma4")), "scores") == {State.WARN}


def test_experts_without_routing_are_refused():
    from transformers import VitPoseBackboneConfig
    from transformers.models.vitpose_backbone.modeling_vitpose_backbone import VitPoseBackbone

    config = VitPoseBackboneConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=4, num_experts=2, part_features=8
    )
    found = doctor(VitPoseBackbone(config))
    assert states(found, "found") == {State.FAIL}
    assert "VitPoseNaiveMoe" in found["found"][0].reason


@pytest.mark.parametrize("family", ["dbrx", "ernie4_5_moe", "gpt_oss", "jetmoe", "longcat_flash", "zaya"])
def test_every_way_of_choosing_is_obeyed(family):
    found = doctor(families.build(family))
    assert states(found, "found") == states(found, "obeyed") == {State.OK}
    assert states(found, "gradient") <= {State.OK}
    assert found.status == 1


def test_bfloat16():
    found = doctor(turned_on("mixtral").to(torch.bfloat16))
    assert states(found, "obeyed") == states(found, "gradient") == {State.OK}
