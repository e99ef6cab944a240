"""What enclosures are made of, one by one: arguments, precision, ends, corners, mean values, certain roots."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from moecusp import certify
from moecusp._arguments import POSITIVE, ParameterError, Range
from moecusp.certify import balls
from moecusp.certify.balls import ball, between, ends, exponent, intersection, refined, root, sharp, size, through
from tests.enclosures import about

BOX = arb(2, 1)


def same(a: Any, b: Any) -> bool:
    """Whether two balls are one, to the last bit."""
    return str(a) == str(b) or bool(a.mid() == b.mid() and a.rad() == b.rad())


def noting(seen: list[Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that notes what it is given, one argument as it is, and answers."""

    def call(*given: Any) -> Any:
        seen.append(given[0] if len(given) == 1 else given)
        return answer(*given)

    return call


class TestArguments:
    @pytest.mark.parametrize(
        ("value", "number"),
        [
            (3, 3), (np.int64(3), 3), (0.1, Fraction(0.1)), (np.float64(0.1), Fraction(0.1)), (Fraction(1, 3), None),
            (Decimal("0.25"), Fraction(1, 4)), (2**200 + 1, 2**200 + 1), (np.longdouble(0.5), Fraction(1, 2)),
        ],
    )  # fmt: skip
    def test_numbers_are_taken_exactly(self, value: Any, number: Any) -> None:
        found = ball("x", value)
        wanted = arb(1) / 3 if number is None else arb(Fraction(number).numerator) / Fraction(number).denominator
        assert found.overlaps(wanted)
        assert number is None or found.is_exact()

    def test_decimals_are_balls_about_their_value(self) -> None:
        assert ball("x", "0.1").overlaps(arb(1) / 10)
        assert ball("x", "0.1").rad() < 1e-80
        assert ball("x", "1 +/- 0.5").contains(1.4)

    @pytest.mark.parametrize(
        ("allowed", "inside", "outside"),
        [
            (POSITIVE, "1e-9", 0), (POSITIVE, arb(1, 0.5), arb(1, 1)), (Range(low=1.0), arb(1), arb(1, 0.1)),
            (Range(high=1.0, open_high=True), "0.999", 1), (Range(high=1.0), 1, "1.001"), (Range(), -5, math.inf),
        ],
    )  # fmt: skip
    def test_the_whole_ball_must_lie_inside(self, allowed: Range, inside: Any, outside: Any) -> None:
        ball("x", inside, allowed)
        with pytest.raises(ParameterError, match=r"^x = "):
            ball("x", outside, allowed)

    def test_experts(self) -> None:
        assert balls.experts_ball(2) == 2
        assert balls.experts_ball(np.int64(5)) == 5
        assert same(balls.experts_ball(arb(3, 0.5)), arb(3, 0.5))


