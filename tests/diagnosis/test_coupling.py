"""Responses against closed forms of Gaussian logits, and their intervals against the truth, many times over."""

import numpy as np
import pytest

from moecusp import expert_boundary_slope
from moecusp.diagnosis.coupling import Coupling, Deciding, coupling, trade
from moecusp.diagnosis.tokens import Tokens


def tokens(logits, k=1, batches=32):
    logits = np.asarray(logits, dtype=np.float32)
    batch = np.arange(len(logits)) * batches // len(logits)
    return Tokens(logits, "logits", None, k, batch, len(logits), 1.0)


def found(logits, k=1, batches=32) -> Coupling:
    given = tokens(logits, k, batches)
    return coupling(given, Deciding.of(given.logits, k))


def normal(experts, seed, count=4096):
    return np.random.default_rng(seed).standard_normal((count, experts))


class TestDeciding:
    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_against_a_sort(self, k):
        scores = normal(7, 0, 200)
        order = np.argsort(-scores, axis=1)
        d = Deciding.of(scores, k)
        assert np.array_equal(d.last, order[:, k - 1])
        assert np.array_equal(d.next, order[:, k])
        expected = np.take_along_axis(scores, order, axis=1)
        np.testing.assert_allclose(d.margin, expected[:, k - 1] - expected[:, k])

    def test_ties_name_two_experts(self):
        d = Deciding.of(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0]]), 1)
        assert all({a, b} == pair for a, b, pair in zip(d.last, d.next, ({0, 1}, {1, 2}), strict=True))
        assert d.margin.tolist() == [0.0, 0.0]

    def test_experts_that_are_ruled_out(self):
        d = Deciding.of(np.array([[0.0, -np.inf, -np.inf]]), 1)
        assert d.margin.tolist() == [np.inf]


class TestLargest:
    @pytest.mark.parametrize(("experts", "count", "runs"), [(2, 4096, 100), (8, 4096, 100), (64, 4096, 30)])
    def test_coverage_and_mean(self, experts, count, runs):
        """The exact value is in at least 95 % of the intervals: of 100 fewer than 90 would have it in 1 of 90 cases.

        For 64 experts the largest eigenvalue alone is twice the exact one.
        """
        exact = float(expert_boundary_slope(experts)) / (experts - 1)
        hits = sum(
            q.ends[0] <= exact <= q.ends[1]
            for q in (found(normal(experts, seed, count)).largest for seed in range(runs))
        )  # fmt: skip
        assert hits >= 0.9 * runs

    def test_many_tokens_give_the_value(self):
        exact = float(expert_boundary_slope(8)) / 7
        q = found(normal(8, 3, 200_000)).largest
        assert q.number == pytest.approx(exact, rel=0.04)
        assert q.ends[1] - q.ends[0] < 0.3 * exact

    def test_shares_of_slots_have_the_one_over_k(self):
        """Of k = 2 of 3, the tie for the last place is that for the first of the mirrored logits: half the response."""
        a = normal(3, 0, 60_000)
        first, last = found(a, 1), found(-a, 2)
        assert last.largest.number == pytest.approx(first.largest.number / 2, rel=1e-6)
        assert last.largest.ends == pytest.approx(tuple(end / 2 for end in first.largest.ends), rel=1e-6)

    def test_two_experts_closed_form(self):
        """Margins N(b, 2): c their density at 0, lambda_max = 2 c."""
        b = 0.7
        q = found(normal(2, 0, 100_000) + np.array([b, 0.0])).largest
        exact = 2 * np.exp(-(b**2) / 4) / np.sqrt(4 * np.pi)
        assert q.ends[0] <= exact <= q.ends[1]
        assert q.number == pytest.approx(exact, rel=0.05)

    def test_what_follows_from_it(self):
        c = found(normal(8, 0))
        top, critical, safe = c.largest, c.critical, c.safe_rate
        assert critical.number == pytest.approx(1 / top.number)
        assert (critical.ends[0], critical.ends[1]) == pytest.approx((1 / top.ends[1], 1 / top.ends[0]))
        assert safe.number == pytest.approx(2 / top.number)
        assert (safe.ends[0], safe.ends[1]) == pytest.approx((2 / top.ends[1], 2 / top.ends[0]))

    def test_clusters_of_alike_tokens_widen_it(self):
        """Each token 16 times: the standard error is that of a sixteenth of them."""
        once = normal(4, 0, 2048)
        many = np.repeat(once, 16, axis=0)
        apart, alike = found(once).largest, found(many).largest
        assert alike.ends[1] - alike.ends[0] > 0.5 * (apart.ends[1] - apart.ends[0])
        naive = found(np.random.default_rng(0).permutation(many)).largest
        assert naive.ends[1] - naive.ends[0] < 0.5 * (apart.ends[1] - apart.ends[0])


class TestSoft:
    def test_two_experts_by_quadrature(self):
        x, w = np.polynomial.hermite_e.hermegauss(80)
        p = 1 / (1 + np.exp(-(2**0.5) * x))
        exact = 2 * float(w @ (p * (1 - p))) / np.sqrt(2 * np.pi)
        q = found(normal(2, 0, 50_000)).soft
        assert q.ends[0] <= exact <= q.ends[1]
        assert q.number == pytest.approx(exact, rel=0.01)


class TestTrade:
    def test_the_pair_that_was_planted(self):
        """Experts 1 and 4 are always the top two and often tied; the others hardly matter."""
        a = normal(6, 0, 8000)
        a[:, [1, 4]] += 6.0
        c = found(a)
        assert c.trade is not None
        assert {c.trade.gaining, c.trade.losing} == {(1,), (4,)}
        assert c.trade.vector == pytest.approx(
            tuple(np.eye(6)[c.trade.gaining[0]] - np.eye(6)[c.trade.losing[0]]), abs=0.15
        )

    def test_alike_experts_are_not_told(self):
        named = sum(found(normal(16, seed)).trade is not None for seed in range(40))
        assert named <= 4

    def test_one_against_many(self):
        t = trade(np.array([0.1, -0.9, 0.2, 0.2, 0.4]))
        assert (t.gaining, t.losing) == ((1,), (4,))
        assert t.vector[1] == 1.0

    def test_numbers_of_experts_do_not_matter(self):
        a = normal(6, 0, 8000) + np.array([0.0, 3.0, 0.5, 0.2, 3.0, 0.1])
        order = np.random.default_rng(1).permutation(6)
        c, d = found(a), found(a[:, order])
        assert d.largest.number == pytest.approx(c.largest.number, rel=1e-9)
        assert (d.largest.ends[0], d.largest.ends[1]) == pytest.approx((c.largest.ends[0], c.largest.ends[1]), rel=1e-9)
        assert c.trade is not None
        assert d.trade is not None
        assert {order[d.trade.gaining[0]], order[d.trade.losing[0]]} == {c.trade.gaining[0], c.trade.losing[0]}


class TestReasons:
    def test_a_coarse_grid(self):
        c = found(np.round(normal(8, 0), 0))
        assert not c.largest.known
        assert "grid" in c.largest.reason
        assert c.soft.known

    def test_no_two_apart(self):
        c = found(np.zeros((200, 4)))
        assert c.largest.reason == "no token has its two deciding scores apart: the scores lie on a grid"

    def test_no_tokens(self):
        c = coupling("nothing was recorded", None)
        assert {q.reason for q in (c.largest, c.critical, c.safe_rate, c.soft)} == {"nothing was recorded"}
        assert (c.trade, c.trade_reason, c.matrix) == (None, "nothing was recorded", None)
