"""The oracle weight from which an expert without a class is dead: the loss's minimum, and exact arithmetic."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from tests.free_probabilities import Loss, minimum

SETTINGS = [
    # q, H, B, K, C, k
    (0.01, 0.4, 0.0, 16, 10, 1), (0.05, 0.3, 0.2, 16, 10, 1), (0.01, 0.3, 0.2, 16, 10, 2), (0.24, 0.5, 0.3, 4, 2, 1),
    (1e-4, 0.7, 0.1, 6, 1, 2), (0.1, 0.2, 1.0, 5, 3, 1), (0.02, 0.3, 0.4, 8, 2, 4),
]  # fmt: skip
WEIGHTS = st.floats(1e-6, 1e6)


class TestAgainstTheMinimum:
    @pytest.mark.parametrize("setting", SETTINGS)
    def test_the_minimum_has_the_threshold(self, setting):
        """From two starts: there is one minimum, its rows have three values, and others' is the threshold."""
        q, h, b, k, c, n = setting
        loss = Loss(h, float(mc.critical_oracle_weight(*setting)), b, k, c, n)
        rng = np.random.default_rng(3)
        for start in (None, rng.normal(size=(c, k))):
            p = minimum(loss, start)
            assert p[:, c:] == pytest.approx(np.full((c, k - c), q), rel=2e-5)
            own = np.eye(c, dtype=bool)
            assert np.ptp(p[:, :c][own]) < 1e-5 * q
            if c > 1:
                assert np.ptp(p[:, :c][~own]) < 1e-4 * q
                assert p[:, :c][~own].max() <= q * (1 + 1e-6)

    @pytest.mark.parametrize("setting", SETTINGS[:3])
    def test_more_oracle_makes_it_dead_and_less_alive(self, setting):
        q, h, b, *crowd = setting
        weight = float(mc.critical_oracle_weight(*setting))
        for factor, dead in ((0.98, False), (1.02, True)):
            assert (minimum(Loss(h, factor * weight, b, *crowd))[:, -1].mean() < q) == dead

    def test_one_minimum(self):
        """On the way between any two states the loss lies below the chord: it is convex in the probabilities."""
        loss, rng = Loss(0.3, 1.2, 0.5, 5, 3, 2), np.random.default_rng(4)
        for one, other in itertools.pairwise(rng.dirichlet(np.full(5, 0.3), size=(40, 3)) + 1e-12):
            ends = [loss(np.log(p).ravel())[0] for p in (one, other, (one + other) / 2)]
            assert ends[2] < (ends[0] + ends[1]) / 2

    def test_the_gradient_of_the_loss_here(self):
        """By differences: the minimum found is that of the loss written out, not of a slip in its gradient."""
        loss, x = Loss(0.3, 1.2, 0.5, 5, 3, 2), np.random.default_rng(5).normal(size=15)
        steps = 1e-5 * np.eye(15)
        slopes = [(loss(x + s)[0] - loss(x - s)[0]) / 2e-5 for s in steps]
        assert loss(x)[1] == pytest.approx(np.array(slopes), abs=1e-8)
        assert loss.counts == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 4])


def exactly(q, h, b, k, c, n=1):
    """Return O_c from the three conditions as they stand in the loss."""
    with mp.workdps(80):
        q, h, b = mp.mpf(q), mp.mpf(h), mp.mpf(b)
        target = mp.mpf(1) / (n * c)
        other = (1 - c * target) / (k - c)
        mean = (1 - (k - c) * q) / c
        pull = b * (mp.log(mean) + k * target) - b * (mp.log(q) + k * other)
        rest = q * mp.exp(-pull / h) if h else mp.mpf(0)
        own = 1 - (k - c) * q - (c - 1) * rest
        return own * (pull + h * mp.log(own / q))


