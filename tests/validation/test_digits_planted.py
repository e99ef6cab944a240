"""The digits study with stubs in place of its runs: right data supported, wrong data refuted, too little inconclusive.

The planted router has Gaussian margins, so that everything it does is known in closed form; decay is not 1. Data are
planted with noise of known size, far below the bands; wrong data lie outside by many standard errors.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.special import ai_zeros, erf, ndtri

from tests.validation.planted import line, stated, stored, stubs, verdicts, whole
from validation.digits.effects import distances, onsets
from validation.digits.judge import findings
from validation.digits.predict import theory
from validation.digits.profiles import Profile
from validation.digits.study import STUDY, present

MU, SPREAD, JITTER = 2.5, 0.8, 0.6  # margins and jitter together are N(0, 1)
PROFILE = Profile(
    "smoke", seeds=7, routers=3, branch_feedbacks=(0.7, 1.3, 1.6), branch_time=12.0, sweep_time=5000.0, decay=MU,
    seeds_per_part=4, pixel_jitter=0.055, increment=0.011, batch_size=129, batches_per_update=6, hidden=17,
    learning_rate=0.15, momentum=0.85, growth_time=2.25, growth_increment=0.013, growth_batch_size=257, growth_seeds=18,
    kick=0.12, collapsed_start=1.75, sweep_feedbacks=(1.25, 1.55), sweep_increment=0.021, sweep_batch_size=255,
)  # fmt: skip
FEEDBACK = MU * math.sqrt(math.pi / 2)  # critical


def response(z):
    return erf(z / math.sqrt(2))


def stable(kappa):
    """Solve mu z = kappa G(z), z > 0."""
    return response(brentq(lambda z: MU * z - kappa * response(z), 1e-3, 20)) if kappa > FEEDBACK else 0.0


def fold(kappa):
    """Return the upper fold of the asymmetry, and the curvature b there."""
    z = -math.sqrt(2 * math.log(kappa / FEEDBACK))
    return MU * z - kappa * response(z), 0.5 * kappa * abs(z) * math.sqrt(2 / math.pi) * math.exp(-z * z / 2)


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    margins = SPREAD * ndtri((np.arange(1500) + 0.5) / 1500)
    recorded = {
        "weight": np.zeros((3, 2, 64)),
        "bias": np.zeros((3, 2)),
        "margins": np.tile(margins, (3, 1)),
        "jitter": np.full(3, JITTER),
    }
    folder = tmp_path_factory.mktemp("plan")
    return stored(folder, {**recorded, **theory(PROFILE, recorded["margins"], recorded["jitter"])})


def planted(feedback=FEEDBACK, delayed=1.0, width=1.0, states=stable, seeds=PROFILE.seeds, scatter=0.004):
    """Return what the runs would measure of such a router, with noise."""
    rng = np.random.default_rng(5)
    grid = FEEDBACK * np.array(PROFILE.growth_feedbacks)
    measured = {}
    for k in range(PROFILE.routers):
        mine = feedback * (1 + scatter * rng.normal(size=(max(seeds, 3) if seeds > 2 else seeds, 1)))
        measured[f"onset/{k}"] = {"rates": MU * (grid / mine - 1)}
    kappas = FEEDBACK * np.array(PROFILE.branch_feedbacks)
    ends = np.array([[sign * states(kappa) for kappa in kappas] for sign in (0, 1, -1)])
    ends[0] = np.abs(ends[1])
    swept = FEEDBACK * np.array(PROFILE.sweep_feedbacks)
    folds = np.array([fold(kappa) for kappa in swept])
    reach = PROFILE.sweep_reach * folds[:, 0].max()
    rate = 2 * reach * MU / PROFILE.sweep_time
    delay = -ai_zeros(1)[0][0] * rate ** (2 / 3) * folds[:, 1] ** (-1 / 3)
    jumps = width * folds[:, 0] + delayed * delay
    for part, first in enumerate(range(0, seeds, 4)):
        n = min(4, seeds - first)
        noise = scatter * rng.normal(size=(n, 3, 3))
        measured[f"branches/{part}"] = {
            "imbalance": ends + noise,
            "history": rng.uniform(-1, 1, size=(n, 3, 3, 10)),
            "accuracy": rng.uniform(0.5, 0.9, size=(n, 3, 3)),
            "alone": rng.uniform(0.2, 0.8, size=(n, 3, 3, 2)),
        }
        measured[f"sweeps/{part}"] = {
            "jumps": np.stack([jumps, -jumps]) * (1 + 0.2 * scatter * rng.normal(size=(n, 2, 2))),
            "asymmetry": np.linspace(-reach, reach, 20),
            "imbalance": rng.uniform(-1, 1, size=(n, 2, 2, 20)),
        }
    return measured


def judged(plan, profile=PROFILE, **more):
    return verdicts(findings(profile, plan, planted(**more)))


class TestPredictions:
    """Against the closed forms of a Gaussian router with decay 2.5."""

    def test_critical_feedback(self, plan):
        assert_allclose(plan["critical_feedback"], FEEDBACK, rtol=2e-3)
        assert_allclose(plan["gaussian_feedback"], FEEDBACK, rtol=2e-3)

    def test_states(self, plan):
        for row, flags, factor in zip(
            plan["branch.imbalance"], plan["branch.stable"], PROFILE.branch_feedbacks, strict=True
        ):
            m = stable(factor * FEEDBACK)
            assert_allclose(row[flags], [0.0] if factor < 1 else [-m, m], atol=2e-3)
            assert np.sum(~np.isnan(row)) == (1 if factor < 1 else 3)

    def test_the_sweep_covers_twice_its_reach_in_its_time(self, plan):
        duration = PROFILE.sweep_steps() * PROFILE.sweep_increment
        assert plan["sweep.rate"] * duration == pytest.approx(2 * plan["sweep.reach"], rel=1e-3)

    def test_folds_and_delays(self, plan):
        for k, factor in enumerate(PROFILE.sweep_feedbacks):
            h, b = fold(factor * FEEDBACK)
            delay = -ai_zeros(1)[0][0] * plan["sweep.rate"] ** (2 / 3) * b ** (-1 / 3)
            assert_allclose(plan["sweep.folds"][:, k], [h, -h], rtol=5e-3)
            assert_allclose(plan["sweep.jumps"][:, k] - plan["sweep.folds"][:, k], [delay, -delay], rtol=5e-3)


class TestVerdicts:
    def test_right_data_are_supported(self, plan):
        seen = judged(plan)
        assert seen.pop("digits.control_doubled") == "REFUTED"
        assert set(seen.values()) == {"SUPPORTED"}
        assert len(seen) == 6

    @pytest.mark.parametrize("factor", [0.9, 1.1])
    def test_another_onset_is_refuted(self, plan, factor):
        """Were predictions made again from the measured onset, or onsets divided by their mean, it would pass."""
        seen = judged(plan, feedback=factor * FEEDBACK)
        for claim in ("critical_feedback", "other_routers", "gaussian_margins"):
            assert seen[f"digits.{claim}"] == "REFUTED"

    def test_the_control_can_fail(self, plan):
        found = findings(PROFILE, plan, planted(feedback=2 * FEEDBACK))
        (control,) = [each for each in found if each.expected]
        assert control.verdict.value == "SUPPORTED"
        assert not control.sound

    def test_unstable_states_are_no_attractors(self, plan):
        assert judged(plan, states=lambda _: 0.0)["digits.branches"] == "REFUTED"

    def test_a_wrong_width_is_refuted(self, plan):
        seen = judged(plan, width=1.15)
        assert seen["digits.folds"] == seen["digits.ramp_delay"] == "REFUTED"

    def test_jumps_without_delay_refute_the_delay_only(self, plan):
        seen = judged(plan, delayed=0.0)
        assert seen["digits.folds"] == "SUPPORTED"
        assert seen["digits.ramp_delay"] == "REFUTED"

    def test_a_sweep_too_fast_cannot_tell_the_folds(self, plan, tmp_path):
        fast = replace(PROFILE, sweep_time=90.0)
        predicted = {**plan.arrays, **theory(fast, plan["margins"], plan["jitter"])}
        assert verdicts(findings(fast, stored(tmp_path, predicted), planted()))["digits.folds"] == "INCONCLUSIVE"

    def test_two_seeds_are_too_few(self, plan):
        seen = judged(plan, seeds=2)
        for claim in ("critical_feedback", "branches", "folds", "ramp_delay"):
            assert seen[f"digits.{claim}"] == "INCONCLUSIVE"

    def test_noise_leaves_it_open(self, plan):
        assert judged(plan, scatter=0.05)["digits.critical_feedback"] == "INCONCLUSIVE"

    @pytest.mark.parametrize(
        ("band", "claims"),
        [
            ("onset_band", {"critical_feedback", "control_doubled"}),
            ("router_band", {"other_routers", "gaussian_margins"}),
            ("branch_band", {"branches"}),
            ("fold_band", {"folds"}),
            ("jump_band", {"ramp_delay"}),
        ],
    )
    def test_every_band_is_that_of_the_profile(self, plan, band, claims):
        changes: Any = {band: (7.0, 8.0)}
        elsewhere = findings(replace(PROFILE, **changes), plan, planted())
        moved = {each.id for each in elsewhere if each.accepted == (7.0, 8.0)}
        assert moved == {f"digits.{claim}" for claim in claims}


class TestEffects:
    def test_distance_is_to_the_nearest_stable_state(self, plan):
        m = stable(1.6 * FEEDBACK)
        seen = np.array([[0.01, 0.0, m + 0.02]])
        assert_allclose(distances(plan, seen), [[0.01, stable(1.3 * FEEDBACK), 0.02]], atol=2e-3)

    def test_onsets_are_in_order_of_the_routers_however_the_parts_are_listed(self, plan):
        measured = planted()
        shuffled = dict(sorted(measured.items(), reverse=True))
        assert_array_equal(onsets(plan, measured), onsets(plan, shuffled))


@pytest.fixture(scope="module", name="pictures")
def _pictures(plan):
    measured = planted()
    page = present(PROFILE, plan, measured, findings(PROFILE, plan, measured))
    return measured, {each.id: each for each in page.pictures}


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


def test_the_whole_study_with_stubs_is_sound(plan, tmp_path):
    study = replace(STUDY, predict=lambda *_: plan.arrays, parts=stubs(planted()))
    report = whole(study, PROFILE, tmp_path / "report", seed=11)
    assert report.sound
    assert report.provenance.seed == 11
    assert report.parameters["decay"] == MU
    assert [figure.id for figure in report.figures] == [
        "bifurcation", "growth", "panel", "hysteresis", "cusp", "history", "cost",
    ]  # fmt: skip
    assert f"measured: {onsets(plan, planted())[0].mean():.4g}" in report.summary
