"""Susceptibilities in balls, and the largest eigenvalue of symmetric matrices of balls."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import ParameterError, certify
from moecusp.certify.susceptibility import largest_eigenvalue
from tests.examples import examples


def logits(tokens: int, experts: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=(tokens, experts))


def exact_susceptibility(a: Any, beta: float) -> Any:
    """beta mean (diag p - p p^T) by its definition."""
    tokens, k = a.shape
    total = mp.zeros(k, k)
    for row in a:
        e = [mp.exp(mp.mpf(beta) * mp.mpf(float(x))) for x in row]
        p = [x / mp.fsum(e) for x in e]
        for i in range(k):
            for j in range(k):
                total[i, j] += mp.mpf(beta) * ((p[i] if i == j else 0) - p[i] * p[j]) / tokens
    return total


@pytest.mark.parametrize(("tokens", "k", "beta"), [(1, 2, 1.0), (5, 3, 0.5), (7, 6, 3.0)])
def test_by_definition(tokens: int, k: int, beta: float, digits: None) -> None:
    a = logits(tokens, k)
    chi, reference = certify.susceptibility(a, beta), exact_susceptibility(a, beta)
    floats = mc.susceptibility(a, beta)
    for i in range(k):
        for j in range(k):
            assert abs(chi[i, j] - arb(mp.nstr(reference[i, j], 40))) <= abs(chi[i, j]) * arb(10) ** -34
            assert abs(chi[i, j] - float(floats[i, j])) <= 1e-14 * abs(chi[i, j])
            assert chi[i, j].rad() <= abs(chi[i, j]) * arb(2) ** -200
    top = arb(mp.nstr(max(mp.eigsy(reference, eigvals_only=True)), 40))
    critical = certify.critical_feedback_from_logits(a, 0.75, beta)
    assert abs(critical * top / 0.75 - 1) <= arb(10) ** -28
    assert critical.rad() <= critical * arb(2) ** -90
    assert abs(critical - float(mc.critical_feedback_from_logits(a, 0.75, beta))) <= 1e-13 * critical


def test_saturated_logits_keep_their_digits() -> None:
    """Two experts a distance 1000 apart: p (1 - p) = exp(-1000)/(1 + exp(-1000))^2."""
    q = arb(-1000).exp()
    assert (certify.susceptibility([[0, 1000]])[0, 0] / (q / (1 + q) ** 2) - 1).abs_upper() < 1e-60
    assert (certify.critical_feedback_from_logits([[0, 1000]]) * 2 * q / (1 + q) ** 2 - 1).abs_upper() < 1e-25


@given(st.integers(2, 4), st.integers(0, 10**6), st.floats(0, 0.05))
@examples(25)
def test_boxes(k: int, seed: int, radius: float) -> None:
    a = logits(3, k, seed)
    box = [[arb(x, radius) for x in row] for row in a]
    whole, critical = certify.susceptibility(box), certify.critical_feedback_from_logits(box)
    shift = np.random.default_rng(seed + 1).uniform(-0.999, 0.999, a.shape) * radius
    point = certify.susceptibility(a + shift)
    assert all(whole[i, j].contains(point[i, j]) for i in range(k) for j in range(k))
    assert critical.contains(certify.critical_feedback_from_logits(a + shift).mid())
    assert critical.rad() <= 20 * radius * critical + 1e-20


class TestLargestEigenvalue:
    @pytest.mark.parametrize("split", [0.0, 1e-30, 1e-18, 1e-6])
    def test_clusters(self, split: float) -> None:
        """Q diag(1, 1 - split, 1 - split, -2) Q with the reflection Q = 1 - 2 v v^T/v^T v, exact in rationals."""
        v = [arb(1), arb(2), arb(-1), arb(3)]
        d = [arb(1) - arb(split), arb(1), arb(1) - arb(split), arb(-2)]
        q = [[(arb(1) if i == j else arb(0)) - 2 * v[i] * v[j] / 15 for j in range(4)] for i in range(4)]
        found = largest_eigenvalue(
            arb_mat([[sum((q[i][n] * d[n] * q[n][j] for n in range(4)), arb(0)) for j in range(4)] for i in range(4)]),
            256,
        )
        assert found.contains(1)
        assert found.rad() < 2.0**-88

    def test_ball_matrix_holds_every_symmetric_matrix_in_it(self) -> None:
        rng = np.random.default_rng(2)
        for _ in range(20):
            middle, spread = rng.normal(size=(3, 3)), 0.1 * rng.uniform(size=(3, 3))
            middle, spread = middle + middle.T, spread + spread.T
            found = largest_eigenvalue(
                arb_mat([[arb(m, s) for m, s in zip(*r, strict=True)] for r in zip(middle, spread, strict=True)]), 256
            )
            for _ in range(20):
                signs = rng.choice([-1.0, 1.0], size=(3, 3))
                one = middle + spread * (np.triu(signs) + np.triu(signs, 1).T)
                assert abs(float(np.linalg.eigvalsh(one)[-1]) - found) < 1e-12 or found.contains(
                    float(np.linalg.eigvalsh(one)[-1])
                )

    def test_zero(self) -> None:
        assert largest_eigenvalue(arb_mat(2, 2), 256).contains(0)


def test_safe_rate() -> None:
    a = logits(6, 5)
    assert (
        abs(certify.largest_safe_update_rate(certify.susceptibility(a)) / 2 - certify.critical_feedback_from_logits(a))
        < 1e-25
    )
    chi = mc.susceptibility(a)
    assert abs(certify.largest_safe_update_rate(chi) - float(mc.largest_safe_update_rate(chi))) < 1e-12
    assert certify.largest_safe_update_rate([[1, -1], [-1, 1]]).contains(1)


@pytest.mark.parametrize(
    "wrong", [[1, 2], [[1], [2]], [[1, 2], [3]], [], 3, [[1, float("nan")]], [["x", 1]], np.zeros((2, 2, 2)), None]
)
def test_wrong_logits(wrong: Any) -> None:
    with pytest.raises(ParameterError, match="logits"):
        certify.susceptibility(wrong)


def test_other_wrong_arguments() -> None:
    with pytest.raises(ParameterError, match="inverse_temperature"):
        certify.susceptibility([[0, 1]], 0)
    with pytest.raises(ParameterError, match="decay"):
        certify.critical_feedback_from_logits([[0, 1]], -1)
    for wrong in ([[1, 2], [3, 4]], [[1, 2, 3], [2, 3, 4]], [[0, 0], [0, 0]], [[-1, 0], [0, -1]], "x"):
        with pytest.raises(ParameterError, match="susceptibility"):
            certify.largest_safe_update_rate(wrong)
