"""The parts of the run, on models of few steps: what is trained is what the design says, and what is watched is so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import moecusp as mc
from tests.validation.ecology.truth import PROFILE
from tests.validation.planted import stored
from validation.ecology import measure as measuring
from validation.ecology.measure import measure, parts, watched
from validation.ecology.predict import predict
from validation.ecology.setup import KINDS, baseline, make, schedule, source
from validation.streams import stream
from validation.training.fashion import there
from validation.training.layers import Start
from validation.training.objective import Output, Setting, Weights
from validation.training.sources import Images, Text
from validation.training.sweep import train
from validation.training.usage import TOKENS

SHORT = replace(PROFILE, training=replace(PROFILE.training, steps=12, text_steps=6, chunk=3))
WEIGHTS = np.array([[0.5, 0.1, 1.0, 0.05, 0.0], [3.0, 0.5, 0.1, 0.5, 0.2]])
SEEDS = np.array([11, 12])


def run(kind, weights=WEIGHTS, seeds=SEEDS, ticks=None):
    done = [] if ticks is None else ticks
    return measure(SHORT, kind, weights, seeds, stream("ecology", kind, 0, 0), done.append)


class TestParts:
    def test_every_row_is_trained_once(self, plan):
        profile = replace(PROFILE, training=replace(PROFILE.training, chunk=50))
        found = parts(profile, plan)
        trained = [each for each in found if not each.name.startswith("planted")]
        total = 0
        for kind in KINDS:
            rows = np.flatnonzero(plan["design.kind"] == list(KINDS).index(kind))
            mine = [cast(Any, each.run).args for each in trained if each.name.split("/")[0] == kind]
            if not mine:
                assert not rows.size or (kind == "fashion" and not there())
                continue
            assert {len(args[2]) for args in mine[:-1]} <= {50}
            settings = np.concatenate([args[2] for args in mine])
            assert_allclose(settings[:, :4], plan["design.weights"][rows])
            assert_allclose(settings[:, 4], plan["design.ortho"][rows])
            assert (np.concatenate([args[3] for args in mine]) == plan["design.seed"][rows]).all()
            total += len(rows)
        assert sum(each.size for each in trained) >= total * 50
        assert [each.name for each in found[len(trained) :]] == ["planted/0", "planted/1"]

    def test_of_a_run_are_named_alike_whatever_the_seed(self, tmp_path):
        again = stored(tmp_path, predict(PROFILE, 1))
        assert [each.name for each in parts(PROFILE, again)][:2] == ["digits/0", "digits/1"]


class TestMeasure:
    def test_is_training_with_these_settings(self):
        ticks: list[int] = []
        found = run("digits", ticks=ticks)
        rows = zip(WEIGHTS.tolist(), SEEDS.tolist(), strict=True)
        settings = [Setting(t, h, o, b, ortho, seed) for (t, h, o, b, ortho), seed in rows]
        data = source("digits", SHORT.training)
        expected = train(make(SHORT, "digits"), data, settings, schedule(SHORT, "digits"), study="ecology")
        assert_allclose(found["first"], expected["first"])
        assert_allclose(found["train_accuracy"], expected["train_accuracy"])
        assert ticks == [2 * 12]

    def test_keeps_to_one_thread_and_gives_the_others_back(self, monkeypatch):
        seen: list[int] = []

        def noted(*_, **__):
            seen.append(torch.get_num_threads())
            return {"accuracy": np.array([[0.5]]), "test_loss": np.array([[1.0]])}

        monkeypatch.setattr(measuring, "train", noted)
        before = torch.get_num_threads()
        run("digits", WEIGHTS[:1], SEEDS[:1])
        assert seen == [1]
        assert torch.get_num_threads() == before

    @pytest.mark.parametrize("kind", ["digits", "text"])
    def test_a_model_counts_if_it_beats_its_baseline(self, kind, monkeypatch):
        least, text = baseline(kind, SHORT.training), kind == "text"
        values = np.array([[9.0, least - 0.01], [0.0, least], [9.0, least + 0.01]])
        planted = {"test_loss": values, "accuracy": 9.0 - values} if text else {"accuracy": values, "test_loss": values}
        monkeypatch.setattr(measuring, "train", lambda *_, **__: planted)
        beats = run(kind)["beats"].tolist()
        assert beats == ([True, False, False] if text else [False, False, True])

    def test_baselines(self):
        """The most frequent digit; and the bytes' frequencies, whose loss is above their entropy."""
        data = source("digits", SHORT.training)
        assert isinstance(data, Images)
        usual = data.train_labels.bincount().argmax()
        assert baseline("few", SHORT.training) == pytest.approx((data.test_labels == usual).double().mean().item())
        text = source("text", SHORT.training)
        assert isinstance(text, Text)
        assert len(text.test) == SHORT.training.test_bytes
        share = text.test.bincount().double() / len(text.test)
        assert baseline("text", SHORT.training) > -(share * share.clamp_min(1e-12).log()).sum().item()

    @pytest.mark.parametrize("kind", ["dead-bias", "dead-weights"])
    def test_experts_that_are_to_start_dead_do(self, kind):
        model = make(PROFILE, kind).build(Start([torch.Generator().manual_seed(3)]))
        data = source("digits", PROFILE.training)
        output: Output = model(data.test[None], torch.ones(1))
        share = output.layers[0].selection.share[0]
        first = torch.bincount(output.layers[0].selection.chosen[0, :, 0], minlength=16)
        assert (first[list(PROFILE.revival.experts)] == 0).all()
        assert share.sum().item() == pytest.approx(1.0)


class TestWatched:
    def made(self):
        model = make(SHORT, "digits").build(Start([torch.Generator().manual_seed(3)]))
        return model, source("digits", SHORT.training), Weights.of([Setting(0.7)])

    def test_no_temperature_moves_a_token(self):
        model, data, weights = self.made()
        found = watched(model, data, weights, factor=50.0)
        assert found["moved"].tolist() == [0.0]
        assert {"first", "slots", "probability", "train_accuracy"} <= set(found)

    def test_susceptibility_is_the_largest_eigenvalue_of_the_librarys(self):
        model, data, weights = self.made()
        found = watched(model, data, weights, factor=50.0)["susceptibility"]
        inputs, _ = next(iter(data.held_out(1, TOKENS)))
        output: Output = model(inputs, weights.temperature)
        chi = mc.susceptibility(output.layers[0].scores[0].detach().numpy().astype(float))
        assert found.shape == (1,)
        assert found.item() == pytest.approx(np.linalg.eigvalsh(chi)[-1], rel=1e-4)
        assert 0.5 / 16 < found.item() < 2.0 / 16  # near uniform routing, at the start, about 1/K

    def test_what_moves_tokens_is_seen(self):
        """A router whose logits hang on the temperature beyond a division."""
        model, data, weights = self.made()
        router = model.mixture.router.forward
        heat = [0.0]

        def hot(module, arguments):
            heat[0] = float(arguments[1])

        model.register_forward_pre_hook(hot)
        model.mixture.router.forward = lambda x: router(x) + 0.2 * heat[0] * torch.arange(16.0)
        assert watched(model, data, weights, factor=50.0)["moved"].item() > 0.5
