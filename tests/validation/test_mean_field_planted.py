"""The mean-field study with stubs in place of its runs, and its runs with a stub in place of the simulation.

Planted data follow formulas written out here (docs/theory.md, sections 5 and 7; docs/mean-field.md), with noise far
below the bands; wrong data lie outside by many standard errors.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.special import ai_zeros

from tests.validation.planted import line, stated, stored, stubs, verdicts, whole
from validation.mean_field import effects
from validation.mean_field.judge import findings
from validation.mean_field.measure import collapse as collapse_runs
from validation.mean_field.measure import noise, paths
from validation.mean_field.predict import predict
from validation.mean_field.profiles import Attractors, Collapse, Escapes, Paths, Profile, Ramps, Warnings
from validation.mean_field.study import STUDY, present
from validation.streams import stream
from validation.studies import parts_of

PROFILE = Profile(
    "smoke",
    paths=Paths(gain=1.45, asymmetry=0.06, start=0.35, horizon=2, exponents=(5, 7, 9), batch_size=1, batches=(1, 16),
                batch_exponent=6, bias_exponents=(4, 5), sample_exponents=(4, 6), sample_routers=3, seeds=9, routers=21,
                variance_step=0.015),
    attractors=Attractors(gains=(1.3,), fold_shares=(0.0, 0.5), pitchfork_gains=(0.98,), batch_size=4097, step=0.24,
                          time=1400.0, seeds=4),
    escapes=Escapes(gain=1.52, steps=(0.11, 0.08, 0.06), exact_steps=(0.05, 0.04), seeds=5, routers=99),
    warnings=Warnings(gain=1.6, shares=(0.0, 0.6), step=0.003, batch_size=12, seeds=6, routers=17),
    ramps=Ramps(gain=1.7, rates=(1e-4, 3e-5, 1e-5), step=0.12, batch_size=999_999, seeds=7),
    collapse=Collapse(experts=(2, 8), step=0.022, batch_size=63, time=110.0, points=33, seeds=8),
)  # fmt: skip


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


def rest(gain, eta):
    """Return the upper stable state, u = g tanh u + eta, and the slope of the drift there."""
    u = brentq(lambda u: gain * math.tanh(u) + eta - u, 0.3, 10)
    return u, gain / math.cosh(u) ** 2 - 1


def fold(gain):
    """Return the fold's asymmetry and the delay of a ramp through it at unit rate."""
    u = math.acosh(math.sqrt(gain))
    bend = gain * math.tanh(u) / math.cosh(u) ** 2
    return gain * math.tanh(u) - u, -ai_zeros(1)[0][0] * bend ** (-1 / 3)


def released(k):
    """Return the gain of the fold of k experts: least g of a state with one favoured expert, x ahead of the others."""
    x = np.linspace(0.01, 20, 200_001)
    return float(np.min(x * (np.exp(x) + k - 1) / (k * (np.exp(x) - 1))))


