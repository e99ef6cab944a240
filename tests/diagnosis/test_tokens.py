"""Which scores decided, and which tokens are looked at."""

import numpy as np
import pytest

from moecusp.diagnosis.tokens import Tokens, largest, thinned, tokens_of
from moecusp.trace import Sample, Site, SiteTrace
from tests.diagnosis.planted import site_trace


def recorded(logits, chosen, kind="raw", bias=None, experts=None, layout="fixed"):
    k = chosen.shape[1]
    experts = experts or logits.shape[1]
    counts = np.bincount(chosen[chosen >= 0].ravel(), minlength=experts)[None]
    site = Site("mlp", 0, experts, k, layout=layout)
    return SiteTrace(site, counts, [len(chosen)], bias=bias, sample=Sample(chosen, scores=logits, kind=kind))


def top(scores, k):
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


LOGITS = np.random.default_rng(0).standard_normal((500, 6)).astype(np.float32)
BIAS = np.array([[0.3, -0.2, 0.1, 0.0, 0.25, -0.3]])


class TestRule:
    @pytest.mark.parametrize(
        ("scores", "rule"),
        [
            (LOGITS + BIAS, "logits + bias"),
            (1 / (1 + np.exp(-LOGITS)) + BIAS, "sigmoid + bias"),
            (np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True) + BIAS, "softmax + bias"),
            (LOGITS, "logits"),
        ],
    )
    def test_with_a_bias_the_one_that_agrees(self, scores, rule):
        found = tokens_of(recorded(LOGITS, top(scores, 2), bias=BIAS), 500)
        assert isinstance(found, Tokens)
        assert found.rule == rule
        assert found.agreement >= 0.99
        np.testing.assert_allclose(found.scores(LOGITS), scores, atol=1e-6)
        np.testing.assert_allclose(found.scores(LOGITS[7:9], [7, 8]), scores[7:9], atol=1e-6)

    def test_the_bias_is_that_of_each_tokens_batch(self):
        biases = np.array([[3.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 3.0]])
        batch = np.arange(500) // 250
        chosen = top(LOGITS + biases[batch], 2)
        counts = np.stack([np.bincount(chosen[batch == b].ravel(), minlength=6) for b in (0, 1)])
        sample = Sample(chosen, scores=LOGITS, kind="raw", batch=batch)
        found = tokens_of(SiteTrace(Site("mlp", 0, 6, 2), counts, [250, 250], bias=biases, sample=sample), 500)
        assert isinstance(found, Tokens)
        np.testing.assert_allclose(found.scores(LOGITS[300:302], [300, 301]), LOGITS[300:302] + biases[1], atol=1e-6)

    def test_a_bias_of_zeros_is_none(self):
        found = tokens_of(recorded(LOGITS, top(LOGITS, 2), bias=np.zeros((1, 6))), 500)
        assert isinstance(found, Tokens)
        assert (found.rule, found.bias) == ("logits", None)

    def test_probabilities_are_logits_up_to_a_constant(self):
        p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
        found = tokens_of(recorded(p, top(p, 2), "probability"), 500)
        assert isinstance(found, Tokens)
        shift = found.logits - LOGITS
        np.testing.assert_allclose(shift, np.broadcast_to(shift[:, :1], shift.shape), atol=1e-5)

    def test_probabilities_called_raw_are_not_taken_for_logits(self):
        p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
        found = tokens_of(recorded(p, top(p, 2)), 500)
        assert isinstance(found, str)
        assert found.startswith("the raw scores look like probabilities")
        assert isinstance(tokens_of(recorded(0.9 * p, top(p, 2)), 500), Tokens)

    def test_another_bias_than_recorded_cannot_be_told(self):
        found = tokens_of(recorded(LOGITS, top(LOGITS + 3 * BIAS, 2)), 500)
        assert isinstance(found, str)
        assert "something else decides too" in found

    def test_a_slot_that_nobody_got_is_no_disagreement(self):
        chosen = top(LOGITS, 2)
        chosen[:200, 1] = -1
        site = Site("mlp", 0, 6, 2)
        counts = np.bincount(chosen[chosen >= 0], minlength=6)[None]
        record = SiteTrace(site, counts, [500], {"dropped": [200]}, sample=Sample(chosen, scores=LOGITS, kind="raw"))
        assert isinstance(tokens_of(record, 500), Tokens)

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            (recorded(LOGITS[:50], top(LOGITS[:50], 2)), "50 tokens with scores; 100 are the fewest"),
            (recorded(LOGITS, top(LOGITS, 6)), "every token goes to every expert"),
            (recorded(LOGITS, top(LOGITS, 2), layout="at_most"), "a threshold, not k"),
            (recorded(LOGITS, top(LOGITS, 2), layout="free"), "experts choose"),
            (recorded(LOGITS, top(LOGITS, 2)).without_sample(), "no scores of tokens were recorded"),
        ],
    )
    def test_reasons(self, record, words):
        found = tokens_of(record, 500)
        assert isinstance(found, str)
        assert words in found


class TestThinned:
    def test_one_from_each_stretch_of_every_batch(self):
        record = site_trace(experts=4, batches=20, size=500)
        small = thinned(record, 1000)
        assert small.sample is not None
        assert small.sample.tokens == 1000
        assert np.bincount(small.sample.batch).tolist() == [50] * 20
        assert np.array_equal(small.counts, record.counts)

    def test_padding_is_left_out_and_few_tokens_stay(self):
        record = site_trace(experts=4, batches=20, size=500)
        assert record.sample is not None
        mask = np.arange(record.sample.tokens) % 5 > 0
        masked = Sample(
            record.sample.chosen, scores=record.sample.scores, kind="raw", mask=mask, batch=record.sample.batch
        )
        small = thinned(SiteTrace(record.site, record.counts, record.tokens, sample=masked), 10**6)
        assert small.sample is not None
        assert np.array_equal(small.sample.scores, record.sample.scores[mask])

    def test_nothing_but_padding_is_no_sample(self):
        record = site_trace(experts=4, batches=2, size=50)
        assert record.sample is not None
        masked = Sample(record.sample.chosen, mask=np.zeros(100, bool), batch=record.sample.batch)
        assert thinned(SiteTrace(record.site, record.counts, record.tokens, sample=masked), 10).sample is None

    def test_batches_in_any_order(self):
        record = site_trace(experts=4, batches=20, size=500)
        sample = record.sample
        assert sample is not None
        order = np.random.default_rng(0).permutation(sample.tokens)
        mixed = Sample(sample.chosen[order], scores=sample.scores[order], kind="raw", batch=sample.batch[order])
        small = thinned(SiteTrace(record.site, record.counts, record.tokens, sample=mixed), 1000)
        assert small.sample is not None
        assert np.bincount(small.sample.batch).tolist() == [50] * 20


class TestLargest:
    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_is_a_stable_sort(self, k):
        scores = np.random.default_rng(1).integers(0, 4, (300, 5)).astype(np.float32)  # many ties
        found = largest(scores, k)
        expected = np.zeros(scores.shape, bool)
        np.put_along_axis(expected, top(scores, k), True, axis=1)
        assert np.array_equal(found, expected)
