"""The subject hard: closed forms against samples and the library's, real runs, what its pictures show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf

from moecusp import expert_boundary_slope
from tests.validation.planted import line
from tests.validation.routers.hard_truth import PROFILE as P
from tests.validation.routers.hard_truth import planted
from tests.validation.routers.truth import PROFILE
from validation.routers import hard, ties
from validation.streams import stream
from validation.training.tokens import load_tokens


@pytest.fixture(scope="module", name="plan")
def _plan(plans):
    return plans("hard")


class TestTies:
    @pytest.mark.parametrize("experts", [2, 3, 8])
    def test_density_of_the_best_is_that_of_the_boundary_mass(self, experts):
        """M(w) = 2 w c over all pairs."""
        pairs = experts * (experts - 1)
        assert ties.density(experts, 1, 0.7) * pairs == pytest.approx(expert_boundary_slope(experts, 0.7), rel=1e-9)

    @pytest.mark.parametrize(("experts", "chosen"), [(6, 2), (6, 3), (8, 4)])
    def test_density_of_the_kth_by_counting(self, experts, chosen):
        logits = np.sort(np.random.default_rng(0).normal(size=(400_000, experts)))
        gap = logits[:, -chosen] - logits[:, -chosen - 1]
        width = 0.02  # the slope of M is off by a part of it
        counted = np.mean(gap < width) / width / (experts * (experts - 1))
        assert ties.density(experts, chosen, 1.0) == pytest.approx(counted, rel=0.06)

    def test_critical_of_two_is_the_closed_form(self):
        assert ties.critical(2, 1, 0.8, 0.6) == pytest.approx(0.6 * 0.8 * 2**0.5 * (np.pi / 2) ** 0.5, rel=1e-10)

    def test_choosing_k_is_leaving_the_rest(self):
        """Signs of all logits turned, top-k is bottom-k: the same ties, other shares of slots."""
        assert ties.density(8, 3, 1.0) == pytest.approx(ties.density(8, 5, 1.0), rel=1e-10)

    def test_two_experts_favour_one_by_the_error_function(self):
        lead = 0.9
        load = ties.favoured(lead, 2, 0.8)
        assert 2 * load - 1 == pytest.approx(erf(lead / (0.8 * 2)), rel=1e-9)
        assert ties.feedback(lead, 2, 0.8, 0.6) == pytest.approx(0.6 * lead / (2 * load - 1), rel=1e-9)

    def test_fold_is_least_and_its_load_is_held(self):
        least, lead = ties.fold(8, 0.8, 0.6)
        for other in (0.95, 1.05):
            assert ties.feedback(other * lead, 8, 0.8, 0.6) > least
        assert least < ties.critical(8, 1, 0.8, 0.6)
        load = ties.held(1.2 * least, 8, 0.8, 0.6)
        assert load > ties.favoured(lead, 8, 0.8)
        lead = 1.2 * least / 0.6 * (load - (1 - load) / 7)
        assert load == pytest.approx(ties.favoured(lead, 8, 0.8), rel=1e-6)


class TestPredictions:
    def test_gaussian(self, plan):
        weight = plan["hard.gaussian.0"]
        sigma = np.linalg.norm(weight[:, 0] - weight[:, 1], axis=1)
        assert_allclose(plan["hard.gaussian.critical"], P.decay * sigma * (np.pi / 2) ** 0.5)

    def test_digits(self, plan):
        """Even load, and the density of the noisy margins at the tie."""
        jitter, margins = P.noise * 2**0.5, plan["hard.digits.margins"]
        assert_allclose(erf(margins / (jitter * 2**0.5)).mean(axis=1), 0.0, atol=1e-12)
        slope = 2 * np.exp(-0.5 * (margins / jitter) ** 2).mean(axis=1) / (jitter * (2 * np.pi) ** 0.5)
        assert_allclose(plan["hard.digits.critical"], P.decay / slope)
        raw = np.tanh(load_tokens().train.double().numpy() @ plan["hard.digits.0"].swapaxes(1, 2))
        logits = raw @ plan["hard.digits.1"].swapaxes(1, 2)
        moved = margins - (logits[..., 0] - logits[..., 1])
        assert_allclose(moved, moved[:, :1].repeat(margins.shape[1], axis=1), atol=1e-9)


class TestRuns:
    def test_top_k_shares_slots(self):
        p = replace(P, increment=0.1)
        router = hard._router(p, [1.0], 4)
        hard.reinforce(router, torch.tensor([[[3.0, 2.0, 1.0, 0.0], [0.0, 3.0, 1.0, 2.0]]]), 2, torch.Generator())
        assert_allclose(router.scores.numpy(), 0.1 * np.array([[0.25, 0.5, 0.0, 0.25]]), atol=1e-7)

    def test_top_1_is_the_routers_own(self):
        router = hard._router(P, [1.0], 2)
        hard.reinforce(router, torch.tensor([[[3.0, 2.0], [0.0, 3.0], [0.0, 1.0]]]), 1, torch.Generator())
        assert_allclose(router.scores.numpy(), [[P.increment / 3, 2 * P.increment / 3]])

    @pytest.mark.parametrize("case", ["gaussian-float32", "digits", "chosen-6-3"])
    def test_onsets_are_near(self, plan, case):
        """A real run of some 2e5 tokens, which tells 10 %."""
        profile = replace(PROFILE, hard=replace(P, batch_size=2048, growth_steps=10))
        (part,) = [each for each in hard.parts(profile, plan) if each.name == f"hard/{case}"]
        found: Any = {part.name: part.run(stream("t", "t", 1, 0), lambda _: None)}
        assert hard.onsets(P, found, case).mean() == pytest.approx(1.0, abs=0.1)

    def test_favoured_experts_stay_and_are_released(self, plan):
        p = replace(
            P, release_feedbacks=(0.7, 0.9, 1.1, 1.3), release_time=30.0, release_batch_size=256, midway_batch_size=512
        )
        found = hard._collapse(p, plan["hard.collapse"][0], 4, stream("t", "t", 0, 0), lambda _: None)
        assert np.all(found["collapsed"][:, 0] < 0.5)
        assert np.all(found["collapsed"][:, -1] > plan["hard.collapse"][0, 3])
        assert np.all(np.abs(found["feedbacks"] - p.release_feedbacks) <= 0.1)
        assert_allclose(found["midway"].mean(axis=0), [plan["hard.collapse"][0, 3], 0.25], atol=0.06)


class TestEffects:
    def test_release_is_between_the_last_lost_and_the_first_kept(self, plan):
        measured = planted(plan, release=1.0)
        grid = measured["hard/collapse-4"]["feedbacks"]
        found = hard.releases(P, plan, measured, 0)
        for row, at in zip(grid, found, strict=True):
            assert row[row < 1.0].max() < at < row[row > 1.0].min()

    @pytest.mark.parametrize("release", [0.5, 2.0])
    def test_no_release_is_no_number(self, plan, release):
        assert np.isnan(hard.releases(P, plan, planted(plan, release=release), 0)).all()


def test_pictures_show_the_measured_arrays(plan):
    measured = planted(plan)
    drawn = {each.id: each.figure for each in hard.pictures(PROFILE, plan, measured)}
    x, y = line(drawn["hard_collapse"], "measured, 4")
    assert_array_equal(x, measured["hard/collapse-4"]["feedbacks"].ravel())
    assert_array_equal(y, measured["hard/collapse-4"]["collapsed"].ravel())
    bars: Any = drawn["hard_onset"].axes[0].containers[0]
    first = bars.lines[0]
    assert_allclose(first.get_ydata(), measured["hard/gaussian-float32"]["rates"].mean(axis=0) / P.decay)