def planted(
    plan, *, slope=0.5, batch_slope=-0.5, size=0.3, far=0.0, variance=1.0, relaxation=1.0, barrier=1.0, ramp=2 / 3,
    constant=1.0, onset=1.0, release=1.0, one=1, seeds=None, batch=None,
):  # fmt: skip
    """Return what the runs would measure, with noise."""
    p, rng = PROFILE, np.random.default_rng(3)

    def noisy(value, n, scatter=0.002):
        return value * (1 + scatter * rng.normal(size=n))

    found, n = {}, seeds or p.paths.seeds
    for claim, values, power in (
        ("steps", effects.steps_of(p.paths.exponents), slope),
        ("batches", np.array(p.paths.batches), batch_slope),
    ):
        for case, value in enumerate(values):
            found[f"{claim}/{case}"] = {"errors": noisy(size * float(value) ** power, n)}
    for case, exponent in enumerate(p.paths.sample_exponents):
        found[f"samples/{case}"] = {"paths": rng.normal(size=(3, (2 << exponent) + 1))}
    found["bias/0"] = {"means": plan["paths.flow"][-1] + 0.4 * effects.steps_of(p.paths.bias_exponents)}
    u, drift = rest(p.paths.gain, p.paths.asymmetry)
    linear = p.paths.gain**2 / math.cosh(u) ** 2 / (2 * abs(drift)) * p.paths.variance_step
    found["variance/0"] = {"variance": noisy(variance * linear, n)}

    loads = np.empty((3, 5, 4))
    for row, (gain, eta) in zip(loads, plan["attractors.points"], strict=True):
        above = 0.5 if gain < 1 else 0.5 + 0.5 * math.tanh(rest(gain, eta)[0])
        row[:] = above + 1e-4 * rng.normal(size=(5, 4))
    loads[2, 3] += far
    found["attractors/0"] = {"loads": loads}

    for case, step in enumerate(p.escapes.steps):
        time = 7.0 * math.exp(barrier * plan["escapes.barrier"][0] / step)
        left = np.full(p.escapes.seeds, 60)
        found[f"escapes/{case}"] = {"time": noisy(60 * time, p.escapes.seeds), "left": left}
    found["exact/0"] = {"time": 7.0 * np.exp(plan["escapes.barrier"][0] / np.array(p.escapes.exact_steps))}

    w = p.warnings
    states = [rest(w.gain, -share * fold(w.gain)[0]) for share in w.shares]
    spread = [w.gain**2 / math.cosh(u) ** 2 / (2 * abs(f)) * w.step / (batch or w.batch_size) for u, f in states]
    found["warnings/0"] = {
        "variance": noisy(variance * np.array(spread)[:, None], (2, 6)),
        "autocorrelation": 1 - noisy(relaxation * w.step * np.abs([f for _, f in states])[:, None], (2, 6)),
    }

    edge, delay = fold(p.ramps.gain)
    scale = constant * delay * min(p.ramps.rates) ** (2 / 3 - ramp)
    for case, rate in enumerate(p.ramps.rates):
        found[f"ramps/{case}"] = {"jumps": edge + noisy(scale * rate**ramp, p.ramps.seeds)}

    for case, k in enumerate(p.collapse.experts):
        up, down = plan["collapse.gains"][case]
        low = (release if k > 2 else 1.0) * released(k)
        flags = np.stack([up >= (onset if k > 2 else 1.0), down >= low])[..., None] & np.ones(8, dtype=bool)
        balanced = 1 / k
        found[f"collapse/{case}"] = {
            "largest": np.where(flags, 0.9, balanced + 0.01),
            "favoured": np.where(flags, one, k),
        }
    return found


def judged(plan, profile=PROFILE, **more):
    return verdicts(findings(profile, plan, planted(plan, **more)))


