"""Predictions, estimates, pictures and tables of the mean-field study, number by number, by formulas of their own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy.integrate import quad
from scipy.optimize import brentq

from moecusp.transfer import TransferOperator, mean_passage_time
from tests.validation.mean_field_truth import PROFILE, fold, planted, released, rest
from tests.validation.planted import assert_drawn, stored
from validation.mean_field import effects
from validation.mean_field.judge import findings
from validation.mean_field.predict import predict
from validation.mean_field.study import present

STEPS = 2.0 ** -np.array([5.0, 7.0, 9.0])


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    measured = planted(plan)
    found = findings(PROFILE, plan, measured)
    return measured, {each.id: each for each in found}, present(PROFILE, plan, measured, found)


def noise(gain, eta, step, batch):
    """Return the variance of the linear noise about the upper state, and the slope of its map."""
    u, drift = rest(gain, eta)
    slope = 1 + step * drift
    return (step * gain / math.cosh(u)) ** 2 / batch / (1 - slope**2), slope


def joined(measured, claim, name, n):
    return np.stack([measured[f"{claim}/{k}"][name] for k in range(n)])


def slope(x, y):
    """Return the slope of a straight line through each column of y."""
    return np.array([np.polyfit(x, column, 1)[0] for column in np.atleast_2d(np.asarray(y).T)])


class TestPredictions:
    def test_names(self, plan):
        assert sorted(plan.arrays) == sorted(
            "paths.flow paths.flow_step paths.bound paths.slopes paths.rest paths.variance attractors.points "
            "attractors.loads escapes.well escapes.steps escapes.barrier warnings.asymmetry warnings.rest "
            "warnings.variance warnings.autocorrelation ramps.start ramps.fold ramps.delays ramps.law collapse.folds "
            "collapse.gains".split()
        )

    def test_paths(self, plan):
        flow, step = plan["paths.flow"], plan.number("paths.flow_step")
        assert step == 2.0**-9
        assert flow.size == 2 * 512 + 1
        assert flow[0] == 0.35
        for k in (256, 1024):
            assert quad(lambda u: 1 / (1.45 * math.tanh(u) - u + 0.06), 0.35, flow[k])[0] == pytest.approx(k * step)
        growth, speed = 0.45, 1.51 + 1.51
        strong = 16 * 1.45**2 * math.exp(2 * growth * 2) / (2 * growth)
        assert_allclose(plan["paths.bound"], [strong, 0.5 * speed * math.expm1(growth * 2) / growth])
        assert plan["paths.slopes"].tolist() == [0.5, -0.5, 1.0]
        assert_allclose(plan["paths.rest"], rest(1.45, 0.06)[0])
        assert_allclose(plan["paths.variance"], noise(1.45, 0.06, 0.015, 1)[0])

    def test_attractors(self, plan):
        m, edge = math.tanh(rest(1.3, 0)[0]), 0.5 * fold(1.3)[0]
        assert_allclose(plan["attractors.points"], [[0.98, 0], [1.3, 0], [1.3, edge]])
        low = brentq(lambda u: 1.3 * math.tanh(u) + edge - u, -5, -math.acosh(math.sqrt(1.3)))
        loads = [sorted(row[~np.isnan(row)]) for row in plan["attractors.loads"]]
        assert_allclose(loads[0], [0.5])
        assert_allclose(loads[1], [(1 - m) / 2, (1 + m) / 2])
        assert_allclose(loads[2], [(1 + math.tanh(low)) / 2, (1 + math.tanh(rest(1.3, edge)[0])) / 2])

    def test_escapes(self, plan):
        well, gain = rest(1.52, 0)[0], 1.52
        assert_allclose(plan["escapes.well"], well)

        def momentum(u):
            """Return p with E exp(p g sign) exp(-p u) = 1."""
            return brentq(
                lambda p: math.log(math.cosh(p * gain) + math.tanh(u) * math.sinh(p * gain)) - p * u, -9, -1e-4
            )

        exact = -quad(momentum, 0.01, well - 0.01)[0]
        diffusion = quad(lambda u: 2 * (gain * math.tanh(u) - u) * (math.cosh(u) / gain) ** 2, 0, well)[0]
        assert plan["escapes.barrier"][0] == pytest.approx(exact, abs=3e-4)
        assert plan["escapes.barrier"][1] == pytest.approx(diffusion, rel=1e-9)
        for time, step in zip(plan["escapes.steps"], (0.11, 0.08, 0.06), strict=True):
            chain = TransferOperator(gain, step, batch_size=1, resolution=4.0)
            assert time == pytest.approx(mean_passage_time(chain, -well, high=0.5 * well).value, rel=1e-9)

    def test_warnings(self, plan):
        eta = [0, -0.6 * fold(1.6)[0]]
        assert_allclose(plan["warnings.asymmetry"], eta, atol=1e-15)
        assert_allclose(plan["warnings.rest"], [rest(1.6, each)[0] for each in eta])
        both = [noise(1.6, each, 0.003, 12) for each in eta]
        assert_allclose(plan["warnings.variance"], [each[0] for each in both])
        assert_allclose(plan["warnings.autocorrelation"], [each[1] for each in both])

    def test_ramps(self, plan):
        edge, delay = fold(1.7)
        low = brentq(lambda u: 1.7 * math.tanh(u) + edge - 0.01 - u, -9, -math.acosh(math.sqrt(1.7)))
        assert_allclose(plan["ramps.start"], low)
        assert_allclose(plan["ramps.fold"], edge)
        assert_allclose(plan["ramps.delays"], delay * np.array([1e-4, 3e-5, 1e-5]) ** (2 / 3))
        assert_allclose(plan["ramps.law"], [delay, 2 / 3])

    def test_collapse(self, plan):
        folds = [1.0, released(8)]
        assert_allclose(plan["collapse.folds"], folds, rtol=1e-5)
        for k, low in enumerate(folds):
            up, down = plan["collapse.gains"][k]
            assert_allclose(up, np.linspace((low + 1) / 2 - 0.12, 1.12, 33), rtol=1e-5)
            assert_allclose(down, low * np.linspace(0.88, 1.12, 33), rtol=1e-5)

    def test_of_chance_nothing(self, plan):
        again = predict(PROFILE, 7)
        assert all(np.array_equal(again[name], plan[name], equal_nan=True) for name in plan.arrays)


class TestEstimates:
    def test_paths(self, shown, plan):
        measured, found, _ = shown
        errors = joined(measured, "steps", "errors", 3)
        seen = slope(np.log(STEPS), np.log(errors))
        strong, bias = plan["paths.bound"]
        proved = np.sqrt(2 * strong * STEPS + 2 * (bias * STEPS) ** 2)
        for id, expected in (
            ("mean_field.noise", seen.mean()),
            ("control.slope_quarter", seen.mean()),
            ("control.too_few", seen[:2].mean()),
            ("mean_field.batch", slope(np.log([1, 16]), np.log(joined(measured, "batches", "errors", 2))).mean()),
            ("mean_field.bias", 1.0),
            ("mean_field.bound", (errors / proved[:, None]).max(axis=0).mean()),
            ("mean_field.variance", measured["variance/0"]["variance"].mean() / plan["paths.variance"]),
        ):
            assert found[id].estimate == pytest.approx(float(expected)), id

    def test_attractors(self, shown, plan):
        measured, found, _ = shown
        loads = measured["attractors/0"]["loads"]
        far = np.stack(
            [np.nanmin(np.abs(loads[k][..., None] - plan["attractors.loads"][k]), axis=-1) for k in range(3)]
        )
        assert found["mean_field.attractors"].estimate == pytest.approx(far.max(axis=(0, 1)).mean())
        m = 2 * loads[1] - 1
        for id in ("mean_field.critical_gain", "control.critical_gain"):
            assert found[id].estimate == pytest.approx(np.mean(1.3 * m / np.arctanh(m)))

    def test_noise(self, shown, plan):
        measured, found, _ = shown
        barrier, wrong = plan["escapes.barrier"]
        times = joined(measured, "escapes", "time", 3) / 60
        seen = slope(1 / np.array([0.11, 0.08, 0.06]), np.log(times)).mean()
        near, w = measured["warnings/0"], plan
        relaxed = (1 - near["autocorrelation"]) / (1 - w["warnings.autocorrelation"])[:, None]
        late = joined(measured, "ramps", "jumps", 3) - fold(1.7)[0]
        rates = np.array([1e-4, 3e-5, 1e-5])
        for id, expected in (
            ("noise.barrier", seen / barrier),
            ("control.diffusion_barrier", seen / wrong),
            ("noise.barrier_exact", 1.0),
            ("noise.variance", np.mean(near["variance"] / w["warnings.variance"][:, None])),
            ("noise.relaxation", relaxed.mean()),
            ("noise.ramp_exponent", slope(np.log(rates), np.log(late)).mean()),
            ("noise.ramp_constant", late[2].mean() / plan["ramps.delays"][2]),
        ):
            assert found[id].estimate == pytest.approx(float(expected)), id

    def test_collapse(self, shown, plan):
        _, found, _ = shown
        low = plan["collapse.folds"][1]
        gains = plan["collapse.gains"]
        onset = [gains[k, 0][gains[k, 0] >= 1].min() for k in (0, 1)]
        release = [gains[k, 1][gains[k, 1] >= released(experts)].min() for k, experts in enumerate((2, 8))]
        for id, expected in (
            ("collapse.continuous.2", release[0] - onset[0]),
            ("collapse.release.8", release[1] / low),
            ("collapse.hysteresis.8", (onset[1] - release[1]) / (1 - low)),
            ("collapse.one.8", 1.0),
            ("control.release_at_one", release[1]),
        ):
            assert found[id].estimate == pytest.approx(float(expected), abs=1e-12), id
        spacing = gains[1, 1, 1] - gains[1, 1, 0]
        assert found["collapse.release.8"].accepted == pytest.approx((0.97, 1.03 + spacing / low))


class TestEffects:
    def test_collapse_is_a_share_of_the_way_from_balance(self):
        p = PROFILE.collapse
        edge = 0.125 + p.collapsed_share * 0.875
        assert effects.collapsed(p, 8, np.array([edge - 1e-9, edge + 1e-9])).tolist() == [False, True]

    def test_the_first_gain_is_that_from_which_on_all_collapse(self):
        gains = np.array([1.0, 2.0, 3.0])
        flags = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [1, 1, 0, 1]], dtype=bool)
        assert_equal(effects.first_gain(gains, flags), [3.0, 2.0, np.nan, 1.0])

    def test_alone_counts_collapsed_routers_only(self):
        part = {"largest": np.array([[[0.9, 0.2]], [[0.9, 0.2]]]), "favoured": np.array([[[1, 1]], [[2, 1]]])}
        assert effects.alone(PROFILE.collapse, {"collapse/1": part}, 1) == (1, 2)

    def test_a_gain_at_the_edge_and_an_asymmetry_do_not_count(self, plan):
        points = np.array([[PROFILE.attractors.critical_above, 0.0], [1.3, 0.0], [1.3, 0.1]])
        loads = np.array([0.9, 0.85, 0.8])[:, None, None] + np.zeros((3, 2, 2))
        found = effects.critical_gains({"attractors.points": points}, PROFILE.attractors, loads)  # type: ignore[arg-type]
        assert_allclose(found, 1.3 * 0.7 / math.atanh(0.7) * np.ones(2))

    def test_a_load_of_one_is_no_infinite_gain(self):
        points = {"attractors.points": np.array([[1.3, 0.0]])}
        found = effects.critical_gains(points, PROFILE.attractors, np.array([[[1.0, 0.0]]]))  # type: ignore[arg-type]
        assert_allclose(found, 1.3 / math.atanh(1 - 1e-12), rtol=1e-6)

    def test_nothing_or_less_has_no_power(self):
        found = effects.powers([1.0, 2.0], np.array([[1.0, 0.0, -1.0], [4.0, 1.0, 1.0]]))
        assert_allclose(found, [2.0, np.nan, np.nan])


class TestPictures:
    def test_lines(self, shown, plan):
        measured, _, page = shown
        drawn = {each.id: each.figure for each in page.pictures}
        errors = joined(measured, "steps", "errors", 3)
        samples = [(2.0**-e * np.arange(path.size), path) for k, e in enumerate((4, 6))
                   for path in measured[f"samples/{k}"]["paths"]]  # fmt: skip
        flow = plan["paths.flow"]
        assert_drawn(drawn["paths"], *samples, (2.0**-9 * np.arange(flow.size), flow))

        strong, bias = plan["paths.bound"]
        coarse, last = 2.0 ** -np.array([4.0, 5.0]), np.sqrt(np.mean(errors[2] ** 2))
        off = np.abs(measured["bias/0"]["means"] - flow[-1])
        assert_drawn(
            drawn["errors"], (STEPS, np.sqrt(2 * strong * STEPS + 2 * (bias * STEPS) ** 2)),
            (STEPS, last * (STEPS / STEPS[2]) ** 0.5), (np.repeat(STEPS, 9), errors.ravel()), (coarse, off),
            (coarse, off[1] * coarse / coarse[1]),
        )  # fmt: skip

        loads = measured["attractors/0"]["loads"]
        nearest = []
        for row, table in zip(plan["attractors.loads"], loads, strict=True):
            stable = row[~np.isnan(row)]
            nearest.append(stable[np.argmin(np.abs(table[..., None] - stable), axis=-1)])
        assert_drawn(drawn["attractors"], ([0, 1], [0, 1]), (np.ravel(nearest), loads.ravel()))

        x = 1 / np.array([0.11, 0.08, 0.06])
        times = np.log(joined(measured, "escapes", "time", 3) / 60)
        lines = [(x, times[0].mean() + barrier * (x - x[0])) for barrier in plan["escapes.barrier"]]
        assert_drawn(drawn["escapes"], *lines, (np.repeat(x, 5), times.ravel()))

        variance = measured["warnings/0"]["variance"]
        assert_drawn(
            drawn["warnings"], ([0, 0.6], plan["warnings.variance"]), (np.repeat([0, 0.6], 6), variance.ravel())
        )
        rates = np.array([1e-4, 3e-5, 1e-5])
        late = joined(measured, "ramps", "jumps", 3) - fold(1.7)[0]
        assert_drawn(drawn["delays"], (rates, plan["ramps.delays"]), (np.repeat(rates, 7), late.ravel()), rtol=1e-6)

        seen = [effects.onset_and_release(plan, PROFILE.collapse, measured, case) for case in (0, 1)]
        experts = np.repeat([2, 8], PROFILE.collapse.seeds)
        assert_drawn(
            drawn["collapse"], ([2, 8], plan["collapse.folds"]), ([0, 1], 1),
            *((experts, np.concatenate([each[side] for each in seen])) for side in (1, 0)),
        )  # fmt: skip
        axis = drawn["collapse"].axes[0]
        assert axis.get_xticks().tolist() == [2, 8]
        assert [each.get_text() for each in axis.get_xticklabels()] == ["2", "8"]

    def test_table_and_summary(self, shown, plan):
        measured, found, page = shown
        loads = measured["attractors/0"]["loads"]
        for k, row in enumerate(page.tables[0].rows):
            (gain, eta), stable = plan["attractors.points"][k], plan["attractors.loads"][k]
            far = np.nanmin(np.abs(loads[k][..., None] - stable), axis=-1).max()
            listed = ", ".join(f"{m:.4f}" for m in stable if not math.isnan(m))
            assert row == (f"{gain:g}", f"{eta:+.6f}", listed, f"{far:.4f}")
        assert f"to the power {found['mean_field.noise'].estimate:.3f} (predicted 1/2)" in page.summary
        assert f"with {found['noise.barrier'].estimate:.3f} of the exact barrier" in page.summary

    def test_file(self, shown, plan):
        measured, _, page = shown
        assert set(page.data) == {"predicted", "measured"}
        assert set(page.data["predicted"]) == set(plan.arrays) - {"paths.flow"}
        for name, values in page.data["predicted"].items():
            assert_array_equal(values, plan[name])
        kept = {name: part for name, part in measured.items() if not name.startswith("samples/")}
        assert list(page.data["measured"]) == sorted(kept)
        for name, part in kept.items():
            assert_equal(page.data["measured"][name], {key: value.tolist() for key, value in part.items()})
