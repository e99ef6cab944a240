"""The examination of a model's routers: each fault planted by itself in a small model of our own must be found."""

import copy
import json
from typing import Any

import pytest
import torch
from torch import nn

from moecusp import ParameterError
from moecusp.routing import Dispatch, doctor
from moecusp.routing.findings import State
from tests.routing.own import EXPERTS, Block, Model, tokens

BATCH = {"input_ids": tokens(rows=4, length=8)}


class Output(dict):
    def __getattr__(self, name):
        return self.get(name)


class Trained(Model):
    """With a training loss: next tokens, and the balance of those layers whose logits are not detached."""

    def __init__(self, coefficient=0.01, detached=(), **more):
        super().__init__(**more)
        self.router_aux_loss_coef, self.detached = coefficient, detached
        self.head = nn.Linear(8, 50)

    def forward(self, input_ids, attention_mask=None, labels=None):
        logits = {}
        handles = [
            gate(layer).register_forward_hook(lambda _, __, out, i=i: logits.update({i: out[0]}))
            for i, layer in enumerate(self.layers)
        ]
        hidden = super().forward(input_ids)
        for handle in handles:
            handle.remove()
        if labels is None:
            return Output()
        loss = nn.functional.cross_entropy(self.head(hidden).flatten(0, 1), labels.flatten())
        for i, each in logits.items():
            share = each.detach().topk(2).indices.flatten().bincount(minlength=EXPERTS) / each.shape[0]
            mean = (each.detach() if i in self.detached else each).softmax(-1).mean(0)
            loss = loss + self.router_aux_loss_coef * EXPERTS * (share * mean).sum()
        return Output(loss=loss)


def gate(layer) -> Any:
    return layer.gate


def states(found, check):
    return [finding.state for finding in found[check]]


class TestBalanceLoss:
    def test_on_and_reaching_every_router(self):
        found = doctor(Trained(), BATCH)
        assert states(found, "balance loss") == [State.OK]
        assert "router_aux_loss_coef = 0.01" in found["balance loss"][0].reason
        assert states(found, "gradient") == [State.OK] * 3

    @pytest.mark.parametrize("detached", [0, 2])
    def test_a_router_that_only_later_losses_depend_on_is_not_reached(self, detached):
        """Layer 0 moves the tokens of layers 1 and 2, so that it gets a gradient through them, which is not its own."""
        found = doctor(Trained(detached=[detached]), BATCH)
        assert states(found, "gradient") == [State.FAIL if i == detached else State.OK for i in range(3)]
        assert found["gradient"][detached].site == f"layers.{detached}.experts"
        assert found.status == 2

    def test_a_coefficient_of_0(self):
        found = doctor(Trained(coefficient=0.0), BATCH)
        assert states(found, "balance loss") == [State.WARN]

    def test_a_coefficient_that_enters_nothing(self):
        class Deaf(Trained):
            def forward(self, input_ids, attention_mask=None, labels=None):
                return Output(loss=self.head(Model.forward(self, input_ids)).square().mean())

        found = doctor(Deaf(), BATCH)
        assert "whatever router_aux_loss_coef = 0.01 says; it has a selection bias" in found["balance loss"][0].reason
        assert found["gradient"] == ()

    def test_no_loss(self):
        assert states(doctor(Model(), BATCH), "balance loss") == [State.NONE]

    def test_frozen_routers(self):
        model = Trained()
        gate(model.layers[1]).requires_grad_(False)
        assert states(doctor(model, BATCH), "gradient") == [State.OK, State.WARN, State.OK]

    def test_gradients_that_are_there_stay(self):
        model = Trained()
        model(**BATCH, labels=BATCH["input_ids"]).loss.backward()
        before = [torch.clone(parameter.grad) for parameter in model.parameters() if parameter.grad is not None]
        doctor(model, BATCH)
        after = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        assert len(before) == 12
        assert all(torch.equal(new, old) for new, old in zip(after, before, strict=True))


class TestBias:
    def test_that_nothing_moves(self):
        found = doctor(Model(), BATCH)
        assert states(found, "bias moves") == [State.WARN] * 3
        assert "sign(mean load - load)" in found["bias moves"][0].remedy

    def test_that_the_forward_pass_moves(self):
        """And is then put back."""
        model = Model()

        def move(gate, *_):
            if gate.training:
                gate.e_score_correction_bias += 0.25

        gate(model.layers[1]).register_forward_hook(move)
        before = copy.deepcopy(model.state_dict())
        found = doctor(model, BATCH)
        assert states(found, "bias moves") == [State.WARN, State.OK, State.WARN]
        assert "0.25" in found["bias moves"][1].reason
        assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())

    def test_that_a_step_of_the_user_replaces(self):
        model = Model()

        def step():
            for layer in model.layers:
                gate(layer).e_score_correction_bias = gate(layer).e_score_correction_bias - 0.5

        assert states(doctor(model, BATCH, step=step), "bias moves") == [State.OK] * 3

    def test_no_bias(self):
        found = doctor(nn.Sequential(Odd()), {"input": torch.ones(3, 2)}, readers={"Odd": read})
        assert states(found, "bias moves") == [State.NONE]


class Odd(nn.Module):
    def forward(self, x):
        return x


def read(module, output):
    return Dispatch(2, (output[:, :1] < output[:, 1:]).long(), torch.ones(len(output), 1), output)


