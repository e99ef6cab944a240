import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

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


def test_softmax_is_the_two_expert_theory():
    """In reduced variables its folds and equilibria are those of moecusp.folds and moecusp.equilibria."""
    decay, beta, feedback = 0.8, 0.7, 4.0
    response = mc.SoftmaxResponse(beta)
    router = mc.RouterParameters(feedback, decay, beta, 0.1)
    assert response.critical_feedback(decay) == pytest.approx(router.critical_feedback, rel=1e-15)
    assert np.max(response.folds(feedback, decay)[1]) == pytest.approx(router.folds(), rel=1e-12)
    found = response.equilibria(feedback, decay, 0.1)
    np.testing.assert_allclose(beta * found.z / 2, router.equilibria().u, rtol=1e-12)


def test_hard_gaussian_critical_feedback():
    """kappa_c = mu sigma sqrt(pi/2) (docs/theory.md, section 4)."""
    assert mc.HardGaussianResponse(1.7).critical_feedback(0.4) == pytest.approx(0.4 * 1.7 * math.sqrt(math.pi / 2))


def test_empirical_of_gaussian_quantiles_is_the_gaussian():
    """Margins at the quantiles of N(0, 1) with jitter 0.5 respond as N(0, 1.25)."""
    count = 20_000
    quantiles = norm.ppf((np.arange(count) + 0.5) / count)
    empirical = mc.EmpiricalResponse(quantiles, jitter=0.5)
    exact = mc.HardGaussianResponse(math.sqrt(1.25))
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(empirical.value(z), exact.value(z), atol=1e-5)
    np.testing.assert_allclose(empirical.slope(z), exact.slope(z), atol=1e-4)


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


def test_folds_and_equilibria_closer_than_any_grid_are_found():
    """The slope peaks just above mu/kappa: two folds, and between them three equilibria, within 1e-4 of each other."""
    response = mc.EmpiricalResponse([0.123456, 0.123456], jitter=1.0)
    feedback = (1 + 1e-9) / float(response.slope(-0.123456))
    folds, asymmetry = response.folds(feedback)
    assert folds.size == 2
    assert np.diff(folds) < 1e-4
    assert response.equilibria(feedback, asymmetry=float(np.mean(asymmetry))).z.size == 3


def test_clusters_far_apart_are_all_found():
    """A cluster of margins a thousand widths away has its own pair of folds."""
    response = mc.EmpiricalResponse([-50.0, 50.0, 51.0], jitter=0.05)
    z, _ = response.folds(2.0)
    assert z.size == 6
    np.testing.assert_allclose(np.round(z), [-51, -51, -50, -50, 50, 50])


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=20), st.floats(-4, 4))
def test_staircase_counts_tokens(margins, z):
    value = mc.EmpiricalResponse(margins).value(z)
    chosen = [np.sign(z + m) if m != -z else 0.0 for m in margins]
    assert value == pytest.approx(np.mean(chosen), abs=1e-15)


def test_a_staircase_has_no_slope():
    with pytest.raises(mc.ParameterError, match=r"jitter = 0\.0: jitter must be > 0 for slopes"):
        mc.EmpiricalResponse([0.0, 1.0]).critical_feedback()


def test_a_dip_at_the_tie_makes_the_onset_subcritical():
    """Two clusters of margins: collapsed states exist below the feedback at which balance is lost."""
    response = mc.EmpiricalResponse([-1.0, 1.0], jitter=0.45)
    critical = response.critical_feedback()
    z, folds = response.feedback_folds(2 * critical)
    fold = folds[np.abs(z) > 1e-6]
    assert fold.size == 2
    assert np.all(fold < 0.8 * critical)
    between = response.equilibria(0.5 * (fold[0] + critical))
    assert between.stable.tolist() == [True, False, True, False, True]
    below = response.equilibria(0.99 * fold[0])
    assert below.stable.tolist() == [True]


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


def test_feedback_far_below_the_decay():
    found = mc.SoftmaxResponse(1.0).equilibria(1e-3, 1.0, 1e-4)
    assert found.z.size == 1
    assert found.z[0] == pytest.approx(1e-4 / (1 - 5e-4), rel=1e-7)


@pytest.mark.parametrize("asymmetry", [-0.4, -0.01, 0.01, 0.4])
def test_feedback_folds_of_tilted_routers_lie_on_the_curve(asymmetry):
    response = mc.SoftmaxResponse(1.0)
    z, feedback = response.feedback_folds(50.0, 1.0, asymmetry)
    assert z.size == 1
    kappa, h = response.fold_curve(z)
    assert feedback == pytest.approx(kappa, rel=1e-12)
    assert h == pytest.approx(np.full(z.shape, asymmetry), rel=1e-9)


@pytest.mark.parametrize("z", [39.9, 40.1, 41.0])
def test_the_softmax_curve_where_its_two_forms_meet(z):
    with mp.workdps(40):
        exact = float(mp.mpf(z) - mp.sinh(z))
    assert mc.SoftmaxResponse(1.0).fold_curve(z)[1] == pytest.approx(exact, rel=2.5e-16)


def test_unit_margins_and_temperature_unless_told_otherwise():
    """erf(z/sqrt 2), tanh(z/2) and its mean over margins."""
    for response, exact in (
        (mc.HardGaussianResponse(), mp.erf(0.7 / mp.sqrt(2))),
        (mc.SoftmaxResponse(), mp.tanh(mp.mpf(0.7) / 2)),
        (mc.LogisticNormalResponse(1.3), mean_over_margins(lambda x: mp.tanh(x / 2), 1.3, 1.0, 0.7)),
    ):
        assert float(response.value(0.7)) == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("t", [0.3, 1.999, 2.0, 2.001, 2.5, 2.999, 3.0, 8.0, 30.0])
def test_the_curve_of_hard_routing_by_a_dense_sample(t):
    """Within 1.5 ulp on either side of where the two forms meet, for many scales."""
    with mp.workdps(80):
        for sigma in (0.3, 1.0, 1.7, 3e5, 1e-9):
            z = t * sigma
            x = mp.mpf(z) / mp.mpf(sigma)
            exact = mp.mpf(sigma) * (x - mp.erf(x / mp.sqrt(2)) * mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2))
            assert ulps(mc.HardGaussianResponse(sigma).fold_curve(z)[1], exact) <= 1.5
