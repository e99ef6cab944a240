"""Predictions, pictures and tables of the soft-hard study, number by number, by formulas of their own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy.integrate import quad
from scipy.stats import chi2, norm

import moecusp as mc
from tests.validation.planted import assert_drawn, stored
from tests.validation.soft_hard_truth import EULER, PROFILE, planted
from validation.soft_hard.judge import findings
from validation.soft_hard.predict import predict
from validation.soft_hard.quadrature import quadric
from validation.soft_hard.study import present
from validation.streams import stream

HOT, COLD = np.array([0.04, 0.09]), np.array([0.006, 0.012, 0.03])


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    measured = planted(plan)
    found = findings(PROFILE, plan, measured)
    return measured, {each.id: each for each in found}, present(PROFILE, plan, measured, found)


class TestPredictions:
    def test_names_and_types(self, plan):
        assert sorted(plan.arrays) == sorted(
            "linear.density curved quadric.density quadric.form quadric.shift experts.mass experts.slope "
            "experts.curvature binary.bound saddle.mass risk.constants shift saddle.rates saddle.coupling saddle.limit "
            "peak growth.rates jump.limit amplitude.limit".split()
        )
        assert {array.dtype for array in plan.arrays.values()} == {np.dtype(np.float64)}

    def test_tie_densities(self, plan):
        ellipse = quad(lambda a: math.exp(-0.5 * 1.1**2 * (math.cos(a) ** 2 + math.sin(a) ** 2 / 2.2)), 0, 2 * math.pi)
        parabola = quad(lambda x: norm.pdf(0.9 * x * x) * norm.pdf(x), -9, 9)
        expected = [chi2.pdf(1.1**2, 3), ellipse[0] / (4 * math.pi * math.sqrt(2.2)), parabola[0]]
        assert_allclose(plan["linear.density"], norm.pdf(0.3))
        assert_allclose(plan["curved"], expected)

    def test_the_ellipsoid_is_drawn_from_the_seed(self, plan):
        other = predict(PROFILE, 1)
        for seed, found in ((0, plan), (1, other)):
            source = stream("soft-hard", "quadric", "form", seed).numpy()
            turn = np.linalg.qr(source.normal(size=(3, 3)))[0]
            axes = np.exp2(source.uniform(-1, 1, 3))
            assert_allclose(found["quadric.form"], sum(a * np.outer(v, v) for a, v in zip(axes, turn.T, strict=True)))
            assert_allclose(found["quadric.shift"], source.uniform(-0.3, 0.3, 3))
            density = quadric(found["quadric.form"], found["quadric.shift"], 1.21)
            assert_allclose(found["quadric.density"], density, rtol=1e-12)

    def test_experts(self, plan):
        for k, count in enumerate((3, 5)):
            for j, w in enumerate((0.25, 0.35)):
                lead = quad(lambda x, w=w, n=count: n * norm.pdf(x) * norm.cdf(x - w) ** (n - 1), -9, 9)[0]
                assert_allclose(plan["experts.mass"][k, j], 1 - lead, rtol=1e-7)
            slope = quad(lambda x, n=count: n * (n - 1) * norm.pdf(x) ** 2 * norm.cdf(x) ** (n - 2), -9, 9)[0]
            assert_allclose(plan["experts.slope"][k], slope)
            bend = quad(lambda x, n=count: norm.pdf(x) ** 3 * norm.cdf(x) ** (n - 3), -9, 9)[0]
            assert_allclose(plan["experts.curvature"][k], -count * (count - 1) * (count - 2) / 4 * bend)
        assert_allclose(plan["binary.bound"], 0.25**3 / (3 * 2**1.5 * math.sqrt(2 * math.pi)))

    def test_risks_and_minimisers(self, plan):
        density = norm.pdf(0.6)
        assert_allclose(plan["jump.limit"], 2 * density)
        assert_allclose(plan["amplitude.limit"], 4 * (1 - math.log(2)) * density)
        for alpha, constant in zip((0.5, 1.2, 1.5), plan["risk.constants"], strict=True):
            # squared error 4 s^2, s = 1/(1 + exp u) the share left to the other expert; by parts
            whole = quad(lambda u, a=alpha: 8 * u**a * math.exp(u) / (1 + math.exp(u)) ** 3, 0, 60, limit=200)[0]
            assert constant == pytest.approx(whole, rel=1e-6)
        assert_allclose(plan["shift"], [float(mc.threshold_shift(t, 0.6)) for t in COLD])

    def test_saddle(self, plan):
        for k, t in enumerate((0.001, 0.2, 0.7)):
            found = mc.routing_saddle(t)
            assert_allclose(plan["saddle.rates"][k], [-found.growth_rate, found.decay_rate])
            assert_allclose(plan["saddle.coupling"][k], found.coupling)
        assert_allclose(plan["saddle.limit"], mc.routing_saddle(0.0).growth_rate)
        assert_allclose(plan["growth.rates"], [float(mc.routing_saddle(t).growth_rate) for t in (0.12, 0.4)])
        assert_allclose(plan["saddle.mass"], [float(mc.saddle_boundary_mass(w)) for w in (0.002, 0.02, 0.2)])
        peak = plan.number("peak")
        rates = mc.routing_saddle(np.array([0.1, peak - 1e-3, peak, peak + 1e-3, 0.5])).growth_rate
        assert np.argmax(rates) == 2
        rise = mc.routing_saddle(np.array([peak - 1e-3, peak + 1e-3])).growth_rate
        assert abs(rise[1] - rise[0]) < 1e-8


class TestPictures:
    @pytest.fixture(name="drawn")
    def _drawn(self, shown):
        return {each.id: each.figure for each in shown[2].pictures}

    def test_layer(self, shown, drawn):
        x = np.linspace(-2.6, 2.6, 521)
        assert_drawn(drawn["layer"], (x, 0.9 * x * x))
        share = shown[0]["curved/2"]["mass"].mean()
        assert f"(blue): {share:.2%} of them" in shown[2].pictures[0].caption
        *_, slab = drawn["layer"].axes[0].collections
        (path,) = slab.get_paths()
        at = path.vertices[np.abs(path.vertices[:, 0]) < 1e-9]
        assert_allclose(sorted({round(y, 12) for y in at[:, 1]}), [-0.04, 0.04])

    def test_slopes(self, shown, drawn, plan):
        measured, w = shown[0], np.geomspace(1e-3, 1, 61)
        slope, bend = plan["experts.slope"][0], plan["experts.curvature"][0]
        experts, saddle = measured["experts/0"]["mass"], measured["saddle/0"]["mass"]
        bent = measured["curved/2"]["mass"]
        assert_drawn(
            drawn["slopes"], (w, slope + bend * w), ([0, 1], slope), (w, (np.log(4 / w) - EULER + 1) / math.pi),
            ([0, 1], 2 * plan["curved"][2]), (np.tile([0.25, 0.35], 5), (experts / [0.25, 0.35]).ravel()),
            (np.tile([0.002, 0.02, 0.2], 5), (saddle / [0.002, 0.02, 0.2]).ravel()),
            (np.repeat(0.04, 5), (bent / 0.04).ravel()),
        )  # fmt: skip

    def test_risks(self, shown, drawn, plan):
        measured, lines = shown[0], []
        for k, alpha in enumerate((0.5, 1.2, 1.5)):
            gap = measured[f"risk/{k}"]["gap"]
            lines += [(HOT, plan["risk.constants"][k] * HOT**alpha), (np.tile(HOT, len(gap)), gap.ravel())]
        assert_drawn(drawn["risks"], *lines, (COLD, measured["quadrature/0"]["agreeing"]))

    def test_shifts_and_jump(self, shown, drawn, plan):
        seen = shown[0]["quadrature/0"]
        assert_drawn(
            drawn["shifts"], (COLD, plan["shift"]), (COLD, seen["shift"]), (COLD, plan["amplitude.limit"] * COLD),
            (COLD, seen["amplitude"] - 1), (COLD, seen["first"]),
        )  # fmt: skip
        assert_drawn(drawn["jump"], (COLD, plan["jump.limit"] / COLD), (COLD, seen["jump"]))
        for id in ("shifts", "jump"):
            axes = drawn[id].axes[0]
            assert axes.get_xticks().tolist() == COLD.tolist()
            assert axes.xaxis.get_major_formatter()(0.012, 1) == "0.012"
            assert axes.xaxis.get_minor_formatter()(0.012, 1) == ""

    def test_spectra(self, shown, drawn, plan):
        measured, t = shown[0], np.array([0.001, 0.2, 0.7])
        predicted, seen = plan["saddle.rates"], measured["quadrature/0"]["saddle.rates"]
        sampled = measured["growth/0"]["rates"]
        assert_drawn(
            drawn["spectra"], (t, predicted[:, 0]), (t, seen[:, 0]), (t, predicted[:, 1]), (t, seen[:, 1]),
            ([0, 1], -plan["saddle.limit"]), (np.tile([0.12, 0.4], 7), -sampled.ravel()), (plan["peak"], [0, 1]),
        )  # fmt: skip

    def test_trained(self, shown, drawn):
        pairs = [tuple(np.abs(shown[0][f"trained/{name}"][kind]).ravel() for kind in ("risk_expected", "risk"))
                 for name in ("digits", "fashion")]  # fmt: skip
        every = np.concatenate([pair[0] for pair in pairs])
        assert_drawn(drawn["trained"], *pairs, ([every.min(), every.max()], [every.min(), every.max()]))


class TestTables:
    def test_conditions(self, shown, plan):
        seen, (rows, *_) = shown[0]["quadrature/0"], [table.rows for table in shown[2].tables]
        assert rows[0][3] == f"yes: minimiser at distance {seen['shift'][0]:.2g}"
        assert rows[0][4] == f"no: curvature {seen['jump'][0]:.4g} and growing"
        assert rows[1][4] == f"yes: descent rate {-seen['saddle.rates'][0, 0]:.4f}, hard {plan['saddle.limit']:.4f}"
        assert rows[2][3] == "no: least soft risk 1e-16, hard 0.0850"

    def test_trained(self, shown):
        rows = iter(shown[2].tables[1].rows)
        for name in ("digits", "fashion"):
            part = shown[0][f"trained/{name}"]
            for k, t in enumerate((0.03, 0.06, 0.12)):
                means = [part[key][:, k].mean() for key in ("soft", "soft_expected", "risk", "risk_expected")]
                assert next(rows) == (
                    name, f"{t:g}", *(f"{mean:.4f}" for mean in means), f"{part['excess'][:, k].mean():.2g}",
                )  # fmt: skip
        assert next(rows, None) is None

    def test_without_networks_there_is_no_table_of_them_and_no_risk_is_below_nothing(self, shown, plan):
        measured = {name: part for name, part in planted(plan).items() if not name.startswith("trained/")}
        measured["quadrature/0"]["without"][0, 0] = -1e-17
        page = present(PROFILE, plan, measured, findings(PROFILE, plan, measured))
        assert [table.id for table in page.tables] == ["conditions", "symbols"]
        assert page.tables[0].rows[2][3].startswith("no: least soft risk 0, hard")
        assert "trained" not in [each.id for each in page.pictures]

    def test_summary(self, shown):
        assert f"is {shown[1]['boundary.linear'].estimate:.4f} of its linear law" in shown[2].summary

    def test_file(self, shown, plan):
        measured, _, page = shown
        assert set(page.data) == {"predicted", "measured"}
        assert set(page.data["predicted"]) == set(plan.arrays)
        for name, values in page.data["predicted"].items():
            assert_array_equal(values, plan[name])
        assert list(page.data["measured"]) == sorted(measured)
        for name, part in measured.items():
            assert_equal(page.data["measured"][name], {key: value.tolist() for key, value in part.items()})
