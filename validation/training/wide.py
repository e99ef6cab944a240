"""The wide residual network (arXiv:1605.07146) as a front, for many models at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from moecusp import ParameterError
from validation.training.fronts import Convolution, images, pooled
from validation.training.layers import Linear, Start


class BatchNorm(nn.Module):
    """Batch norm of images (tokens, models * channels, height, width): every channel of every model by itself."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, start: Start) -> None:
        super().__init__()
        self.gain = start.constant(1.0, channels)
        self.shift = start.constant(0.0, channels)
        self.register_buffer("mean", torch.zeros_like(self.shift.detach()).flatten())
        self.register_buffer("variance", torch.ones_like(self.shift.detach()).flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Apply it, by the batch's own moments in training and by their running means otherwise."""
        gain, shift = self.gain.flatten(), self.shift.flatten()
        return nn.functional.batch_norm(x, self.mean, self.variance, gain, shift, self.training)


class Block(nn.Module):
    """Norm, ReLU, convolution, twice, beside the input, or beside a 1 x 1 convolution where the size changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, start: Start) -> None:
        super().__init__()
        self.norms = nn.ModuleList([BatchNorm(inputs, start), BatchNorm(outputs, start)])
        self.first = Convolution(inputs, outputs, 3, stride, start)
        self.second = Convolution(outputs, outputs, 3, 1, start)
        self.beside = Convolution(inputs, outputs, 1, stride, start) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        active = torch.relu(self.norms[0](x))
        deep: Tensor = self.second(torch.relu(self.norms[1](self.first(active))))
        return deep + (x if self.beside is None else self.beside(active))


class WideResidual(nn.Module):
    """Three groups of (depth - 4)/6 blocks of 16, 32 and 64 times `widen` channels, then features, ReLU.

    Raises
    ------
    ParameterError
        If the depth is not 6 n + 4.
    """

    def __init__(self, channels: int, features: int, start: Start, depth: int = 28, widen: int = 10) -> None:
        super().__init__()
        if depth < 10 or depth % 6 != 4:
            raise ParameterError("depth", depth, "6 n + 4 with n >= 1")
        self.channels = channels
        self.first = Convolution(channels, 16, 3, 1, start)
        blocks, inputs = [], 16
        for group, outputs in enumerate((16 * widen, 32 * widen, 64 * widen)):
            for number in range((depth - 4) // 6):
                blocks.append(Block(inputs, outputs, 2 if group and not number else 1, start))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.norm = BatchNorm(inputs, start)
        self.last = Linear(inputs, features, start)

    def forward(self, x: Tensor) -> Tensor:
        """Map (models, tokens, pixels) to (models, tokens, features)."""
        maps = self.norm(self.blocks(self.first(images(x, self.channels)))).relu()
        return torch.relu(self.last(pooled(maps, len(x))))
