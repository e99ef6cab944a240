"""What is looked at while models train, on training items too; and experts that start dead."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import torch

from moecusp import ParameterError
from validation.training.language import Language
from validation.training.layers import Start
from validation.training.moe import Forced, Tiers
from validation.training.objective import Setting, Weights
from validation.training.sources import Images, Text, spread
from validation.training.sweep import Schedule, train
from validation.training.usage import usage
from validation.training.vision import Vision

SETTINGS = [Setting(0.5, 0.1, 1.0, 0.1, seed=0), Setting(2.0, 0.0, 0.3, seed=1)]
SCHEDULE = Schedule(steps=4, batch=8, checkpoints=2)
GENERATOR = torch.Generator().manual_seed(3)
PIXELS = torch.randn(100, 9, generator=GENERATOR, dtype=torch.float64)
LABELS = PIXELS[:, :4].argmax(1)
TEXT = torch.randint(0, 256, (400,), generator=GENERATOR)
MAKES: dict[str, tuple[Any, Any]] = {
    "perceptron": (
        Vision(9, 4, Tiers((3, 2), (4, 6)), features=6, router=5),
        Images(PIXELS[:80], LABELS[:80], PIXELS[80:], LABELS[80:]),
    ),
    "language": (Language(Tiers.even((4,), 6), context=8, width=8, router=5), Text(TEXT[:300], TEXT[300:], 8)),
}


class TestTrainingAccuracy:
    def test_is_that_of_training_items_evenly_spread(self):
        """By hand: the model on every fourth training image, for there are 20 test images and 80 to train on."""
        make, source = MAKES["perceptron"]
        model = make.build(Start([torch.Generator().manual_seed(5)], dtype=torch.float64))
        weights = Weights.of([Setting()], dtype=torch.float64)
        assert len(source.test) == 20
        scores = model(source.train[None, ::4], weights.temperature).scores[0]
        right = (scores.argmax(-1) == source.train_labels[::4]).double().mean()
        found = usage(model, source, weights)
        assert found["train_accuracy"].item() == pytest.approx(right.item())
        assert found["train_accuracy"].item() != pytest.approx(found["accuracy"].item())

    def test_of_a_text_is_that_of_as_many_windows(self):
        _, source = MAKES["language"]
        windows = [inputs for inputs, _ in source.seen(1, 8)]
        assert len(windows) == len(list(source.held_out(1, 8))) > 1
        starts = torch.arange(len(windows)) * source.items // len(windows)
        for start, window in zip(starts.tolist(), windows, strict=True):
            assert window[0, 0].tolist() == source.train[start : start + 8].tolist()

    def test_more_test_items_than_training_items(self):
        assert spread(3, 5, torch.device("cpu")).tolist() == [0, 1, 2]


def test_what_is_watched_is_returned():
    make, source = MAKES["perceptron"]

    def watch(model, data, weights):
        return {"seen": weights.temperature * len(data.test)}

    found = train(make, source, SETTINGS, SCHEDULE, study="t", watch=watch)
    assert found["seen"].shape == (len(SETTINGS), SCHEDULE.checkpoints)
    np.testing.assert_allclose(found["seen"][:, 0], [20 * each.temperature for each in SETTINGS], rtol=1e-6)
    assert "streak" in found
    assert "first" not in found


class TestForced:
    """Experts that start dead."""

    @pytest.mark.parametrize("by", ["bias", "weights"])
    def test_get_no_token_at_the_start_and_the_others_are_as_they_were(self, by):
        make, source = MAKES["perceptron"]
        generators = [torch.Generator().manual_seed(5) for _ in range(2)]
        usual = make.build(Start(generators[:1], dtype=torch.float64))
        forced = dataclasses.replace(make, forced=Forced((1, 3), by, 50.0)).build(
            Start(generators[1:], dtype=torch.float64)
        )
        temperature = torch.ones(1, dtype=torch.float64)
        before, after = (model(source.test[None], temperature).layers[0] for model in (usual, forced))
        assert (after.selection.share[0, [1, 3]] == 0).all()
        assert before.selection.share[0, [1, 3]].sum() > 0
        others = [0, 2, 4]
        assert torch.equal(before.scores[..., others], after.scores[..., others])

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (((0,), "force"), "by = 'force': by must be 'bias' or 'weights'"),
            (((0,), "bias", 0.0), "size = 0.0: size must be finite and > 0"),
            (((0,), "bias", float("inf")), "size = inf: size must be finite and > 0"),
        ],
    )
    def test_bad(self, arguments, said):
        with pytest.raises(ParameterError, match=f"^{re.escape(said)}"):
            Forced(*arguments)

    @pytest.mark.parametrize("expert", [-1, 5])
    def test_an_expert_that_is_not_there(self, expert):
        make, _ = MAKES["perceptron"]
        with pytest.raises(ParameterError, match=r"numbers >= 0 and < 5"):
            dataclasses.replace(make, forced=Forced((expert,))).build(Start([torch.Generator()]))
