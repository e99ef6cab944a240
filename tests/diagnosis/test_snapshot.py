"""Verdicts on planted models, with the error rates that docs/diagnosis.md states."""

import numpy as np
import pytest

from moecusp import ParameterError, expert_fold_gain
from moecusp.diagnosis import Diagnosis, Standing, diagnose
from moecusp.diagnosis.content import quantities
from moecusp.trace import Sample, SiteTrace
from tests.diagnosis.planted import counted, permuted, site_trace, trace

EVEN = np.full(8, 1 / 8)


def standing(record, **given) -> Standing:
    return diagnose(trace(record), **given).layers[0].standing


def dead(share, count=1, experts=8):
    shares = np.full(experts, (1 - count * share) / (experts - count))
    shares[:count] = share
    return shares


class TestErrorRates:
    def test_balanced_layers_are_calm(self):
        """50 balanced layers, of 8 and of 64 experts: not one false alarm, not one uneven."""
        for seed in range(25):
            assert standing(counted(EVEN, batches=20, size=300, seed=seed)) is Standing.CALM
            assert standing(counted(np.full(64, 1 / 64), batches=15, size=800, seed=seed)) is Standing.CALM

    def test_planted_collapses_are_called(self):
        for seed in range(30):
            assert standing(counted(dead(0.002, 5), batches=20, size=300, seed=seed)) is Standing.COLLAPSED

    def test_planted_dead_experts_are_near(self):
        for seed in range(30):
            assert standing(counted(dead(0.002), batches=30, size=400, seed=seed)) is Standing.NEAR

    @pytest.mark.parametrize(("lead", "ratio", "called"), [(0.0455, 2.0, range(4)), (0.06, 2.62, range(40, 41))])
    def test_twice_the_floor_is_the_limit_of_uneven(self, lead, ratio, called):
        """At exactly twice the floor at most 2.5 % are called (4 of 40 in 1 case of 60); well above it all.

        The ratios are those of 200,000 multinomial batches over the floor.
        """
        shares = np.full(8, (1 - 1 / 8 - lead) / 7)
        shares[0] = 1 / 8 + lead
        each = [diagnose(trace(counted(shares, batches=40, size=500, seed=seed))).layers[0] for seed in range(40)]
        assert np.mean([layer.loads.ratio.number for layer in each]) == pytest.approx(ratio, abs=0.05)
        assert sum(layer.standing is Standing.UNEVEN for layer in each) in called

    def test_a_gain_of_one_is_near(self):
        """Gain exactly 1 for K = 8 Gaussian logits: called in all of 20; at a fifth of it, in none."""
        from moecusp import expert_boundary_slope

        critical = 7 / float(expert_boundary_slope(8))
        for seed in range(20):
            record = site_trace(seed=seed, batches=20, size=200)
            assert standing(record, feedback=critical, decay=1.0) is Standing.NEAR
            assert standing(record, feedback=critical / 5, decay=1.0) is Standing.CALM


class TestInvariance:
    def test_numbers_of_experts_do_not_matter(self):
        record = site_trace(experts=6, k=2, offsets=[0, 0.5, 1.0, 0, -4.0, 0.2], batches=40, size=300)
        order = np.array([4, 2, 0, 5, 1, 3])
        a, b = (diagnose(trace(r)).layers[0] for r in (record, permuted(record, order)))
        assert a.standing is b.standing
        assert {order[i] for i in b.loads.dead_experts} == set(a.loads.dead_experts)
        for key, q in quantities(a).items():
            assert quantities(b)[key].number == pytest.approx(q.number, rel=1e-9, nan_ok=True), key
        np.testing.assert_allclose(b.loads.relative, a.loads.relative[order])

    def test_padding_says_nothing(self):
        record = site_trace(experts=6, batches=20, size=300)
        sample = record.sample
        assert sample is not None
        junk = np.full((100, 6), 77.0, np.float32)
        padded = Sample(
            np.concatenate([sample.chosen, np.zeros((100, 1), int)]),
            scores=np.concatenate([sample.scores, junk]),
            kind="raw",
            mask=np.arange(6100) < 6000,
            batch=np.concatenate([sample.batch, np.full(100, 19)]),
        )
        unrouted = {"padded": np.full(20, 5)}
        with_pads = SiteTrace(record.site, record.counts, record.tokens, unrouted, sample=padded)
        a, b = (diagnose(trace(r)).layers[0] for r in (record, with_pads))
        assert quantities(a) == quantities(b)
        assert (a.standing, a.switching) == (b.standing, b.switching)

    def test_the_same_twice(self):
        record = site_trace(experts=6, batches=20, size=300)
        a, b = (diagnose(trace(record), tokens=1000).layers[0] for _ in range(2))
        assert quantities(a) == quantities(b)
        assert a.token_words == "1,000 tokens of 6,000 with scores"


