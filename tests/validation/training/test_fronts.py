"""Fronts of many models at once against torch's own layers, model by model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from moecusp import ParameterError
from validation.training.fronts import Convolutional, Perceptron
from validation.training.layers import Linear, Norm, Start
from validation.training.moe import Tiers
from validation.training.vision import Vision

MODELS, TOKENS = 3, 5


def start():
    return Start([torch.Generator().manual_seed(seed) for seed in range(MODELS)], dtype=torch.float64)


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


def linear(layer, m):
    made = nn.Linear(layer.weight.shape[1], layer.weight.shape[2], dtype=torch.float64)
    made.load_state_dict({"weight": layer.weight[m].T, "bias": layer.bias[m, 0]})
    return made


def test_linear():
    layer, x = Linear(4, 3, start()), normal(MODELS, TOKENS, 4)
    for m in range(MODELS):
        np.testing.assert_allclose(layer(x)[m].detach(), linear(layer, m)(x[m]).detach(), rtol=1e-13)


def test_norm():
    layer, x = Norm(4, start()), normal(MODELS, TOKENS, 4)
    with torch.no_grad():
        layer.gain.copy_(normal(*layer.gain.shape))
        layer.shift.copy_(normal(*layer.shift.shape) ** 2)
    for m in range(MODELS):
        made = nn.LayerNorm(4, dtype=torch.float64)
        made.load_state_dict({"weight": layer.gain[m, 0], "bias": layer.shift[m, 0]})
        np.testing.assert_allclose(layer(x)[m].detach(), made(x[m]).detach(), rtol=1e-12, atol=1e-14)


def test_perceptron():
    front, x = Perceptron(4, 3, start()), normal(MODELS, TOKENS, 4)
    for m in range(MODELS):
        expected = torch.relu(linear(front.layer, m)(x[m]))
        np.testing.assert_allclose(front(x)[m].detach(), expected.detach(), rtol=1e-13)


@pytest.mark.parametrize("channels", [1, 3])
def test_convolutional(channels):
    """Colours of 8 x 8 images: two convolutions of each model by themselves, pooled."""
    front, x = Convolutional(channels, 4, 6, start()), normal(MODELS, TOKENS, channels * 64)
    for m in range(MODELS):
        made = nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1, bias=False, dtype=torch.float64),
            nn.ReLU(),
            nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False, dtype=torch.float64),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            linear(front.last, m),
            nn.ReLU(),
        )
        made.load_state_dict(
            {**made.state_dict(), "0.weight": front.first.weight[m], "2.weight": front.second.weight[m]}
        )
        expected = made(x[m].reshape(TOKENS, channels, 8, 8))
        np.testing.assert_allclose(front(x)[m].detach(), expected.detach(), rtol=1e-12, atol=1e-15)


def test_starts_are_uniform_and_named_by_the_generator():
    """4,000 weights within 1/sqrt(fan-in): mean within 6 standard errors of 0, variance of 1/(3 fan-in)."""
    weight = Linear(40, 100, start()).weight.detach()
    assert weight.abs().max() <= 40**-0.5
    assert weight.mean((1, 2)).abs().max() < 6 / (3 * 40 * 4000) ** 0.5
    np.testing.assert_allclose(weight.var((1, 2)) * 120, 1.0, atol=6 * (0.8 / 4000) ** 0.5)
    assert not torch.equal(weight[0], weight[1])


class TestErrors:
    def test_pixels(self):
        front = Convolutional(3, 2, 2, start())
        with pytest.raises(ParameterError, match=r"^pixels = 64: pixels must be 3 times a square"):
            front(normal(MODELS, TOKENS, 64))

    def test_front(self):
        with pytest.raises(ParameterError, match=r"^front = 'square'"):
            Vision(4, 2, Tiers((2,), (2,)), front="square").build(start())  # type: ignore[arg-type]
