"""The bias rule in use, from traces that a planted rule made."""

import numpy as np
import pytest

from moecusp.diagnosis import diagnose
from moecusp.diagnosis.bias_rule import update_rate
from moecusp.trace import Sample, Site, SiteTrace
from tests.diagnosis.planted import counted, trace


def ruled(rate=None, sign_step=None, steps=200, micro=1, experts=8, size=512, sampled=False, every=1):
    """A trace recorded while b <- b + r (1/K - share) or b + u sign(1/K - share) acted, in micro-batches."""
    rng = np.random.default_rng(0)
    bias, offsets = np.zeros(experts), 0.3 * rng.standard_normal(experts)
    counts, number, biases, logits = [], [], [], []
    for step in range(steps):
        total = np.zeros(experts)
        for _ in range(micro):
            a = rng.standard_normal((size // micro, experts)) + offsets
            counts.append(np.bincount((a + bias).argmax(axis=1), minlength=experts))
            number.append(every * step)
            biases.append(bias)
            logits.append(a)
            total += counts[-1]
        lack = 1 / experts - total / total.sum()
        bias = bias + (rate * lack if rate else (sign_step or 0.0) * np.sign(lack))
    count, steps_of, given = np.array(counts), np.array(number), np.array(biases)
    sample = None
    if sampled:
        batch = np.repeat(np.arange(len(count)), size // micro)
        scores = np.concatenate(logits)
        sample = Sample((scores + given[batch]).argmax(axis=1)[:, None], scores=scores, kind="raw", batch=batch)
    return SiteTrace(Site("mlp", 0, experts, 1), count, count.sum(axis=1), bias=given, steps=steps_of, sample=sample)


class TestRate:
    @pytest.mark.parametrize("micro", [1, 4])
    def test_of_a_proportional_rule_is_exact(self, micro):
        q = update_rate(ruled(rate=0.5, micro=micro))
        assert q.number == pytest.approx(0.5, rel=1e-9)
        assert q.ends[0] <= 0.5 <= q.ends[1]

    def test_of_the_sign_rule_it_is_the_effective_one(self):
        record = ruled(sign_step=0.003)
        deviation = np.std(record.counts / 512 - 1 / 8)
        q = update_rate(record)
        exact = 0.003 * np.sqrt(2 / np.pi) / deviation
        assert q.ends[0] <= exact <= q.ends[1]
        assert q.number == pytest.approx(exact, rel=0.02)

    def test_in_a_diagnosis_beside_the_safe_rate(self):
        layer = diagnose(trace(ruled(rate=2.0, steps=60, sampled=True))).layers[0]
        assert layer.rule == "logits + bias"
        assert layer.update_rate.number == pytest.approx(2.0, rel=1e-6)
        share = 2.0 / layer.coupling.safe_rate.number
        assert layer.because[-1] == f"A bias rule acts with r = 2, {share:.0%} of the largest safe rate."

    def test_beyond_the_safe_rate_it_says_so(self):
        """40 is four times the safe rate of even loads; the swings have brought the response down to the limit."""
        layer = diagnose(trace(ruled(rate=40.0, steps=60, sampled=True))).layers[0]
        assert layer.because[-1].endswith("loads may swing.")
        assert layer.coupling.safe_rate.ends[0] <= 40.0


class TestReasons:
    @pytest.mark.parametrize(
        ("record", "reason"),
        [
            (counted([0.5, 0.5]), "no selection bias was recorded"),
            (ruled(steps=40), "the selection bias does not change in this recording"),
            (ruled(rate=0.5, steps=30), "30 steps; more than 30 are needed"),
        ],
    )
    def test_said(self, record, reason):
        assert update_rate(record).reason == reason

    def test_steps(self):
        record = ruled(rate=0.5, steps=60)
        without = SiteTrace(record.site, record.counts, record.tokens, bias=record.bias)
        assert update_rate(without).reason == "the steps of the batches were not recorded"
        uneven = np.where(record.steps > 30, record.steps + 5, record.steps)
        shifted = SiteTrace(record.site, record.counts, record.tokens, bias=record.bias, steps=uneven)
        assert update_rate(shifted).reason == "the recorded steps lie 1 to 6 apart"

    def test_a_step_without_slots(self):
        record = ruled(rate=0.5, steps=60)
        counts = record.counts.copy()
        counts[5] = 0
        empty = SiteTrace(
            record.site, counts, record.tokens, {"dropped": record.tokens - counts.sum(axis=1)},
            bias=record.bias, steps=record.steps,
        )  # fmt: skip
        assert update_rate(empty).reason == "a step has no slot that went to an expert"
