"""The number of classes: the critical E against a regression of its own, planted shifts, and the design behind it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from tests.validation.ecology.truth import PROFILE, planted
from tests.validation.planted import verdicts
from validation.ecology.complexity import MOST, critical, findings, foretold, moved, table
from validation.ecology.design import STRATA, extremes
from validation.ecology.judge import Everything
from validation.ecology.outcomes import HEADLINE
from validation.ecology.setup import KINDS, kinds, labels, make, schedule, source
from validation.training.sources import Images
from validation.training.vision import Vision

ENDS = ("fixed", "natural")


@pytest.fixture(scope="module", name="judged")
def _judged(plan):
    """Return the verdicts by what is planted, each judged once."""
    return cache(
        lambda **wrong: verdicts(findings(PROFILE, Everything.of(PROFILE, plan, planted(plan, **wrong)).kinds))
    )


def simulated(shift, n, rng, slope=1.5):
    """Return log E and dead models of two columns, the second with a critical E that is farther by a factor."""
    log_e = rng.normal(size=n)
    line = slope * (np.array([0.2, 0.2 + shift]) - log_e[:, None])
    return log_e, rng.random((n, 2)) < 1.0 / (1.0 + np.exp(-line))


class TestCritical:
    def test_is_that_of_a_regression_on_many_models(self):
        log_e, dead = simulated(0.7, 2000, np.random.default_rng(1))
        found, slope = critical(log_e, dead)
        group = np.repeat([0.0, 1.0], len(log_e))
        design = np.column_stack([1.0 - group, group, -np.tile(log_e, 2)])
        fitted = GLM(dead.T.ravel().astype(float), design, family=Binomial()).fit()
        assert_allclose(slope, fitted.params[2], rtol=2e-3)
        assert_allclose(found, fitted.params[:2] / fitted.params[2], atol=2e-3)

    def test_shift_is_found(self):
        log_e, dead = simulated(0.7, 20_000, np.random.default_rng(2))
        assert moved(np.column_stack([log_e, dead])) == pytest.approx(0.7, abs=0.06)

    @pytest.mark.parametrize("shift", [-0.7, 0.0])
    def test_is_a_distance(self, shift):
        log_e, dead = simulated(shift, 20_000, np.random.default_rng(3))
        assert moved(np.column_stack([log_e, dead])) == pytest.approx(abs(shift), abs=0.06)

    @pytest.mark.parametrize("dead", [np.zeros((50, 2), bool), np.ones((50, 2), bool)])
    def test_has_a_value_where_nothing_differs(self, dead):
        found, _ = critical(np.linspace(-2.0, 2.0, 50), dead)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= MOST


class TestPlanted:
    def test_one_that_does_not_move(self, judged):
        found = judged()
        for difficulty in ENDS:
            assert found[f"complexity.critical.{difficulty}"] == "REFUTED"
            assert {found[f"complexity.dead.{difficulty}.{name}"] for name in HEADLINE} <= {"REFUTED", "INCONCLUSIVE"}
            assert found[f"complexity.rule.{difficulty}"] == "SUPPORTED"

    @pytest.mark.parametrize(("factor", "kills"), [(8.0, "SUPPORTED"), (1 / 8, "REFUTED")])
    def test_one_that_moves_either_way(self, judged, factor, kills):
        found = judged(classes=factor)
        for difficulty in ENDS:
            assert found[f"complexity.critical.{difficulty}"] == "SUPPORTED"
            assert {found[f"complexity.dead.{difficulty}.{name}"] for name in HEADLINE} == {kills}

    @pytest.mark.parametrize("slope", [0.0, 0.5, 1.5])
    def test_a_share_that_does_not_move_as_the_rule_says(self, judged, slope):
        found = judged(slope=slope)
        assert {found[f"complexity.rule.{difficulty}"] for difficulty in ENDS} == {"REFUTED"}

    def test_controls(self, judged):
        found = judged()
        assert (found["planted.critical.moved"], found["planted.critical.still"]) == ("SUPPORTED", "REFUTED")

    def test_models_below_their_baseline_do_not_count(self, judged):
        found = {id: verdict for id, verdict in judged(beats=False).items() if id.startswith("complexity")}
        assert set(found.values()) == {"INCONCLUSIVE"}

    def test_table_has_every_number_of_classes(self, plan):
        every = Everything.of(PROFILE, plan, planted(plan, classes=8.0)).kinds
        rows = {row[:2]: row for row in table(PROFILE, every).rows}
        assert set(rows) == {(difficulty, str(n)) for difficulty in ENDS for n in PROFILE.complexity.classes}
        few, many = (float(rows["fixed", n][-2]) for n in ("2", "200"))
        assert 4.0 < many / few < 16.0
        assert rows["fixed", "200"][-3:][0] == "0.00"  # predicted: with as many classes as experts none is idle


class TestDesign:
    def at(self, plan, kind, stratum):
        return (plan["design.kind"] == list(KINDS).index(kind)) & (plan["design.stratum"] == STRATA.index(stratum))

    def test_every_number_of_classes_has_the_same_settings_and_starts(self, plan):
        """The two that the rule expects to differ most have them all, the others the first ones."""
        c, few = PROFILE.complexity, self.at(plan, "fixed-2", "complexity")
        assert (plan["design.weights"][few][:, 0] == c.temperature).all()
        for name in kinds(PROFILE):
            if name.split("-")[0] in ENDS:
                rows = self.at(plan, name, "complexity")
                assert rows.sum() == (c.settings if labels(name) in extremes(PROFILE) else c.others)
                for column in ("weights", "seed", "config"):
                    expected = plan[f"design.{column}"][few][: rows.sum()]
                    assert_allclose(plan[f"design.{column}"][rows], expected)

    def test_near_settings_are_in_the_window_for_both_and_apart(self, plan):
        few, many = extremes(PROFILE)
        assert (few, many) == (2, 12)
        low, high = np.log(PROFILE.rule.window)
        found = []
        for number in (few, many):
            rows = self.at(plan, f"natural-{number}", "near")
            _, h, o, b = plan["design.weights"][rows].T
            gap = 16 / 2 * (1 / number - 1 / (16 - number))
            log_r = -(o + b * (math.log(number) - gap)) / (h + b)
            assert_allclose(plan["group.rule"][rows], log_r)
            assert ((log_r >= low - 1e-9) & (log_r <= high + 1e-9)).all()
            found.append(log_r)
        assert (found[0] - found[1]).min() >= PROFILE.complexity.apart - 1e-9
        assert not self.at(plan, "natural-200", "near").any()

    def test_predicted_deaths(self, plan):
        every = Everything.of(PROFILE, plan, planted(plan)).kinds
        dies = every["fixed-2"].columns["rule"] < math.log(0.01)
        assert_allclose(foretold(every["fixed-2"], "rule"), np.where(dies, 14, 0))
        assert not foretold(every["fixed-200"], "rule").any()

    @pytest.mark.parametrize(("name", "classes", "right"), [("fixed-2", 2, 0.99), ("natural-12", 12, None)])
    def test_models_and_data(self, name, classes, right):
        found, data = make(PROFILE, name), source(KINDS[name].set, PROFILE.training)
        assert isinstance(found, Vision)
        assert isinstance(data, Images)
        assert (found.pixels, found.classes, labels(name)) == (data.train.shape[1], classes, classes)
        assert len(data.test) == PROFILE.training.test_images
        assert (KINDS[name].set.endswith("-at-.99")) == (right is not None)
        assert (schedule(PROFILE, name).steps, schedule(PROFILE, name).batch) == (40, PROFILE.complexity.batch)
