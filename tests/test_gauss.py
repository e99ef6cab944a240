"""Quotients and products to twice the precision, Gaussian tails, and the panels, against mpmath and exact fractions."""

from __future__ import annotations

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moecusp._numerics import gauss
from tests.reference import ulps

WIDE = st.tuples(st.floats(1, 2), st.integers(-1020, 1020)).map(lambda pair: float(np.ldexp(*pair)))


def one(x: float) -> np.ndarray:
    return np.array([x])


def total(pair: tuple[np.ndarray, np.ndarray]) -> Fraction:
    return Fraction(float(pair[0][0])) + Fraction(float(pair[1][0]))


class TestTwiceThePrecision:
    @given(WIDE, WIDE)
    def test_ratio(self, a: float, b: float) -> None:
        exact = Fraction(a) / Fraction(b)
        if Fraction(2) ** -900 < exact < Fraction(2) ** 1000:
            found = gauss.ratio(one(a), one(b))
            assert found[0][0] == a / b
            assert abs(total(found) / exact - 1) < Fraction(1, 2**102)

    @given(WIDE, WIDE)
    def test_product(self, a: float, b: float) -> None:
        exact = Fraction(a) * Fraction(b)
        if Fraction(2) ** -900 < exact < Fraction(2) ** 1000:
            found = gauss.product(one(a), one(b))
            assert found[0][0] == a * b
            assert total(found) == exact

    def test_beyond_the_range(self) -> None:
        """The float's result and no low part, without a word, whatever the caller has asked NumPy for."""
        with np.errstate(all="raise"):
            assert [float(x[0]) for x in gauss.ratio(one(1e300), one(1e-300))] == [np.inf, 0.0]
            assert [float(x[0]) for x in gauss.ratio(one(-1e300), one(1e-300))] == [-np.inf, 0.0]
            assert [float(x[0]) for x in gauss.ratio(one(1e-300), one(1e300))] == [0.0, 0.0]
            assert float(gauss.ratio(one(3e-320), one(3.0))[0][0]) == 3e-320 / 3.0
            assert [float(x[0]) for x in gauss.ratio(one(0.0), one(7.0))] == [0.0, 0.0]
            assert [float(x[0]) for x in gauss.product(one(1e300), one(1e300))] == [np.inf, 0.0]
            assert [float(x[0]) for x in gauss.product(one(-1e300), one(1e300))] == [-np.inf, 0.0]
            assert [float(x[0]) for x in gauss.product(one(1e-300), one(1e-300))] == [0.0, 0.0]
            assert float(gauss.product(one(1.3e-200), one(1e-120))[0][0]) == 1.3e-200 * 1e-120
            assert np.isnan(gauss.product(one(0.0), one(np.inf))[0][0])


class TestGaussian:
    @pytest.mark.usefixtures("digits")
    @given(st.floats(-38, 38), st.floats(-0.5, 0.5))
    def test_exponential_of_half_the_square(self, z: float, share: float) -> None:
        low = share * float(np.spacing(z))
        exact = mp.exp(-((mp.mpf(z) + mp.mpf(low)) ** 2) / 2)
        assert ulps(float(gauss.gaussian((one(z), one(low)))[0]), exact) <= 0.6

    def test_far_out(self) -> None:
        with np.errstate(all="raise"):
            for z in (39.0, 59.9, -60.0, 1e200, -np.inf):
                low = np.nan if abs(z) > 60.0 else 0.0
                assert gauss.gaussian((one(z), one(low)))[0] == 0.0

    @pytest.mark.usefixtures("digits")
    @pytest.mark.parametrize("z", [1e-9, -0.3, 7.7, 39.1, 59.99])
    def test_half_the_square_is_a_pair(self, z: float) -> None:
        low = 0.3 * float(np.spacing(z))
        found = gauss.half_square((one(z), one(low)))
        exact = -((Fraction(z) + Fraction(low)) ** 2) / 2
        assert abs(total(found) / exact - 1) < Fraction(1, 2**100)


class TestPanels:
    @pytest.mark.parametrize("nodes", [2, 16, 24, 33])
    def test_exact_for_polynomials(self, nodes: int) -> None:
        """Of degree 2 n - 1, on panels of several lengths, one of them empty."""
        breaks = np.array([[-1.0, -0.5, -0.5, 2.0], [0.0, 0.1, 0.2, 1.0]])
        found = gauss.panels(lambda x: x ** (2 * nodes - 1), breaks, nodes)
        exact = [(2.0 ** (2 * nodes) - 1.0) / (2 * nodes), 1.0 / (2 * nodes)]
        np.testing.assert_allclose(found, exact, rtol=1e-13)
