"""The E parameter and its competitor against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc

WEIGHTS = st.floats(1e-6, 1e6)
CEILING = 2e-16 * 3  # relative; measured 3.3e-16


class TestEcologyParameter:
    @given(WEIGHTS, WEIGHTS, WEIGHTS, st.just(0.0) | WEIGHTS)
    def test_definition(self, t, h, o, b):
        exact = Fraction(t) * Fraction(h) / (Fraction(o) + Fraction(b))
        assert abs(Fraction(float(mc.ecology_parameter(t, h, o, b))) / exact - 1) <= CEILING

    @given(WEIGHTS, WEIGHTS, WEIGHTS, WEIGHTS)
    def test_exponents(self, t, h, o, b):
        """Linear in T and in H, inverse in the scale of (O, B), symmetric in them."""
        e = mc.ecology_parameter(t, h, o, b)
        assert mc.ecology_parameter(2 * t, h, o, b) == 2 * e
        assert mc.ecology_parameter(t, 2 * h, o, b) == 2 * e
        assert mc.ecology_parameter(t, h, 2 * o, 2 * b) == e / 2
        assert mc.ecology_parameter(t, h, b, o) == e

    def test_no_early_overflow(self):
        assert mc.ecology_parameter(1e200, 1e200, 1e200, 1e200) == pytest.approx(5e199)
        assert mc.ecology_parameter(1.0, 1e308, 1e308, 1e308) == 0.5
        assert mc.ecology_parameter(1e308, 1e308, 1.0, 0.0) == np.inf
        assert mc.ecology_parameter(1.0, 0.0, 1.0, 0.0) == 0.0

    @pytest.mark.parametrize("weights", [(0.0, 0.0), ([1.0, 0.0], [0.0, 0.0])])
    def test_nothing_opposes_entropy(self, weights):
        with pytest.raises(mc.ParameterError, match="nothing opposes the entropy"):
            mc.ecology_parameter(1.0, 1.0, *weights)

    def test_broadcasts_and_keeps_float32(self):
        one = np.float32(1.0)
        assert mc.ecology_parameter([[1.0], [2.0]], 1.0, 1.0, [1.0, 3.0]).tolist() == [[0.5, 0.25], [1.0, 0.5]]
        assert mc.ecology_parameter(one, one, one, one).dtype == np.float32


class TestMeanFieldCompetitor:
    @given(st.just(0.0) | WEIGHTS, WEIGHTS, WEIGHTS)
    def test_definition(self, h, o, b):
        exact = (Fraction(h) + Fraction(b)) / Fraction(o)
        assert abs(Fraction(float(mc.mean_field_competitor(h, o, b))) / exact - 1) <= CEILING

    def test_no_early_overflow(self):
        assert mc.mean_field_competitor(1e308, 1e308, 1e308) == 2.0

    def test_no_oracle(self):
        with pytest.raises(mc.ParameterError, match="no feedback"):
            mc.mean_field_competitor(1.0, 0.0, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
@pytest.mark.parametrize("name", ["temperature", "entropy_weight", "oracle_weight", "balance_weight"])
def test_bad_input(name, bad):
    arguments = {"temperature": 1.0, "entropy_weight": 1.0, "oracle_weight": 1.0, "balance_weight": 1.0, name: bad}
    with pytest.raises(mc.ParameterError, match=name):
        mc.ecology_parameter(**arguments)
    del arguments["temperature"]
    if name != "temperature":
        with pytest.raises(mc.ParameterError, match=name):
            mc.mean_field_competitor(**arguments)


def test_temperature_must_be_positive():
    with pytest.raises(mc.ParameterError, match="temperature"):
        mc.ecology_parameter(0.0, 1.0, 1.0, 1.0)
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.mean_field_competitor([1.0, 2.0], [1.0, 2.0, 3.0], 1.0)


def test_beyond_the_floats_is_inf_without_a_warning():
    assert mc.mean_field_competitor(1e308, 1e-300, 1e308) == np.inf
    assert mc.ecology_parameter(1e308, 1e308, 1e-300, 1e-300) == np.inf