class TestVerdicts:
    def test_right_data_are_supported(self, plan):
        found = findings(PROFILE, plan, planted(plan))
        assert all(each.sound for each in found)
        assert {each.verdict.value for each in found if not each.expected} == {"SUPPORTED"}
        controls = {each.id: each.verdict.value for each in found if each.expected}
        assert controls.pop("control.too_few") == "INCONCLUSIVE"
        assert set(controls.values()) == {"REFUTED"}
        assert len(controls) == 4

    @pytest.mark.parametrize(
        ("wrong", "claims"),
        [
            ({"slope": 0.25}, {"mean_field.noise"}),
            ({"batch_slope": -0.25}, {"mean_field.batch"}),
            ({"size": 100.0}, {"mean_field.bound"}),
            ({"far": 0.2}, {"mean_field.attractors"}),
            ({"variance": 1.2}, {"mean_field.variance", "noise.variance"}),
            ({"batch": 1}, {"noise.variance"}),
            ({"relaxation": 1.2}, {"noise.relaxation"}),
            ({"barrier": 0.85}, {"noise.barrier"}),
            ({"ramp": 1 / 3}, {"noise.ramp_exponent"}),
            ({"constant": 1.3}, {"noise.ramp_constant"}),
            ({"release": 1.08}, {"collapse.release.8"}),
            ({"onset": 0.75}, {"collapse.hysteresis.8"}),
            ({"one": 2}, {"collapse.one.8"}),
        ],
    )
    def test_wrong_data_are_refuted(self, plan, wrong, claims):
        right, seen = judged(plan), judged(plan, **wrong)
        assert {claim for claim in right if right[claim] == "SUPPORTED" and seen[claim] == "REFUTED"} == claims

    @pytest.mark.parametrize(
        ("wrong", "control"),
        [({"slope": 0.25}, "slope_quarter"), ({}, "diffusion_barrier"), ({"release": 2.0}, "release_at_one")],
    )
    def test_a_control_can_fail(self, plan, wrong, control):
        if control == "diffusion_barrier":
            wrong = {"barrier": float(plan["escapes.barrier"][1] / plan["escapes.barrier"][0])}
        found = {each.id: each for each in findings(PROFILE, plan, planted(plan, **wrong))}
        assert not found[f"control.{control}"].sound

    def test_two_seeds_are_too_few(self, plan):
        seen = judged(plan, seeds=2)
        for claim in ("noise", "batch", "bound", "variance"):
            assert seen[f"mean_field.{claim}"] == "INCONCLUSIVE"

    def test_one_load_far_from_every_attractor_is_enough(self, plan):
        """The largest distance over starts and points is judged, not the smallest."""
        loads = np.array([plan["attractors.loads"][k, 0] for k in range(3)])[:, None, None] + np.zeros((3, 5, 4))
        loads[1, 2, 3] += 0.07
        assert_allclose(effects.distances(plan, loads)[:, 3], [0, 0.07, 0], atol=1e-12)

    def test_a_jump_that_never_came_leaves_the_ramp_open(self, plan):
        measured = planted(plan)
        measured["ramps/2"]["jumps"][3] = np.nan
        seen = verdicts(findings(PROFILE, plan, measured))
        assert seen["noise.ramp_exponent"] == seen["noise.ramp_constant"] == "INCONCLUSIVE"

    @pytest.mark.parametrize(
        ("section", "band", "claims"),
        [
            ("paths", "slope_band", {"mean_field.noise", "control.too_few"}),
            ("paths", "batch_band", {"mean_field.batch"}),
            ("paths", "bias_band", {"mean_field.bias"}),
            ("paths", "bound_band", {"mean_field.bound"}),
            ("paths", "variance_band", {"mean_field.variance"}),
            ("paths", "quarter_band", {"control.slope_quarter"}),
            ("attractors", "distance_band", {"mean_field.attractors"}),
            ("attractors", "critical_band", {"mean_field.critical_gain"}),
            ("attractors", "control_band", {"control.critical_gain"}),
            ("escapes", "barrier_band", {"noise.barrier", "control.diffusion_barrier"}),
            ("escapes", "exact_band", {"noise.barrier_exact"}),
            ("warnings", "variance_band", {"noise.variance"}),
            ("warnings", "relaxation_band", {"noise.relaxation"}),
            ("ramps", "exponent_band", {"noise.ramp_exponent"}),
            ("ramps", "constant_band", {"noise.ramp_constant"}),
            ("collapse", "release_band", {"collapse.release.8"}),
            ("collapse", "hysteresis_band", {"collapse.hysteresis.8"}),
            ("collapse", "one_band", {"collapse.one.8"}),
            ("collapse", "continuous_band", {"collapse.continuous.2"}),
            ("collapse", "control_band", {"control.release_at_one"}),
        ],
    )
    def test_every_band_is_that_of_the_profile(self, plan, section, band, claims):
        moved = replace(PROFILE, **{section: replace(getattr(PROFILE, section), **{band: (7.0, 8.0)})})
        found = findings(moved, plan, planted(plan))
        assert {each.id for each in found if each.accepted[0] == 7.0} == claims


@pytest.fixture(scope="module", name="pictures")
def _pictures(plan):
    measured = planted(plan)
    page = present(PROFILE, plan, measured, findings(PROFILE, plan, measured))
    return measured, {each.id: each for each in page.pictures}


