"""Metrics: each against its definition written out, exact for balanced routers, and what they imply for each other."""

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

from moecusp.metrics import DEAD, DEAD_SLOTS, METRICS, batch_sums, layer_metrics, sums
from moecusp.trace import Sample, Site, SiteTrace
from tests.examples import examples
from tests.routed import counted, routed, softmax

COUNTS = st.integers(1, 7).flatmap(
    lambda e: st.lists(st.lists(st.integers(0, 50), min_size=e, max_size=e), min_size=1, max_size=6)
)


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
