import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import moecusp as mc

MARGINS = np.random.default_rng(3).normal(0.2, 1.0, 400)
RESPONSES = {
    "softmax": mc.SoftmaxResponse(inverse_temperature=0.7),
    "gaussian": mc.HardGaussianResponse(sigma=1.3),
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
        (lambda: mc.SoftmaxResponse().equilibria([1.0, 2.0]), "feedback"),  # type: ignore[arg-type]
        (lambda: mc.SoftmaxResponse().fold_curve("abc"), "z"),
        (lambda: mc.SoftmaxResponse().equilibria(1e12), "feedback"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(mc.ParameterError, match=rf"^{name} = "):
        call()
