"""The pictures of the digits study show the measured arrays, and its captions the profile."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq

from tests.validation.digits_truth import FEEDBACK, MU, PROFILE, SPREAD, planned, planted, response
from tests.validation.planted import line, stated
from tests.validation.words import stored_words, words
from validation.digits.effects import onsets
from validation.digits.judge import findings
from validation.digits.study import present


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return planned(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    measured = planted()
    found = findings(PROFILE, plan, measured)
    return measured, found, present(PROFILE, plan, measured, found)


@pytest.fixture(scope="module", name="pictures")
def _pictures(shown):
    measured, _, page = shown
    return measured, {each.id: each for each in page.pictures}


def test_every_word_and_the_look_of_every_picture(shown):
    _, found, page = shown
    assert words(found, page) == stored_words("digits")


class TestPictures:
    """What is drawn as measured are the measured arrays, as predicted the predicted ones."""

    def test_growth(self, pictures, plan):
        measured, drawn = pictures
        x, y = line(drawn["growth"].figure, "measured, one per seed")
        assert_array_equal(y, measured["onset/0"]["rates"].ravel())
        assert_array_equal(x, np.tile(plan["growth.feedbacks"][0], 7))
        x, y = line(drawn["growth"].figure, "predicted from the margins")
        assert_allclose(y, MU * (x / plan["critical_feedback"][0] - 1))

    def test_bifurcation(self, pictures, plan):
        measured, drawn = pictures
        seen = np.concatenate([measured[f"branches/{k}"]["imbalance"] for k in (0, 1)])
        for k, start in enumerate(("balanced", "collapsed onto expert 1", "collapsed onto expert 2")):
            x, y = line(drawn["bifurcation"].figure, f"from {start}")
            assert_array_equal(y, seen[:, k].ravel())
            assert_array_equal(x, np.tile(plan["branch.feedbacks"], 7))
        x, y = line(drawn["bifurcation"].figure, "predicted, stable")
        shown = np.flatnonzero((np.abs(y) > 0.1) & (np.abs(y) < 0.95))[::40]
        z = np.array([brentq(lambda z, m=m: response(z) - m, -9, 9) for m in y[shown]])
        assert_allclose(x[shown], MU * z / y[shown], rtol=2e-3)

    def test_panel(self, pictures, plan):
        measured, drawn = pictures
        points = drawn["panel"].figure.axes[0].containers[0].lines[0]
        assert_allclose(points.get_xdata(), plan["critical_feedback"])
        assert_allclose(points.get_ydata(), onsets(plan, measured).mean(axis=1))

    def test_hysteresis(self, pictures):
        measured, drawn = pictures
        seen = np.concatenate([measured[f"sweeps/{k}"]["imbalance"] for k in (0, 1)]).mean(axis=0)
        for side, label in enumerate(("measured, sweeping up", "measured, sweeping down")):
            x, y = line(drawn["hysteresis"].figure, label)
            assert_array_equal(x, measured["sweeps/0"]["asymmetry"])
            assert_allclose(y, seen[side, -1])

    def test_cusp(self, pictures):
        measured, drawn = pictures
        seen = np.concatenate([measured[f"sweeps/{k}"]["jumps"] for k in (0, 1)])
        for side, label in enumerate(("jumps, sweeping up", "jumps, sweeping down")):
            assert_array_equal(line(drawn["cusp"].figure, label)[1], seen[:, side].ravel())
        x, _ = line(drawn["cusp"].figure, "training runs: load depends on the start")
        assert_allclose(x, FEEDBACK * np.array([1.3, 1.6]), rtol=2e-3)

    def test_history(self, pictures):
        measured, drawn = pictures
        seen = np.concatenate([measured[f"branches/{k}"]["history"] for k in (0, 1)])[:, 0]
        lines = drawn["history"].figure.axes[0].get_lines()
        assert_array_equal(np.stack([each.get_ydata() for each in lines]), np.concatenate([seen[:, 0], seen[:, 1]]))
        assert lines[0].get_xdata()[-1] == pytest.approx(PROFILE.branch_time * 0.95)  # in units of 1/mu

    def test_cost(self, pictures):
        measured, drawn = pictures
        accuracy, alone = (
            np.concatenate([measured[f"branches/{k}"][name] for k in (0, 1)]) for name in ("accuracy", "alone")
        )
        figure = drawn["cost"].figure
        assert_allclose(line(figure, "mixture as routed")[1], 100 * accuracy.mean(axis=(0, 1)))
        assert_allclose(line(figure, "better expert, alone")[1], 100 * alone.max(axis=-1).mean(axis=(0, 1)))
        assert_allclose(line(figure, "worse expert, alone")[1], 100 * alone.min(axis=-1).mean(axis=(0, 1)))


ROUTER = {
    "experts K": "2", "decay μ": "2.5", "selection": "hard top-1", "pixel jitter": "0.055", "margin jitter": "0.6",
    "tokens recorded": "1500",
}  # fmt: skip
GROWTH = {"increment ε": "0.013", "batch size B": "257", "kick z": "0.12", "time": "2.25", "seeds": "18"}
TRAINING = {
    "increment ε": "0.011", "batch size B": "129", "batches per gradient step": "6", "hidden units": "17",
    "learning rate": "0.15", "momentum": "0.85", "seeds": "7", "collapsed starts |z|": "1.75", "time": "12",
}  # fmt: skip
SWEEPING = {"sweep's increment ε": "0.021", "sweep's batch size B": "255", "seeds": "7"}
BALANCED = {"asymmetry h": "0"}


class TestCaptions:
    """Every number of the profile differs from every other: a caption with another run's value is seen."""

    @pytest.mark.parametrize(
        ("id", "expected"),
        [
            ("bifurcation", TRAINING | BALANCED),
            ("growth", GROWTH | BALANCED),
            ("panel", GROWTH | BALANCED),
            ("hysteresis", SWEEPING | {"time": "5000"}),
            ("cusp", SWEEPING | TRAINING),
            ("history", TRAINING | BALANCED),
            ("cost", TRAINING | BALANCED),
        ],
    )
    def test_state_the_profile(self, pictures, plan, id, expected):
        found = stated(pictures[1][id].caption)
        assert float(found.pop("margin standard deviation")) == pytest.approx(SPREAD, rel=1e-3)
        if id in ("hysteresis", "cusp"):
            assert float(found.pop("rate of the asymmetry ρ")) == pytest.approx(plan.number("sweep.rate"), rel=1e-5)
        if id == "hysteresis":
            assert float(found.pop("feedback κ")) == pytest.approx(plan["sweep.feedbacks"][-1], rel=1e-5)
        assert found == ROUTER | expected

    def test_numbers_in_the_text(self, pictures, plan):
        measured, drawn = pictures
        assert f"Predicted critical feedback {plan['critical_feedback'][0]:.4g}," in drawn["bifurcation"].caption
        assert f"measured {onsets(plan, measured)[0].mean():.4g}." in drawn["bifurcation"].caption
        lag = plan["sweep.jumps"][0, -1] - plan["sweep.folds"][0, -1]
        assert f"by the predicted {lag:.3g} and {lag:.3g} because" in drawn["hysteresis"].caption
