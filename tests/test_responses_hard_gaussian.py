"""Hard selection over Gaussian margins, against mpmath."""

import math

import mpmath as mp
import pytest

import moecusp as mc
from tests.reference import ulps


def test_hard_gaussian_critical_feedback():
    """kappa_c = mu sigma sqrt(pi/2) (docs/theory.md, section 4)."""
    assert mc.HardGaussianResponse(1.7).critical_feedback(0.4) == pytest.approx(0.4 * 1.7 * math.sqrt(math.pi / 2))


@pytest.mark.parametrize("t", [0.3, 1.999, 2.0, 2.001, 2.5, 2.999, 3.0, 8.0, 30.0])
def test_the_curve_of_hard_routing_by_a_dense_sample(t):
    """Within 1.5 ulp on either side of where the two forms meet, for many scales."""
    with mp.workdps(80):
        for sigma in (0.3, 1.0, 1.7, 3e5, 1e-9):
            z = t * sigma
            x = mp.mpf(z) / mp.mpf(sigma)
            exact = mp.mpf(sigma) * (x - mp.erf(x / mp.sqrt(2)) * mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2))
            assert ulps(mc.HardGaussianResponse(sigma).fold_curve(z)[1], exact) <= 1.5
