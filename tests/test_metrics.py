"""Metrics: each against its definition written out, exact for balanced routers, and what they imply for each other."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp.__main__ import main
from moecusp.metrics import (
    DEAD,
    DEAD_SLOTS,
    FAIR_SLOTS,
    METRICS,
    BatchInterval,
    Spread,
    batch_sums,
    interval,
    intervals,
    layer_metrics,
    pooled,
    summary,
    sums,
    table,
)
from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace, save
from moecusp.trace.parquet import save_counts
from tests.examples import examples

COUNTS = st.integers(1, 7).flatmap(
    lambda e: st.lists(st.lists(st.integers(0, 50), min_size=e, max_size=e), min_size=1, max_size=6)
)


def counted(counts, k=1, **more):
    """A record of counts alone; tokens as many as fit."""
    counts = np.asarray(counts)
    tokens = -(-counts.sum(axis=1) // k)
    missing = tokens * k - counts.sum(axis=1)
    return SiteTrace(Site("mlp", 0, counts.shape[1], k), counts, tokens, {"null": missing}, **more)


def routed(logits, k, name="mlp", layer=0, mask=None, batch=None, bias=0.0, weights=False):
    """A record of a router that takes the k largest of logits + bias, all of its tokens sampled."""
    tokens, experts = logits.shape
    mask = np.ones(tokens, bool) if mask is None else mask
    batch = np.zeros(tokens, int) if batch is None else batch
    chosen = np.argsort(-(logits + bias), axis=1, kind="stable")[:, :k]
    p = softmax(logits)
    kept = Sample(
        chosen,
        weights=np.take_along_axis(p, chosen, axis=1) if weights else None,
        scores=logits,
        kind="raw",
        mask=mask,
        batch=batch,
    )
    batches = int(batch.max()) + 1
    return SiteTrace(
        Site(name, layer, experts, k),
        kept.counts(batches, experts),
        np.bincount(batch[mask], minlength=batches),
        {"padded": k * np.bincount(batch[~mask], minlength=batches)},
        sample=kept,
    )


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


class TestBalanced:
    @given(st.integers(1, 300), st.integers(1, 40))
    @examples(100)
    def test_counts_are_exactly_ideal(self, experts, each):
        found = layer_metrics(counted(np.full((3, experts), each)))
        for values in (found.values, found.batchwise):
            for name in ("max_vio", "min_vio", "cv_squared", "dead_unused", "dead_relative", "drop_rate"):
                assert values[name] == METRICS[name].balanced == 0.0
            assert values["load_entropy"] == pytest.approx(math.log(experts), rel=1e-15)
            assert values["effective_experts"] == experts
        assert found.relative_load.tolist() == [1.0] * experts

    @pytest.mark.parametrize("experts", [2, 8, 64, 3, 7, 49, 60])
    @pytest.mark.parametrize("k", [1, 2])
    def test_scores_are_exactly_ideal(self, experts, k):
        """Logits all 0, chosen in turn; where 1/E is no binary fraction, to the rounding of its sums."""
        chosen = (np.arange(experts * 4)[:, None] + np.arange(k)) % experts
        kept = Sample(chosen, np.full(chosen.shape, 1.0 / k), np.zeros((experts * 4, experts)), "raw")
        record = SiteTrace(Site("mlp", 0, experts, k), kept.counts(1, experts), [experts * 4], sample=kept)
        values = layer_metrics(record).values
        slack = 0.0 if experts in (2, 8, 64) else 1e-14
        assert values["balance_loss"] == pytest.approx(1.0, rel=slack, abs=0.0)
        assert values["balance_loss_hf"] == pytest.approx(float(k), rel=slack, abs=0.0)
        assert values["router_entropy"] == pytest.approx(math.log(experts), rel=1e-14)
        assert values["z_loss"] == pytest.approx(math.log(experts) ** 2, rel=1e-14)
        assert values["probability_entropy"] == pytest.approx(math.log(experts), rel=1e-14)
        assert values["importance_cv_squared"] == pytest.approx(0.0, abs=1e-28)
        for name in ("dead_first", "dead_probability"):
            assert values[name] == 0.0

    def test_every_ideal_value_above_is_in_the_list(self):
        ideal = {name for name, metric in METRICS.items() if metric.balanced is not None}
        assert ideal == {
            *("max_vio", "min_vio", "cv_squared", "dead_unused", "dead_relative", "drop_rate", "balance_loss"),
            *("dead_first", "dead_probability", "importance_cv_squared"),
        }


class TestLoads:
    @given(COUNTS)
    @examples(150)
    def test_definitions_in_fractions(self, counts):
        total = [sum(column) for column in zip(*counts, strict=True)]
        slots, experts = sum(total), len(total)
        found = layer_metrics(counted(counts))
        if not slots:
            assert all(math.isnan(found.values[name]) for name in ("max_vio", "cv_squared", "load_entropy"))
            assert math.isnan(found.values["dead_unused"])
            return
        f = [Fraction(c, slots) for c in total]
        square = sum(x * x for x in f)
        exact = {
            "max_vio": experts * max(f) - 1,
            "min_vio": experts * min(f) - 1,
            "cv_squared": experts * square - 1,
            "effective_experts": 1 / square,
            "dead_unused": Fraction(sum(c == 0 for c in total), experts),
            "dead_relative": Fraction(sum(10 * experts * c < slots for c in total), experts),
            "dead_slots": Fraction(sum(1000 * c < slots for c in total), experts),
        }
        for name, value in exact.items():
            assert found.values[name] == pytest.approx(float(value), rel=1e-12, abs=1e-14), name
        information = -sum(float(x) * math.log(x) for x in f if x)
        assert found.values["load_entropy"] == pytest.approx(information, abs=1e-13)
        assert found.load_share == pytest.approx([float(x) for x in f], rel=1e-15)

    @given(COUNTS, st.randoms(use_true_random=False))
    @examples(50)
    def test_names_of_experts_do_not_matter(self, counts, random):
        order = random.sample(range(len(counts[0])), len(counts[0]))
        one, two = (layer_metrics(counted(c)).values for c in (counts, np.asarray(counts)[:, order]))
        assert all(one[n] == pytest.approx(two[n], abs=1e-12, nan_ok=True) for n in one)

    @given(COUNTS)
    @examples(80)
    def test_what_they_imply(self, counts):
        record = counted(counts)
        values = layer_metrics(record).values
        if not record.routed.sum():
            return
        experts = record.site.experts
        assert values["min_vio"] <= 0 <= values["max_vio"] <= experts - 1
        assert 1 - 1e-12 <= values["effective_experts"] <= math.exp(values["load_entropy"]) * (1 + 1e-12)
        assert values["load_entropy"] <= math.log(experts)
        assert values["dead_unused"] <= min(values["dead_relative"], values["dead_slots"] or 1.0)

    def test_one_batch_is_worse_than_all(self):
        """MaxVio_batch >= MaxVio_global for batches of one size: the maximum is convex."""
        counts = np.random.default_rng(0).multinomial(100, [0.25] * 4, size=30)
        found = layer_metrics(counted(counts))
        by_hand = np.mean([max(row) / np.mean(row) - 1 for row in counts])
        assert found.batchwise["max_vio"] == pytest.approx(by_hand, rel=1e-12)
        assert found.batchwise["max_vio"] > 5 * found.values["max_vio"]

    def test_a_batch_without_slots_has_no_metrics(self):
        found = layer_metrics(counted([[3, 1], [0, 0]]))
        assert found.batchwise["max_vio"] == found.values["max_vio"] == 0.5

    def test_the_definitions_of_dead_differ(self):
        """Expert 0: fair; 1: under a tenth of fair; 2: under a thousandth of all; 3: unused."""
        counts = np.zeros(20, int)
        counts[:4] = 400, 90, 9, 0
        counts[4:] = (20_000 - counts.sum()) // 16
        values = layer_metrics(counted([counts])).values
        assert [values[n] * 20 for n in ("dead_unused", "dead_slots", "dead_relative")] == [1, 2, 3]
        assert (DEAD, DEAD_SLOTS) == (0.1, 0.001)

    def test_streaks_count_the_last_batches_with_slots(self):
        counts = [[1, 0, 2], [0, 1, 2], [0, 0, 3], [0, 0, 0], [0, 0, 3]]
        found = layer_metrics(counted(counts), streak=3)
        assert found.streaks.tolist() == [3, 2, 0]
        assert found.values["dead_streak"] == pytest.approx(1 / 3)
        assert "dead_streak" not in layer_metrics(counted(counts)).values  # fewer than ten batches
        never = layer_metrics(counted([[1, 0]] * 10))
        assert (never.streaks.tolist(), never.values["dead_streak"]) == ([0, 10], 0.5)

    def test_dropped_slots_are_of_those_that_were_asked_for(self):
        record = SiteTrace(Site("mlp", 0, 2, 2), [[7, 2]], [5], {"dropped": [1], "padded": [90]})
        assert layer_metrics(record).values["drop_rate"] == 0.1


class TestScores:
    @given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 3), st.booleans(), st.sampled_from("efd"))
    @examples(60)
    def test_definitions_token_by_token(self, seed, experts, k, weights, dtype):
        random = np.random.default_rng(seed)
        k, tokens = min(k, experts), int(random.integers(2, 30))
        logits = (4 * random.normal(size=(tokens, experts))).astype(np.dtype(dtype))
        logits[0, 1:] = -np.inf
        mask = random.uniform(size=tokens) < 0.8
        mask[-1] = True
        batch = random.integers(0, 3, tokens)
        batch[0] = 2
        record = routed(
            logits, min(k, experts), mask=mask, batch=batch, bias=random.normal(size=experts), weights=False
        )
        found = layer_metrics(record)
        mass, share, information, squares = [0.0] * experts, [0.0] * experts, 0.0, 0.0
        for row, picked, real in zip(logits.astype(float).tolist(), record.sample.chosen.tolist(), mask, strict=True):
            if real:
                total = sum(math.exp(x) for x in row)
                squares += math.log(total) ** 2
                for e, x in enumerate(row):
                    p = math.exp(x) / total
                    mass[e] += p
                    information -= p * math.log(p) if p else 0.0
                for e in picked:
                    share[e] += 1
        n = int(mask.sum())
        loss = experts * sum(s / (n * k) * m / n for s, m in zip(share, mass, strict=True))
        dead = sum(m / n * experts < DEAD for m in mass) / experts
        assert found.probability == pytest.approx([m / n for m in mass], abs=1e-13)
        expected = {
            "z_loss": squares / n,
            "router_entropy": information / n,
            "balance_loss": loss,
            "balance_loss_hf": k * loss,
            "dead_probability": dead,
        }
        for name, value in expected.items():
            assert found.values[name] == pytest.approx(value, rel=1e-11, abs=1e-12), name
        assert found.values["router_entropy"] <= found.values["probability_entropy"] + 1e-12  # concavity

    def test_probabilities_are_not_softmaxed_again(self):
        """huggingface/transformers#45120; and they say nothing about the size of logits."""
        p = softmax(np.random.default_rng(0).normal(size=(50, 4)))
        raw = routed(np.log(p), 1)
        kept = replace(raw.sample, scores=p, kind="probability")
        found, same = layer_metrics(replace(raw, sample=kept)).values, layer_metrics(raw).values
        assert found["router_entropy"] == pytest.approx(same["router_entropy"], rel=1e-12)
        assert found["balance_loss"] == pytest.approx(same["balance_loss"], rel=1e-12)
        assert "z_loss" not in found
        assert same["z_loss"] == pytest.approx(0.0, abs=1e-28)

    def test_what_was_not_recorded_is_left_out(self):
        record = counted([[5, 5]], sample=Sample([[0], [1]]))
        assert (
            not {"z_loss", "balance_loss", "importance_cv_squared", "dead_first"} & layer_metrics(record).values.keys()
        )
        padding = counted([[5, 5]], sample=Sample([[0]], mask=[False], scores=[[1.0, 2.0]], kind="raw"))
        assert "z_loss" not in layer_metrics(padding).values
        with_weights = counted([[5, 5]], sample=Sample([[0], [1], [0]], weights=[[0.5], [0.25], [0.25]]))
        found = layer_metrics(with_weights)
        assert np.asarray(found.importance).tolist() == [0.75, 0.25]
        assert found.values["importance_cv_squared"] == 0.25
        assert found.probability is None

    def test_first_choices_go_by_weight_or_else_by_score(self):
        chosen = [[0, 1], [1, 2], [2, -1]]
        scores = [[0.0, 5.0, 1.0], [0.0, 1.0, 5.0], [9.0, 1.0, 0.0]]
        weights = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]  # the last slot is nobody's, whatever its weight
        base = SiteTrace(Site("mlp", 0, 3, 2), [[1, 2, 2]], [3], {"null": [1]})
        by_score = batch_sums(replace(base, sample=Sample(chosen, scores=scores, kind="raw")))
        by_weight = batch_sums(replace(base, sample=Sample(chosen, weights, scores, "raw")))
        assert np.asarray(by_score.first).tolist() == [[0, 1, 2]]
        assert np.asarray(by_weight.first).tolist() == [[1, 1, 1]]

    def test_sums_do_not_depend_on_how_many_tokens_are_taken_at_once(self, monkeypatch):
        random = np.random.default_rng(1)
        record = routed(random.normal(size=(500, 5)), 2, batch=random.integers(0, 4, 500), weights=True)
        whole = batch_sums(record)
        monkeypatch.setattr(sums, "_CHUNK", 35)
        for name, array in batch_sums(record).arrays().items():
            assert array == pytest.approx(whole.arrays()[name], rel=1e-13), name