class TestObedience:
    def test_experts_that_run_what_the_router_chose(self):
        found = doctor(Model(), BATCH)
        assert states(found, "obeyed") == [State.OK] * 3
        assert "top-k of its logits is wrong here" in found["obeyed"][0].reason  # the bias of these is not 0

    def test_experts_that_run_something_else(self):
        class Wrong(Block):
            def forward(self, hidden_states):
                flat = hidden_states.reshape(-1, 8)
                _, weights, ids = self.gate(flat)
                return self.experts(flat, (ids + 1) % EXPERTS, weights).reshape(hidden_states.shape)

        model = Model()
        model.layers[1] = Wrong()
        found = doctor(model, BATCH)
        assert states(found, "obeyed") == [State.OK, State.FAIL, State.OK]
        assert found["obeyed"][1].site == "layers.1.experts"

    @pytest.mark.parametrize(("sign", "state"), [(1, State.OK), (-1, State.FAIL)])
    def test_without_ids_by_the_highest_scores(self, sign, state):
        def either(module, output):
            return Dispatch(2, (output[:, :1] < output[:, 1:]).long(), torch.ones(len(output), 1), sign * output)

        inputs = {"input": torch.randn(20, 2, generator=torch.Generator().manual_seed(0))}
        assert states(doctor(nn.Sequential(Odd()), inputs, readers={"Odd": either}), "obeyed") == [state]

    def test_scores_that_are_not_finite(self):
        model = Model()
        nn.init.constant_(gate(model.layers[2]).line.bias, float("nan"))
        found = doctor(model, BATCH)
        assert states(found, "scores") == [State.OK, State.OK, State.FAIL]
        assert "32 of 32 tokens" in found["scores"][2].reason

    def test_a_loss_that_is_not_finite(self):
        model = Trained()
        nn.init.constant_(model.head.bias, float("nan"))
        assert states(doctor(model, BATCH), "balance loss") == [State.FAIL]

    def test_probabilities_under_the_name_of_logits(self):
        inputs = {"input": torch.tensor([[0.25, 0.75], [0.5, 0.5]])}
        assert states(doctor(nn.Sequential(Odd()), inputs, readers={"Odd": read}), "scores") == [State.WARN]


class TestFound:
    def test_all(self):
        found = doctor(Model(), BATCH)
        assert [finding.reason for finding in found["found"]] == ["4 experts, 2 a token, called through Experts"] * 3

    def test_one_that_is_not_called(self):
        model = Model()
        model.layers[2].forward = lambda hidden: hidden
        found = doctor(model, BATCH)
        assert states(found, "found") == [State.OK, State.OK, State.WARN]
        assert len(found["obeyed"]) == 2

    def test_none_that_is_called(self):
        class Idle(Model):
            def forward(self, input_ids, attention_mask=None):
                return input_ids

        assert states(doctor(Idle(), BATCH), "found") == [State.FAIL] * 3

    def test_no_routers(self):
        found = doctor(nn.Linear(2, 2), {"input": torch.ones(1, 2)})
        assert (states(found, "found"), found.status) == ([State.FAIL], 2)
        assert "three lines" in found.table()

    def test_experts_that_cannot_be_read_are_named(self):
        model = Model()
        model.layers.append(nn.ModuleDict({"experts": nn.Linear(8, 8)}))
        (finding,) = doctor(model, BATCH)
        assert finding.state is State.FAIL
        assert "layers.3.experts (Linear)" in finding.reason

    def test_sites(self):
        assert len(doctor(Model(), BATCH, sites=r"layers\.1")["found"]) == 1


class TestArguments:
    @pytest.mark.parametrize(
        "bad", [{"model": 3}, {"checkpointing": "yes"}, {"step": 3}, {"seed": -1}, {"inputs": None}, {"inputs": {}}]
    )
    def test_bad(self, bad):
        with pytest.raises(ParameterError, match=f"^{next(iter(bad))} ="):
            doctor(**{"model": Model(), "inputs": BATCH, **bad})

    def test_the_error_of_the_model_is_told(self):
        with pytest.raises(ParameterError, match="IndexError: index out of range"):
            doctor(Model(), {"input_ids": torch.tensor([[77]])})


class TestExamination:
    def test_the_model_is_as_before(self):
        model = Trained()
        model.layers[1].eval()
        gate(model.layers[0]).requires_grad_(False)

        def seen():
            flags = [
                (module.training, len(module._forward_hooks), len(module._forward_pre_hooks))
                for module in model.modules()
            ]
            held = [(p.requires_grad, p.grad, p.detach().clone()) for p in model.parameters()]
            return repr((flags, held, model.router_aux_loss_coef, torch.random.get_rng_state().sum()))

        before = seen()
        doctor(model, BATCH)
        assert seen() == before

    def test_table_has_one_line_for_what_is_the_same(self):
        lines = doctor(Trained(detached=[1]), BATCH).table().splitlines()
        gradient = [line.split("  ") for line in lines if line.startswith("gradient  ")]
        assert [[cell.strip() for cell in line if cell][1:3] for line in gradient] == [
            ["2 routers", "ok"],
            ["layers.1.experts", "fail"],
        ]
        assert any(line.startswith("to do: its router takes no part") for line in lines)

    def test_summary_is_json(self):
        found = doctor(Trained(), BATCH)
        content = json.loads(json.dumps(found.summary()))
        assert (content["model"], content["status"], content["schema_version"]) == ("Trained", 1, 1)
        assert len(content["findings"]) == len(found.findings)
        assert content["findings"][0]["state"] == "ok"
