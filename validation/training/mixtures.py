"""Many small two-expert mixtures trained side by side, one batched matrix product for all."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Experts(nn.Module):
    """Two-layer perceptrons for every seed, model and expert: pixels -> hidden (ReLU) -> classes.

    All models of one seed see the same tokens, so that the first layer of a seed is one matrix product.
    """

    def __init__(
        self, seeds: int, models: int, experts: int, sizes: tuple[int, int, int], generator: torch.Generator
    ) -> None:
        super().__init__()
        pixels, hidden, classes = sizes
        self.shape = (seeds, models, experts)

        def uniform(*shape: int, fan_in: int) -> nn.Parameter:
            bound = fan_in**-0.5
            # every model of a seed starts from the same weights: their differences are the routing's doing
            start = (2.0 * torch.rand(seeds, 1, *shape, generator=generator) - 1.0) * bound
            return nn.Parameter(start.expand(seeds, models, *shape).clone())

        self.first = uniform(experts, hidden, pixels, fan_in=pixels)
        self.first_bias = uniform(experts, hidden, 1, fan_in=pixels)
        self.second = uniform(experts, classes, hidden, fan_in=hidden)
        self.second_bias = uniform(experts, classes, 1, fan_in=hidden)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (seeds, tokens, pixels) to class scores (seeds, models, experts, classes, tokens)."""
        seeds, _, pixels = images.shape
        flat = self.first.reshape(seeds, -1, pixels) @ images.transpose(1, 2)
        hidden = torch.relu(flat.reshape(*self.first.shape[:-1], -1) + self.first_bias)
        scores: Tensor = self.second @ hidden + self.second_bias
        return scores

    @staticmethod
    def of_chosen(scores: Tensor, chosen: Tensor) -> Tensor:
        """Return the class scores (seeds, models, classes, tokens) of the expert chosen (seeds, models, tokens)."""
        index = chosen[:, :, None, None, :].expand(-1, -1, 1, scores.shape[3], -1)
        return scores.gather(2, index).squeeze(2)

    def loss(self, images: Tensor, chosen: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of the chosen experts, a mean over tokens and a sum over models.

        A sum, so that each model's gradient is its own. Shapes: images (seeds, tokens, pixels), chosen (seeds, models,
        tokens), labels (seeds, tokens).
        """
        scores = self.of_chosen(self(images), chosen).transpose(2, 3)
        every = labels[:, None].expand(chosen.shape)
        total = nn.functional.cross_entropy(scores.flatten(0, 2), every.flatten(), reduction="sum")
        return total / labels.shape[1]

    @torch.no_grad()
    def accuracy(self, images: Tensor, chosen: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the share of right answers as routed (seeds, models), and of each expert on all (..., experts).

        Shapes: images (tokens, pixels), chosen (seeds, models, tokens), labels (tokens,).
        """
        scores = self(images.expand(self.shape[0], -1, -1))
        routed = self.of_chosen(scores, chosen).argmax(dim=2) == labels
        alone = scores.argmax(dim=3) == labels
        return routed.double().mean(dim=-1), alone.double().mean(dim=-1)
