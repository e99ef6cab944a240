"""The kernels: exactness of the double-double operations, and the elementary functions the solver is built from."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import example, given
from hypothesis import strategies as st

from moecusp._numerics import double, elementary, kernels, pairs
from tests.strategies import log_uniform
from tests.ulp import assert_ulps
from validation import reference

NEAREST = 0.5 + 2.0**-4
"""Units in the last place between a float rounded from a pair of 57 bits and the exact value."""

ordinary = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)


def array(x: float) -> Any:
    return np.array([x])


class TestExactOperations:
    @given(ordinary, ordinary)
    def test_two_sum(self, a: float, b: float) -> None:
        total, error = double.two_sum(a, b)
        assert total == a + b
        assert Fraction(total) + Fraction(error) == Fraction(a) + Fraction(b)

    @given(ordinary, ordinary)
    def test_quick_sum(self, a: float, b: float) -> None:
        a, b = (a, b) if abs(a) >= abs(b) else (b, a)
        total, error = double.quick_sum(a, b)
        assert Fraction(total) + Fraction(error) == Fraction(a) + Fraction(b)

    @given(ordinary, ordinary)
    def test_two_product(self, a: float, b: float) -> None:
        product, error = double.two_product(a, b)
        assert Fraction(product) + Fraction(error) == Fraction(a) * Fraction(b)


class TestFoldPoint:
    @given(st.one_of(log_uniform(-15.6, 15.0), st.floats(0.003, 0.005), st.floats(0.5, 4.0)))
    @example(2.0**-8)
    @example(float(np.nextafter(2.0**-8, 0)))
    @example(2.0**-52)
    @example(2.0**60)
    def test_carries_82_bits(self, d: float) -> None:
        g = 1.0 + d
        d, d_low = double.two_sum(g, -1.0)
        if d == 0.0:
            return
        with np.errstate(all="ignore"):
            high, low, turn, tanh = (part[0] for part in double.fold_point(array(d), array(d_low)))
        exact = reference.fold_asymmetry(g)
        assert abs(arb(high) + arb(low) - exact) < exact * arb(2) ** -82
        assert high + low == high
        assert_ulps(turn, reference.turning_point(g), 0.51, d)
        assert_ulps(tanh, (1 - 1 / arb(g)).sqrt(), 2.6, d)  # units are halves of those above 1

    @pytest.mark.parametrize("d", [2.0**60, 2.0**61, 1e19, 1e22])
    def test_carries_82_bits_where_the_root_is_linear(self, d: float) -> None:
        high, low, _, _ = (part[0] for part in double.fold_point(array(d), array(-1.0)))
        s = (arb(d) * (arb(d) - 1)).sqrt()  # of the exact d - 1
        exact = s - (arb(d) - 1).sqrt().asinh()
        assert abs(arb(high) + arb(low) - exact) < exact * arb(2) ** -82


class TestElementary:
    @given(st.floats(0, 708))
    @example(0.34657359027997264)
    def test_exponential_fraction(self, x: float) -> None:
        above, below = elementary.exponential_fraction(array(0.5 * x))
        assert_ulps((above / below)[0], arb(-x).exp(), 2.5, x)

    @given(st.one_of(st.floats(0, 3), st.floats(0, 800), log_uniform(-90, 0)))
    @example(1.0)
    @example(float(np.nextafter(1.0, 2)))
    def test_tanh_and_its_remainder(self, x: float) -> None:
        tanh, rest = elementary.tanh_pair(array(x))
        ctx.prec = 2000
        exact = arb(x).tanh()
        assert_ulps(tanh[0], exact, 2.0, x)
        assert_ulps(rest[0], arb(x) - exact, 4.5, x)  # a dense sample reaches 4.2, between 0.5 and 1
        ctx.prec = 300

    @given(log_uniform(-300, 300))
    def test_rough_root_and_logarithm(self, x: float) -> None:
        assert abs(elementary.rough_root(array(x))[0] ** 3 / x - 1) < 0.12
        assert abs(elementary.rough_log(array(x))[0] - np.log(x)) < 0.06

    @given(st.one_of(st.floats(-3, 3), st.floats(-700, 700), log_uniform(-50, 0)).filter(lambda x: x != 0))
    @example(2.5)
    @example(4.560587524886738e-108)  # a subnormal result is rounded once
    @example(4e-103)
    def test_sinh_remainder(self, x: float) -> None:
        ctx.prec = 2000
        bound = 0.6 if abs(x) > 1e-102 else 1.0  # a subnormal result is rounded to its coarser grid
        assert_ulps(kernels.sinh_remainder(array(x))[0], arb(x).sinh() - arb(x), bound, x)
        ctx.prec = 300

    @given(st.one_of(st.floats(0, 3), st.floats(0, 356), log_uniform(-90, 0)))
    @example(1.25)
    @example(float(np.nextafter(1.25, 0)))
    @example(2.0**-300)
    @example(float(np.nextafter(2.0**-300, 0)))
    @example(355.58)  # next to the end of the floats
    @example(348.8335)  # where the low part counts for more than an ulp
    def test_sums_of_the_fold_curve(self, u: float) -> None:
        with np.errstate(all="ignore"):
            square, product = (part[0] for part in elementary.curve_sums(array(u)))
        ctx.prec = 2000
        exact = arb(u).cosh() ** 2, arb(u).sinh() * arb(u).cosh() - arb(u)
        for value, wanted, bound in ((square, exact[0], 0.75), (product, exact[1], 0.6)):
            if wanted > arb(float(np.finfo(float).max)):
                assert value == np.inf
            elif wanted > 1e-290:
                assert_ulps(value, wanted, bound, u)
        ctx.prec = 300

    @given(st.floats(0, 711.5))
    def test_quarter_of_the_exponential(self, x: float) -> None:
        with np.errstate(over="ignore"):
            high, low = (part[0] for part in elementary.quarter_exponential(array(x)))
        exact = arb(x).exp() / 4
        if high == np.inf:
            assert exact > arb(float(np.finfo(float).max))
        else:
            assert abs(arb(high) + arb(low) - exact) < exact * arb(2) ** -57

    def test_sinh_remainder_beyond_the_floats(self) -> None:
        assert kernels.sinh_remainder(np.array([-720.0, 800.0, 5e3])).tolist() == [-np.inf, np.inf, np.inf]

    @given(log_uniform(-300, 300))
    def test_cube_root(self, x: float) -> None:
        assert_ulps(kernels.cube_root(array(x))[0], arb(x).root(3), 0.51, x)

    @given(st.floats(-740, 709), st.floats(-1, 1))
    def test_exponential_of_a_pair(self, x: float, part: float) -> None:
        """To 2^-57 as a pair, of which the high part is the nearest float, within half a unit and what 2^-57 makes."""
        low = part * float(np.spacing(x)) / 2
        exact = (arb(x) + arb(low)).exp()
        if x > -700:
            assert_ulps(pairs.exp((array(x), array(low)))[0], exact, NEAREST, x)
            high, rest = (part[0] for part in pairs.exp_pair((array(x), array(low))))
            assert abs(arb(high) + arb(rest) - exact) < exact * arb(2) ** -57
        scaled = pairs.times_exp((array(1e30), array(0.0)), (array(x), array(low)))[0]
        if x < 640:
            assert_ulps(scaled, exact * arb(1e30), NEAREST, x)

    @given(st.one_of(st.floats(0.01, 3), st.floats(-1e6, -1), log_uniform(-50, 0)))
    @example(1.0)
    def test_log_cosh(self, x: float) -> None:
        ctx.prec = 2000
        a = abs(arb(x))
        assert_ulps(kernels.log_cosh(array(x))[0], a + ((1 + (-2 * a).exp()) / 2).log(), 3.0, x)
        ctx.prec = 300

    @pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no wider floats to compare with")
    def test_well_at_many_points(self) -> None:
        x = np.random.default_rng(2).uniform(0.5, 4.0, 400_000)
        wide = x.astype(np.longdouble)
        exact = wide * wide / 2 - wide - np.log1p(np.expm1(-2 * wide) / 2)
        assert (
            np.max(np.abs(kernels.well(x) - exact) / np.spacing(exact.astype(float))) < 3.0
        )  # log1p differs from processor to processor

    @given(st.one_of(st.floats(0.01, 3), log_uniform(-50, 5)))
    @example(2.0)
    @example(1.7121662036322638)
    @example(1.164497472456325)
    def test_well(self, x: float) -> None:
        ctx.prec = 2000
        a = arb(x)
        assert_ulps(kernels.well(array(x))[0], a**2 / 2 - a - ((1 + (-2 * a).exp()) / 2).log(), 3.0, x)
        ctx.prec = 300
