"""The subject cusp: predictions and a run against formulas written out here; what its pictures show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.optimize import brentq

from tests.validation.planted import line
from tests.validation.routers.cusp_truth import PROFILE as P
from tests.validation.routers.cusp_truth import planted
from tests.validation.routers.truth import PROFILE
from validation.routers import cusp
from validation.streams import stream
from validation.training.tokens import load_tokens

BETA, MU = P.inverse_temperature, P.decay


@pytest.fixture(scope="module", name="plan")
def _plan(plans):
    return plans("cusp")


@pytest.fixture(scope="module", name="router")
def _router(plan):
    """Response and its derivative of the first linear gate, with its cusp."""
    images = load_tokens().train[: P.tokens].double().numpy()
    logits = images @ plan["cusp.linear.0"][0].T
    margin = logits[:, 0] - logits[:, 1]
    margin -= margin.mean()

    def value(z):
        return np.tanh(0.5 * BETA * (z + margin)).mean()

    def slope(z):
        return np.mean(0.5 * BETA / np.cosh(0.5 * BETA * (z + margin)) ** 2)

    return value, slope, plan["cusp.linear.point"][0]


class TestPredictions:
    def test_cusp(self, router):
        value, slope, (kappa, h, z) = router
        near = z + np.array([-1e-3, 1e-3])
        assert slope(z) > max(map(slope, near))
        assert kappa == pytest.approx(MU / slope(z), rel=1e-9)
        assert h == pytest.approx(MU * z - kappa * value(z), abs=1e-9)

    def test_folds_and_area(self, router, plan):
        """The area by integrating the outer branches, each found root by root."""
        value, slope, (kappa, _, z) = router
        feedback = kappa * (1 + P.distances[-1])
        low, high = (brentq(lambda x: feedback * slope(x) - MU, *ends) for ends in ((z - 3, z), (z, z + 3)))
        folds = [MU * x - feedback * value(x) for x in (low, high)]
        assert_allclose(plan["cusp.linear.folds"][0, -1], folds, rtol=1e-6)

        def branch(h, *ends):
            return value(brentq(lambda x: feedback * value(x) - MU * x + h, *ends))

        def apart(h):
            return branch(h, high, 9.0) - branch(h, -9.0, low)

        expected, _ = quad(apart, folds[1] + 1e-9, folds[0] - 1e-9)
        assert plan["cusp.linear.area"][0] == pytest.approx(expected, rel=1e-4)

    def test_margins_are_not_symmetric(self, plan):
        assert np.all(np.abs(plan["cusp.linear.point"][:, 1]) > 1e-7)


def test_the_run_finds_the_folds(plan):
    """A real one, short: wider loops by what a finite time allows, and by the last bracket."""
    found = cusp.measure(replace(P, time=300.0, rounds=9, loop_time=1.0), plan, "linear", stream("t", "t", 0, 0),
                         lambda _: None)  # fmt: skip
    folds = plan["cusp.linear.folds"]
    wide = (folds[..., 0] - folds[..., 1])[..., None]
    assert_allclose(found["jumps"] / wide, folds / wide, atol=0.06)
    assert np.all((found["jumps"] - folds)[:, 0] * [1, -1] > 0)


class TestPictures:
    def test_show_the_measured_arrays(self, plan):
        measured = planted(plan)
        drawn = {each.id: each.figure for each in cusp.pictures(PROFILE, plan, measured)}
        seen = measured["cusp/linear"]
        for side, label in enumerate(("sweeping up", "sweeping down")):
            x, y = line(drawn["plane"], f"jumps, {label}")
            assert_array_equal(y, seen["jumps"][0, :, side])
            assert_allclose(x, plan["cusp.linear.point"][0, 0] * (1 + np.array(P.distances)))
            x, y = line(drawn["loop"], f"measured, {label}")
            assert_array_equal(x, seen["asymmetry"][0])
            assert_array_equal(y, seen["imbalance"][0, side])
        assert "measured, sweeping up" in [each.get_label() for each in drawn["surface"].axes[0].get_lines()]

    def test_show_the_folds(self, plan, router):
        value, _, _ = router
        x, y = line({each.id: each.figure for each in cusp.pictures(PROFILE, plan, planted(plan))}["plane"],
                    "predicted folds")  # fmt: skip
        for kappa, h in list(zip(x, y, strict=True))[::37]:
            gaps = [MU * z - kappa * value(z) - h for z in np.linspace(-2, 2, 4001)]
            assert np.abs(gaps).min() < 1e-3