class TestPrecision:
    def test_exact_arguments_get_bits_until_they_suffice(self) -> None:
        used: list[int] = []

        def lost(bits: int) -> Any:
            used.append(bits)
            return arb(1, 2.0 ** (450 - bits))

        assert refined(lost).rel_accuracy_bits() >= 100
        assert used == [256, 512, 1024]

    def test_a_ball_that_does_not_shrink_is_left(self) -> None:
        used: list[int] = []
        assert same(refined(noting(used, lambda _: arb(1, 0.5))), arb(1, 0.5))
        assert used == [256, 512]

    @pytest.mark.parametrize(("shrink", "tries"), [(2.0**-29, 2), (2.0**-31, 6)])
    def test_shrinking_counts_beyond_30_bits(self, shrink: float, tries: int) -> None:
        used: list[int] = []
        refined(noting(used, lambda _: arb(0, shrink ** len(used))))
        assert len(used) == tries
        assert used[-1] <= balls.MOST == 32 * 256

    def test_what_was_not_finite_may_become_so(self) -> None:
        used: list[int] = []
        found = refined(noting(used, lambda _: arb.nan() if len(used) < 3 else arb(1)))
        assert used == [256, 512]
        assert not found.is_finite()
        used.clear()
        assert refined(noting(used, lambda _: arb.nan() if len(used) < 2 else arb(1))) == 1

    def test_one_part_is_enough(self) -> None:
        used: list[int] = []
        refined(noting(used, lambda _: (arb(1), arb(1, 2.0 ** (-40 * len(used))))))
        assert len(used) == 3
        refined(noting(used, lambda _: (arb(1), arb(2))))
        assert len(used) == 4

    def test_formulas_run_at_their_precision(self) -> None:
        seen: list[Any] = []
        sharp(noting(seen, lambda x, _: arb(int(ctx.prec)) * x), x=1, y=("2", POSITIVE))
        assert seen == [(arb(1), arb(2))]
        assert sharp(lambda x: arb(int(ctx.prec)) * x, x=1) == 256

    def test_size_in_bits(self) -> None:
        assert [exponent(arb(x)) for x in (0, 1, 2, 3, 0.5, -4, 2.0**-100)] == [0, 1, 2, 2, 0, 3, -99]
        assert exponent(arb(0, 5)) == 0
        assert balls.precision(100, arb(1), arb(2.0**-100), arb(8)) == 100 + 4 * 99
        assert balls.precision(100, arb(2.0**10)) == 100 + 4 * 11


class TestBoxes:
    def test_ends(self) -> None:
        exact = arb(3)
        assert ends(exact) == (exact, exact)
        assert about(ends(BOX)[0], 1, 1)
        assert about(ends(BOX)[1], 3, 3)

    @pytest.mark.parametrize(
        ("signs", "low", "high"), [((1, 1), 1, 33), ((1, -1), 10, 32), ((-1, 1), 3, 31), ((-1, -1), 30, 12)]
    )
    def test_corners(self, signs: tuple[int, int], low: float, high: float) -> None:
        """The two corners that the signs name, whatever the function."""
        seen: list[tuple[float, float]] = []

        def f(x: arb, y: arb) -> arb:
            seen.append((float(x), float(y)))
            return x + y

        between(f, (BOX, signs[0]), (arb(20, 10), signs[1]))
        first = tuple(1.0 if s > 0 else 3.0 for s in signs[:1]) + tuple(10.0 if s > 0 else 30.0 for s in signs[1:])
        last = tuple(3.0 if s > 0 else 1.0 for s in signs[:1]) + tuple(30.0 if s > 0 else 10.0 for s in signs[1:])
        assert np.allclose(seen, [first, last], atol=1e-7)

    def test_one_corner_is_enough_where_nothing_is_a_box(self) -> None:
        seen: list[Any] = []
        assert between(noting(seen, lambda x, _: x), (arb(2), 1), (BOX, 0)) == 2
        assert len(seen) == 1
        assert same(seen[0][1], BOX)
        assert about(between(lambda x, y: x + y, (BOX, 1), (arb(1, 0.25), 0)), 1.75, 4.25)

    def test_mean_value_or_ends(self) -> None:
        """x^2 - 4 x has the slope 2 x - 4: by the ends beside its turning point, by the mean value theorem about it."""

        def f(x: arb) -> arb:
            return x * x - 4 * x

        def slope(x: arb) -> arb:
            return 2 * x - 4

        assert about(through(f, slope, arb(4, 1)), -3, 5, 1e-6)
        assert about(through(f, slope, arb(0, 1)), -3, 5, 1e-6)
        assert about(through(f, slope, arb(2, 0.5)), -4.5, -3.5, 1e-6)
        assert through(f, slope, arb(3)) == -3
        assert about(through(lambda x: x, lambda x: arb(0), BOX), 1, 3)
        assert about(through(lambda x: arb(5, 0.01), lambda x: arb(0, 9), BOX), 4.99, 5.01)

    def test_intersection(self) -> None:
        assert about(intersection(arb(1, 1), arb(2, 1)), 1, 2)
        for a, b in ((arb(1), arb.nan()), (arb.nan(), arb(1))):
            assert intersection(a, b) == 1
        assert not intersection(arb.nan(), arb.nan()).is_finite()

    def test_size(self) -> None:
        assert same(size(BOX), BOX)
        assert about(size(-BOX), 1, 3)
        assert about(size(arb(1, 2)), 0, 3)
        assert about(size(arb(-1, 2)), 0, 3)
        assert size(arb(0)) == 0

    def test_sech_squared(self) -> None:
        assert about(balls.sech_squared(arb(-1, 2)), 1 / math.cosh(3) ** 2, 1)
        assert about(balls.sech_squared(BOX), 1 / math.cosh(3) ** 2, 1 / math.cosh(1) ** 2)

    def test_doubling(self) -> None:
        assert [float(x) for x in islice(balls.doubling(arb(3)), 4)] == [3, 6, 12, 24]
        assert about(next(balls.doubling(BOX)), 3, 3)


