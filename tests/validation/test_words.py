"""Captions, the table of symbols, and intervals of effects that may be missing: every word and number of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from moecusp.report import student
from validation import symbols
from validation.captions import fixed, shown
from validation.intervals import over
from validation.symbols import QUANTITIES, Quantity

SYMBOLS = """
feedback: feedback | κ | score/time
decay: decay | μ | 1/time
inverse_temperature: inverse temperature | β | 1/score
asymmetry: asymmetry | h | score/time
experts: experts | K |
increment: increment | ε | time
batch_size: batch size | B | tokens
critical_feedback: critical feedback | κ_c = μ/G′(0) | score/time
fold: asymmetry of a fold | h_f | score/time
difference: score difference | z = s₁ − s₂ | score
imbalance: imbalance of the load | m = p₁ − p₂ |
response: load response | G, m = G(z) |
rate: rate of the asymmetry | ρ | score/time²
gain: gain | g |
reduced_asymmetry: reduced asymmetry | η |
reduced_difference: reduced score difference | u = βz/2 |
step: step | δ = με |
time: time | | 1/μ
start: start | u(0) |
collapsed_start: collapsed starts | |z| | score
kick: kick | z | score
selection: selection | |
tokens: tokens recorded | |
spread: margin standard deviation | | score
margin_jitter: margin jitter | | score
pixel_jitter: pixel jitter | | pixel range
seeds: seeds | |
routers: routers | |
routers_per_seed: routers per seed | |
gains: gains | g |
fold_shares: asymmetries | | of the fold's
batches_per_update: batches per gradient step | |
width: width | w | score
temperature: temperature | T = 1/β | score
temperatures: temperatures | T | score
margin: margin function | ψ | score
threshold: teacher's threshold | b* | score
curvature: curvature of the interface | k | 1/score
bandwidth: bandwidth of the density | | standard deviations
tokens_per_seed: tokens per seed | |
hidden: hidden units | |
learning_rate: learning rate | |
momentum: momentum | |
susceptibility: susceptibility | χ | 1/score
update_rate: update rate | r | score
bias_step: step of the sign rule | u | score
loss_weight: weight of the balance loss | α |
loss_rate: rate of the balance loss | ρ | score²/time
sweep_increment: sweep's increment | ε | time
sweep_batch_size: sweep's batch size | B | tokens
temperature_of_routing: temperature of routing | T |
entropy_weight: weight of the entropy | H |
oracle_weight: weight of the oracle | O |
balance_weight: weight of the balance loss | B |
ecology: ecology parameter | E = T H/(O + B) |
idle_share: mean probability of an expert that is nobody's target | r |
classes: classes | C |
steps: steps of training | |
tokens_a_batch: tokens a batch | |
chosen: experts a token goes to | k |
models: models | |
"""


class TestSymbols:
    def test_every_quantity(self) -> None:
        found = [f"{key}: {each.name} | {each.symbol} | {each.unit}" for key, each in QUANTITIES.items()]
        assert [" ".join(line.split()) for line in found] == SYMBOLS.strip().splitlines()

    def test_label(self) -> None:
        assert Quantity("gain", "g", "x").label == "gain g"
        assert Quantity("seeds").label == "seeds"

    def test_table(self) -> None:
        table = symbols.table("gain", "kick", "seeds")
        assert (table.id, table.title, table.columns) == ("symbols", "Symbols", ("symbol", "name", "unit"))
        assert table.rows == (("g", "gain", "–"), ("z", "kick", "score"), ("", "seeds", "–"))
        assert table.caption == ""


class TestCaptions:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (True, "True"), ("soft", "soft"), (1234567, "1234567"), (1234567.0, "1.23457e+06"), (0.5, "0.5"),
            (np.float64(1 / 3), "0.333333"), ((2, 0.5, "a"), "2, 0.5 and a"), ([1.0, 2.0], "1 and 2"), ((3,), "3"),
        ],
    )  # fmt: skip
    def test_values(self, value: object, text: str) -> None:
        assert shown(value) == text

    def test_a_sentence_states_values_then_fields_each_with_its_unit(self) -> None:
        profile = SimpleNamespace(small=0.02, many=(0.5, 1.5), other=3)
        text = fixed(profile, {"increment": "small", "gains": "many"}, experts=2, selection="soft")
        assert text == "Fixed: experts K = 2, selection = soft, increment ε = 0.02 (time), gains g = 0.5 and 1.5."


class TestIntervals:
    def test_of_values_are_students(self) -> None:
        assert over([1.0, 2.0, 4.0], 0.9) == student([1.0, 2.0, 4.0], 0.9, "seeds")
        assert over([1.0, 2.0, 4.0], 0.8, "routers") == student([1.0, 2.0, 4.0], 0.8, "routers")

    @pytest.mark.parametrize(("samples", "n"), [([], 1), ([np.nan], 1), ([np.nan] * 4, 4)])
    def test_of_none_know_nothing(self, samples: list[float], n: int) -> None:
        found = over(samples, 0.9, "routers")
        assert np.isnan(found.estimate)
        assert (found.low, found.high, found.detectable) == (-np.inf, np.inf, np.inf)
        assert (found.confidence, found.n, found.unit, found.method) == (0.9, n, "routers", "none")

    def test_one_missing_value_is_not_left_out_in_silence(self) -> None:
        found = over([1.0, np.nan, 2.0], 0.9)
        assert (found.low, found.high) == (-np.inf, np.inf)