class TestPictures:
    @pytest.mark.parametrize(
        ("id", "label", "expected"),
        [
            ("errors", "paths, one per seed", lambda m: np.concatenate([m[f"steps/{k}"]["errors"] for k in range(3)])),
            ("attractors", "measured", lambda m: m["attractors/0"]["loads"].ravel()),
            ("escapes", "measured, one per seed", lambda m: np.log(
                np.concatenate([m[f"escapes/{k}"]["time"] / m[f"escapes/{k}"]["left"] for k in range(3)]))),
            ("warnings", "measured, one per seed", lambda m: m["warnings/0"]["variance"].ravel()),
            ("delays", "measured, one per seed", lambda m: np.concatenate(
                [m[f"ramps/{k}"]["jumps"] - fold(1.7)[0] for k in range(3)])),
        ],
    )  # fmt: skip
    def test_show_what_was_measured(self, pictures, id, label, expected):
        measured, drawn = pictures
        assert_allclose(line(drawn[id].figure, label)[1], expected(measured), rtol=1e-9, atol=1e-12)

    def test_show_what_was_predicted(self, pictures, plan):
        _, drawn = pictures
        assert_array_equal(line(drawn["paths"].figure, "the flow")[1], plan["paths.flow"])
        for id, label, name in (
            ("warnings", "predicted, linear noise", "warnings.variance"),
            ("delays", "predicted, 2.338 ρ^(2/3) b^(-1/3)", "ramps.delays"),
            ("collapse", "predicted fold g_fold(K)", "collapse.folds"),
        ):
            assert_array_equal(line(drawn[id].figure, label)[1], plan[name])

    def test_paths_are_the_sampled_ones(self, pictures):
        measured, drawn = pictures
        lines = drawn["paths"].figure.axes[0].get_lines()
        seen = np.concatenate([part.ravel() for part in (measured[f"samples/{k}"]["paths"] for k in (0, 1))])
        assert_array_equal(np.concatenate([each.get_ydata() for each in lines[:-1]]), seen)

    def test_collapse_shows_release_and_onset(self, pictures, plan):
        measured, drawn = pictures
        for case, k in enumerate(PROFILE.collapse.experts):
            onset, release = effects.onset_and_release(plan, PROFILE.collapse, measured, case)
            assert np.all((release >= released(k)) & (release < released(k) * 1.02))
            for label, values in (("measured onset, sweeping up", onset), ("measured release, sweeping down", release)):
                assert_array_equal(line(drawn["collapse"].figure, label)[1][8 * case : 8 * case + 8], values)

    SOFT = {"experts K": "2", "selection": "soft"}  # noqa: RUF012
    POINT = {"gain g": "1.45", "reduced asymmetry η": "0.06", "start u(0)": "0.35", "time": "2"}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("id", "expected"),
        [
            ("paths", SOFT | POINT | {"batch size B": "1", "routers": "3"}),
            ("errors", SOFT | POINT | {"batch size B": "1", "routers per seed": "21", "seeds": "9"}),
            ("attractors", SOFT | {"gains g": "0.98 and 1.3", "asymmetries": "0 and 0.5", "step δ": "με = 0.24",
                                   "batch size B": "4097", "time": "1400", "seeds": "4"}),
            ("escapes", SOFT | {"gain g": "1.52", "reduced asymmetry η": "0", "batch size B": "1",
                                "routers per seed": "99", "seeds": "5"}),
            ("warnings", SOFT | {"gain g": "1.6", "step δ": "με = 0.003", "batch size B": "12",
                                 "routers per seed": "17", "seeds": "6"}),
            ("delays", SOFT | {"gain g": "1.7", "step δ": "με = 0.12", "batch size B": "999999", "seeds": "7"}),
            ("collapse", {"selection": "soft", "reduced asymmetry η": "0", "step δ": "με = 0.022", "batch size B": "63",
                          "time": "110", "seeds": "8"}),
        ],
    )  # fmt: skip
    def test_captions_state_the_profile(self, pictures, id, expected):
        assert stated(pictures[1][id].caption) == expected


