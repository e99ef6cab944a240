"""Masks, infinities and ties in recorded logits, against the definitions in mpmath or a count by hand."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import moecusp as mc
from moecusp import certify, precise, symbolic

INF, NAN = float("inf"), float("nan")


def reference(logits: Any, beta: float) -> tuple[Any, Any]:
    """chi = beta mean (diag p - p p^T) and its largest eigenvalue, p over the experts that can be chosen."""
    with mp.workdps(60):
        k = len(logits[0])
        chi = mp.zeros(k)
        for row in logits:
            able = [i for i in range(k) if row[i] == max(row)] if max(row) == INF else range(k)
            able = [i for i in able if row[i] > -INF]
            weights = {i: mp.exp(mp.mpf(beta) * mp.mpf(row[i])) if row[i] < INF else mp.mpf(1) for i in able}
            for i, j in itertools.product(able, able):
                z = mp.fsum(weights.values())
                chi[i, j] += mp.mpf(beta) * weights[i] * ((i == j) * z - weights[j]) / z**2 / len(logits)
        return chi, max(mp.eigsy(chi, eigvals_only=True))


CASES = {
    "one masked": [[0.3, -INF, 1.0], [0.2, -INF, -0.5]],
    "masks of their own": [[0.3, -INF, 1.0], [-INF, 0.4, 0.1], [1.0, 2.0, 3.0]],
    "a winner": [[0.3, INF, 1.0], [0.5, 0.1, 0.0]],
    "shared": [[INF, INF, 1.0, -INF], [0.1, -INF, 0.0, 2.0]],
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("beta", [0.7, 1e-3])
class TestInfinities:
    def test_by_definition(self, case: str, beta: float) -> None:
        logits = CASES[case]
        chi, top = reference(logits, beta)
        expected = np.array(chi.tolist(), dtype=float)
        found = mc.susceptibility(logits, beta)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=0.0)
        assert mc.critical_feedback_from_logits(logits, 0.5, beta) == pytest.approx(float(0.5 / top), rel=1e-13)
        np.testing.assert_allclose(found.sum(axis=-1), 0.0, atol=1e-16)

    def test_exact_twins(self, case: str, beta: float) -> None:
        logits = CASES[case]
        chi, top = reference(logits, beta)
        words = [["-oo" if a == -INF else "inf" if a == INF else a for a in row] for row in logits]
        found = precise.susceptibility(words, beta, digits=30)
        balls = certify.susceptibility(words, beta)
        formula = symbolic.susceptibility([[sp.sympify(a) for a in row] for row in logits], sp.Rational(beta)).evalf(20)
        for i, j in itertools.product(range(len(logits[0])), repeat=2):
            assert abs(found[i, j] - chi[i, j]) <= abs(chi[i, j]) * mp.mpf(10) ** -28
            assert abs(float(formula[i, j]) - float(chi[i, j])) <= 1e-14 * abs(float(chi[i, j]))
            assert abs(float(balls[i, j].mid()) - float(chi[i, j])) <= 1e-14 * abs(float(chi[i, j]))
        assert abs(precise.critical_feedback_from_logits(words, 1, beta, digits=20) * top - 1) < 1e-15
        assert abs(float(certify.critical_feedback_from_logits(words, 1, beta).mid()) * float(top) - 1) < 1e-13


def test_nobody_has_a_choice() -> None:
    logits = [[0.0, -INF], [-INF, 3.0]]
    assert mc.critical_feedback_from_logits(logits) == INF
    assert precise.critical_feedback_from_logits(logits) == mp.inf
    assert certify.critical_feedback_from_logits(logits) == INF


def test_a_token_without_an_expert_is_refused() -> None:
    logits = [[0.0, 1.0], [-INF, -INF]]
    for call in (
        mc.susceptibility,
        mc.critical_feedback_from_logits,
        lambda a: mc.hard_susceptibility(a, 0.1),
        precise.susceptibility,
        certify.susceptibility,
        lambda a: symbolic.susceptibility([[sp.sympify(x) for x in row] for row in a]),
    ):
        with pytest.raises(mc.ParameterError, match=r"^logits\[1\] = "):
            call(logits)


def test_the_smallest_temperatures_see_all_of_the_range() -> None:
    """Logits 2e308 apart at beta 1e-308: beta times the difference is 2."""
    chi, _ = reference([[1e308, -1e308, -INF]], 1e-308)
    found = mc.susceptibility([[1e308, -1e308, -INF]], 1e-308)
    np.testing.assert_allclose(found, np.array(chi.tolist(), dtype=float), rtol=1e-13, atol=0.0)


class TestMasks:
    ANCHOR = 2.69611803930979537  # of the first row alone

    def test_masked_arrays(self) -> None:
        logits = np.ma.array([[1, 2, 3], [4, 5, 1e3]], mask=[[False] * 3, [True] * 3])
        assert mc.critical_feedback_from_logits(logits) == pytest.approx(self.ANCHOR, rel=1e-15)
        _, top = reference([[1, 2, 3]], 1.0)
        assert float(1 / top) == pytest.approx(self.ANCHOR, rel=1e-15)
        for whole in (np.ma.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0]])):
            assert mc.critical_feedback_from_logits(whole) == pytest.approx(self.ANCHOR, rel=1e-15)
        ragged = np.ma.array([[1.0, 2.0, 3.0]], mask=[[False, False, True]])
        with pytest.raises(mc.ParameterError, match=r"(?s)^logits = .*masked in whole tokens"):
            mc.susceptibility(ragged)

    @pytest.mark.parametrize("fill", [0.0, 1e3, NAN, INF, -INF])
    def test_padding_is_not_looked_at(self, fill: float) -> None:
        rng = np.random.default_rng(0)
        logits, kept = rng.normal(size=(2, 9, 4)), np.arange(9) < np.array([[5], [8]])
        padded = np.where(kept[..., None], logits, fill)
        for call in (
            lambda a, **m: mc.susceptibility(a, 0.7, **m),
            lambda a, **m: mc.critical_feedback_from_logits(a, [0.5, 2.0][: len(a)], **m),
            lambda a, **m: mc.hard_susceptibility(a, 0.5, **m).susceptibility,
            lambda a, **m: mc.hard_susceptibility(a, 0.5, **m).standard_error,
        ):
            found = call(padded, mask=kept)
            np.testing.assert_allclose(found[:1], call(logits[:1, :5]), rtol=1e-13)
            assert not np.allclose(found, call(logits), rtol=1e-3)
        alone = mc.susceptibility(logits[1, :8])
        np.testing.assert_allclose(
            mc.susceptibility(np.ma.array(padded, mask=~kept[..., None] & np.ones(4, bool)))[1], alone
        )
        assert mc.hard_susceptibility(padded, 0.5, mask=kept).tokens.tolist() == [5, 8]

    def test_tensors_and_their_gradients(self) -> None:
        torch = pytest.importorskip("torch")
        logits = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        padded = torch.cat([logits, torch.full((2, 3), NAN, dtype=torch.float64)]).requires_grad_()
        alone = logits.clone().requires_grad_()
        mask = torch.tensor([1, 1, 1, 1, 1, 0, 0])
        found, expected = mc.critical_feedback_from_logits(padded, mask=mask), mc.critical_feedback_from_logits(alone)
        torch.testing.assert_close(found, expected)
        (by_padded,), (by_alone,) = torch.autograd.grad(found, padded), torch.autograd.grad(expected, alone)
        torch.testing.assert_close(by_padded[:5], by_alone)
        assert by_padded[5:].tolist() == [[0.0] * 3] * 2
        barred = torch.tensor([[0.1, -INF, 0.4], [0.2, 0.3, -0.1]], dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(mc.critical_feedback_from_logits(barred), barred)
        assert gradient.isfinite().all()
        assert gradient[0, 1] == 0.0

    @pytest.mark.parametrize("bad", [[True], [[True] * 3], [0, 0], [1, 2], [0.5, 1.0], ["a", "b"]])
    def test_bad_masks(self, bad: Any) -> None:
        if np.shape(bad) == (1,):
            assert mc.susceptibility(np.ones((2, 3)), mask=bad).shape == (3, 3)  # broadcasts
            return
        with pytest.raises(mc.ParameterError, match=r"^mask = "):
            mc.susceptibility(np.ones((2, 3)), mask=bad)

    def test_masks_of_a_wrong_kind_and_batches_without_a_token(self) -> None:
        """Whole numbers as floats are no mask, nor is a masked one; and it is every batch that needs a token."""
        for bad in ([1.0, 0.0], np.ma.array([True, True], mask=[False, True]), [[True, True], [False, False]]):
            with pytest.raises(mc.ParameterError, match=r"(?s)^mask = "):
                mc.susceptibility(np.ones((2, 2, 3)), mask=bad)

    def test_a_mask_beside_a_masked_array(self) -> None:
        logits = np.random.default_rng(2).normal(size=(3, 4))
        hidden = np.ma.array(logits, mask=np.array([[True], [False], [False]]) & np.ones(4, bool))
        found = mc.susceptibility(hidden, mask=[True, True, False])
        np.testing.assert_allclose(found, mc.susceptibility(logits[1:2]), rtol=1e-14)

    def test_elsewhere_masked_arrays_are_refused(self) -> None:
        masked = np.ma.array([1.5, 2.0], mask=[False, True])
        for call in (mc.fold_asymmetry, mc.gain, mc.RouterParameters, mc.SoftmaxResponse().value):
            with pytest.raises(mc.ParameterError, match="with nothing masked: no average over tokens"):
                call(masked)
        assert mc.fold_asymmetry(np.ma.array([1.5]))[0] == mc.fold_asymmetry(1.5)


def brute(logits: Any, width: float) -> tuple[Any, Any]:
    """Each token shared over all orders in which equal logits can be ranked; the error from the weights themselves."""
    n, k = len(logits), len(logits[0])
    weights = np.zeros((n, k, k))
    for token, row in enumerate(logits):
        orders = [
            o for o in itertools.permutations(range(k)) if all(row[a] >= row[b] for a, b in itertools.pairwise(o))
        ]
        for i, j, *_ in orders:
            if abs(row[i] - row[j]) <= width:
                weights[token, [i, j], [j, i]] += 1 / len(orders)
    own = weights.sum(axis=2)
    weights[:, range(k), range(k)] = own
    sign = 2 * np.eye(k) - 1
    mean = weights.mean(axis=0)
    square = (weights**2).mean(axis=0)
    square, seen = np.where(mean > 0, square, 1 / n), np.where(mean > 0, mean, 1 / n)
    error = np.sqrt(np.maximum(square - seen**2, square / n) / n)
    return sign * mean / (2 * width), error / (2 * width)


@pytest.mark.filterwarnings("ignore:width = .* of the logits")
class TestTies:
    @pytest.mark.parametrize("width", [0.1, 0.25, 0.6])
    def test_shared_over_all_rankings(self, width: float) -> None:
        logits = np.round(np.random.default_rng(3).normal(size=(200, 4)) * 4) / 4
        logits[:3] = [[0.0] * 4, [1.0, 1.0, 1.0, 0.0], [1.0, 0.75, 0.75, 0.75]]
        found = mc.hard_susceptibility(logits, width)
        chi, error = brute(logits.tolist(), width)
        np.testing.assert_allclose(found.susceptibility, chi, atol=1e-13)
        np.testing.assert_allclose(found.standard_error, error, rtol=1e-10)
        ordered = np.sort(logits, axis=1)
        assert found.ties == np.sum(ordered[:, -1] == ordered[:, -2])

    def test_the_order_of_experts_does_not_matter(self) -> None:
        logits = np.round(np.random.default_rng(4).normal(size=(2000, 3)) * 4) / 4
        for order in itertools.permutations(range(3)):
            swapped = mc.hard_susceptibility(logits[:, order], 0.1)
            for ours, theirs in zip(swapped[:2], mc.hard_susceptibility(logits, 0.1)[:2], strict=True):
                np.testing.assert_allclose(ours, theirs[np.ix_(order, order)], rtol=1e-12)

    def test_zeros_are_shared_by_all_pairs(self) -> None:
        chi = mc.hard_susceptibility(np.zeros((5, 3)), 0.5).susceptibility
        np.testing.assert_allclose(chi, np.eye(3) - 1 / 3, rtol=1e-15)

    def test_infinities(self) -> None:
        found = mc.hard_susceptibility([[INF, INF, 0.0], [0.0, -INF, 0.1], [0.0, INF, 0.1], [0.0, -INF, -INF]], 0.5)
        expected = np.array([[0.5, -0.25, -0.25], [-0.25, 0.25, 0.0], [-0.25, 0.0, 0.25]])
        np.testing.assert_array_equal(found.susceptibility, expected)


class TestGrid:
    """Logits of two unit Gaussians, c = 1/sqrt(4 pi), rounded to bfloat16: 2^-8 apart between .5 and 1."""

    TRUTH = 1 / np.sqrt(4 * np.pi)

    def logits(self) -> Any:
        torch = pytest.importorskip("torch")
        return torch.randn(300_000, 2, generator=torch.Generator().manual_seed(5)).bfloat16()

    def test_a_width_below_the_grid_is_told(self) -> None:
        with pytest.warns(UserWarning, match=r"width = 0\.0005 lies below the grid of the logits"):
            found = mc.hard_susceptibility(self.logits(), 5e-4)
        assert found.ties > 0.5 * 300_000 * 1e-3 * self.TRUTH
        assert -found.susceptibility[0, 1] / self.TRUTH > 1.6

    @pytest.mark.parametrize(("ties", "word"), [(0, None), (1, None), (2, "near"), (5, "near"), (6, "below")])
    def test_from_a_tenth_of_ties_on(self, ties: int, word: str | None) -> None:
        """Ten tokens in the slab, so many of them exact ties: told above a tenth, by another word above a half."""
        logits = np.array([[0.0, 0.0]] * ties + [[0.0, 0.25]] * (10 - ties))
        if word is None:
            assert mc.hard_susceptibility(logits, 0.5).ties == ties
            return
        with pytest.warns(UserWarning, match=rf"lies {word} the grid of the logits: {ties}0% of the"):
            assert mc.hard_susceptibility(logits, 0.5).ties == ties

    def test_a_width_above_it_is_not(self) -> None:
        """Five standard errors and the share of ties: false alarm below 6e-7."""
        found = mc.hard_susceptibility(self.logits(), 0.1)
        share = float(found.ties) / (300_000 * 0.2 * self.TRUTH)
        assert share < 0.1
        assert abs(-found.susceptibility[0, 1] - self.TRUTH) < 5 * found.standard_error[0, 1] + share * self.TRUTH

    def test_continuous_logits_have_no_ties(self) -> None:
        assert mc.hard_susceptibility(np.random.default_rng(6).normal(size=(10_000, 3)), 1e-3).ties == 0


def test_probabilities_get_a_hint() -> None:
    p = np.exp(np.random.default_rng(7).normal(size=(40, 5)))
    p /= p.sum(axis=-1, keepdims=True)
    for call in (
        mc.susceptibility,
        mc.critical_feedback_from_logits,
        lambda a, **m: mc.hard_susceptibility(a, 0.1, **m),
    ):
        for given in (p, p.astype(np.float16)):
            with pytest.warns(UserWarning, match="logits look like probabilities"):
                call(given)
        with pytest.warns(UserWarning, match="logits look like probabilities"):
            call(p, mask=np.arange(40) < 30)
        call(np.log(p))
        call(1.1 * p)
        call(p - 0.1)
        call([[1.0, 0.0]])


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_the_warning_of_probabilities_names_the_callers_line(kind: str) -> None:
    torch = pytest.importorskip("torch")
    rows = [[0.25, 0.75], [0.5, 0.5]]
    given = torch.tensor(rows) if kind == "tensor" else np.array(rows)
    for call in (mc.susceptibility, mc.critical_feedback_from_logits, mc.soft_susceptibility):
        with pytest.warns(UserWarning, match="look like probabilities") as caught:
            call(given)
        assert {each.filename for each in caught} == {__file__}
