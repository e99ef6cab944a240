"""Ties of hard top-k routing: against counts by hand, densities in closed form, and the scatter over repetitions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

import moecusp as mc

INF, NAN = float("inf"), float("nan")
pytestmark = [
    pytest.mark.filterwarnings("ignore:logits look like probabilities"),
    pytest.mark.filterwarnings("ignore:width = .* of the logits"),
]
COARSE = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(3, 5)),
    elements=st.sampled_from([0.0, 0.1, 0.2, 0.25, 1.0, -INF, INF]),
).filter(lambda a: bool((a > -INF).any(axis=1).all()))


def by_hand(logits: np.ndarray, width: float, k: int) -> np.ndarray:
    """Share of the tokens whose k-th and (k+1)-th are i and j, averaged over the orders that sorting could give."""
    experts = logits.shape[1]
    found = np.zeros((experts, experts))
    for token in logits:
        orders = [
            o for o in itertools.permutations(range(experts)) if np.all(token[list(o[:-1])] >= token[list(o[1:])])
        ]
        for order in orders:
            i, j = order[k - 1], order[k]
            tied = token[i] == token[j] > -INF
            if tied or (np.isfinite(token[i]) and token[i] - token[j] <= width):
                found[i, j] += 1.0 / len(orders)
                found[j, i] += 1.0 / len(orders)
    return found / len(logits)


class TestTopK:
    @given(COARSE, st.sampled_from([0.05, 0.1, 0.3]), st.integers(1, 2), st.integers(1, 3))
    def test_by_hand(self, logits: np.ndarray, width: float, k: int, block: int) -> None:
        shares = by_hand(logits, width, k)
        if len(logits) <= block:
            block = 1
        found = mc.hard_susceptibility(logits, width, top_k=k, block=block).susceptibility
        expected = np.diag(shares.sum(axis=1)) - shares
        np.testing.assert_allclose(found, expected / (2.0 * width * k), rtol=1e-13, atol=1e-13)

    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_density_of_equal_gaussians(self, k: int) -> None:
        """K iid normal logits tie at the edge with density K!/((k-1)! (K-k-1)!) int phi^2 Q^(k-1) P^(K-k-1).

        False alarm below 1e-6 (five standard errors).
        """
        experts = 6
        pairs = np.prod(np.arange(1.0, experts + 1)) / np.prod(np.arange(1.0, k)) / np.prod(np.arange(1.0, experts - k))
        density = (
            pairs
            * integrate.quad(
                lambda a: stats.norm.pdf(a) ** 2 * stats.norm.sf(a) ** (k - 1) * stats.norm.cdf(a) ** (experts - k - 1),
                -9.0,
                9.0,
            )[0]
        )  # of the margin at 0; each tie moves a slot of k from one expert to the other
        logits = np.random.default_rng(k).normal(size=(300_000, experts))
        found = mc.hard_susceptibility(logits, 0.01, top_k=k)
        each = density / 2.0 / (experts * (experts - 1) / 2.0) / k
        off = found.susceptibility[0, 1] + each
        assert abs(off) < 5.0 * found.standard_error[0, 1]
        assert found.standard_error[0, 1] < 0.07 * each

    def test_is_the_derivative_of_the_slot_shares(self) -> None:
        """Scores added to two experts move what the response says; false alarm below 1e-6."""
        logits = np.random.default_rng(3).normal(size=(400_000, 5))
        chi = mc.hard_susceptibility(logits, 0.02, top_k=2)
        step, w = 0.02, np.array([1.0, -1.0, 0.5, 0.0, -0.5])

        def shares(scores: np.ndarray) -> np.ndarray:
            chosen = np.argsort(-(logits + scores), axis=1)[:, :2]
            return np.bincount(chosen.ravel(), minlength=5) / chosen.size

        moved = (shares(step * w) - shares(-step * w)) / (2.0 * step)
        np.testing.assert_allclose(moved, chi.susceptibility @ w, atol=6.0 * chi.standard_error.max() * 2.0)

    @pytest.mark.parametrize("bad", [0, 3, 1.0, True])
    def test_range(self, bad: Any) -> None:
        with pytest.raises(mc.ParameterError, match=r"^top_k = .*an integer >= 1 and <= 2"):
            mc.hard_susceptibility(np.zeros((4, 3)), 0.1, top_k=bad)

    def test_a_token_with_too_few_experts_has_no_tie(self) -> None:
        found = mc.hard_susceptibility([[1.0, -INF, -INF], [0.0, 0.1, -INF]], 0.5, top_k=2)
        assert not found.susceptibility.any()
        assert found.ties == 0


class TestBlocks:
    def test_repeated_tokens(self) -> None:
        """Each token eight times in a row: the error is that of an eighth of the tokens."""
        rng = np.random.default_rng(0)
        draws = rng.normal(size=(200, 500, 3))
        eight = np.repeat(draws, 8, axis=1)
        single, blocked = mc.hard_susceptibility(draws, 0.3), mc.hard_susceptibility(eight, 0.3, block=8)
        np.testing.assert_allclose(blocked.susceptibility, single.susceptibility, rtol=1e-13)
        np.testing.assert_allclose(blocked.standard_error, single.standard_error * np.sqrt(500 / 499), rtol=1e-9)
        scatter = blocked.susceptibility.std(axis=0, ddof=1)
        np.testing.assert_allclose(blocked.standard_error.mean(axis=0), scatter, rtol=0.2)

    def test_blocks_of_unequal_size(self) -> None:
        """With padding: the error of a ratio of sums over blocks, from its definition."""
        rng = np.random.default_rng(1)
        logits, kept = rng.normal(size=(60, 3)), rng.random(60) < 0.7
        found = mc.hard_susceptibility(logits, 0.6, block=6, mask=kept)
        share, blocks = by_hand(logits[kept], 0.6, 1), []
        for start in range(0, 60, 6):
            part = slice(start, start + 6)
            blocks.append(by_hand(logits[part][kept[part]], 0.6, 1) * kept[part].sum() - share * kept[part].sum())
        expected = np.sqrt(10 / 9 * (np.array(blocks) ** 2).sum(axis=0)) / kept.sum() / 1.2
        for i, j in ((0, 1), (0, 2), (1, 2)):
            assert found.standard_error[i, j] == pytest.approx(expected[i, j], rel=1e-12)

    def test_a_block_is_not_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        logits = np.random.default_rng(2).normal(size=(100, 3))
        whole = mc.hard_susceptibility(logits, 0.5, block=7)
        monkeypatch.setattr("moecusp._logits._BLOCK", 30)
        for ours, theirs in zip(mc.hard_susceptibility(logits, 0.5, block=7)[:2], whole[:2], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-13)

    def test_one_block_has_no_scatter(self) -> None:
        with pytest.raises(mc.ParameterError, match=r"^block = 4: .*two blocks in every batch"):
            mc.hard_susceptibility(np.zeros((4, 3)), 0.1, block=4)
        with pytest.raises(mc.ParameterError, match=r"^block = 0: .*an integer >= 1"):
            mc.hard_susceptibility(np.zeros((4, 3)), 0.1, block=0)


class TestWidth:
    @pytest.mark.parametrize(("experts", "k"), [(2, 1), (3, 1), (16, 2)])
    def test_bias_and_error_are_balanced(self, experts: int, k: int) -> None:
        """Over 24 samples the bias is at most two standard errors of one, and the width wastes no tokens."""
        totals = []
        for seed in range(24):
            logits = np.random.default_rng(seed).normal(size=(20_000, experts))
            found = mc.hard_susceptibility(logits, top_k=k)
            totals.append(np.trace(found.susceptibility))
        exact = np.mean(
            [
                np.trace(
                    mc.hard_susceptibility(
                        np.random.default_rng(99 + s).normal(size=(200_000, experts)), 0.005, top_k=k
                    ).susceptibility
                )
                for s in range(3)
            ]
        )
        scatter = np.std(totals, ddof=1)
        assert abs(np.mean(totals) - exact) < 2.0 * scatter
        assert scatter < 0.06 * exact

    def test_is_reported_and_used(self) -> None:
        logits = np.random.default_rng(5).normal(size=(5000, 4))
        found = mc.hard_susceptibility(logits)
        again = mc.hard_susceptibility(logits, found.width)
        assert np.array_equal(found.susceptibility, again.susceptibility)
        assert mc.hard_susceptibility(3.0 * logits).width == pytest.approx(3.0 * found.width)

    def test_none_can_be_chosen(self) -> None:
        with pytest.raises(mc.ParameterError, match=r"^width = None: .*no token has its two deciding logits apart"):
            mc.hard_susceptibility(np.zeros((5, 3)))
        assert mc.hard_susceptibility([[0.0, 0.0], [0.0, 0.5], [1.0, 1.0]]).width == 0.5
