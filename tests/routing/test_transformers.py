"""What models of transformers do besides one plain call: padding, checkpointing, generation, two stacks, bfloat16."""

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from moecusp.routing import record
from tests.routing import families, table, truth

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers' own


def counted(trace):
    return [record.counts.sum(axis=0).tolist() for record in trace]


@pytest.fixture(scope="module")
def mixtral():
    return families.needed("mixtral")


@pytest.fixture(scope="module")
def switch():
    return families.needed("switch_transformers")


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_counts_once(reentrant):
    model = families.needed("mixtral")
    with record(model) as plain:
        families.call(model)
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    model.train()
    runs = []
    model.model.layers[0].mlp.experts.register_forward_pre_hook(lambda *_: runs.append(1))
    with record(model) as recorder:
        families.call(model, labels=families.tokens()).loss.backward()
    assert len(runs) == 2  # it did run again
    assert counted(recorder.trace()) == counted(plain.trace())


def test_padding_is_left_out(mixtral):
    """The same sequence alone, and padded on its left beside a longer one."""
    ids = families.tokens(rows=2, length=8)
    mask = torch.ones_like(ids)
    mask[1, :3] = 0
    with record(mixtral) as recorder, torch.no_grad():
        families.call(mixtral, ids, mask)
    for found in recorder.trace():
        assert (found.tokens.tolist(), found.unrouted["padded"].tolist()) == ([13], [6])
    with record(mixtral) as one, torch.no_grad():
        families.call(mixtral, ids[:1])
    with record(mixtral) as other, torch.no_grad():
        families.call(mixtral, ids[1:], mask[1:])
    pair = zip(counted(one.trace()), counted(other.trace()), strict=True)
    assert counted(recorder.trace()) == [np.add(a, b).tolist() for a, b in pair]


def test_generation_is_counted_step_by_step(mixtral):
    ids = families.tokens(rows=2, length=5)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    mixtral.generation_config.eos_token_id = None
    with record(mixtral) as recorder, torch.no_grad():
        made = mixtral.generate(input_ids=ids, attention_mask=mask, max_new_tokens=4, do_sample=False, use_cache=True)
    found = recorder.trace().records[0]
    assert found.tokens.tolist() == [8, 2, 2, 2]
    assert found.unrouted["padded"].tolist() == [4, 0, 0, 0]
    with record(mixtral) as whole, torch.no_grad():
        families.call(mixtral, made[:, :-1], torch.cat([mask, torch.ones(2, 3, dtype=mask.dtype)], dim=1))
    assert counted(whole.trace()) == counted(recorder.trace())


def test_both_stacks_each_with_its_own_padding(switch):
    ids = families.tokens(rows=2, length=8)
    mask = torch.ones_like(ids)
    mask[0, 5:] = 0
    with record(switch) as recorder, torch.no_grad():
        families.call(switch, ids, mask)
    trace = recorder.trace()
    assert [found.site.stack for found in trace] == ["encoder"] * 2 + ["decoder"] * 2
    assert [found.tokens.tolist() for found in trace] == [[13], [13], [16], [16]]


def test_generation_of_two_stacks(switch):
    ids = families.tokens(rows=2, length=6)
    with record(switch) as recorder, torch.no_grad():
        switch.generate(input_ids=ids, max_new_tokens=3, min_new_tokens=3, do_sample=False, use_cache=True)
    trace = recorder.trace()
    assert trace.records[0].tokens.sum() == 12
    assert trace.records[-1].tokens.sum() == 2 * 3
    assert len({found.batches for found in trace}) == 1


@pytest.mark.skipif(not families.KNOWN, reason="transformers 5.0 runs what is over capacity")
def test_what_goes_over_capacity_is_dropped():
    model = families.needed("switch_transformers", expert_capacity=1)
    trace, kept = table.run(model)
    same, slots = truth.agreement(model, kept, trace)
    assert same == slots
    assert all(found.unrouted["dropped"].sum() > 0 for found in trace)
    assert all((found.counts <= 2).all() for found in trace)  # one of each of two sequences


def test_identity_experts_and_skips_are_kept_apart():
    for family, kind in (("longcat_flash", "identity"), ("zaya", "skipped")):
        model = families.needed(family)
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name.endswith(("correction_bias", "balancing_biases")):
                    buffer[-1] += 10.0  # the last choice is no expert: all take it
        trace, kept = table.run(model)
        same, slots = truth.agreement(model, kept, trace)
        assert same == slots
        assert all((found.unrouted[kind] >= found.tokens).all() for found in trace)


def test_attention_routers_are_sites_of_their_own():
    model = families.needed("jetmoe")
    with record(model) as recorder, torch.no_grad():
        families.call(model)
    sites = [(found.site.layer, found.site.role) for found in recorder.trace()]
    assert sites == [(0, "attention"), (0, "mlp"), (1, "attention"), (1, "mlp")]


def test_nllb_runs_experts_0_and_1_whatever_its_router_says():
    """Two choices of a token, of which the trace says where they went and that the router meant others."""
    model = families.needed("nllb_moe")
    trace, kept = table.run(model)
    same, slots = truth.agreement(model, kept, trace)
    assert same == slots
    for found in trace:
        assert found.site.k == 2
        assert found.counts.sum() + found.unrouted["dropped"].sum() == 2 * found.tokens.sum()
        assert found.counts[:, 2:].sum() == 0
        assert any(found.site.name in note and "whatever the router chose" in note for note in trace.notes)
    assert any((found.sample.scores.argmax(axis=1) > 1).any() for found in trace)


@pytest.mark.parametrize("implementation", ["eager", "grouped_mm", "batched_mm"])
def test_bfloat16(implementation):
    """The choices are those that bfloat16 makes, and they are the truth there too."""
    model = families.needed("mixtral").to(torch.bfloat16)
    model.set_experts_implementation(implementation)
    trace, kept = table.run(model)
    model.set_experts_implementation("eager")
    same, slots = truth.agreement(model, kept, trace)
    assert same == slots
    assert trace.records[0].sample.scores.dtype == np.float32


@pytest.mark.skipif(not families.KNOWN, reason="transformers 5.0 does not compile grouped_mm in float32")
def test_compiled_after_a_run_without_hooks():
    """The trap: a compiled grouped_mm run, then hooks that are never called."""
    torch._dynamo.reset()
    model = families.needed("mixtral")
    model.set_experts_implementation("grouped_mm")
    with record(model) as plain, torch.no_grad():
        families.call(model)
    for layer in model.model.layers:
        layer.mlp.compile(backend="eager")
    with torch.no_grad():
        families.call(model)
        with record(model) as recorder:
            families.call(model)
    torch._dynamo.reset()
    assert counted(recorder.trace()) == counted(plain.trace())
