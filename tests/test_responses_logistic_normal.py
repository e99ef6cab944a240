"""Softmax over Gaussian margins, against its integral."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc


def mean_over_margins(function, sigma, beta, z):
    """E f(beta (z + xi)), xi ~ N(0, sigma^2), by the definition and to 30 digits."""
    spread, centre = mp.mpf(beta) * mp.mpf(sigma), mp.mpf(beta) * mp.mpf(z)
    centres = (centre, centre - spread**2)  # of the density, and of its product with a decaying exponential
    breaks = sorted({*range(-120, 121, 4), *(c + 2 * k * spread for c in centres for k in range(-7, 8))})

    def integrand(x):
        return function(x) * mp.npdf(x, centre, spread)

    peak = max(abs(integrand(x)) for x in breaks)  # mpmath stops at an absolute error
    return peak * mp.quad(lambda x: integrand(x) / peak, breaks, method="gauss-legendre", maxdegree=5)


@pytest.mark.parametrize(
    ("spread", "reduced"),
    [
        (1e-8, 0.7),
        (1e-8, 30.0),
        (0.03, 1e-12),
        (0.4, 9.0),
        (1.0, 0.3),
        (1.0, 60.0),
        (5.0, 24.0),
        (5.0, 1e-9),
        (300.0, 5e3),
    ],
)
def test_logistic_normal_is_its_integral(spread, reduced):
    """G, G' and the fold curve, from spreads far below the temperature to far above it, and in the tails."""
    beta = 1.7
    sigma, z = spread / beta, reduced / beta
    response = mc.LogisticNormalResponse(sigma, beta)
    with mp.workdps(40):
        value = mean_over_margins(lambda x: mp.tanh(x / 2), sigma, beta, z)
        slope = mean_over_margins(lambda x: mp.sech(x / 2) ** 2 * mp.mpf(beta) / 2, sigma, beta, z)
        assert abs(response.value(z) / value - 1) < 1e-13
        assert abs(response.slope(z) / slope - 1) < 1e-13
        if reduced > 1e-3 * (1 + spread):
            assert abs(response.fold_curve(z)[1] / (z - value / slope) - 1) < 1e-13


@pytest.mark.parametrize(("beta", "sigma"), [(2.0, 1e-300), (2.0, 1e-5), (1e5, 0.3), (1e300, 0.3)])
def test_limits_of_the_logistic_normal(beta, sigma):
    """Softmax without margins, hard selection at temperature 0; the gap falls with the square of the ratio."""
    limit = mc.SoftmaxResponse(beta) if beta * sigma < 1 else mc.HardGaussianResponse(sigma)
    response = mc.LogisticNormalResponse(sigma, beta)
    ratio = min(beta * sigma, 1 / (beta * sigma))
    z = limit._scale * np.array([1e-9, 0.1, 1.0, 3.0])
    for name in ("value", "slope"):
        np.testing.assert_allclose(getattr(response, name)(z), getattr(limit, name)(z), rtol=20 * ratio**2 + 1e-14)
    assert ratio < 1e-9 or response.critical_feedback() > limit.critical_feedback()


@given(st.floats(-3, 3), st.floats(-12, 3))
def test_the_logistic_normal_is_odd_and_increasing(power, size):
    response = mc.LogisticNormalResponse(10.0**power)
    z = response._scale * 10.0**size
    assert response.value(-z) == -response.value(z)
    assert response.slope(-z) == response.slope(z)
    assert 0 < response.value(z) <= response.value(1.01 * z) <= 1
    assert response.slope(1.01 * z) <= response.slope(z) * (1 + 1e-13)
    gain = 2 * response.critical_feedback()
    folds, asymmetry = response.folds(gain)
    np.testing.assert_allclose(folds[0], -folds[1], rtol=1e-13)
    assert response.equilibria(gain, asymmetry=0.5 * asymmetry[0]).z.size == 3


def test_slope_below_the_range_of_the_exponential():
    """exp(-beta z) underflows; beta exp(-beta z) does not."""
    for response in (mc.SoftmaxResponse(1e8), mc.LogisticNormalResponse(1e-9, 1e8)):
        with mp.workdps(40):
            z = 720e-8
            exact = 2 * mp.mpf(1e8) * mp.exp(-mp.mpf(1e8) * z + mp.mpf(getattr(response, "sigma", 0.0) * 1e8) ** 2 / 2)
            assert abs(response.slope(z) / exact - 1) < 1e-13


def test_unit_margins_and_temperature_unless_told_otherwise():
    """erf(z/sqrt 2), tanh(z/2) and its mean over margins."""
    for response, exact in (
        (mc.HardGaussianResponse(), mp.erf(0.7 / mp.sqrt(2))),
        (mc.SoftmaxResponse(), mp.tanh(mp.mpf(0.7) / 2)),
        (mc.LogisticNormalResponse(1.3), mean_over_margins(lambda x: mp.tanh(x / 2), 1.3, 1.0, 0.7)),
    ):
        assert float(response.value(0.7)) == pytest.approx(float(exact), rel=1e-14)
