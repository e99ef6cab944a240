"""The digits experiment: its predictions, planted truths, too little data, and the command line around it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import moecusp as mc
from moecusp.report import Verdict, judge, student
from moecusp.routing import margins
from validation.digits import measure
from validation.digits.experts import Experts
from validation.digits.predict import distance_to_stable, predict
from validation.digits.profiles import PROFILES
from validation.digits.setup import Setup, load_tokens, prepare

ROOT = Path(__file__).parent.parent
SMOKE = PROFILES["smoke"]


@pytest.fixture(scope="module", name="tokens")
def _tokens():
    return load_tokens()


@pytest.fixture(scope="module", name="setup")
def _setup(tokens):
    return prepare(tokens, 0.07, seed=5)


def nothing(_):
    return None


class TestSetup:
    def test_tokens_are_split_without_overlap(self, tokens):
        assert (len(tokens.train), len(tokens.test)) == (1347, 450)
        assert_allclose(tokens.train.mean(dim=0), 0.0, atol=1e-6)

    def test_margins_are_those_of_the_router(self, setup, tokens):
        logits = setup.router(tokens.train).double()
        assert_allclose(setup.margins, (logits[:, 0] - logits[:, 1]).numpy(), atol=1e-6)
        assert setup.margins.std() == pytest.approx(1.0, rel=1e-5)
        assert setup.response.value(0.0) == pytest.approx(0.0, abs=1e-6)

    def test_pixel_jitter_blurs_margins_as_said(self, setup, tokens):
        """Standard deviation of margins of jittered images, 4e5 draws; 5 standard errors."""
        source = torch.Generator().manual_seed(2)
        image = tokens.train[:1].expand(400_000, -1)
        noisy = margins(setup.router(image + 0.07 * torch.randn(image.shape, generator=source)))
        assert noisy.std() == pytest.approx(setup.jitter, rel=5 / (2 * 400_000) ** 0.5)


class TestPredictions:
    def test_states_and_folds_are_consistent(self, setup):
        found = predict(setup.response, SMOKE)
        assert found.critical_feedback == pytest.approx(1 / setup.response.slope(0.0))
        for state in found.states:
            assert state.stable[0]
            assert state.stable[-1]
        for sweep in found.sweeps:
            assert sweep.fold_down < sweep.fold_up
            assert sweep.ramped_width > sweep.width

    def test_the_ramp_delay_is_that_of_the_mean_field(self, setup):
        """A noiseless ramp of dz/dt = kappa G - mu z + h overtakes the fold by the predicted delay, within 10 % of it.

        (The Airy law is the leading order in the rate.)
        """
        found = predict(setup.response, replace(SMOKE, sweep_time=4000.0))
        sweep, step = found.sweeps[-1], 0.01
        grid = np.linspace(-6, 6, 6001)
        value = setup.response.value(grid)
        h, z = sweep.fold_up - 0.05, -2.0
        while z < 0:
            z += step * (sweep.feedback * np.interp(z, grid, value) - z + h)
            h += step * found.rate
        assert h - sweep.fold_up == pytest.approx(sweep.jump_up - sweep.fold_up, rel=0.1)

    def test_distance(self, setup):
        states = [setup.response.equilibria(0.5), setup.response.equilibria(2.5)]
        m = states[1].imbalance
        assert_allclose(distance_to_stable(np.array([[0.1, m[0] + 0.02]]), states), [[0.1, 0.02]], atol=1e-6)


@pytest.fixture(scope="module", name="onset")
def _onset():
    rng = np.random.default_rng(11)
    spread, jitter = 0.8, 0.6  # together N(0, 1)
    planted = rng.normal(size=40_000) * spread
    planted -= np.median(planted)
    setup = Setup(torch.nn.Linear(1, 2), planted, jitter, mc.EmpiricalResponse(planted, jitter=jitter))
    profile = replace(SMOKE, growth_seeds=12)
    feedbacks = 1.2533 * np.linspace(0.5, 1.5, 11)
    rates = measure.measure_onset(setup, feedbacks, profile, measure.generator(1, 1), nothing)
    return measure.onset_of(feedbacks, rates)


class TestPlantedTruths:
    """Margins drawn from a known law: the right theory must pass, the wrong ones must not."""

    @staticmethod
    def verdict(onset, predicted):
        return judge("a", "a", "ratio", student(onset / predicted), PROFILES["quick"].onset_band).verdict

    def test_the_right_theory_is_supported(self, onset):
        assert self.verdict(onset, mc.HardGaussianResponse(1.0).critical_feedback()) is Verdict.SUPPORTED

    @pytest.mark.parametrize("factor", [2.0, 0.5, 1.15])
    def test_a_wrong_theory_is_refuted(self, onset, factor):
        predicted = factor * mc.HardGaussianResponse(1.0).critical_feedback()
        assert self.verdict(onset, predicted) is Verdict.REFUTED

    def test_too_little_data_is_inconclusive(self, onset):
        predicted = mc.HardGaussianResponse(1.0).critical_feedback()
        assert self.verdict(onset[:2], predicted) is Verdict.INCONCLUSIVE


class TestMeasurements:
    def test_onset_of_exact_lines(self):
        feedbacks = np.array([1.0, 2.0, 3.0])
        rates = np.stack([feedbacks / c - 1 for c in (1.5, 2.5)])
        assert_allclose(measure.onset_of(feedbacks, rates), [1.5, 2.5])

    def test_streams_differ_by_seed_and_experiment(self):
        draws = {float(torch.rand(1, generator=measure.generator(s, e))) for s in range(5) for e in range(5)}
        assert len(draws) == 25

    def test_loops_jump_outside_the_folds_and_in_the_right_order(self, setup):
        profile = replace(SMOKE, sweep_feedbacks=(1.6,), sweep_time=100.0)
        found = predict(setup.response, profile)
        loops = measure.measure_loops(
            setup, np.array([found.sweeps[0].feedback]), found.reach, profile, measure.generator(0, 9), nothing
        )
        up, down = loops.jumps[0], loops.jumps[1]
        assert np.all(up > found.sweeps[0].fold_up)
        assert np.all(down < found.sweeps[0].fold_down)
        assert np.all(np.diff(loops.asymmetry) > 0)
        middle = loops.asymmetry.size // 2
        assert loops.imbalance[0, 0, middle] < -0.5
        assert loops.imbalance[1, 0, middle] > 0.5


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


def command(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "validation", "run", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        **more,
    )  # fmt: skip


@pytest.fixture(scope="module", name="reports")
def _reports(tmp_path_factory):
    """Two runs with one seed."""
    folders = [tmp_path_factory.mktemp("run") / "report" for _ in range(2)]
    for folder in folders:
        process = command("--profile", "smoke", "--seed", "3", "--output", str(folder))
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return folders


class TestCommandLine:
    def test_one_seed_gives_one_report_but_for_time_stamps(self, reports):
        contents = [json.loads((folder / "report.json").read_text()) for folder in reports]
        for content in contents:
            for stamp in ("started", "seconds", "command"):
                del content["provenance"][stamp]
        assert contents[0] == contents[1]

    def test_the_control_is_refuted(self, reports):
        content = json.loads((reports[0] / "report.json").read_text())
        controls = [f for f in content["findings"] if f["expected"]]
        assert [f["verdict"] for f in controls] == ["REFUTED"]
        assert content["sound"]

    def test_every_caption_states_the_fixed_parameters(self, reports):
        content = json.loads((reports[0] / "report.json").read_text())
        assert {f["id"] for f in content["figures"]} >= {"bifurcation", "hysteresis", "cusp"}
        for figure in content["figures"]:
            for word in ("Fixed:", "decay μ", "increment", "batch size", "seeds"):
                assert word in figure["caption"], (figure["id"], word)

    @pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_leaves_nothing_half_written(self, tmp_path, sign):
        process = command("--profile", "quick", "--output", str(tmp_path / "report"))
        time.sleep(8)
        process.send_signal(sign)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "interrupted; nothing was written" in errors
        assert "Traceback" not in errors
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--profile", "huge"], "profile = 'huge': profile must be one of: smoke, quick, full"),
            (["nonsense"], "study = 'nonsense': study must be one of: digits, mean-field"),
            (["--seed", "-1"], "seed = -1"),
            (["--seed", "abc"], "--seed"),
            (["--output", "/proc/nowhere/report"], "output = '/proc/nowhere/report'"),
            (["--output", "/dev/null"], "output = '/dev/null'"),
        ],
    )
    def test_bad_input_is_one_line_without_a_traceback(self, arguments, words):
        process = command(*arguments)
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 2
        assert out == ""
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
        assert words in errors
