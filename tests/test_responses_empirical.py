"""The response of recorded margins."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import moecusp as mc


def test_empirical_of_gaussian_quantiles_is_the_gaussian():
    """Margins at the quantiles of N(0, 1) with jitter 0.5 respond as N(0, 1.25)."""
    count = 20_000
    quantiles = norm.ppf((np.arange(count) + 0.5) / count)
    empirical = mc.EmpiricalResponse(quantiles, jitter=0.5)
    exact = mc.HardGaussianResponse(math.sqrt(1.25))
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(empirical.value(z), exact.value(z), atol=1e-5)
    np.testing.assert_allclose(empirical.slope(z), exact.slope(z), atol=1e-4)


def test_folds_and_equilibria_closer_than_any_grid_are_found():
    """The slope peaks just above mu/kappa: two folds, and between them three equilibria, within 1e-4 of each other."""
    response = mc.EmpiricalResponse([0.123456, 0.123456], jitter=1.0)
    feedback = (1 + 1e-9) / float(response.slope(-0.123456))
    folds, asymmetry = response.folds(feedback)
    assert folds.size == 2
    assert np.diff(folds) < 1e-4
    assert response.equilibria(feedback, asymmetry=float(np.mean(asymmetry))).z.size == 3


def test_no_asymmetry_has_a_fold_below_the_largest_slope():
    """The steepest point is off 0, and off both clusters' centres."""
    response = mc.EmpiricalResponse([-1.2, 0.9, 1.1, 1.5], jitter=0.4)
    top = response.largest_slope()
    assert top == pytest.approx(float(response.slope(np.linspace(-4, 4, 80_001)).max()), rel=1e-9)
    assert response.folds(0.999 / top)[0].size == 0
    assert response.folds(1.001 / top)[0].size == 2


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
