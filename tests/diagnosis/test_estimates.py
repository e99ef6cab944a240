"""Intervals: Fieller's against the test that it inverts, and what an estimate may be."""

import numpy as np
import pytest

from moecusp import ParameterError
from moecusp.diagnosis import Estimate, Identification
from moecusp.diagnosis.estimates import ratio, unknown


class TestRatio:
    """a/b of jointly normal a and b."""

    @pytest.mark.parametrize(
        ("a", "b", "variances"),
        [(2.0, 1.5, (0.04, 0.01, 0.02)), (0.1, -2.0, (0.3, -0.1, 0.2)), (-1.0, 3.0, (1e-6, 0.0, 1e-9))],
        ids=["plain", "negative", "narrow"],
    )
    def test_holds_what_the_test_does_not_reject(self, a, b, variances):
        found = ratio(a, b, variances, 1.96, "")
        width = found.high - found.low
        t = np.linspace(found.low - width, found.high + width, 300_001)
        rejected = (a - t * b) ** 2 > 1.96**2 * (variances[0] - 2.0 * t * variances[1] + t * t * variances[2])
        kept = t[~rejected]
        assert kept.min() == pytest.approx(found.low, abs=2e-5 * width)
        assert kept.max() == pytest.approx(found.high, abs=2e-5 * width)
        assert found.value == a / b

    def test_says_why_nothing_bounds_it(self):
        found = ratio(1.0, 0.1, (0.0, 0.0, 0.01), 1.96, "no denominator")
        assert found.status is Identification.NOT_IDENTIFIABLE
        assert str(found) == "not identifiable: no denominator"
        assert not found.known
        assert np.isnan(found.value)

    def test_keeps_its_digits_where_errors_are_of_rounding(self):
        found = ratio(1.0, 3.0, (1e-18, 0.0, 0.0), 2.0, "", exact=True)
        assert found.high - found.low == pytest.approx(4.0 / 3.0 * 1e-9, rel=1e-6)
        assert found.status is Identification.EXACT


class TestEstimate:
    """What is refused, and what is said."""

    def test_prints_its_interval(self):
        assert str(Estimate(1.0, 0.5, 1.5, Identification.ESTIMATED)) == "1 [0.5, 1.5]"

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [((1.0, 2.0, 0.0, Identification.ESTIMATED), "low and high"),
         ((1.0, 0.0, 2.0, Identification.NOT_IDENTIFIABLE), "reason")],
        ids=["ends", "reason"],
    )  # fmt: skip
    def test_refuses_what_says_nothing(self, arguments, name):
        with pytest.raises(ParameterError, match=f"^{name} = "):
            Estimate(*arguments)

    def test_unknown_holds_everything(self):
        assert unknown("why").holds(-1e300)
