"""What every load response has in common: folds, equilibria, fold curves, bad input."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.reference import ulps

MARGINS = np.random.default_rng(3).normal(0.2, 1.0, 400)
RESPONSES = {
    "softmax": mc.SoftmaxResponse(inverse_temperature=0.7),
    "gaussian": mc.HardGaussianResponse(sigma=1.3),
    "logistic normal": mc.LogisticNormalResponse(sigma=1.3, inverse_temperature=0.7),
    "hard": mc.EmpiricalResponse(MARGINS, jitter=0.3),
    "soft": mc.EmpiricalResponse(MARGINS, inverse_temperature=1.5),
}


@pytest.fixture(params=RESPONSES, name="response")
def _response(request):
    return RESPONSES[request.param]


def test_slope_is_the_derivative(response):
    for z in (-2.0, -0.3, 0.0, 0.9):
        step = 1e-5
        numeric = (response.value(z + step) - response.value(z - step)) / (2 * step)
        assert response.slope(z) == pytest.approx(numeric, rel=1e-8)


def test_folds_solve_both_equations(response):
    """At a fold kappa G = mu z - h and kappa G' = mu, in the router's own units."""
    decay = 0.6
    feedback = 1.7 * response.critical_feedback(decay)
    z, h = response.folds(feedback, decay)
    assert z.size == 2
    np.testing.assert_allclose(feedback * response.slope(z), decay, rtol=1e-12)
    np.testing.assert_allclose(feedback * response.value(z), decay * z - h, rtol=1e-12)
    kappa, asymmetry = response.fold_curve(z, decay)
    np.testing.assert_allclose(kappa, feedback, rtol=1e-11)
    np.testing.assert_allclose(asymmetry, h, rtol=1e-10)


def test_counts_change_by_two_across_a_fold(response):
    feedback = 1.7 * response.critical_feedback()
    _, folds = response.folds(feedback)
    for h, count in ((folds.min() - 0.01, 1), (folds.mean(), 3), (folds.max() + 0.01, 1)):
        found = response.equilibria(feedback, asymmetry=h)
        assert found.z.size == count
        assert found.stable.tolist() == ([True, False, True] if count == 3 else [True])
        residual = feedback * found.imbalance - found.z + h
        np.testing.assert_allclose(residual, 0.0, atol=1e-12)


@given(st.floats(-60, 1.5), st.floats(-8, 8), st.floats(-2, 2))
def test_fold_curves_of_the_closed_members_keep_their_digits(power, log_scale, log_decay):
    """From z far below the scale, where h ~ z^3, into the tails."""
    scale, decay = 10.0**log_scale, 10.0**log_decay
    z = 10.0**power * scale
    with mp.workdps(200):
        x, width, mu = mp.mpf(z), mp.mpf(scale), mp.mpf(decay)
        beta = mp.mpf(1 / scale)
        soft = mu * (x - mp.sinh(beta * x) / beta)
        slope = mp.sqrt(2 / mp.pi) / width * mp.exp(-((x / width) ** 2) / 2)
        hard = mu * (x - mp.erf(x / width / mp.sqrt(2)) / slope)
        assert ulps(mc.SoftmaxResponse(1 / scale).slope(z), beta / 2 * mp.sech(beta * x / 2) ** 2) <= 2
        assert ulps(mc.HardGaussianResponse(scale).slope(z), slope) <= 1
        assert ulps(mc.HardGaussianResponse(scale).value(z), mp.erf(x / width / mp.sqrt(2))) <= 3
        assert ulps(mc.SoftmaxResponse(1 / scale).fold_curve(z, decay)[1], soft) <= 3
        assert (
            ulps(mc.SoftmaxResponse(1 / scale).fold_curve(z, decay)[0], 2 * mu / beta * mp.cosh(beta * x / 2) ** 2)
            <= 2.5
        )
        assert ulps(mc.HardGaussianResponse(scale).fold_curve(z, decay)[1], hard) <= 4
        assert ulps(mc.HardGaussianResponse(scale).fold_curve(z, decay)[0], mu / slope) <= 2


@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1.0, 1e5, 1e300])
@pytest.mark.parametrize("z", [0.0, 5e-324, 1e-8, 1.0, 800.0, 1e300, 1.7e308])
def test_no_magnitude_gives_nan(scale, z):
    for response in (mc.SoftmaxResponse(scale), mc.HardGaussianResponse(scale)):
        for at in (z, -z):
            assert abs(response.value(at)) <= 1
            assert response.slope(at) >= 0
            feedback, asymmetry = response.fold_curve(at)
            assert feedback > 0
            assert asymmetry * np.sign(at) <= 0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: mc.SoftmaxResponse(0.0), "inverse_temperature"),
        (lambda: mc.SoftmaxResponse([1.0, 2.0]), "inverse_temperature"),  # type: ignore[arg-type]
        (lambda: mc.HardGaussianResponse(-1.0), "sigma"),
        (lambda: mc.EmpiricalResponse([0.0], jitter=-1.0), "jitter"),
        (lambda: mc.EmpiricalResponse([0.0], inverse_temperature=2.0, jitter=1.0), "jitter"),
        (lambda: mc.SoftmaxResponse().equilibria(-1.0), "feedback"),
        (lambda: mc.SoftmaxResponse().folds(1.0, decay=0.0), "decay"),
        (lambda: mc.SoftmaxResponse().folds(-1.0), "feedback"),
        (lambda: mc.SoftmaxResponse().equilibria([1.0, 2.0]), "feedback"),  # type: ignore[arg-type]
        (lambda: mc.SoftmaxResponse().fold_curve("abc"), "z"),
        (lambda: mc.SoftmaxResponse().equilibria(1e300, decay=1e-300), "feedback"),
        (lambda: mc.EmpiricalResponse([0.0, 1e9], jitter=0.1).folds(1.0), "jitter"),
        (lambda: mc.LogisticNormalResponse(0.0), "sigma"),
        (lambda: mc.LogisticNormalResponse(1.0, math.inf), "inverse_temperature"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(mc.ParameterError, match=rf"^{name} = "):
        call()
