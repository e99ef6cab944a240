"""Recording a model of our own: each trap by itself, against the choices of its gates found by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from moecusp import ParameterError
from moecusp.routing import Dispatch, record
from moecusp.trace import RoutingTrace
from tests.routing.own import EXPERTS, Experts, K, Model, choices, tokens


def counts(model, ids):
    return [np.bincount(chosen.flatten(), minlength=EXPERTS).tolist() for chosen in choices(model, ids)]


def sample(found):
    assert found.sample is not None
    return found.sample


def recorded(trace):
    return [record.counts.sum(axis=0).tolist() for record in trace]


def test_every_slot_is_counted_where_it_went():
    model, ids = Model(), tokens()
    with record(model) as recorder:
        model(ids)
    trace = recorder.trace()
    assert recorded(trace) == counts(model, ids)
    assert [list(sample(r).chosen.flatten()) for r in trace] == [c.flatten().tolist() for c in choices(model, ids)]
    assert [r.tokens.tolist() for r in trace] == [[15]] * 3
    assert [sample(r).kind for r in trace] == ["raw"] * 3
    assert np.allclose(trace.records[0].bias, [[0, 0.5, 0, -0.5]])
    assert trace.source["model"] == "Model"


def test_layers_are_in_the_order_of_numbers():
    model = Model(layers=11)
    with record(model) as recorder:
        model(tokens())
    assert [r.site.layer for r in recorder.trace()] == list(range(11))


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_checkpointing_runs_again_is_not_counted_again(reentrant):
    model, ids = Model(reentrant=reentrant), tokens()
    with record(model) as recorder:
        model(ids).sum().backward()
    trace = recorder.trace()
    assert all(parameter.grad is not None for parameter in model.layers.parameters())
    assert recorded(trace) == counts(Model(), ids)
    assert trace.records[0].batches == 1


def test_padding_is_counted_apart():
    model, ids = Model(), tokens()
    mask = torch.ones_like(ids)
    mask[1, :2] = mask[2, 3:] = 0
    with record(model) as recorder:
        model(ids, attention_mask=mask)
    for record_, chosen in zip(recorder.trace(), choices(model, ids), strict=True):
        kept = chosen[mask.flatten() == 1]
        assert record_.counts.tolist() == [np.bincount(kept.flatten(), minlength=EXPERTS).tolist()]
        assert (record_.tokens.tolist(), record_.unrouted["padded"].tolist()) == ([11], [4 * K])
        assert sample(record_).mask.tolist() == mask.flatten().bool().tolist()


def test_a_mask_longer_than_the_tokens_ends_with_them():
    """As in generation with a cache: the mask covers what was said before."""
    model, ids = Model(), tokens(length=1)
    mask = torch.tensor([[0, 1, 1], [0, 1, 1], [1, 1, 0]])  # two end with a token, one begins with one
    with record(model) as recorder:
        model(ids, attention_mask=mask)
    assert recorder.trace().records[0].tokens.tolist() == [2]


def test_a_mask_that_cannot_be_read_is_said():
    model, ids = Model(), tokens()
    with record(model) as recorder:
        model(ids, attention_mask=torch.ones(3, 1, 5, 5))
    trace = recorder.trace()
    assert trace.records[0].tokens.tolist() == [15]
    assert len(trace.notes) == 3
    assert "padding was counted" in trace.notes[0]


class Sender(nn.Module):
    """Calls experts with what it is given."""

    def __init__(self, **attributes):
        super().__init__()
        self.experts = Experts()
        for name, value in attributes.items():
            setattr(self.experts, name, value)

    def forward(self, ids, weights):
        return self.experts(torch.ones(ids.shape[0], 8), ids, weights)


def test_slots_of_no_real_expert_are_kept_apart():
    ids = torch.tensor([[0, 5], [-1, 1], [2, 9], [0, 3], [4, 6]])
    weights = torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, -0.5], [1.0, 1.0]])
    with record(model := Sender(zero_expert_num=2)) as recorder:
        model(ids, weights)
    found = recorder.trace().records[0]
    assert found.counts.tolist() == [[1, 0, 1, 1]]
    assert {kind: n.item() for kind, n in found.unrouted.items() if n.item()} == {
        "null": 3,
        "identity": 2,
        "sentinel": 2,
    }
    assert sample(found).chosen.tolist() == [[0, -1], [-1, -1], [2, -1], [-1, 3], [-1, -1]]


def test_ids_of_all_ranks_are_read_where_the_experts_are_called_with_them():
    """Expert parallelism of transformers 5.24: each rank says its own number and is called with the ids of all."""
    model = Sender(num_experts=2, _is_expert_parallel=True)
    vars(model.experts.weight)["placements"] = ("Shard(0)",)  # as a DTensor, whose shape is that of all ranks
    with record(model) as recorder:
        model(torch.tensor([[0, 3], [2, 3]]), torch.ones(2, 2))
    found = recorder.trace().records[0]
    assert found.counts.tolist() == [[1, 0, 1, 2]]
    assert found.unrouted["sentinel"].tolist() == [0]


def test_a_mask_of_choices_is_read_and_its_empty_slots_are_dropped():
    mask = torch.zeros(3, 1, EXPERTS, dtype=torch.long)
    mask[0, 0, 2] = mask[1, 0, 0] = 1
    dispatch = Dispatch(EXPERTS, mask, torch.ones(3))
    assert dispatch.codes().tolist() == [[2], [0], [EXPERTS + 1]]
    assert int(dispatch.crowded()) == 0
    mask[0, 0, 3] = 1
    assert int(dispatch.crowded()) == 1


@pytest.mark.parametrize(
    ("ids", "weights", "words"),
    [
        (torch.ones(3, 2), torch.ones(3, 2), "float32"),
        (torch.ones(6, dtype=torch.long), torch.ones(6), r"\(6,\)"),
        (torch.ones(3, 2, dtype=torch.long), torch.ones(3), "weights of shape"),
        (torch.ones(3, 1, 5, dtype=torch.long), torch.ones(3), "for 4 experts"),
    ],
)
def test_what_cannot_be_slots_is_said(ids, weights, words):
    with record(model := Sender()) as recorder, pytest.raises(RuntimeError, match=words):
        model(ids, weights)
    assert recorder._handles == []


class TestCompiled:
    """Compiled code keeps the hooks it was compiled with: attached before or after, the counts are right."""

    @pytest.fixture(autouse=True)
    def forget(self):
        torch._dynamo.reset()
        with torch.no_grad():
            yield
        torch._dynamo.reset()

    @pytest.mark.parametrize("when", ["before", "after", "ran before"])
    def test_counts_are_right(self, when):
        model, ids = Model(), tokens()
        wanted = counts(model, ids)
        if when == "before":
            with record(model) as recorder:
                torch.compile(model, backend="eager")(ids)
        else:
            compiled: Any = torch.compile(model, backend="eager")
            if when == "ran before":
                compiled(ids)
            with record(compiled) as recorder:
                compiled(ids)
        assert recorded(recorder.trace()) == wanted

    def test_a_model_compiled_in_place(self):
        model, ids = Model(), tokens()
        wanted = counts(model, ids)
        model.compile(backend="eager")
        model(ids)
        with record(model) as recorder:
            model(ids)
        assert recorded(recorder.trace()) == wanted
        model(ids)
        assert recorded(recorder.trace()) == wanted  # detached

    def test_what_runs_past_the_hooks_is_an_error(self):
        """The compiled function is not seen from the model: nothing is counted, and that is said."""
        model, ids = Model(), tokens()
        compiled = torch.compile(lambda x: model(x), backend="eager")
        compiled(ids)
        with record(model) as recorder:
            compiled(ids)
        with pytest.raises(RuntimeError, match="no router was called"):
            recorder.trace()


class TestNothingRecorded:
    def test_a_model_that_did_not_run(self):
        with record(Model()) as recorder:
            pass
        with pytest.raises(RuntimeError, match="no router was called"):
            recorder.trace()

    def test_a_router_that_was_not_called(self):
        model = Model()
        model.layers[2] = nn.ModuleDict({"spare": model.layers[2]})
        model.layers[2].forward = lambda hidden: hidden
        with record(model) as recorder:
            model(tokens())
        with pytest.raises(RuntimeError, match=r"1 of 3 .*layers.2.spare.experts"):
            recorder.trace()
        with record(model, sites=r"layers\.[01]\.") as recorder:
            model(tokens())
        assert len(recorder.trace()) == 2

    def test_a_model_without_routers(self):
        with pytest.raises(ParameterError, match="write a reader"):
            record(nn.Linear(2, 2))

    def test_experts_that_cannot_be_read(self):
        model = Model()
        model.layers.append(nn.ModuleDict({"experts": nn.Linear(8, 8)}))
        with pytest.raises(ParameterError, match=r"layers\.3\.experts.*\n.*def read"):
            record(model)

    def test_a_linear_layer_is_no_router_because_one_is_declared(self):
        """Transformers 5.0 declares the class Linear, of one name, for routers of some families."""
        model = Model()
        declared = {"router_logits": SimpleNamespace(target_class=nn.Linear, index=0, layer_name="gate")}
        vars(model)["_can_record_outputs"] = declared
        model.head = nn.Linear(2, 2)
        assert len(record(model).places) == 3

    def test_a_pattern_that_fits_nothing(self):
        with pytest.raises(ParameterError, match=r"'encoder', such as \['layers"):
            record(Model(), sites="encoder")

    @pytest.mark.parametrize(
        "bad", [{"sample": -1}, {"batches": 1}, {"seed": -1}, {"sites": None}, {"batches": 2.5}, {"model": 3}]
    )
    def test_bad_arguments(self, bad):
        with pytest.raises(ParameterError, match=next(iter(bad))):
            record(**{"model": Model(), **bad})


class Odd(nn.Module):
    """Chooses experts its own way."""

    def forward(self, x):
        return x, torch.stack([x[:, 0] > 0, x[:, 0] <= 0], dim=1)


def test_a_reader_of_three_lines():
    def read(module, output):
        hidden, mask = output
        return Dispatch(2, mask.int().argmax(1, keepdim=True), torch.ones(len(hidden), 1))

    with record(model := nn.Sequential(Odd()), readers={"Odd": read}) as recorder:
        model(torch.tensor([[1.0], [2.0], [-1.0]]))
    assert recorder.trace()["0"].counts.tolist() == [[2, 1]]


def test_scores_that_are_not_finite_are_left_out_and_said():
    def read(module, output):
        x = output[0]
        return Dispatch(2, torch.zeros(len(x), 1).long(), torch.ones(len(x), 1), torch.cat([x, 1 - x], dim=1))

    with record(model := nn.Sequential(Odd()), readers={"Odd": read}) as recorder:
        model(torch.tensor([[0.5], [float("nan")], [0.25]]))
    trace = recorder.trace()
    assert trace["0"].counts.tolist() == [[3, 0]]
    assert (sample(trace["0"]).tokens, sample(trace["0"]).kind) == (2, "probability")
    assert "1 sampled tokens are left out" in trace.notes[0]


def test_ranks_that_saw_other_tokens_add_up():
    model, ids = Model(), [tokens(seed=1), tokens(seed=2)]
    traces = []
    for part in ids:
        with record(model) as recorder:
            model(part)
        traces.append(recorder.trace())
    whole = RoutingTrace.sum(traces)
    assert recorded(whole) == counts(model, torch.cat(ids))
