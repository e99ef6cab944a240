"""Layers of many models at once: every weight has a leading axis of models, and no model touches another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Start:
    """Where initial weights come from: each model's from a generator of its own.

    So a model starts the same whoever is trained beside it.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One a model, on the CPU; they are drawn from.
    device : torch.device or str
        Where the weights will be; on "meta" nothing is drawn.
    dtype : torch.dtype
        Of the weights. Numbers are drawn in float64 and rounded.
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.generators = tuple(generators)
        self.device = torch.device(device)
        self.dtype = dtype

    @property
    def models(self) -> int:
        """Number of models."""
        return len(self.generators)

    def uniform(self, *shape: int, fan_in: int) -> nn.Parameter:
        """Return weights (models, *shape), uniform within 1/sqrt(fan_in)."""
        if self.device.type == "meta":
            return self.constant(0.0, *shape)
        drawn = [torch.rand(*shape, generator=each, dtype=torch.float64) for each in self.generators]
        weights = (2.0 * torch.stack(drawn) - 1.0) * fan_in**-0.5
        return nn.Parameter(weights.to(self.device, self.dtype))

    def constant(self, value: float, *shape: int) -> nn.Parameter:
        """Return weights (models, *shape), all of one value."""
        return nn.Parameter(torch.full((self.models, *shape), value, device=self.device, dtype=self.dtype))


class Linear(nn.Module):
    """x W + b: (models, tokens, inputs) to (models, tokens, outputs)."""

    def __init__(self, inputs: int, outputs: int, start: Start) -> None:
        super().__init__()
        self.weight = start.uniform(inputs, outputs, fan_in=inputs)
        self.bias = start.uniform(1, outputs, fan_in=inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return torch.baddbmm(self.bias, x, self.weight)


class Norm(nn.Module):
    """Layer norm over the features, with a gain and a shift of its own in every model."""

    def __init__(self, features: int, start: Start) -> None:
        super().__init__()
        self.gain = start.constant(1.0, 1, features)
        self.shift = start.constant(0.0, 1, features)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to (models, tokens, features)."""
        return nn.functional.layer_norm(x, x.shape[-1:]) * self.gain + self.shift
