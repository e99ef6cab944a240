"""The digits experiment: its setup, its runs against planted truths, and the command line around it.

Its verdicts, pictures and captions: tests/validation/test_digits_planted.py.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import ndtri

import moecusp as mc
from moecusp.report import Verdict, judge, student
from moecusp.routing import margins
from validation.digits import measure
from validation.digits.effects import onset
from validation.digits.predict import theory
from validation.digits.profiles import PROFILES
from validation.digits.setup import linear, prepare
from validation.streams import stream
from validation.training.mixtures import Experts
from validation.training.tokens import Tokens, load_tokens

ROOT = Path(__file__).parent.parent
SMOKE = PROFILES["smoke"]


@pytest.fixture(scope="module", name="tokens")
def _tokens():
    return load_tokens()


@pytest.fixture(scope="module", name="setup")
def _setup(tokens):
    return prepare(tokens.train, 0.07, torch.Generator().manual_seed(5))


def nothing(_):
    return None


def predicted(setup, profile):
    return theory(profile, setup.margins[None], np.array([setup.jitter]))


class TestSetup:
    def test_tokens_are_split_without_overlap(self, tokens):
        assert (len(tokens.train), len(tokens.test)) == (1347, 450)
        assert_allclose(tokens.train.mean(dim=0), 0.0, atol=1e-6)

    def test_margins_are_those_of_the_router(self, setup, tokens):
        logits = linear(setup.weight, setup.bias)(tokens.train).double()
        assert_allclose(setup.margins, (logits[:, 0] - logits[:, 1]).numpy(), atol=1e-6)
        assert setup.margins.std() == pytest.approx(1.0, rel=1e-5)
        assert setup.response.value(0.0) == pytest.approx(0.0, abs=1e-6)

    def test_pixel_jitter_blurs_margins_as_said(self, setup, tokens):
        """Standard deviation of margins of jittered images, 4e5 draws; 5 standard errors."""
        source = torch.Generator().manual_seed(2)
        image = tokens.train[:1].expand(400_000, -1)
        noise = 0.07 * torch.randn(image.shape, generator=source)
        noisy = margins(linear(setup.weight, setup.bias)(image + noise))
        assert noisy.std() == pytest.approx(setup.jitter, rel=5 / (2 * 400_000) ** 0.5)


class TestPredictions:
    def test_states_and_folds_are_consistent(self, setup):
        found = predicted(setup, SMOKE)
        assert found["critical_feedback"][0] == pytest.approx(1 / setup.response.slope(0.0))
        for state, stable in zip(found["branch.imbalance"], found["branch.stable"], strict=True):
            there = stable[~np.isnan(state)]
            assert there[0]
            assert there[-1]
        (up, down), (late_up, late_down) = found["sweep.folds"], found["sweep.jumps"]
        assert np.all(down < up)
        assert np.all((late_up > up) & (late_down < down))

    @pytest.mark.parametrize("decay", [1.0, 2.5])
    def test_the_ramp_delay_is_that_of_the_mean_field(self, setup, decay):
        """A noiseless ramp of dz/dt = kappa G - mu z + h, over the sweep's reach in its time, jumps where predicted.

        Within 10 % of the delay, for the Airy law is the leading order in the rate.
        """
        profile = replace(SMOKE, sweep_time=4000.0, decay=decay)
        found, step = predicted(setup, profile), 0.01 / decay
        kappa = found["sweep.feedbacks"][-1]
        fold, jump = found["sweep.folds"][0, -1], found["sweep.jumps"][0, -1]
        rate = 2.0 * found["sweep.reach"] / (profile.sweep_steps() * profile.sweep_increment)
        grid = np.linspace(-6, 6, 6001)
        value = setup.response.value(grid)
        h, z = fold - 0.05 * decay, -2.0
        while z < 0:
            z += step * (kappa * np.interp(z, grid, value) - decay * z + h)
            h += step * rate
        assert h - fold == pytest.approx(jump - fold, rel=0.1)


@pytest.fixture(scope="module", name="onset", params=[1.0, 2.5])
def _onset(request):
    """Onsets over the closed form, measured on planted Gaussian margins, with decay 1 and another."""
    spread, jitter = 0.8, 0.6  # together N(0, 1)
    planted = spread * ndtri((np.arange(40_000) + 0.5) / 40_000)
    decay = request.param
    profile = replace(SMOKE, growth_seeds=24, decay=decay, growth_increment=0.02 / decay)
    feedbacks = decay * 1.2533 * np.linspace(0.5, 1.5, 11)
    rates = measure.measure_onset(profile, planted, jitter, feedbacks, stream("test", "onset", 1, 1), nothing)["rates"]
    return onset(feedbacks, rates) / mc.HardGaussianResponse(1.0).critical_feedback(decay)


class TestPlantedTruths:
    """Margins drawn from a known law: the right theory must pass, the wrong ones must not."""

    @staticmethod
    def verdict(ratios):
        return judge("a", "a", "ratio", student(ratios), PROFILES["quick"].onset_band).verdict

    def test_the_right_theory_is_supported(self, onset):
        assert self.verdict(onset) is Verdict.SUPPORTED

    @pytest.mark.parametrize("factor", [2.0, 0.5, 1.15])
    def test_a_wrong_theory_is_refuted(self, onset, factor):
        assert self.verdict(onset / factor) is Verdict.REFUTED

    def test_too_little_data_is_inconclusive(self, onset):
        assert self.verdict(onset[:2]) is Verdict.INCONCLUSIVE


class TestMeasurements:
    def test_onset_of_exact_lines(self):
        feedbacks = np.array([1.0, 2.0, 3.0])
        rates = np.stack([feedbacks / c - 1 for c in (1.5, 2.5)])
        assert_allclose(onset(feedbacks, rates), [1.5, 2.5])

    def test_loops_jump_outside_the_folds_and_in_the_right_order(self, setup):
        profile = replace(SMOKE, sweep_feedbacks=(1.6,), sweep_time=100.0, decay=1.5)
        found = predicted(setup, profile)
        done: list[int] = []
        loops = measure.measure_loops(
            profile, setup.margins, setup.jitter, found["sweep.feedbacks"], float(found["sweep.reach"]), 3,
            stream("test", "loops", 0, 0), done.append,
        )  # fmt: skip
        assert np.all(loops["jumps"][:, 0] > found["sweep.folds"][0])
        assert np.all(loops["jumps"][:, 1] < found["sweep.folds"][1])
        assert sum(done) == 3 * 2 * profile.sweep_steps() * profile.sweep_batch_size
        assert np.all(np.diff(loops["asymmetry"]) > 0)
        seen, middle = loops["imbalance"][:, :, 0], loops["asymmetry"].size // 2
        assert np.all(seen[:, 0, middle] < -0.5)
        assert np.all(seen[:, 1, middle] > 0.5)
        assert np.all(seen[:, :, 0] < -0.5)  # both directions end, or begin, at the same loads
        assert np.all(seen[:, :, -1] > 0.5)

    def test_a_jump_is_at_the_asymmetry_of_its_moment(self, setup):
        """The load changes sides in the bin of the asymmetry at which the score does: no sweep runs at another rate."""
        profile = replace(SMOKE, sweep_feedbacks=(1.6,), sweep_time=400.0)
        found = predicted(setup, profile)
        loops = measure.measure_loops(
            profile, setup.margins, setup.jitter, found["sweep.feedbacks"], float(found["sweep.reach"]), 2,
            stream("test", "loops", 1, 0), nothing,
        )  # fmt: skip
        width = np.diff(loops["asymmetry"])[0]
        for seed in range(2):
            for side in range(2):
                seen = loops["imbalance"][seed, side, 0]
                change = loops["asymmetry"][np.argmax(np.abs(np.diff(seen)))] + 0.5 * width
                assert abs(loops["jumps"][seed, side, 0] - change) < 2.5 * width

    def test_long_run_loads_have_forgotten_the_start(self, setup):
        """Half the critical feedback, 30 relaxation times of 2/mu: what is left of the start is below 1e-3."""
        profile = replace(SMOKE, branch_time=60.0, batches_per_update=10_000, decay=2.0, collapsed_start=4.0)
        kappa = np.array([0.5]) * predicted(setup, profile)["critical_feedback"][0]
        found = measure.measure_branches(
            profile, setup.weight, setup.bias, kappa, 2, stream("test", "branches", 0, 0), nothing
        )
        assert np.all(np.abs(found["imbalance"]) < 0.02)  # 375 batches of 128: standard error 0.009 at most
        assert np.all(np.abs(found["history"][:, 1:, 0, 0]) > 0.5)

    def test_accuracy_is_that_on_the_test_images(self, setup, tokens):
        """All training labels are 1, all test labels 0: nothing learned can be right."""
        labels = torch.ones_like(tokens.train_labels), torch.zeros_like(tokens.test_labels)
        planted = Tokens(tokens.train, labels[0], tokens.test, labels[1])
        found = measure.measure_branches(
            replace(SMOKE, branch_time=3.0), setup.weight, setup.bias, np.array([0.1]), 1,
            stream("test", "branches", 1, 0), nothing, planted,
        )  # fmt: skip
        assert np.all(found["accuracy"] == 0.0)
        right = Tokens(tokens.train, labels[0], tokens.test, torch.ones_like(tokens.test_labels))
        found = measure.measure_branches(
            replace(SMOKE, branch_time=3.0), setup.weight, setup.bias, np.array([0.1]), 1,
            stream("test", "branches", 1, 0), nothing, right,
        )  # fmt: skip
        assert np.all(found["accuracy"] == 1.0)


class TestExperts:
    def test_each_model_is_its_own_perceptron(self):
        source = torch.Generator().manual_seed(0)
        experts = Experts(2, 3, 2, (5, 4, 3), source)
        with torch.no_grad():
            for parameter in experts.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=source))
        images = torch.randn(2, 7, 5, generator=source)
        scores = experts(images)
        for s, m, e in ((0, 0, 0), (1, 2, 1), (1, 0, 1)):
            hidden = torch.relu(images[s] @ experts.first[s, m, e].T + experts.first_bias[s, m, e, :, 0])
            expected = hidden @ experts.second[s, m, e].T + experts.second_bias[s, m, e, :, 0]
            assert_allclose(scores[s, m, e].T.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
        chosen = torch.randint(2, (2, 3, 7), generator=source)
        picked = experts.of_chosen(scores, chosen)
        assert torch.equal(picked[1, 2, :, 4], scores[1, 2, chosen[1, 2, 4], :, 4])

    def test_models_of_a_seed_start_alike_and_seeds_differ(self):
        experts = Experts(2, 3, 2, (5, 4, 3), torch.Generator().manual_seed(0))
        assert torch.equal(experts.first[:, 0], experts.first[:, 2])
        assert not torch.equal(experts.first[0], experts.first[1])
