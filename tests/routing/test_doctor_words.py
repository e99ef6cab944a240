"""The examination of routers piece by piece: every reason and remedy word for word, and each way to run a model."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from moecusp import ParameterError
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
from moecusp.routing.doctor import BIAS, READER, _biases
from moecusp.routing.findings import INFINITE, WHOLE, Examination, Finding, State
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
from moecusp.routing.trial import Trial, checkpointing, coefficients, configurations, cut, made_up
from moecusp.trace import Sample, Site, SiteTrace
from tests.routing.own import Experts, Gate, Model, tokens
from tests.routing.test_doctor import BATCH, Trained

NAN = float("nan")


def said(finding):
    return finding.check, finding.site, finding.state.value, finding.reason, finding.remedy


class TestWords:
    def test_remedies(self):
        assert {
            "READER": READER, "BIAS": BIAS, "ADD": ADD, "BROKEN": BROKEN, "LOSSLESS": LOSSLESS, "TURN_ON": TURN_ON,
            "NOT_REENTRANT": NOT_REENTRANT, "INFINITE": INFINITE, "WHOLE": WHOLE, "DISOBEYED": DISOBEYED,
            "SKIPPED": SKIPPED, "TWICE": TWICE,
        } == {
            "READER": "write a reader, three lines: docs/recording.md, Own routers",
            "BIAS": "move it after each optimizer step, for instance by rate * sign(mean load - load) with loads from "
            "moecusp.routing.record; if your training step does, hand it in: doctor(model, step=...)",
            "ADD": "balance it by a selection bias, or add a balance loss of its logits to the loss yourself",
            "BROKEN": "its router takes no part in the balance loss: watch its load (RoutingMonitor), or add a term "
            "for it",
            "LOSSLESS": "this class computes no training loss: examine the one with a head, such as ...ForCausalLM",
            "TURN_ON": "model.config.output_router_logits = True",
            "NOT_REENTRANT": 'checkpoint with {"use_reentrant": False}: what reentrant checkpointing records carries '
            "no gradient",
            "INFINITE": "look for weights that are not finite, or for an overflow before this layer (a wider dtype)",
            "WHOLE": "model",
            "DISOBEYED": "do not train or judge this router by its logits: record(model) counts what the experts run",
            "SKIPPED": "if its tokens should reach it, compiled code or a fused kernel runs in its place; recording it "
            "is an error",
            "TWICE": "a balance loss that takes a softmax of them takes it twice",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"model": 3}, "model = 3: model must be a torch.nn.Module"),
            (
                {"checkpointing": "yes"},
                "checkpointing = 'yes': checkpointing must be one of 'all', 'off', 'on', 'reentrant'",
            ),
            ({"step": 3}, "step = 3: step must be a function without arguments"),
            ({"seed": -1}, "seed = -1: seed must be an integer >= 0"),
            (
                {"inputs": None},
                "inputs = None: inputs must be what to call the model with: its configuration says no vocab_size",
            ),
            (
                {"inputs": {"input_ids": 3, "attention_mask": None}},
                "inputs = 'input_ids, attention_mask': inputs must be such that the model runs; TypeError: "
                "embedding(): argument 'indices' (position 2) must be Tensor, not int",
            ),
        ],
    )
    def test_refusals(self, arguments, words):
        with pytest.raises(ParameterError) as error:
            doctor(**{"model": Model(), "inputs": {"input_ids": tokens()}, **arguments})
        assert str(error.value) == words

    def test_no_routers(self):
        (finding,) = doctor(nn.ReLU(), {})
        reason = "model = 'ReLU': model must be one with routers; if it has"
        assert said(finding) == ("found", "model", "fail", reason, READER)


EXAMINED = Examination(
    "Its",
    (
        Finding("b", "x" * 41, State.OK, "fine"),
        Finding("a", "one", State.WARN, "so", "do this"),
        Finding("b", "two", State.FAIL, "no", "do that"),
        Finding("a", "three", State.WARN, "so", "do this"),
        Finding("a", "y" * 40, State.WARN, "so", "do that"),
    ),
)


class TestFindings:
    def test_table(self):
        assert str(EXAMINED).splitlines() == [
            "check  where                                     state  reason",
            "b      ..." + "x" * 37 + "  ok     fine",
            "a      2 routers                                 warn   so",
            "b      two                                       fail   no",
            "a      " + "y" * 40 + "  warn   so",
            "to do: do this",
            "to do: do that",
        ]

    def test_status(self):
        ok, warn, fail, none = (Finding("a", "b", state, "c") for state in State)
        for findings, status in (((ok, none), 0), ((ok, warn), 1), ((warn, fail), 2), ((fail,), 2), ((), 0)):
            assert Examination("m", findings).status == status
        assert [state.value for state in State] == ["ok", "warn", "fail", "not applicable"]

    def test_summary(self):
        assert Examination("m", EXAMINED.findings[1:2]).summary() == {
            "schema_version": 1, "model": "m", "status": 1,
            "findings": [{"check": "a", "site": "one", "state": "warn", "reason": "so", "remedy": "do this"}],
        }  # fmt: skip
        assert [finding.site for finding in EXAMINED["b"]] == ["x" * 41, "two"]
        assert list(EXAMINED) == list(EXAMINED.findings)


class TestBiases:
    def test_of_each_router(self):
        held = {"a": torch.tensor([0.0, 0.0]), "b": torch.tensor([0.5, -0.5]), "c": torch.tensor([1.0, 1.0])}

        def step():
            held["c"] = torch.tensor([1.25, 0.25])

        still = "a training step does not move it"
        assert [said(each) for each in _biases(lambda: dict(held), step)] == [
            ("bias moves", "a", "warn", f"{still}, and is 0 for all experts", BIAS),
            ("bias moves", "b", "warn", still, BIAS),
            ("bias moves", "c", "ok", "by up to 0.75 in a training step", ""),
        ]
        (none,) = _biases(dict, lambda: pytest.fail("no step is needed"))
        assert said(none) == ("bias moves", "model", "not applicable", "no router has a selection bias", "")


def place(**more: Any) -> Place:
    return Place("a", **{"module": Experts(), "reader": None, **more})


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


class Configured(nn.Module):
    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)


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
