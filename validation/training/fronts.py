"""What turns pixels into the features that router and experts see."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moecusp import ParameterError
from validation.training.layers import Linear, Start


class Perceptron(nn.Module):
    """Pixels -> features, ReLU."""

    def __init__(self, pixels: int, features: int, start: Start) -> None:
        super().__init__()
        self.layer = Linear(pixels, features, start)

    def forward(self, x: Tensor) -> Tensor:
        """Map (models, tokens, pixels) to (models, tokens, features)."""
        return torch.relu(self.layer(x))


class Convolution(nn.Module):
    """A square convolution with padding: (tokens, models * inputs, height, width), every model a group of its own."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, start: Start) -> None:
        super().__init__()
        self.models, self.stride, self.padding = start.models, stride, size // 2
        self.weight = start.uniform(outputs, inputs, size, size, fan_in=inputs * size * size)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        weight = self.weight.flatten(0, 1)
        return nn.functional.conv2d(x, weight, stride=self.stride, padding=self.padding, groups=self.models)


def images(x: Tensor, channels: int) -> Tensor:
    """Make square images (tokens, models * channels, side, side) of pixels (models, tokens, channels * side * side).

    Raises
    ------
    ParameterError
        If the pixels are no square.
    """
    side = round((x.shape[-1] / channels) ** 0.5)
    if channels * side * side != x.shape[-1]:
        raise ParameterError("pixels", x.shape[-1], f"{channels} times a square")
    return x.transpose(0, 1).reshape(x.shape[1], -1, side, side)


def pooled(x: Tensor, models: int) -> Tensor:
    """Average images (tokens, models * channels, side, side) over their places: (models, tokens, channels)."""
    return x.mean((-2, -1)).view(len(x), models, -1).transpose(0, 1)


class Convolutional(nn.Module):
    """Two 3 x 3 convolutions with ReLU, the second at half the resolution, mean over places, features with ReLU."""

    def __init__(self, channels: int, width: int, features: int, start: Start) -> None:
        super().__init__()
        self.channels = channels
        self.first = Convolution(channels, width, 3, 1, start)
        self.second = Convolution(width, 2 * width, 3, 2, start)
        self.last = Linear(2 * width, features, start)

    def forward(self, x: Tensor) -> Tensor:
        """Map (models, tokens, pixels) to (models, tokens, features)."""
        maps = torch.relu(self.second(torch.relu(self.first(images(x, self.channels)))))
        return torch.relu(self.last(pooled(maps, x.shape[0])))
