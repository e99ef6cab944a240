"""Traps of recording models of transformers that no other file here has; which has which: the list below.

Checkpointing counts twice, compiled code skips hooks, padding, generation, bfloat16, capacity, identity experts, skips,
NLLB: `test_transformers.py`. The same one by one, sentinels, silence: `test_recorder.py`. Ranks: `test_ranks.py`.
Growth without bound: `test_recorder_memory.py`. Top k of the logits, probabilities under the name of logits:
`test_families.py`, `test_doctor_transformers.py`. Balance loss off, unreached under reentrant checkpointing, broken by
dense layers or by hash layers; biases that nothing moves: `test_doctor_transformers.py`. Made-up tokenizers and missing
weights: `test_commands_refused.py`. Loggers that come before a callback: `test_trainers.py`.
"""

from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from moecusp import ParameterError
from moecusp.metrics import layer_metrics, pooled
from moecusp.routing import RoutingMonitor, record
from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace
from tests.routing import families, own

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


def test_a_fused_kernel_in_place_of_router_and_experts_is_an_error():
    """As the kernels for GPT-OSS do: the block is run by something else, in one layer or in all."""
    model = families.build("gpt_oss")

    def fused(hidden_states, *_, **__):
        return hidden_states, None

    model.model.layers[1].mlp.forward = fused
    with record(model) as recorder, torch.no_grad():
        families.call(model)
    with pytest.raises(
        RuntimeError, match=r"1 of 2 routers were never called, such as 'model\.layers\.1\.mlp\.experts'"
    ):
        recorder.trace()
    model.model.layers[0].mlp.forward = fused
    with record(model) as recorder, torch.no_grad():
        families.call(model)
    with pytest.raises(RuntimeError, match="no router was called"):
        recorder.trace()


def test_experts_without_a_router_are_refused():
    from transformers import VitPoseBackbone, VitPoseBackboneConfig

    config = VitPoseBackboneConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=4, num_experts=2, part_features=8
    )
    with pytest.raises(ParameterError, match=r"mlp\.experts \(VitPoseNaiveMoe\)"):
        record(VitPoseBackbone(config))


@pytest.mark.parametrize("family", ["afmoe", "hy_v3", "lfm2_moe", "minimax_m2"])
def test_a_selection_bias_that_the_block_hands_in_is_recorded(family):
    """It decides: top k of score and bias are the experts that ran, top k of the score alone are not."""
    model = families.build(family)
    held = {
        name: bias for name, bias in model.state_dict().items() if name.endswith(("correction_bias", "expert_bias"))
    }
    for bias in held.values():
        bias.copy_(torch.linspace(-1, 1, bias.numel()).reshape(bias.shape))
    with record(model, sample=100) as recorder, torch.no_grad():
        families.call(model)
    trace = recorder.trace()
    assert len(held) == len(trace)
    for found, bias in zip(trace, held.values(), strict=True):
        assert found.sample is not None
        assert found.bias[0].tolist() == pytest.approx(bias.flatten().tolist())
        scores = 1 / (1 + np.exp(-found.sample.scores.astype(float)))

        def top(values, k=found.site.k):
            return np.sort(np.argsort(values, axis=1)[:, -k:], axis=1)

        ran = np.sort(found.sample.chosen, axis=1)
        assert (top(scores + found.bias) == ran).all()
        assert (top(scores) != ran).any()


def test_layers_that_collapsed_onto_different_experts_look_balanced_to_the_pooled_loss():
    """Eight of them: transformers' own function gives its balanced value, k; ours says so, and which layer is worst."""
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    tokens, experts, k = 40, 8, 1
    logits = [torch.full((tokens, experts), -30.0) for _ in range(experts)]
    for layer, each in enumerate(logits):
        each[:, layer] = 30.0
    records = [
        SiteTrace(
            Site(f"layer.{layer}", layer, experts, k),
            [np.bincount([layer] * tokens, minlength=experts)],
            [tokens],
            sample=Sample(np.full((tokens, 1), layer), scores=each.numpy(), kind="raw"),
        )
        for layer, each in enumerate(logits)
    ]
    together: Any = tuple(logits)
    theirs = load_balancing_loss_func(together, experts, k)
    found = pooled(RoutingTrace(records))
    assert float(theirs) == pytest.approx(k, rel=1e-6)
    assert found.balance_loss_hf == pytest.approx(k, rel=1e-6)
    assert found.worst == pytest.approx(experts, rel=1e-6)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_balanced_value_of_the_pooled_loss_is_k(k):
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    logits = torch.eye(8).repeat_interleave(4, dim=0)
    for shift in range(1, k):
        logits += (1 - shift / 8) * torch.eye(8).roll(shift, dims=1).repeat_interleave(4, dim=0)
    chosen = logits.topk(k).indices
    counts = chosen.flatten().bincount(minlength=8)
    assert len(set(counts.tolist())) == 1
    sample = Sample(chosen.numpy(), scores=logits.numpy(), kind="raw")
    found = pooled(RoutingTrace([SiteTrace(Site("mlp", 0, 8, k), [counts.numpy()], [32], sample=sample)]))
    assert float(load_balancing_loss_func((logits,), 8, k)) == pytest.approx(k, rel=1e-5)
    assert found.balance_loss_hf == pytest.approx(k, rel=1e-6)
    assert found.balance_loss == pytest.approx(1, rel=1e-6)


def test_ranks_are_added_before_any_ratio():
    """Each of two ranks sends all of its tokens to one expert; together they are balanced."""
    site = Site("mlp", 0, experts=2, k=1)
    ranks = [RoutingTrace([SiteTrace(site, [counts], [40])]) for counts in ([40, 0], [0, 40])]
    alone = [layer_metrics(rank.records[0]).values["max_vio"] for rank in ranks]
    assert (alone, layer_metrics(RoutingTrace.sum(ranks).records[0]).values["max_vio"]) == ([1.0, 1.0], 0.0)


def test_a_monitor_on_a_compiled_model_counts_every_step_without_compiling_again():
    torch._dynamo.reset()
    model, twin, compiled = own.Model(), own.Model(), []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    model.compile(backend=backend)
    with torch.no_grad(), RoutingMonitor(model, metrics=["max_vio"]) as monitor:
        for step in range(4):
            ids = own.tokens(seed=step)
            model(ids)
            if step == 0:
                first = len(compiled)
            assert monitor.step(step)
            counts = [torch.bincount(each.flatten(), minlength=own.EXPERTS).tolist() for each in own.choices(twin, ids)]
            assert [found.counts[0].tolist() for found in monitor.trace()] == counts
    torch._dynamo.reset()
    assert 0 < first == len(compiled)
