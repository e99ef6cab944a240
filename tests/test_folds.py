import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from tests.reference import fold_point, ulps

gains = st.one_of(
    st.floats(1.0, 4.0, exclude_min=True),
    st.floats(-15.6, 12.0).map(lambda e: 1.0 + 10.0**e).filter(lambda g: g > 1.0),
)


@given(gains)
@example(1.0 + 2.0**-52)
@example(2.0)
@example(np.nextafter(2.0, 3.0))
@example(1e12)
def test_fold_asymmetry_solves_the_defining_equations(gain):
    assert ulps(mc.fold_asymmetry(gain), fold_point(gain)[1]) <= 4


def test_thirteen_digits_next_to_the_cusp():
    gain = 1.0 + 1e-12
    with mp.workdps(60):
        exact = fold_point(gain)[1]
        assert abs(mc.fold_asymmetry(gain) / exact - 1) < mp.mpf(10) ** -15
        naive = np.sqrt(gain * (gain - 1)) - np.arccosh(np.sqrt(gain))
        assert abs(naive / exact - 1) > 1e-3  # what the kernel is for


@given(st.floats(-300.0, 300.0).filter(lambda u: abs(u) > 1e-100))
@example(1e-3)
@example(1.0)
@example(np.nextafter(1.0, 2.0))
@example(-300.0)
def test_fold_curve_zeroes_the_drift_and_its_slope(u):
    gain, asymmetry = mc.fold_curve(u)
    with mp.workdps(60 + 2 * int(abs(u)) + 3 * int(abs(np.log10(abs(u))))):
        x = mp.mpf(u)
        exact_gain = 1 / (1 - mp.tanh(x) ** 2)  # F' = 0
        exact_asymmetry = x - exact_gain * mp.tanh(x)  # F = 0
        assert ulps(gain, exact_gain) <= 4
        assert ulps(asymmetry, exact_asymmetry) <= 4


@given(st.floats(-290.0, 290.0).map(lambda e: 10.0**e), st.sampled_from([-1.0, 1.0]))
@example(0.0, 1.0)
@example(5e-324, -1.0)
@example(1e308, 1.0)
def test_fold_gain_inverts_the_fold_curve(size, sign):
    """Checked in the equations: at the exact fold of the gain found, eta is within what the gain's rounding allows."""
    gain = mc.fold_gain(sign * size)
    assert gain >= 1.0
    if gain == 1.0:
        assert size < 1e-23
        return
    with mp.workdps(60):
        low, high = (fold_point(max(gain * (1 + k * 2.0**-51), 1.0))[1] for k in (-1, 1))
        assert low <= size <= high


def test_monotone():
    gain = 1.0 + np.geomspace(1e-15, 1e15, 2000)
    assert np.all(np.diff(mc.fold_asymmetry(gain)) >= 0)
    assert np.all(np.diff(mc.fold_imbalance(gain)) >= 0)


def test_values_without_a_fold():
    assert np.isnan(mc.fold_asymmetry([0.0, 0.5, np.nextafter(1.0, 0.0)])).all()
    assert np.isnan(mc.fold_imbalance(0.999))
    assert mc.hysteresis_width([0.0, 1.0]).tolist() == [0.0, 0.0]
    assert mc.fold_asymmetry(1.0) == 0.0


def test_imbalance_and_width_at_the_fold():
    for gain in (1.0 + 1e-9, 1.5, 40.0):
        u, eta = fold_point(gain)
        with mp.workdps(60):
            assert ulps(mc.fold_imbalance(gain), -mp.tanh(u)) <= 4
            assert ulps(mc.hysteresis_width(gain), 2 * eta) <= 4


def test_the_fold_curve_overflows_to_infinity_and_says_so_quietly():
    gain, asymmetry = mc.fold_curve([-400.0, 400.0])
    assert gain.tolist() == [np.inf, np.inf]
    assert asymmetry.tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize("u", [0.0, -0.0])
def test_the_cusp_is_the_fold_curve_at_zero(u):
    gain, asymmetry = mc.fold_curve(u)
    assert (float(gain), float(asymmetry)) == (1.0, 0.0)


def test_no_asymmetry_at_the_cusp():
    assert mc.fold_asymmetry(1.0) == 0.0
    assert mc.hysteresis_width(1.0) == 0.0