class TestModel:
    def test_headlines(self):
        calm, uneven = counted(EVEN), counted([0.3, *[0.1] * 7])
        near, gone, few = counted(dead(0.001)), counted(dead(0.001, 6)), counted(EVEN, batches=3)
        quiet = "No layer has collapsed and no expert is dead for certain; "
        cases = [
            ([calm, calm], "Calm: no layer has collapsed, no expert is dead, and no imbalance is far above what "
             "sampling explains.", 0),
            ([calm, uneven], quiet + "1 of 2 layers is more uneven than sampling explains, 1 is calm.", 0),
            ([gone, near, calm], "1 of 3 layers has collapsed, 1 is near collapse, 1 is calm.", 1),
            ([few, calm], "1 of 2 layers cannot be told, 1 is calm.", 3),
            ([few, near, near], "2 of 3 layers are near collapse, 1 cannot be told.", 1),
            ([near], "1 of 1 layer is near collapse.", 1),
        ]  # fmt: skip
        for records, headline, status in cases:
            found = diagnose(trace(*records))
            assert (found.headline, found.status) == (headline, status)

    def test_worst_first(self):
        found = diagnose(trace(counted(EVEN), counted(dead(0.001))))
        assert found.standing is Standing.NEAR
        assert found["layers.0.mlp"].standing is Standing.CALM
        with pytest.raises(ParameterError, match="one of the 2 sites"):
            found["layers.7"]

    def test_gain_is_feedback_times_response(self):
        layer = diagnose(trace(site_trace()), feedback=3.0, decay=1.5).layers[0]
        assert layer.gain.number == pytest.approx(2.0 * layer.coupling.largest.number)
        assert layer.gain.ends == pytest.approx(tuple(2.0 * end for end in layer.coupling.largest.ends))
        assert layer.ladder == pytest.approx((float(expert_fold_gain(8)), 14 * np.log(7) / 48, 1.0))

    def test_without_a_feedback_there_is_no_gain(self):
        layer = diagnose(trace(site_trace())).layers[0]
        assert layer.gain.reason == "a snapshot has no feedback: give --feedback and --decay, or a trajectory"

    def test_progress(self):
        seen: list[int] = []
        diagnose(trace(counted(EVEN), counted(EVEN)), progress=seen.append)
        assert seen == [1, 1]

    def test_one_expert(self):
        layer = diagnose(trace(counted([1.0]))).layers[0]
        assert (layer.ladder, layer.standing) == (None, Standing.CALM)


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({"feedback": 1.0}, "decay"), ({"decay": 1.0}, "feedback"), ({"feedback": -1.0, "decay": 1.0}, "feedback"),
            ({"feedback": 1.0, "decay": 0.0}, "decay"), ({"feedback": 1e300, "decay": 1e-300}, "feedback/decay"),
            ({"tokens": 99}, "tokens"), ({"tokens": 1e5}, "tokens"), ({"tokens": True}, "tokens"),
            ({"noise": -0.1}, "noise"), ({"noise": float("nan")}, "noise"),
        ],
    )  # fmt: skip
    def test_arguments(self, given, name):
        with pytest.raises(ParameterError) as caught:
            diagnose(trace(counted(EVEN)), **given)
        assert caught.value.name == name

    def test_no_trace(self):
        with pytest.raises(ParameterError, match="a RoutingTrace"):
            diagnose([counted(EVEN)])  # type: ignore[arg-type]


def test_every_reason_is_said_without_logits():
    """Counts alone: what needs logits says that none were recorded, never a number."""
    found: Diagnosis = diagnose(trace(counted(EVEN)))
    layer = found.layers[0]
    reason = "no scores of tokens were recorded (record with a sample of logits)"
    for key, q in quantities(layer).items():
        known = key in ("max_violation", "batch_violation", "sampling_floor", "imbalance_ratio", "dispersion")
        assert q.known == known
        assert known or key in ("gain", "update_rate") or q.reason == reason
    assert layer.update_rate.reason == "no selection bias was recorded"
    assert layer.token_words == reason
