"""Double-double arithmetic against exact fractions and mpmath: every function to the digits it carries."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moecusp._numerics import pairs

SIZES = st.one_of(st.floats(-12, 0).map(lambda p: 10.0**p), st.floats(1e-6, 4), st.floats(1, 690))


def pair(x: float, share: float = 0.0) -> Any:
    """A float and a low part of up to half a unit in its last place."""
    return np.array([x]), np.array([share * float(np.spacing(x))])


def total(found: Any) -> mp.mpf:
    return mp.mpf(float(found[0][0])) + mp.mpf(float(found[1][0]))


def fraction(found: Any) -> Fraction:
    return Fraction(float(found[0][0])) + Fraction(float(found[1][0]))


def near(found: Any, exact: mp.mpf, bits: int) -> None:
    assert abs(found[1][0]) <= 0.51 * np.spacing(abs(found[0][0]))
    assert abs(total(found) - exact) <= abs(exact) * mp.mpf(2) ** -bits, mp.nstr(
        mp.log(abs(total(found) / exact - 1), 2)
    )


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_arithmetic(x: float, y: float, s: float, t: float) -> None:
    a, b = pair(x, s), pair(y, t)
    exact = fraction(a), fraction(b)
    size = abs(exact[0]) + abs(exact[1])
    tiny = Fraction(2) ** -1000
    assert abs(fraction(pairs.add(a, b)) - (exact[0] + exact[1])) <= size / 2**104 + tiny
    assert fraction(pairs.negative(a)) == -exact[0]
    if abs(x) > 1e-200:
        product, quotient = exact[0] * exact[1], exact[0] / exact[1]
        assert abs(fraction(pairs.multiply(a, b)) - product) <= abs(product) / 2**101
        assert abs(fraction(pairs.divide(a, b)) - quotient) <= abs(quotient) / 2**101
    root = fraction(pairs.square_root(b))
    assert abs(root * root / exact[1] - 1) <= Fraction(1, 2**101)
    assert pairs.rounded(a)[0] == float(exact[0])


@given(st.floats(0.5, 2), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-1, 1))
def test_a_sum_whose_high_parts_cancel(x: float, s: float, t: float, share: float) -> None:
    """What is left is exact."""
    a, b = pair(x, s), pair(-x, t * share)
    assert fraction(pairs.add(a, b)) == fraction(a) + fraction(b)


def test_rounding_an_infinite_pair() -> None:
    assert pairs.rounded((np.array([np.inf, -np.inf]), np.array([np.nan, np.nan]))).tolist() == [np.inf, -np.inf]


@pytest.mark.usefixtures("digits")
class TestFunctions:
    @given(SIZES, st.floats(-0.5, 0.5), st.sampled_from([-1, 1]))
    @example(600.0, 0.0, 1)
    @example(0.34657359027997264, 0.4, -1)
    def test_expm1(self, size: float, share: float, sign: int) -> None:
        x = pair(sign * size, share)
        near(pairs.expm1(x), mp.expm1(total(x)), 96)

    @given(SIZES, st.floats(-0.5, 0.5))
    @example(3.0, 0.5)
    @example(3.0, -0.5)
    @example(3.0000000000000004, 0.3)
    @example(2.9, 0.1)
    def test_sinh_remainder(self, size: float, share: float) -> None:
        x = pair(size, share)
        with mp.workdps(90):
            exact = mp.sinh(total(x)) - total(x)
        near(pairs.sinh_remainder(x), exact, 96)

    @given(st.floats(-690, 690), st.floats(-0.5, 0.5))
    @example(257.51866362492706, 0.0)
    def test_exponential(self, size: float, share: float) -> None:
        x = pair(size, share)
        exact = mp.exp(total(x))
        assert abs(total(pairs.exp_pair(x)) / exact - 1) < mp.mpf(2) ** -57
        assert abs(mp.mpf(float(pairs.exp(x)[0])) / exact - 1) <= mp.mpf(2) ** -53 * 1.1

    @given(st.floats(-40, 40), st.floats(-0.5, 0.5), st.floats(-1500, 1500), st.floats(-0.5, 0.5))
    def test_times_exponential(self, power: float, share: float, size: float, other: float) -> None:
        """Rounded once, wherever the result is a normal number, although exp(x) may not be one."""
        factor, x = pair(10.0**power, share), pair(size, other)
        exact = total(factor) * mp.exp(total(x))
        if mp.mpf(2) ** -1021 < exact < mp.mpf(2) ** 1023:
            assert abs(mp.mpf(float(pairs.times_exp(factor, x)[0])) / exact - 1) <= mp.mpf(2) ** -53 * 1.1

    def test_beyond_the_range(self) -> None:
        x = np.array([-np.inf, -3000.0, 3000.0, np.inf, np.nan])
        with np.errstate(all="raise"):
            for found in (pairs.exp((x, 0.0 * np.ones(5))), pairs.times_exp(pairs.single(np.ones(5)), pairs.single(x))):
                assert found[:4].tolist() == [0.0, 0.0, np.inf, np.inf]
                assert np.isnan(found[4])

    @given(st.lists(st.floats(0.1, 1), min_size=4, max_size=9), st.floats(0, 1))
    def test_polynomial(self, coefficients: list[float], x: float) -> None:
        """The lowest terms as pairs, the rest as floats: as exact as x^count lets it be."""
        count = len(coefficients) // 2
        found = pairs.head(tuple(coefficients), pair(x), count)
        exact = sum(Fraction(c) * Fraction(x) ** n for n, c in enumerate(coefficients))
        bound = Fraction(1, 2**98) + Fraction(x) ** count * Fraction(20, 2**53)
        assert abs(fraction(found) / exact - 1) <= bound
