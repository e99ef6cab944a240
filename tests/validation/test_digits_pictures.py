"""The pictures of the digits study show the measured arrays, and its captions the profile."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq

from tests.validation.digits_truth import FEEDBACK, MU, PROFILE, SPREAD, planned, presented, response
from tests.validation.planted import assert_drawn, line, stated
from tests.validation.words import stored_words, words
from validation.digits.effects import onsets


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return planned(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    return presented(plan)


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


class TestLines:
    """Every line of every picture, also those without a label."""

    def test_bifurcation(self, pictures, plan):
        measured, drawn = pictures
        critical, feedbacks = plan["critical_feedback"][0], plan["branch.feedbacks"]
        z, value = plan["curve.z"], response(plan["curve.z"])
        seen = np.concatenate([measured[f"branches/{k}"]["imbalance"] for k in (0, 1)])
        starts = [(np.tile(feedbacks, 7), seen[:, k].ravel()) for k in range(3)]
        figure = drawn["bifurcation"].figure
        stable, unstable, *rest = figure.axes[0].get_lines()
        whole = np.stack([MU * z / value, value])
        shown = np.abs(z) < 2.5  # the planted margins have no tails
        for each, there in ((stable, True), (unstable, False)):
            data = np.stack(each.get_data())
            assert_allclose(data[:, shown], whole[:, shown] if there else np.nan, rtol=3e-3)
        ends = [each.get_data() for each in rest[:2]]
        assert_allclose(ends[0], ([0, critical], [0, 0]))
        assert_allclose(ends[1], ([critical, 1.05 * feedbacks.max()], [0, 0]))
        assert_allclose(rest[2].get_xdata(), critical)
        for each, (x, y) in zip(rest[3:], starts, strict=True):
            assert_allclose(each.get_data(), (x, y))

    def test_the_span_is_the_interval_of_the_measured_onset(self, shown, plan):
        _, found, page = shown
        (span,) = page.pictures[0].figure.axes[0].patches
        interval, critical = found[0].interval, plan["critical_feedback"][0]
        assert found[0].id == "digits.critical_feedback"
        assert_allclose(
            [span.get_x(), span.get_x() + span.get_width()], [interval.low * critical, interval.high * critical]
        )
        said = f"99% interval [{interval.low * critical:.4g}, {interval.high * critical:.4g}]"
        assert said in page.summary
        assert f"feedback of {critical:.4g} (score/time)" in page.summary

    def test_growth(self, pictures, plan):
        measured, drawn = pictures
        grid, rates = plan["growth.feedbacks"][0], measured["onset/0"]["rates"]
        ends, critical = grid[[0, -1]], plan["critical_feedback"][0]
        assert_drawn(
            drawn["growth"].figure, (ends, MU * (ends / critical - 1)), (ends, MU * (ends / (2 * critical) - 1)),
            (np.tile(grid, 7), rates.ravel()), ([0, 1], 0),
        )  # fmt: skip

    def test_panel(self, pictures, plan):
        measured, drawn = pictures
        onset = onsets(plan, measured)
        mean, predicted, gaussian = onset.mean(axis=1), plan["critical_feedback"], plan["gaussian_feedback"]
        ends = [0.96 * min(*predicted, *mean, *gaussian), 1.04 * max(*predicted, *mean)]
        assert_drawn(drawn["panel"].figure, (ends, ends), (gaussian, mean), (predicted, mean))
        (bars,) = drawn["panel"].figure.axes[0].collections
        error = 2.58 * np.std(onset, axis=1, ddof=1) / 7**0.5
        assert_allclose(
            [segment[:, 1] for segment in bars.get_segments()], np.stack([mean - error, mean + error], axis=1)
        )

    def test_hysteresis(self, pictures, plan):
        _, drawn = pictures
        kappa, z = plan["sweep.feedbacks"][-1], plan["curve.z"]
        h = MU * z - kappa * response(z)
        fold_at = np.sqrt(2 * np.log(kappa / FEEDBACK))
        stable, unstable, *rest = drawn["hysteresis"].figure.axes[0].get_lines()
        near = np.abs(z) < 2.5
        for each, there in ((stable, np.abs(z) > fold_at + 0.02), (unstable, np.abs(z) < fold_at - 0.02)):
            assert_allclose(each.get_xdata()[near & there], h[near & there], atol=0.01)
            assert_allclose(each.get_ydata()[near & there], response(z[near & there]), atol=0.003)
        for each, other in ((unstable, np.abs(z) > fold_at + 0.02), (stable, np.abs(z) < fold_at - 0.02)):
            assert np.isnan(each.get_data()[0][other & near]).all()
        assert_allclose([each.get_xdata() for each in rest[2:]], np.tile(plan["sweep.folds"][:, -1:], 2))

    def test_cusp(self, pictures, plan):
        _, drawn = pictures
        z = plan["curve.z"]
        kappa = FEEDBACK * np.exp(z * z / 2)
        h = MU * z - kappa * response(z)
        folds, inside, outside, up, down = drawn["cusp"].figure.axes[0].get_lines()
        top = 1.1 * FEEDBACK * 1.6
        there = kappa < 0.995 * top
        assert_allclose(folds.get_xdata()[there], kappa[there], rtol=3e-3)
        assert_allclose(folds.get_ydata()[there], h[there], atol=0.01)
        assert np.isnan(folds.get_xdata()[kappa > 1.005 * top]).all()
        assert_allclose(inside.get_ydata(), 0)
        assert_allclose(outside.get_data(), ([FEEDBACK * 0.7], [0]), rtol=2e-3)
        for each in (up, down):
            assert_allclose(each.get_xdata(), np.tile(plan["sweep.feedbacks"], 7))

    def test_history_and_cost(self, pictures, plan):
        _, drawn = pictures
        lines = drawn["history"].figure.axes[0].get_lines()
        assert len(lines) == 14
        for each in lines:
            assert_allclose(each.get_xdata(), 12.0 * (np.arange(10) + 0.5) / 10)
        *kinds, critical = drawn["cost"].figure.axes[0].get_lines()
        for each in kinds:
            assert_allclose(each.get_xdata(), plan["branch.feedbacks"])
        assert_allclose(critical.get_xdata(), plan["critical_feedback"][0])


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
