"""Loads, floors and dead experts against what was planted, with the stated error rates."""

import numpy as np
import pytest

from moecusp.diagnosis.loads import DEAD_WORDS, Loads, loads
from moecusp.metrics import METRICS, Spread, layer_metrics
from moecusp.trace import Site, SiteTrace
from tests.diagnosis.planted import counted, site_trace


def found(record) -> Loads:
    return loads(record, layer_metrics(record))


EVEN = np.full(8, 1 / 8)


class TestBalanced:
    def test_ratio_is_one(self):
        """200 balanced layers: the mean ratio is 1 within 2 %, and at least 93 % of the intervals hold it."""
        ratios = [found(counted(EVEN, batches=20, seed=seed)).ratio for seed in range(60)]
        assert np.mean([q.number for q in ratios]) == pytest.approx(1.0, abs=0.02)
        hits = sum(q.ends[0] <= 1.0 <= q.ends[1] for q in ratios)
        assert hits >= 51  # of 60; true 95 % intervals have fewer in 1 case of 400

    def test_dispersion_is_one(self):
        each = [found(counted([0.4, 0.3, 0.2, 0.1], seed=seed)).dispersion for seed in range(60)]
        assert np.mean([q.number for q in each]) == pytest.approx(1.0, abs=0.03)
        assert sum(q.ends[0] <= 1.0 <= q.ends[1] for q in each) >= 51

    def test_of_several_slots_too(self):
        q = found(site_trace(experts=6, k=3, batches=60, size=200, sampled=0))
        assert q.dispersion.ends[0] <= 1.0 <= q.dispersion.ends[1]
        assert q.ratio.number == pytest.approx(1.0, abs=0.15)

    def test_batches_of_several_sizes(self):
        rng = np.random.default_rng(0)
        sizes = np.tile([200, 200, 200, 3200], 100)
        counts = np.stack([rng.multinomial(n, EVEN) for n in sizes])
        assert found(SiteTrace(Site("mlp", 0, 8, 1), counts, sizes)).ratio.number == pytest.approx(1.0, abs=0.03)


class TestUneven:
    def test_intervals_of_loads_cover(self):
        shares = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
        hits = []
        for seed in range(60):
            q = found(counted(shares, batches=30, seed=seed))
            assert q.low is not None
            assert q.high is not None
            hits.append((q.low <= 5 * shares) & (5 * shares <= q.high))
        assert np.mean(hits) == pytest.approx(0.95, abs=0.04)

    def test_violation(self):
        q = found(counted([0.3, 0.25, 0.25, 0.2], batches=100))
        assert q.max_violation.ends[0] <= 0.2 <= q.max_violation.ends[1]
        assert q.batch_violation.number > q.max_violation.number
        assert q.ratio.number == pytest.approx(q.batch_violation.number / q.floor.number)

    def test_tokens_that_move_together_are_dispersed(self):
        """Each draw counts ten times: ten times the variance, and the ratio rises by its square root."""
        rng = np.random.default_rng(0)
        counts = 10 * rng.multinomial(100, EVEN, size=100)
        q = found(SiteTrace(Site("mlp", 0, 8, 1), counts, np.full(100, 1000)))
        assert q.dispersion.number == pytest.approx(10.0, rel=0.1)
        assert q.ratio.number == pytest.approx(10**0.5, rel=0.12)


class TestDead:
    @pytest.mark.parametrize("share", [0.0, 0.001, 0.004])
    def test_planted_ones_are_named(self, share):
        shares = np.full(8, (1 - 2 * share) / 6)
        shares[[2, 5]] = share
        q = found(counted(shares, batches=60))
        assert q.dead_experts == (2, 5)
        assert dict(q.dead)["dead_relative"].number == 2.0

    def test_one_at_the_limit_is_rarely_called_dead_for_certain(self):
        """An expert with exactly a tenth of a fair share: called in at most 2.5 % and a little."""
        shares = np.full(8, (1 - 0.1 / 8) / 7)
        shares[0] = 0.1 / 8
        called = sum(bool(found(counted(shares, batches=40, seed=seed)).dead_experts) for seed in range(80))
        assert called <= 8

    def test_definitions_are_those_of_the_metrics(self):
        assert set(DEAD_WORDS) - {"dead_streak"} == {name for name in METRICS if name.startswith("dead")}

    def test_every_definition_counts_or_says_why(self):
        dead = dict(found(counted(EVEN)).dead)
        assert set(dead) == set(DEAD_WORDS)
        assert dead["dead_probability"].reason == "no scores of tokens were recorded"
        assert dead["dead_first"].reason == "neither weights nor scores of tokens were recorded"
        assert [dead[name].number for name in ("dead_unused", "dead_relative", "dead_slots", "dead_streak")] == [
            0.0
        ] * 4
        few = dict(found(counted(EVEN, batches=4)).dead)
        assert few["dead_streak"].reason == "4 batches; 10 are needed"


class TestCannotTell:
    def test_few_batches(self):
        q = found(counted(EVEN, batches=9))
        assert (q.low, q.high, q.interval_reason) == (None, None, "9 batches; an interval takes 10")
        assert q.max_violation.known
        assert not q.max_violation.bounded
        assert q.dead_reason == "9 batches; 10 are the fewest"
        assert q.dispersion.reason == "9 batches; an interval takes 10"

    def test_few_slots_in_a_batch(self):
        q = found(counted(EVEN, size=79))
        assert q.floor.reason == "a batch has 9.88 slots an expert; 10 are the fewest"
        assert q.ratio.reason == q.floor.reason

    def test_few_slots_in_all(self):
        q = found(counted(EVEN, batches=10, size=23))
        assert q.dead_reason == "28.8 slots an expert on average; 30 are the fewest"
        assert q.dead_experts == ()

    def test_nothing_at_all(self):
        q = found(SiteTrace(Site("mlp", 0, 4, 1), np.zeros((12, 4), int), np.zeros(12, int)))
        assert q.max_violation.reason == "no slot went to any expert"
        assert q.spread is Spread.UNKNOWN
        assert q.ratio.reason == "no slot went to any expert"

    def test_every_expert_takes_every_token(self):
        counts = np.full((12, 3), 100)
        q = found(SiteTrace(Site("mlp", 0, 3, 3), counts, np.full(12, 100)))
        assert q.ratio.reason == "sampling makes no imbalance here"
        assert q.floor.number == 0.0
        assert q.dispersion.reason == "no load can vary"
