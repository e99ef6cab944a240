"""The reinforced router piece by piece: words, state, one step, increments, selection, ties."""

# mypy: no-check-untyped-defs
# To mypy every attribute of a module is a tensor or a module.

import numpy as np
import pytest
import torch

import moecusp as mc
from moecusp.routing import ReinforcedRouter, load


class TestRouter:
    """Of `ReinforcedRouter` what words and runs say nothing of."""

    def test_in_words(self):
        made = ReinforcedRouter(mc.RouterParameters([1.0, 2.0], experts=3), increment=0.25, selection="hard")
        assert made.extra_repr() == "experts=3, selection='hard', increment=0.25, shape=(2,)"
        plain = ReinforcedRouter(mc.RouterParameters(1.0), increment=0.1)
        assert plain.extra_repr() == "experts=2, selection='soft', increment=0.1, shape=()"

    def test_state(self):
        parameters = mc.RouterParameters([1.0, 2.0], 0.5, 1.5, [0.0, -0.25], 3)
        made = ReinforcedRouter(parameters, increment=0.25, dtype=torch.float64)
        assert {name: value.tolist() for name, value in made.named_buffers()} == {
            "feedback": [1.0, 2.0], "decay": [0.5, 0.5], "inverse_temperature": [1.5, 1.5],
            "drive": [[0.0, 0.0, 0.0], [-0.25, 0.0, 0.0]], "scores": [[0.0] * 3] * 2,
        }  # fmt: skip
        assert {value.dtype for value in made.buffers()} == {torch.float64}
        assert {value.dtype for value in ReinforcedRouter(parameters, increment=0.25).buffers()} == {torch.float32}

    def test_all_of_the_state_is_on_the_device(self):
        made = ReinforcedRouter(mc.RouterParameters([1.0, 2.0], 0.5, 1.5, 0.25), increment=0.25, device="meta")
        assert {name: value.device.type for name, value in made.named_buffers()} == dict.fromkeys(
            ("feedback", "decay", "inverse_temperature", "drive", "scores"), "meta"
        )

    def test_one_step_of_many(self):
        parameters = mc.RouterParameters([1.0, 2.0], [0.5, 1.0], 1.5, [0.0, -0.25], 3)
        made = ReinforcedRouter(parameters, increment=0.25, dtype=torch.float64)
        made.scores.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        made.reinforce(torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], dtype=torch.float64))
        assert made.scores.tolist() == [
            [1.0 + 0.25 * (0.5 - 0.5), 2.0 + 0.25 * (0.5 - 1.0), 3.0 - 0.25 * 1.5],
            [4.0 + 0.25 * (-4.0 - 0.25), 5.0 + 0.25 * (0.5 - 5.0), 6.0 + 0.25 * (1.5 - 6.0)],
        ]

    def test_edges_of_the_increment(self):
        slowest = 2.0**-15
        assert ReinforcedRouter(mc.RouterParameters(1.0), increment=slowest).increment == slowest
        tiny = ReinforcedRouter(mc.RouterParameters(1.0), increment=slowest / 2, dtype=torch.float64)
        assert tiny.scores.dtype == torch.float64
        for decays in ([1.0, 4.0], [4.0, 1.0]):  # of several routers one is enough
            with pytest.raises(mc.ParameterError, match="overshoots"):
                ReinforcedRouter(mc.RouterParameters(1.0, decays), increment=0.5)
            with pytest.raises(mc.ParameterError, match="rounds smaller"):
                ReinforcedRouter(mc.RouterParameters(1.0, decays), increment=slowest / 2)

    @pytest.mark.parametrize("number", [0.0, 0.2, 0.4999, 0.5001, 0.9999])
    def test_soft_selection_by_its_number(self, monkeypatch, number):
        """The first expert whose cumulated probability exceeds it, at inverse temperature 2, of logit plus score."""
        made = ReinforcedRouter(
            mc.RouterParameters(1.0, 1.0, 2.0, experts=3), increment=0.1, dtype=torch.float64
        ).eval()
        made.scores.copy_(torch.tensor([0.3, -0.1, 0.0]))
        monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, number, dtype=torch.float64))
        logits = torch.tensor([[0.1, 0.2, 0.3], [0.0, -float("inf"), 0.5], [float("inf"), 0.0, float("inf")]])
        for row, chosen in zip(logits, made(logits), strict=True):
            total = (row.double() + made.scores).numpy()
            weights = np.isinf(total) * 1.0 if np.inf in total else np.exp(2.0 * total)
            edges = np.cumsum(weights / weights.sum())
            assert int(chosen) == int(np.argmax(edges > number))

    def test_shares_of_those_that_chose(self):
        chosen = torch.tensor([[0, 2, -1, 2], [-1, -1, -1, -1]])
        found = load(chosen, 3)
        assert (found[0].tolist(), found.dtype) == ([1 / 3, 0.0, 2 / 3], torch.float64)
        assert bool(found[1].isnan().all())

    def test_ties_take_the_largest_lot(self, monkeypatch):
        made = ReinforcedRouter(mc.RouterParameters(1.0, experts=3), increment=0.1, selection="hard").eval()
        lots = torch.tensor([[0.9, 0.2, 0.3], [0.9, 0.2, 0.3], [0.0, 0.0, 0.0]])
        monkeypatch.setattr(torch, "rand", lambda shape, **_: lots)
        assert made(torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])).tolist() == [2, 0, 2]
