"""Softmax as a load response: against the two-expert theory and mpmath."""

import mpmath as mp
import numpy as np
import pytest

import moecusp as mc


def test_softmax_is_the_two_expert_theory():
    """In reduced variables its folds and equilibria are those of moecusp.folds and moecusp.equilibria."""
    decay, beta, feedback = 0.8, 0.7, 4.0
    response = mc.SoftmaxResponse(beta)
    router = mc.RouterParameters(feedback, decay, beta, 0.1)
    assert response.critical_feedback(decay) == pytest.approx(router.critical_feedback, rel=1e-15)
    assert np.max(response.folds(feedback, decay)[1]) == pytest.approx(router.folds(), rel=1e-12)
    found = response.equilibria(feedback, decay, 0.1)
    np.testing.assert_allclose(beta * found.z / 2, router.equilibria().u, rtol=1e-12)


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