class TestNumbers:
    @given(
        st.floats(1e-12, 0.9999999) | st.floats(1e-300, 1e-9), st.just(0.0) | WEIGHTS, WEIGHTS,
        st.sampled_from([(2, 1), (4, 3), (16, 10), (1000, 7), (10**9, 10**6)]),
    )  # fmt: skip
    @example(1 - 2**-52, 1.0, 1e-6, (16, 10))
    @example(5e-324, 1.0, 1.0, (16, 10))
    def test_to_the_last_digits(self, share, h, b, crowd):
        q = share / crowd[0]
        if q == 0.0 or q >= 1 / crowd[0]:
            return
        found = mp.mpf(float(mc.critical_oracle_weight(q, h, b, *crowd)))
        exact = exactly(q, h, b, *crowd)
        assert abs(found / exact - 1) <= 2e-15

    def test_the_rule_is_its_leading_order(self):
        """The exact critical ratio is larger; the difference goes with the threshold."""
        gaps = []
        for q in (1e-2, 1e-4, 1e-6):
            exact = 0.5 / float(mc.critical_oracle_weight(q, 0.4, 0.1, 16, 10))
            x = 0.1 / float(mc.critical_oracle_weight(q, 0.4, 0.1, 16, 10))
            gaps.append(exact / float(mc.critical_ratio(q, x, 16, 10)) - 1)
        assert 0.3 > gaps[0] > 30 * gaps[1] > 900 * gaps[2] > 0

    @given(st.floats(1e-6, 0.99), st.floats(1e-6, 0.99), WEIGHTS, WEIGHTS)
    def test_falls_in_the_threshold(self, one, other, h, b):
        low, high = sorted((one / 16, other / 16))
        if high > 1.0001 * low:
            assert mc.critical_oracle_weight(low, h, b, 16, 10) > mc.critical_oracle_weight(high, h, b, 16, 10)

    def test_wide_range(self):
        assert mc.critical_oracle_weight(0.01, 1e308, 1e308, 16, 10) == np.inf
        assert mc.critical_oracle_weight(0.01, 5e-324, 1.0, 16, 10) == mc.critical_oracle_weight(0.01, 0.0, 1.0, 16, 10)
        assert mc.critical_oracle_weight(0.06, 1e-3, 1e300, 16, 10) > 1e299

    def test_gradients_where_only_balance_is_left(self):
        """At H = 0 targets of other classes get nothing: O = w B G, dO/dH = w log(w/q), w = 1 - (K - C) q."""
        torch = pytest.importorskip("torch")
        q, h, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.01, 0.0, 0.7))
        slopes = torch.autograd.grad(mc.critical_oracle_weight(q, h, b, 16, 10), (q, h, b))
        own, lean = 0.94, np.log(9.4) + 1.6
        assert slopes[2].item() == pytest.approx(own * lean, rel=1e-14)
        assert slopes[1].item() == pytest.approx(own * np.log(94), rel=1e-14)
        assert slopes[0].item() == pytest.approx(-6 * 0.7 * lean - own * 0.7 * (6 / own + 100), rel=1e-13)

    def test_broadcasts_and_keeps_float32(self):
        one = np.float32(0.01)
        assert mc.critical_oracle_weight([[0.01], [0.02]], [0.1, 0.2, 0.3], 0.1, 16, 10).shape == (2, 3)
        assert mc.critical_oracle_weight(one, one, one, 16, 10).dtype == np.float32


class TestRefusals:
    @pytest.mark.parametrize("q", [0.0, -0.1, 0.0625, 0.5, np.nan, "x"])
    def test_thresholds(self, q):
        with pytest.raises(mc.ParameterError, match=r"^threshold = .* and < 0\.0625$"):
            mc.critical_oracle_weight(q, 1.0, 1.0, 16, 10)

    def test_second_choices_that_would_go_to_targets(self):
        """G is log((1 - 6 q)/(10 q)) - 8/15 at K = 16, C = 10, k = 2: it vanishes at q = 1/(6 + 10 exp(8/15))."""
        edge = 1 / (6 + 10 * np.exp(8 / 15))
        assert mc.critical_oracle_weight(edge * (1 - 1e-9), 1.0, 1.0, 16, 10, 2) > 0
        with pytest.raises(mc.ParameterError, match=r">= 0\.533333: else the second choices"):
            mc.critical_oracle_weight([0.01, edge * (1 + 1e-9)], 1.0, 1.0, 16, 10, 2)

    def test_weights(self):
        for h, b, said in (
            (-1.0, 1.0, "^entropy_weight = -1"),
            (1.0, -1.0, "^balance_weight = -1"),
            (0.0, [1.0, 0.0], "nothing keeps an expert alive"),
        ):
            with pytest.raises(mc.ParameterError, match=said):
                mc.critical_oracle_weight(0.01, h, b, 4, 2)
