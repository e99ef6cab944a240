"""Two traces side by side: differences that are planted are found, others at the stated rate."""

import math

import numpy as np
import pytest

from moecusp import ParameterError
from moecusp.diagnosis import Quantity, compare, comparison_table, diagnose
from moecusp.diagnosis.compare import difference
from tests.diagnosis.planted import counted, site_trace, trace

EVEN, DEAD = np.full(8, 1 / 8), np.array([0.0005, *[0.9995 / 7] * 7])


def model(*shares, seed=0):
    return diagnose(trace(*(counted(s, seed=seed + i) for i, s in enumerate(shares))))


class TestDifference:
    def test_of_alike_intervals_it_is_the_root_of_squares(self):
        d = difference(Quantity("max_violation", 1.0, 0.7, 1.4), Quantity("max_violation", 3.0, 2.6, 3.3))
        assert (d.value, *d.ends) == pytest.approx((2.0, 2.0 - math.hypot(0.4, 0.4), 2.0 + math.hypot(0.3, 0.3)))

    def test_what_is_missing(self):
        known, unknown = Quantity("gain", 1.0, 0.5, 2.0), Quantity("gain", reason="no logits")
        assert difference(known, unknown).reason == "in the second trace: no logits"
        assert difference(unknown, known).reason == "in the first trace: no logits"
        bare = difference(known, Quantity("gain", 2.0, reason="3 batches"))
        assert (bare.value, bare.bounded, bare.reason) == (1.0, False, "3 batches")

    def test_an_open_end_stays_open(self):
        assert difference(Quantity("gain", 1.0, 0.5, math.inf), Quantity("gain", 2.0, 1.0, 3.0)).ends[0] == -math.inf

    def test_false_alarms(self):
        """Largest violation of two samples of one router, 30 pairs: at most 5 % leave 0 out; 5 in 1 case of 60."""
        shares, wrong = [0.3, 0.25, 0.25, 0.2], 0
        for seed in range(30):
            found = compare(model(shares, seed=seed), model(shares, seed=1000 + seed))
            wrong += next(d for d in found.layers[0].differences if d.definition == "max_violation").changed
        assert wrong <= 4


class TestLayers:
    def test_a_response_that_halves(self):
        """Logits twice as large have half the ties, and half the response."""
        rng = np.random.default_rng(0)
        logits = rng.standard_normal((20_000, 4), dtype=np.float32)
        a, b = (diagnose(trace(site_trace(experts=4, size=500, logits=scale * logits))) for scale in (1, 2))
        found = {d.definition: d for d in compare(a, b).layers[0].differences}
        assert found["largest_response"].changed
        d = found["largest_response"].difference
        exact = -0.5 * 0.343085
        assert d.ends[0] <= exact <= d.ends[1]
        assert not found["max_violation"].changed

    def test_status_and_headline(self):
        calm, hurt = model(EVEN, EVEN), model(EVEN, DEAD)
        found = compare(calm, hurt)
        assert found.status == 1
        assert [each.worse for each in found.layers] == [False, True]
        assert found.headline.startswith("1 of 2 layers collapsed, or came near it, since the first; ")
        back = compare(hurt, calm)
        assert back.status == 0
        assert back.headline.startswith("1 recovered; ")
        same = compare(calm, calm)
        assert same.headline == "No layer alarms that did not before; no number of any layer changed for certain."

    def test_table(self):
        lines = comparison_table(compare(model(EVEN, EVEN), model(EVEN, DEAD, EVEN))).splitlines()
        assert lines[3].split()[:2] == ["layer", "standing"]
        assert lines[4].startswith("L0     calm  ")
        assert "calm → near collapse" in lines[5]
        assert "*" in lines[5]
        assert lines[-1] == "not compared: layers.2.mlp (in the second trace only)"
        assert lines[-2] == "* the interval leaves 0 out, as 0.2 of 4 would by chance"

    def test_other_sizes_are_left_out(self):
        found = compare(model(EVEN, EVEN), model(EVEN, [0.5, 0.5]))
        assert found.left_out == (("layers.1.mlp", "1 of 8 experts, then 1 of 2"),)
        assert compare(model(EVEN, EVEN), model(EVEN)).left_out == (("layers.1.mlp", "in the first trace only"),)

    def test_refusals(self):
        with pytest.raises(ParameterError, match="a router of the first"):
            compare(model(EVEN), model([0.5, 0.5]))
        with pytest.raises(ParameterError, match="first = None"):
            compare(None, model(EVEN))  # type: ignore[arg-type]
