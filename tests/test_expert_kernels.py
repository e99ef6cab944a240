"""What Newton's method for K experts is fed with, against mpmath with 50 digits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from moecusp._numerics import expert_kernels, expert_solver
from tests.expert_equations import ulps

pytestmark = pytest.mark.usefixtures("fifty_digits")

POINTS = [1e-9, 1e-3, 0.1, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 3.0, 7.0, 19.0, 40.0, 300.0]


class TestKernels:
    """What Newton's method is fed with: a wrong slope would still arrive, late."""

    @pytest.mark.parametrize("w", POINTS)
    def test_coth_excess_and_its_slope(self, w):
        x = mp.mpf(w)
        with mp.workdps(100):
            value, slope = x * mp.coth(x) - 1, mp.coth(x) - x / mp.sinh(x) ** 2
        assert ulps(expert_kernels.coth_excess(np.array([w]))[0], value) < 6
        assert ulps(expert_kernels.coth_excess_slope(np.array([w]))[0], slope) < 12

    @pytest.mark.parametrize("x", POINTS)
    def test_bose_and_the_remainder_of_the_falling_exponential(self, x):
        with mp.workdps(100):
            bose, rest = mp.mpf(x) / mp.expm1(x), mp.mpf(x) - 1 + mp.exp(-mp.mpf(x))
        assert ulps(expert_kernels.bose(np.array([x]))[0], bose) < 3
        assert ulps(expert_kernels.falling_exponential_remainder(np.array([x]))[0], rest) < 4

    def test_at_zero(self):
        zero = np.zeros(1)
        assert expert_kernels.bose(zero) == 1.0
        assert expert_kernels.coth_excess(zero) == expert_kernels.coth_excess_slope(zero) == 0.0

    @pytest.mark.parametrize("a", [0.3, 1.0, 2.5, 9.0])
    @pytest.mark.parametrize("share", [1e-3, 0.1, 0.5])
    def test_distances_from_the_fold(self, a, share):
        """B(d) = L(a + d) - L(a) - L'(a) d, L(w) = w coth w, on both sides of a."""
        d = a * share

        def bregman(d):
            return (a + d) * mp.coth(a + d) - a * mp.coth(a) - (mp.coth(a) - a / mp.sinh(a) ** 2) * d

        with mp.workdps(60):
            above = bregman(mp.mpf(d)), mp.diff(bregman, mp.mpf(d))
            below = bregman(-mp.mpf(d)), -mp.diff(bregman, -mp.mpf(d))
        for got, exact in (
            (expert_kernels.beyond(np.array([d]), np.array([a])), above),
            (expert_kernels.before(np.array([d]), np.array([a])), below),
        ):
            assert float(got[0][0]) == pytest.approx(float(exact[0]), rel=3e-12)
            assert float(got[1][0]) == pytest.approx(float(exact[1]), rel=3e-12)

    def test_the_falling_branch_and_the_balanced_end(self):
        """The solver's two one-sided iterations, against their equations."""
        part = np.array([1e-3, 1e-6, 1e-12])
        high = expert_solver._descent(np.array([0.1, 0.01, 1e-5]), part)
        for x, g, share in zip(high, [0.1, 0.01, 1e-5], part, strict=True):
            exact = mp.findroot(lambda v, g=g, share=share: v / mp.expm1(v) + v * mp.mpf(float(share)) - g, float(x))
            assert abs(float(x / exact - 1)) < 4e-16
            assert x > 2.0
        level, t = np.array([1e-9, 0.01, 0.1]), np.array([0.5, 0.9, 0.999])
        for w, gap, slope in zip(expert_solver._ascent(level, t), level, t, strict=True):
            value = mp.mpf(float(slope)) * mp.mpf(float(w)) - (mp.mpf(float(w)) * mp.coth(float(w)) - 1)
            assert abs(float(value / mp.mpf(float(gap)) - 1)) < 3e-15
