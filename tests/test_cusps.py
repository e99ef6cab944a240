import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc


@given(st.floats(0.0, 5.0), st.floats(-2.0, 2.0), st.floats(-3.0, 3.0))
def test_the_cubic_is_within_its_remainder_of_the_drift(gain, asymmetry, u):
    """|F - cubic| <= (2/15) g |u|^5, and no smaller power: a wrong linear or cubic coefficient breaks it."""
    mu, cubic, eta = mc.cusp_normal_form(gain, asymmetry)
    error = abs(mc.drift(u, gain, asymmetry) - (eta + mu * u + cubic * u**3))
    assert error <= 2 / 15 * gain * abs(u) ** 5 + 1e-14


def test_the_remainder_bound_is_attained():
    """F - cubic ~ (2/15) g u^5 as u -> 0."""
    mu, cubic, eta = mc.cusp_normal_form(1.0)
    u = 0.02
    assert (mc.drift(u, 1.0) - (eta + mu * u + cubic * u**3)) / u**5 == pytest.approx(2 / 15, rel=1e-3)


@given(st.floats(-12.0, 6.0).map(lambda e: 1.0 + 10.0**e))
def test_the_cubic_folds_lie_inside_and_the_parabola_outside(gain):
    d = gain - 1.0
    assert mc.cusp_set(gain) <= mc.fold_asymmetry(gain) * (1 + 1e-15)
    assert mc.fold_asymmetry(gain) <= 2 / 3 * d**1.5 * (1 + 1e-15)


def test_the_cubic_folds_are_double_roots_of_the_cubic():
    for gain in (1.1, 2.0, 7.0):
        mu, cubic, _ = mc.cusp_normal_form(gain)
        roots = np.roots([cubic, 0.0, mu, mc.cusp_set(gain)])
        assert np.min(np.abs(np.diff(np.sort(roots.real)))) < 1e-6
    assert np.isnan(mc.cusp_set(0.9))
    assert mc.cusp_set(1.0) == 0.0


def test_expansion_of_the_fold_at_the_cusp():
    """eta_f = (2/3) d^(3/2) - (1/5) d^(5/2) + ..., the cubic set has -(1/3) d^(5/2)."""
    d = 1e-4
    leading = 2 / 3 * d**1.5
    assert (mc.fold_asymmetry(1 + d) - leading) / d**2.5 == pytest.approx(-1 / 5, rel=1e-3)
    assert (mc.cusp_set(1 + d) - leading) / d**2.5 == pytest.approx(-1 / 3, rel=1e-3)