class TestRuns:
    """What the runs ask the simulation for, and what they make of its answer."""

    @pytest.fixture(name="asked")
    def _asked(self, monkeypatch):
        calls = []

        def simulate(parameters, **asked):
            calls.append((parameters, asked))
            n = asked["routers"]
            return SimpleNamespace(
                first_passage=np.where(np.arange(n) % 3 == 0, -1, 10 + np.arange(n)),
                mean=np.zeros(n), variance=4.0 * np.ones(n), autocorrelation=0.9 * np.ones(n),
                load=np.full((n, parameters.experts), 1 / parameters.experts),
                trajectory=np.zeros((1 + asked["steps"], n)),
            )  # fmt: skip

        for module in (noise, paths, collapse_runs):
            monkeypatch.setattr(module, "simulate", simulate)
        return calls

    def test_routers_that_never_escaped_have_spent_their_time_too(self, asked):
        p = Escapes(seeds=2, routers=4)
        found = noise.escapes(p, 0.1, 50, 1.2, stream("a", "b", 0, 0), lambda _: None)
        # first passages: (-1, 11, 12, -1) and (14, 15, -1, 17), horizon 50
        assert_allclose(found["time"], 0.1 * np.array([50 + 11 + 12 + 50, 14 + 15 + 50 + 17]))
        assert found["left"].tolist() == [2, 3]
        assert asked[0][1]["first_passage"] == (None, 1.2)

    def test_nobody_escaped_is_no_number(self, plan):
        measured = planted(plan)
        measured["escapes/1"]["left"][:] = 0
        assert np.isnan(effects.escape_times(measured)[1]).all()

    def test_variance_is_that_of_u_at_the_batch_size_predicted(self, asked, plan):
        found = noise.warnings(
            PROFILE.warnings, plan["warnings.asymmetry"], plan["warnings.rest"], stream("a", "b", 0, 0), lambda _: None
        )
        assert_allclose(found["variance"], 1.0)  # that of s1 - s2 = 2u is 4
        assert_allclose(found["autocorrelation"], 0.9)
        parameters, given = asked[0]
        assert (given["batch_size"], given["increment"]) == (12, 0.003)
        assert_allclose(np.unique(parameters.gain), 1.6)
        assert_allclose(np.unique(parameters.reduced_asymmetry), np.unique(plan["warnings.asymmetry"]))

    def test_ramps_go_at_their_rate_and_cross_the_fold(self, asked, plan):
        edge, _ = fold(1.7)
        for part, source in parts_of(STUDY, PROFILE, plan, 0):
            if part.name.startswith("ramps/"):
                jumps = np.asarray(part.run(source, lambda _: None)["jumps"])
                (_, low), (steps, high) = asked[-1][1]["asymmetry_schedule"]
                assert_allclose(low / 2, edge - 0.01)
                rate = PROFILE.ramps.rates[int(part.name[-1])]
                assert (high - low) / 2 / (steps * 0.12) == pytest.approx(rate, rel=2 / steps)  # whole steps
                passed = 10 + np.arange(7.0)
                expected = np.where(np.arange(7) % 3 == 0, np.nan, low / 2 + rate * 0.12 * passed).tolist()
                assert_allclose(jumps, expected, rtol=1e-3)

    def test_every_run_has_its_own_seed_that_follows_from_the_seed(self, asked, plan):
        seeds = {}
        for seed in (0, 1):
            asked.clear()
            for part, source in parts_of(STUDY, PROFILE, plan, seed):
                part.run(source, lambda _: None)
            seeds[seed] = [given["seed"] for _, given in asked]
        assert len(seeds[0]) == len(parts_of(STUDY, PROFILE, plan, 0)) - 2  # two are computed without chance
        assert len({*seeds[0], *seeds[1]}) == 2 * len(seeds[0])

    def test_sizes_are_the_work_done(self, asked, plan, monkeypatch):
        def simulate(parameters, **asked):
            asked["progress"](asked["steps"] // 2, asked["steps"])
            asked["progress"](asked["steps"], asked["steps"])
            raise StopIteration

        for module in (noise, paths, collapse_runs):
            monkeypatch.setattr(module, "simulate", simulate)
        for part, source in parts_of(STUDY, PROFILE, plan, 0):
            done: list[int] = []
            try:
                part.run(source, done.append)
            except StopIteration:
                pass
            assert sum(done) == part.size, part.name


def test_the_whole_study_with_stubs_is_sound(plan, tmp_path):
    study = replace(STUDY, predict=lambda *_: plan.arrays, parts=stubs(planted(plan)))
    report = whole(study, PROFILE, tmp_path / "report", seed=11)
    assert report.sound
    assert report.study == "mean-field"
    assert report.provenance.seed == 11
    assert len(report.figures) == 7