class TestWhereItMatters:
    def test_a_fold_next_to_the_cusp_keeps_its_digits(self) -> None:
        """eta_f is (2/3) (g - 1)^(3/2) to leading order, after a cancellation of all its digits."""
        excess = arb(2) ** -200
        found = certify.fold_asymmetry(1 + excess)
        assert abs(found / (2 * excess * excess.sqrt() / 3) - 1) < arb(2) ** -100

    def test_a_peak_over_widths_about_its_largest(self) -> None:
        """In sigma the density at b is largest at sigma = b: there its box rests on the mean value theorem."""
        for radius in (0.1, 0.01):
            box = certify.boundary_slope(1, arb(1, radius))
            for sigma in (1 - 0.99 * radius, 1.0, 1 + 0.99 * radius):
                assert box.contains(math.sqrt(2 / math.pi) * math.exp(-0.5 / sigma**2) / sigma)
            assert box.rad() < 2 * radius**2


class TestRoots:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_rising_and_falling(self, sign: int) -> None:
        found = root(lambda x: sign * (x**3 - 2), lambda x: sign * 3 * x * x, arb(0), arb(5))
        with ctx.workprec(300):
            assert found.overlaps(arb(2).root(3))
        assert found.rad() < arb(2) ** -210

    def test_fewer_bits(self) -> None:
        found = root(lambda x: x * x - 2, lambda x: 2 * x, arb(1), arb(2), 80)
        assert arb(2) ** -90 < found.rad() <= arb(2) ** -39
        assert found.overlaps(arb(2).sqrt())

    def test_zero_has_no_digits(self) -> None:
        assert root(lambda x: x + x**3, lambda x: 1 + 3 * x * x, arb(-1), arb(3)) == 0
        assert root(lambda x: x, lambda x: arb(1), arb(-1), arb(1), 64) == 0

    def test_bisection_where_the_slope_says_nothing(self) -> None:
        found = root(lambda x: x - arb(1) / 3, lambda x: arb(0, 9), arb(0), arb(1), 80)
        assert found.contains(arb(1) / 3) or found.overlaps(arb(1) / 3)
        assert found.rad() <= arb(2) ** -39

    def test_a_middle_that_is_the_root(self) -> None:
        assert root(lambda x: x - 1, lambda x: arb(0, 9), arb(0), arb(2)) == 1

    def test_a_box_of_parameters_ends_where_signs_do(self) -> None:
        found = root(lambda x: x - arb(1.3, 0.01), lambda x: arb(0, 9), arb(0), arb(2))
        assert found.contains(1.29)
        assert found.contains(1.31)
        assert found.rad() < 0.1

    def test_a_step_outside_is_not_believed(self) -> None:
        """A wrong slope leads away from the cell: it is bisected."""
        found = root(lambda x: x * x - 2, lambda x: arb(1e-9), arb(1), arb(2), 80)
        assert found.overlaps(arb(2).sqrt())
        assert found.rad() <= arb(2) ** -39
