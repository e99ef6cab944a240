"""What the examination says, word for word: remedies, refusals, and biases that move or not."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import pytest
import torch
from torch import nn

from moecusp import ParameterError
from moecusp.routing import doctor
from moecusp.routing.balancing import ADD, BROKEN, LOSSLESS, NOT_REENTRANT, TURN_ON
from moecusp.routing.doctor import BIAS, READER, _biases
from moecusp.routing.findings import INFINITE, WHOLE
from moecusp.routing.obedience import DISOBEYED, SKIPPED, TWICE
from tests.routing.examined import said
from tests.routing.own import Model, tokens


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
