"""Balance losses of an examined model: on, reached, checkpointed, each reason and remedy."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from moecusp.routing import doctor
from moecusp.routing.balancing import (
    ADD,
    BROKEN,
    LOSSLESS,
    NOT_REENTRANT,
    TURN_ON,
    _current,
    _on,
    _parameters,
    _reached,
    _Term,
    balancing,
)
from moecusp.routing.findings import INFINITE, State
from moecusp.routing.sites import Place
from moecusp.routing.trial import Trial
from tests.routing.examined import Configured, place, said
from tests.routing.own import Gate, Model
from tests.routing.test_doctor import BATCH, Trained

NAN = float("nan")


class TestBalance:
    @pytest.mark.parametrize(
        ("config", "term", "bias", "state", "reason", "remedy"),
        [
            (
                *({"aux_loss_coef": 0.5}, (2.345678, 2.0, ""), False, "ok"),
                "on: aux_loss_coef = 0.5 times 2.35, the layers pooled, so that they may cancel",
                "watch each layer: moecusp.routing.RoutingMonitor",
            ),
            (
                *({"router_aux_loss_coef": 0.0}, (2.0, 2.0, ""), False, "warn"),
                "computed, and router_aux_loss_coef = 0",
                "router_aux_loss_coef = 0.001",
            ),
            (
                *({"output_router_logits": True}, (0.0, 0.0, "KeyError:  a\nb" + "x" * 80), False, "fail"),
                "off, and output_router_logits = True raises KeyError: a b" + "x" * 67,
                ADD,
            ),
            (
                *({"output_router_logits": False}, (0.0, 0.0, "E: a"), False, "warn"),
                "off, and output_router_logits = True raises E: a",
                ADD,
            ),
            (
                *({"output_router_logits": False, "aux_loss_coef": 0.25}, (0.0, 1.0, ""), False, "warn"),
                "off: output_router_logits is False, so that aux_loss_coef = 0.25 has no effect",
                TURN_ON,
            ),
            (
                *({"output_router_logits": True, "aux_loss_coef": 0.25}, (0.0, 1.0, ""), False, "warn"),
                "off: output_router_logits is True, so that aux_loss_coef = 0.25 has no effect",
                "call the model with output_router_logits=True: it does not read its configuration",
            ),
            (
                *({"aux_loss_coef": 0.25}, (0.0, 0.0, ""), True, "not applicable"),
                *("this class has none, whatever aux_loss_coef = 0.25 says; it has a selection bias", ""),
            ),
            ({}, (0.0, 0.0, ""), True, "not applicable", "this class has none; it has a selection bias", ""),
            ({}, (0.0, 0.0, ""), False, "warn", "this class adds none to its loss", ADD),
            (
                *({"aux_loss_coef": 3}, (0.0, 0.0, ""), False, "warn"),
                *("this class adds none to its loss, whatever aux_loss_coef = 3 says", ADD),
            ),
        ],
    )
    def test_as_configured(self, config, term, bias, state, reason, remedy):
        found = [place(bias=torch.zeros(3) if bias else None), place(bias=torch.zeros(3))]
        assert said(_on(Configured(**config), found, _Term(*term))) == ("balance loss", "model", state, reason, remedy)

    def test_what_is_reached(self):
        """Of three routers one is cut off, one is frozen; a module without a router has nothing to reach."""
        reached, whole = "the balance loss reaches its router", ("model", "not applicable")
        model = Trained(detached=[1])
        model.layers[2].gate.requires_grad_(False)
        found = doctor(model, BATCH)
        frozen = "frozen: its router's parameters require no gradient"
        assert [said(each) for each in found["gradient"]] == [
            ("gradient", "layers.0.experts", "ok", reached, ""),
            ("gradient", "layers.1.experts", "fail", "the balance loss does not reach its router", BROKEN),
            ("gradient", "layers.2.experts", "warn", frozen, ""),
        ]
        for check in ("gradient, checkpointed", "gradient, reentrant"):
            assert [said(each) for each in found[check]] == [(check, *whole, "this class does not checkpoint", "")]
        trial = Trial(model, BATCH, 0)
        with trial.kept():
            for way, check in (("off", "gradient"), ("on", "gradient, checkpointed")):
                model.gradient_checkpointing = way == "on"
                (finding,) = _reached(trial, [place(module=model.layers[0].experts)], way, State.WARN)
                reason = "no module that scores the experts was found"
                assert said(finding) == (check, "a", "not applicable", reason, "")
                cut_off = place(module=model.layers[1].experts, router=model.layers[1].gate)
                (finding,) = _reached(trial, [cut_off], way, State.WARN)
                assert (finding.state, finding.remedy) == (State.WARN, BROKEN)
            (finding,) = _reached(trial, [cut_off], "reentrant", State.FAIL)
            assert (finding.check, finding.state, finding.remedy) == ("gradient, reentrant", State.FAIL, NOT_REENTRANT)

    @pytest.mark.parametrize(
        ("planned", "checks"),
        [
            ("all", ["gradient", "gradient, checkpointed", "gradient, reentrant"]),
            ("off", ["gradient"]),
            ("on", ["gradient, checkpointed"]),
            ("reentrant", ["gradient, reentrant"]),
        ],
    )
    def test_what_fails_is_what_is_planned(self, planned, checks):
        """A router that is not reached fails in the way that is planned, or set, and warns in the others."""
        model = Trained(detached=[0, 1])
        model.gradient_checkpointing = False
        found = [Place(f"{i}", layer.experts, None, layer.gate) for i, layer in enumerate(model.layers)]
        trial = Trial(model, BATCH, 0)
        _, *rest = balancing(trial, found, planned)
        assert list(dict.fromkeys(each.check for each in rest)) == checks
        worst = {each.check: each.state.value for each in rest if each.state is not State.OK}
        assert worst == {c: "fail" if planned != "all" or c == "gradient" else "warn" for c in checks}

    def test_of_the_loss(self):
        model = Trained()
        nn.init.constant_(model.head.bias, NAN)
        (finding,) = balancing(Trial(model, BATCH, 0), [], "off")
        assert said(finding) == ("balance loss", "model", "fail", "the training loss is nan", INFINITE)
        (finding,) = balancing(Trial(Model(), BATCH, 0), [], "off")
        assert said(finding) == ("balance loss", "model", "not applicable", LOSSLESS, "")

    def test_how_it_checkpoints(self):
        model = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU())
        assert _current(model) == "off"
        for module, on, reentrant, way in (
            (0, False, True, "off"),
            (1, True, None, "on"),
            (2, True, True, "reentrant"),
        ):
            model[module].gradient_checkpointing = on
            if reentrant is not None:
                keywords = {"use_reentrant": reentrant}
                model[module]._gradient_checkpointing_func = SimpleNamespace(keywords=keywords)
            assert _current(model) == way
        model[2]._gradient_checkpointing_func.keywords = {}
        assert _current(model) == "on"

    def test_which_parameters_score(self):
        gate = Gate()
        assert _parameters(place()) == []
        assert [id(each) for each in _parameters(place(router=gate))] == [id(each) for each in gate.parameters()]
        block = nn.ModuleDict({"gate": nn.Linear(2, 2), "x": nn.ModuleDict({"router": nn.Linear(2, 2)})})
        block["gateway"] = nn.Linear(2, 2)
        found = _parameters(place(module=block, reader=print))
        own = [*block["gate"].parameters(), *block["x"].parameters()]
        assert [id(each) for each in found] == [id(each) for each in own]
        plain = nn.Linear(2, 2)
        found = _parameters(place(module=plain, reader=print))
        assert [id(each) for each in found] == [id(each) for each in plain.parameters()]
