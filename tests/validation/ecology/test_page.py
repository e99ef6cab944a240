"""The page: what its first paragraph says, and that tables and pictures show what was measured."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.validation.ecology.truth import PROFILE, planted
from validation.ecology import guarantee, revival, tables
from validation.ecology.design import GROUPS
from validation.ecology.drawing import BINS, DRAWN, bins, thinned
from validation.ecology.judge import Everything, findings
from validation.ecology.study import STUDY, present
from validation.ecology.summary import summary


@pytest.fixture(scope="module", name="made")
def _made(plan):
    """What a run would show in which (H + B)/O rules."""
    measured = planted(plan)
    found = findings(PROFILE, plan, measured)
    return SimpleNamespace(measured=measured, found=found, page=present(PROFILE, plan, measured, found),
                           every=Everything.of(PROFILE, plan, measured))  # fmt: skip


def table(made, id):
    (found,) = [each for each in made.page.tables if each.id == id]
    return found


def picture(made, id):
    (found,) = [each for each in made.page.pictures if each.id == id]
    return found


class TestSummary:
    def test_names_what_governs(self, made):
        assert made.page.summary.startswith(
            "E ≥ 0.5 does not keep experts alive, if death is judged by first, slots, probability and streak."
        )
        assert "Death by its share of the slots is governed by (H + B)/O (1.00" in made.page.summary
        assert made.page.summary.endswith(
            "The temperature of training does not matter for death by first, slots and streak."
        )

    def test_follows_the_verdicts(self, plan):
        measured = planted(plan, law="E", hot=3)
        found = {each.id: each for each in findings(PROFILE, plan, measured)}
        said = summary(PROFILE, Everything.of(PROFILE, plan, measured), found)
        assert said.startswith(
            "E ≥ 0.5 does not keep experts alive, if death is judged by probability; by first, slots and streak it did "
            "in every configuration tried."
        )
        assert "Death by its share of the slots is governed by E = T H/(O + B) (1.00, where 1 is perfect order" in said
        assert said.endswith("The temperature of training matters for death by first, slots and streak.")


class TestTables:
    def test_ids_are_all_there(self, made):
        assert [each.id for each in made.page.tables] == [
            "thresholds", "undefined", "strata", "groups", "exponents", "planted", "rule", "temperature", "revival",
            "tiers", "ortho", "complexity", "definitions", "ladder", "trained", "symbols",
        ]  # fmt: skip

    def test_thresholds_count_configurations(self, made):
        digits = made.every.kinds["digits"]
        row = next(row for row in table(made, "thresholds").rows if row[:2] == ("digits", "0.6"))
        seen = guarantee.tested(digits, 0.6, digits.dead("slots")).violated
        assert (row[2], row[4].split()[0]) == (str(seen.size), str(int(seen.sum())))

    def test_definitions_by_threshold(self, made):
        """Planted dead experts have a share of .002 before all are made to sum to 1: dead at .005, not at .0001."""
        rows = {row[:2]: row[2:] for row in table(made, "definitions").rows}
        digits = made.every.kinds["digits"]
        dead = digits.dead("slots")[digits.within("sobol")]
        assert rows["slots", "0.01"] == (f"{dead.mean():.2f}", f"{(dead > 0).mean():.0%}")
        assert rows["streak", "100"] == rows["slots", "0.01"]
        assert rows["streak", "300"] == ("0.00", "0%")

    def test_revivals(self, made):
        rows = {row[0]: row[1:] for row in table(made, "revival").rows}
        assert (rows["B"], rows["HO"], rows["effect of B"]) == (("100%", "100%"), ("0%", "0%"), ("+100%", "+100%"))

    def test_classes_of_experts(self, made):
        """Every living expert is right in 60 %: of the top class; the others are dead."""
        digits = made.every.kinds["digits"]
        share = tables.class_shares(digits.where(digits.within("sobol")))
        dead = digits.dead("first")[digits.within("sobol")].mean() / 16
        assert_allclose([share[0], share[5]], [dead, 1 - dead])

    def test_planted_ecologies(self, made):
        rows = table(made, "planted").rows
        assert len(rows) == 12
        for row in rows:
            assert sum(map(int, row[4:7])) == PROFILE.planted.repeats

    def test_missing_data_are_named(self, made):
        assert any("Fashion-MNIST is not installed" in note for note in made.page.notes)
        said = "Data that took part: digits, bytes of Python's language reference, generated classes."
        assert said in made.page.notes


class TestPictures:
    def test_bins_are_even(self):
        edges, inside = bins(np.arange(80.0))
        assert len(edges) == BINS + 1
        assert all(10 <= some.sum() <= 11 for some in inside)
        assert np.logical_or.reduce(inside).all()

    def test_points_are_thinned_evenly(self):
        """Of 4,000 every one in 2.67 is kept; of few all."""
        rows = np.arange(8000) % 2 == 0
        kept = np.flatnonzero(thinned(rows))
        assert len(kept) == DRAWN
        assert rows[kept].all()
        assert (np.diff(kept) <= 6).all()
        assert (thinned(rows[:100]) == rows[:100]).all()

    def test_captions_state_what_is_fixed(self, made):
        for each in made.page.pictures:
            assert f"steps of training = {40 if each.id == 'classes' else 50}" in each.caption
            assert "Fixed: " in each.caption

    def test_the_axis_of_E(self, made):
        digits = made.every.kinds["digits"]
        at = digits.where(digits.within("sobol", "held_out"))
        _, inside = bins(at.columns["E"])
        (axes,) = picture(made, "axis").figure.axes
        drawn = [container.lines[0].get_ydata() for container in axes.containers]
        expected = [(at.dead("slots")[some] > 0).mean() for some in inside]
        assert_allclose(drawn[1], expected)

    def test_the_plane_of_the_rule(self, made):
        axes = picture(made, "phase-rule-slots").figure.axes[0]
        (line,) = axes.get_lines()
        assert_allclose(np.divide(*line.get_data()[::-1]), 1 / np.log(100), rtol=1e-6)
        digits = made.every.kinds["digits"]
        at = digits.where(digits.within("sobol", "held_out", "line"))
        assert_allclose(axes.collections[0].get_offsets()[:, 0], at.columns["weights"][:, 2])
        assert_allclose(axes.collections[0].get_array(), at.dead("slots"))

    def test_the_plane_of_E(self, made):
        (line,) = picture(made, "phase-e-slots").figure.axes[0].get_lines()
        assert_allclose(np.divide(*line.get_data()[::-1]), 0.5)

    def test_timelines(self, made):
        (axes,) = picture(made, "revival").figure.axes
        lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
        runs = made.every.kinds["dead-bias"]
        assert_allclose(lines["on: OB"][1:], revival.timeline(PROFILE, runs)[3])
        assert lines["on: OB"][0] == 0

    def test_dead_experts_along_the_classes(self, made):
        (axes,) = picture(made, "classes").figure.axes
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "12", "200"]
        dead = made.every.kinds["fixed-12"].dead("slots")[: PROFILE.complexity.others]
        drawn = [container.lines[0].get_ydata()[1] for container in axes.containers]
        assert_allclose(drawn[1], dead.mean() / 16)

    def test_the_ladder_has_plain_numbers(self, made):
        (axes,) = picture(made, "ladder").figure.axes
        said = [tick.get_text() for tick in axes.get_xticklabels()]
        assert len(said) == BINS + 1
        assert not [each for each in said if "e" in each]

    def test_concordances(self, made):
        (axes,) = picture(made, "groups").figure.axes
        found = {each.id: each.estimate for each in made.found}
        first = [container.lines[0].get_xdata()[0] for container in axes.containers][:4]
        assert_allclose(first, [found[f"governs.{group}.digits.first"] for group in GROUPS])


def test_the_study_has_three_profiles_and_one_name():
    assert (STUDY.name, set(STUDY.profiles)) == ("ecology", {"smoke", "quick", "full"})
    assert all(name == profile.name for name, profile in STUDY.profiles.items())
    assert replace(STUDY.profiles["smoke"], name="x").confidence == STUDY.profiles["full"].confidence
