"""Equilibria of K experts against their equations and the Jacobian; the ceiling is a measured worst error in ulp."""

from __future__ import annotations

from math import comb, nextafter

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import Stability
from tests.expert_equations import bisection, fold, load, root, ulps

pytestmark = pytest.mark.usefixtures("fifty_digits")

ROOTS = 6.0  # ulp; measured: 4.2
GAINS = [0.3, 0.6, 0.91521, 0.91522, 0.95, 1 - 1e-9, nextafter(1, 0), nextafter(1, 2), 1.001, 1.5, 4.0, 900.0, 1e12]


class TestExpertEquilibria:
    @pytest.mark.parametrize("k", [2, 3, 4, 5, 8, 65])
    def test_roots_and_loads(self, k):
        found = mc.expert_equilibria(np.array(GAINS), k)
        for i, m, side in np.argwhere(~np.isnan(found.difference)):
            if m:
                x = root(found.difference[i, m, side], GAINS[i], int(m), k)
                high, low = load(x, int(m), k)
                assert ulps(found.difference[i, m, side], x) <= ROOTS
                assert ulps(found.load_high[i, m, side], high) <= ROOTS
                assert low < mp.mpf(2) ** -1022 or ulps(found.load_low[i, m, side], low) <= ROOTS

    @pytest.mark.parametrize("k", [3, 4, 7, 8, 33, 1000, 10**4])
    def test_next_to_the_folds(self, k):
        for m in {1, (k - 1) // 2, max(1, k // 5)}:
            if 2 * m >= k:
                continue
            x, g = fold(m, k)
            gain = float(g)
            for near in [gain, nextafter(gain, 2), nextafter(gain, 0), gain * (1 + 1e-13), gain + (1 - gain) * 1e-4]:
                row = mc.expert_equilibria(near, k).difference[m]
                assert np.sum(~np.isnan(row)) == (2 if mp.mpf(near) > g else 0)
                if mp.mpf(near) > g:
                    assert row[0] < x < row[1]
                    assert ulps(row[0], bisection(x, mp.mpf(row[0]) * 0.9, near, m, k)) <= ROOTS
                    assert ulps(row[1], bisection(x, mp.mpf(row[1]) * 1.1, near, m, k)) <= ROOTS

    @pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 7])
    @pytest.mark.parametrize("g", [0.8, 0.93, 0.99, 1.2, 3.0])
    def test_stability_is_the_jacobian_s(self, g, k):
        found = mc.expert_equilibria(g, k)
        for m, side in np.argwhere(~np.isnan(found.difference)):
            p = np.array([found.load_high[m, side]] * m + [found.load_low[m, side]] * (k - m))
            assert p.sum() == pytest.approx(1.0)
            eigenvalues = np.linalg.eigvalsh(k * g * (np.diag(p) - np.outer(p, p)) - np.eye(k))
            assert np.all(np.abs(eigenvalues) > 1e-6)
            positive = np.sum(eigenvalues > 0)
            assert found.unstable_directions[m, side] == positive
            assert found.stability[m, side] == (Stability.UNSTABLE if positive else Stability.STABLE)

    @pytest.mark.parametrize("k", [2, 3, 4, 5])
    @pytest.mark.parametrize("g", [0.7, 0.97, 1.3, 2.2])
    def test_list_is_complete(self, g, k):
        """Morse: the potential is a well at infinity, so the signed number of its critical points is 1."""
        found = mc.expert_equilibria(g, k)
        there = ~np.isnan(found.difference)
        copies = np.array([comb(k, m) for m in range(k)])[:, None]
        signs = np.where(there, (-1.0) ** np.abs(found.unstable_directions), 0.0)
        assert np.sum(copies * signs) == 1.0

    @given(st.integers(2, 40), st.floats(0, 20))
    def test_exactly_one_favoured(self, k, g):
        found = mc.expert_equilibria(g, k)
        stable = np.argwhere(found.stability == Stability.STABLE)
        assert set(stable[:, 0].tolist()) <= {0, 1}
        assert (found.stability[1] == Stability.STABLE).sum() == (g > (1.0 if k == 2 else mc.expert_fold_gain(k)))

    @given(st.floats(0.01, 0.999) | st.floats(1, 50, exclude_min=True))
    def test_two_experts(self, g):
        one, two = mc.expert_equilibria(g, 2), mc.equilibria(g)
        assert one.count == 1 + (two.count == 3)
        if two.count == 3:
            assert one.difference[1, 0] == pytest.approx(2 * two.u[2], rel=1e-14)

    def test_at_the_balanced_critical_gain(self):
        three, two = mc.expert_equilibria(1.0, 3), mc.expert_equilibria(1.0, 2)
        assert three.stability[0, 0] == Stability.SEMISTABLE
        assert two.stability[0, 0] == Stability.STABLE
        assert three.count == 2
        assert two.count == 1
        assert three.favoured.tolist() == [0, 1, 2]

    def test_extremes(self):
        found = mc.expert_equilibria(np.array([0.0, 5e-324, 1e300, 1.7e308]), 3)
        assert found.count.tolist() == [1, 1, 3, 3]
        assert found.load_low[2, 1, 0] == 0.0
        assert found.difference[2, 1, 0] == 3e300

    def test_float32(self):
        found = mc.expert_equilibria(np.float32(1.5), 3)
        assert found.difference.dtype == np.float32
        assert found.load_high.dtype == np.float32


def test_padding_has_no_unstable_directions():
    found = mc.expert_equilibria([0.5, 0.95, 1.5], 5)
    absent = np.isnan(found.difference)
    assert np.all((found.stability == Stability.ABSENT) == absent)
    assert np.any(absent)
    assert np.all(found.unstable_directions[absent] == -1)
    assert np.all(found.unstable_directions[~absent] >= 0)
    assert found.stability.dtype == np.int8


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -0.1])
def test_bad_gain(bad):
    with pytest.raises(mc.ParameterError, match="gain"):
        mc.expert_equilibria(bad, 3)