class TestLayers:
    def collapsed(self, k=1):
        """Eight layers, each of which sends every token to experts of its own."""
        random = np.random.default_rng(0)
        logits = 0.01 * random.normal(size=(8, 200, 8))
        for layer in range(8):
            for slot in range(k):
                logits[layer, :, (layer + slot) % 8] += 30.0 - slot
        return RoutingTrace([routed(logits[i], k, f"layers.{i}", i) for i in range(8)])

    def test_layers_cancel_in_the_pooled_loss_and_are_called_collapsed_all_the_same(self):
        trace = self.collapsed()
        together = pooled(trace)
        assert together.balance_loss == pytest.approx(1.0, rel=1e-9)
        assert together.worst == pytest.approx(8.0, rel=1e-9)
        assert [layer_metrics(record).spread for record in trace] == [Spread.COLLAPSED] * 8
        assert all(layer_metrics(record).values["balance_loss"] > 7.99 for record in trace)

    def test_the_other_normalisation_is_k_when_balanced(self):
        together = pooled(self.collapsed(k=2))
        assert together.balance_loss == pytest.approx(1.0, rel=1e-9)
        assert together.balance_loss_hf == pytest.approx(2.0, rel=1e-9)

    @given(st.integers(0, 2**32 - 1), st.integers(1, 3))
    @examples(30)
    def test_the_published_formula_of_transformers(self, seed, k):
        """load_balancing_loss_func: one-hot of the top k of the softmax, means over tokens of all layers."""
        random = np.random.default_rng(seed)
        layers, tokens, experts = 3, 40, 5
        logits = 2 * random.normal(size=(layers, tokens, experts))
        mask = random.uniform(size=tokens) < 0.7
        mask[0] = True
        p = softmax(logits.reshape(-1, experts))
        top = np.argsort(-p, axis=1)[:, :k]
        one_hot = np.eye(experts)[top]  # tokens, k, experts
        valid = np.tile(mask, layers)
        tokens_per_expert = one_hot[valid].mean(axis=0)
        probability_per_expert = p[valid].mean(axis=0)
        theirs = experts * (tokens_per_expert * probability_per_expert[None]).sum()
        trace = RoutingTrace([routed(logits[i], k, f"layers.{i}", i, mask) for i in range(layers)])
        assert pooled(trace).balance_loss_hf == pytest.approx(theirs, rel=1e-12)

    def test_the_worst_layer_is_named(self):
        random = np.random.default_rng(1)
        logits = random.normal(size=(3, 400, 4))
        logits[1, :, 2] += 2.0
        trace = RoutingTrace([routed(logits[i], 1, f"layers.{i}", i) for i in range(3)])
        together = pooled(trace)
        assert together.worst_layer == "layers.1"
        assert together.worst == layer_metrics(trace["layers.1"]).values["balance_loss"]

    @pytest.mark.parametrize(("k", "dead"), [(1, 4), (2, 4), (6, 2), (7, 1)])
    def test_half_of_the_experts_or_all_that_can_be(self, k, dead):
        counts = np.full(8, 1000)
        counts[: dead - 1] = 0
        assert layer_metrics(counted([counts], k)).spread is Spread.SPREAD
        counts[:dead] = 0
        assert layer_metrics(counted([counts], k)).spread is Spread.COLLAPSED

    def test_what_cannot_collapse_has_not(self):
        assert layer_metrics(counted([[1000]])).spread is Spread.SPREAD
        assert layer_metrics(counted([[1000, 1000]], k=2)).spread is Spread.SPREAD

    def test_few_tokens_say_nothing(self):
        assert layer_metrics(counted([[2 * FAIR_SLOTS - 1, 0]])).spread is Spread.UNKNOWN
        assert layer_metrics(counted([[2 * FAIR_SLOTS, 0]])).spread is Spread.COLLAPSED

    def test_false_alarms_of_a_balanced_router(self):
        """Two experts are the worst case: every outcome of n independent tokens, called as the code calls it."""
        worst = 0.0
        for n in range(2 * FAIR_SLOTS, 65):
            called = [c for c in range(n // 8) if layer_metrics(counted([[c, n - c]])).spread is Spread.COLLAPSED]
            assert called == list(range(len(called)))  # so that no larger c is called
            worst = max(worst, 2 * sum(math.comb(n, c) for c in called) / 2**n)
        assert 1e-5 < worst < 3e-5

    def test_refuses(self):
        trace = self.collapsed()
        for bad in (trace.without_samples(), trace.records[0], RoutingTrace([trace.records[0], counted([[1, 2]])])):
            with pytest.raises(mc.ParameterError):
                pooled(bad)
        for call in (layer_metrics, batch_sums):
            with pytest.raises(mc.ParameterError, match="record"):
                call(trace)
        with pytest.raises(mc.ParameterError, match="streak"):
            layer_metrics(trace.records[0], streak=0)


def waves(random, batches, persistence):
    """Counts whose shares wander about a mean with this autocorrelation."""
    state, counts = 0.0, []
    for shock in random.normal(size=batches):
        state = persistence * state + math.sqrt(1 - persistence**2) * shock
        p = np.array([0.3 + 0.06 * math.tanh(state), 0.3 - 0.06 * math.tanh(state), 0.4])
        counts.append(random.multinomial(2000, p))
    return counted(counts)


class TestIntervals:
    def covered(self, name, truth, persistence, **options):
        random = np.random.default_rng(7)
        runs = [interval(waves(random, 60, persistence), name, resamples=300, **options) for _ in range(200)]
        return sum(run.low <= truth <= run.high for run in runs) / 200

    def test_coverage(self):
        """200 traces of 60 batches at 95 %, a few per cent lost to blocks: below 0.90 with chance 10^-3 of 0.95."""
        assert self.covered("max_vio", 0.2, 0.0) >= 0.90
        assert self.covered("cv_squared", 3 * (2 * 0.3**2 + 0.4**2) - 1, 0.0) >= 0.90

    def test_blocks_keep_the_dependence_of_neighbours(self):
        """Expert 0's share wanders slowly, and so the mean of min_vio's batches: blocks of 1 are too sure of it."""
        options = {"batchwise": True}
        random = np.random.default_rng(0)
        long = counted(np.concatenate([waves(random, 500, 0.8).counts for _ in range(20)]))
        truth = layer_metrics(long).batchwise["min_vio"]
        alone = self.covered("min_vio", truth, 0.8, block=1, **options)
        blocks = self.covered("min_vio", truth, 0.8, block=10, **options)
        assert alone < 0.8
        assert blocks > 0.87

    def test_is_about_the_estimate_and_repeats(self):
        record = waves(np.random.default_rng(1), 40, 0.5)
        found = interval(record, "load_entropy")
        assert found.estimate == layer_metrics(record).values["load_entropy"]
        assert found.low < found.estimate < found.high
        assert found == interval(record, "load_entropy") == BatchInterval(**vars(found))
        assert (found.block, found.batches) == (4, 40)
        wider = interval(record, "load_entropy", 0.99)
        assert wider.low < found.low < found.high < wider.high
        of_batches = interval(record, "max_vio", batchwise=True).estimate
        assert of_batches == pytest.approx(layer_metrics(record).batchwise["max_vio"], rel=1e-14)

    def test_noise_alone_is_no_imbalance(self):
        """A balanced router: resampling raises max_vio again, and the interval goes down by as much."""
        random = np.random.default_rng(5)
        runs = [
            interval(counted(random.multinomial(100, [0.125] * 8, size=30)), "max_vio", resamples=200)
            for _ in range(40)
        ]
        assert all(run.estimate > 0.02 for run in runs)
        assert sum(run.low == 0.0 for run in runs) >= 34

    def test_blocks_are_neighbours(self):
        weights = intervals._weights(np.random.default_rng(0), 200, 6, 3)
        assert weights.sum(axis=1).tolist() == [6.0] * 200
        assert weights.max() == 2.0  # two blocks of three
        assert (weights.mean(axis=0) > 0.8).all()  # none is left out at the ends

    def test_bounds_keep_to_what_a_metric_can_be(self):
        counts = [[9, 10, 11], [11, 10, 9]] * 10
        assert interval(counted(counts), "max_vio", block=1).low == 0.0
        assert interval(counted([[9, 10, 0], [9, 10, 1]] * 10), "min_vio", block=1).low >= -1.0

    def test_scores_have_intervals_too(self):
        random = np.random.default_rng(2)
        record = routed(random.normal(size=(600, 4)), 2, batch=np.arange(600) // 30)
        for name in ("router_entropy", "z_loss", "balance_loss", "dead_probability"):
            found = interval(record, name)
            assert found.estimate == pytest.approx(layer_metrics(record).values[name], rel=1e-14)
            assert found.low <= found.estimate <= found.high

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ({"name": "gini"}, "name"),
            ({"name": "z_loss"}, "record"),
            ({"confidence": 1.0}, "confidence"),
            ({"confidence": 0.0}, "confidence"),
            ({"block": 0}, "block"),
            ({"block": 6}, "block"),
            ({"resamples": 99}, "resamples"),
            ({"seed": -1}, "seed"),
            ({"record": counted([[1, 2]] * 9)}, "batches"),
            ({"record": counted([[0, 0]] * 20)}, "record"),
        ],
    )
    def test_refuses(self, arguments, named):
        with pytest.raises(mc.ParameterError) as caught:
            interval(**{"record": counted([[1, 2]] * 11), "name": "max_vio", **arguments})
        assert caught.value.name == named


class TestSummary:
    def trace(self):
        random = np.random.default_rng(3)
        full = routed(random.normal(size=(300, 4)), 2, "decoder.layers.10.mlp", 10)
        bare = counted([[0, 0, 0]])
        return RoutingTrace([full, bare], notes=["the router disagrees"])

    def test_json_is_what_the_layers_say(self):
        content = json.loads(json.dumps(summary(self.trace()), allow_nan=False))
        assert [site["name"] for site in content["sites"]] == ["mlp", "decoder.layers.10.mlp"]
        bare, full = content["sites"]
        assert (bare["values"]["max_vio"], bare["load_share"]) == (None, [None] * 3)
        found = layer_metrics(self.trace().records[1])
        assert (full["values"], full["batchwise"]) == (dict(found.values), dict(found.batchwise))
        assert (full["tokens"], full["k"], full["spread"]) == (300, 2, "spread")
        assert content["pooled"] is None  # sizes differ
        assert content["notes"] == ["the router disagrees"]
        alone = RoutingTrace([self.trace().records[1]])
        assert summary(alone)["pooled"]["balance_loss"] == full["values"]["balance_loss"]

    def test_every_number_of_the_table(self):
        heading, bare, full, note = table(self.trace()).splitlines()
        found = layer_metrics(self.trace().records[1])
        names = ("max_vio", "min_vio", "effective_experts", "dead_relative", "drop_rate", "balance_loss")
        v = {name: f"{found.values[name]:.4g}" for name in names}
        batch = f"{found.batchwise['max_vio']:.4g}"
        assert full.split() == [
            *("decoder.layers.10.mlp", "4", "2", "300", v["max_vio"], batch, v["min_vio"], v["effective_experts"]),
            *(v["dead_relative"], v["drop_rate"], v["balance_loss"], "spread"),
        ]
        assert bare.split() == ["mlp", "3", "1", "0", *"-" * 7, "too", "few", "tokens"]
        assert note == "note: the router disagrees"
        assert [heading.index(word) + len(word) for word in ("tokens", "balance loss")] == [
            full.index(" 300 ") + 4,
            full.index(f" {v['balance_loss']}  spread") + 1 + len(v["balance_loss"]),
        ]
        long = RoutingTrace([replace(self.trace().records[1], site=Site("x" * 300 + "end", 0, 4, 2))])
        assert table(long).splitlines()[1].startswith("..." + "x" * 34 + "end ")
        for call in (table, summary):
            with pytest.raises(mc.ParameterError, match="trace"):
                call(found.record)  # type: ignore[arg-type]

    @pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet"])
    def test_the_command_prints_them(self, suffix, tmp_path, capsys, monkeypatch):
        trace = self.trace()
        path = str(tmp_path / f"t{suffix}")
        (save_counts if suffix == ".parquet" else save)(trace, path)
        kept = trace.without_samples() if suffix == ".parquet" else trace
        for arguments, expected in (([path], table(kept)), ([path, "--json"], json.dumps(summary(kept), indent=1))):
            monkeypatch.setattr("sys.argv", ["moecusp", "load", *arguments])
            assert (main(), *capsys.readouterr()) == (0, expected + "\n", "")

    def test_the_command_refuses_in_one_line(self, tmp_path, capsys, monkeypatch):
        path = tmp_path / "t.npz"
        path.write_bytes(b"PK")
        monkeypatch.setattr("sys.argv", ["moecusp", "load", str(path)])
        assert main() == 2
        out, err = capsys.readouterr()
        assert (out, err) == ("", f"error: {path}: not a whole .npz file: it does not end as one\n")

    def test_the_command_names_a_missing_extra(self, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setattr("sys.argv", ["moecusp", "load", "t.parquet"])
        assert main() == 1
        assert capsys.readouterr().err == "error: Parquet needs the extra 'trace': pip install 'moecusp[trace]'\n"


def test_the_page_has_every_metric():
    page = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
    for metric in METRICS.values():
        ideal = "" if metric.balanced is None else f"{metric.balanced:g}"
        row = f"| `{metric.name}` | {metric.formula} | {ideal} | {'; '.join(metric.aliases)} |"
        assert row in page, row


def test_needs_no_torch():
    code = "import sys, moecusp.metrics, moecusp.trace; print({'torch', 'scipy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
