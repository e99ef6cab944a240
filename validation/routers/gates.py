"""Gates: the networks from a token's features to its logits, many of one kind side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Gates(nn.Module):
    """Linear gates, or perceptrons with tanh between their layers; none has a bias, so that they are odd.

    Parameters
    ----------
    weights : sequence of array_like, each of shape (gates, out, in)
        Layer by layer.
    dtype : torch.dtype
        In which the weights are held and everything is computed.
    """

    def __init__(self, weights: Sequence[Any], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.layers = nn.ParameterList([torch.as_tensor(np.array(each)).to(dtype) for each in weights])

    def forward(self, features: Tensor) -> Tensor:
        """Map features (tokens, in), or (gates, tokens, in), to logits (gates, tokens, out)."""
        first, *others = self.layers
        found: Tensor = features.to(first.dtype) @ first.mT
        for layer in others:
            found = torch.tanh(found) @ layer.mT
        return found


def drawn(
    kind: str, gates: int, sizes: tuple[int, int, int], features: Tensor, spread: float, source: torch.Generator
) -> Gates:
    """Draw gates of sizes (features, hidden, experts) at random and scale them to a spread of their logits.

    The spread (score) is the standard deviation over the tokens of the difference of two experts' logits, a root mean
    square over the pairs of experts.
    """
    inputs, hidden, experts = sizes
    shapes = [(experts, inputs)] if kind == "linear" else [(hidden, inputs), (experts, hidden)]
    weights = [torch.randn(gates, *shape, generator=source, dtype=torch.float64) for shape in shapes]
    if kind != "linear":
        weights[0] = weights[0] / float(features.double().std(dim=0).norm())  # tanh is neither linear nor saturated
    made = Gates([each.numpy() for each in weights], torch.float64)
    with torch.no_grad():
        logits = made(features)
        centred = logits - logits.mean(dim=-1, keepdim=True)
        variance = centred.var(dim=-2, unbiased=False).sum(dim=-1) * 2.0 / (experts - 1)
        made.layers[-1].mul_(spread / variance.sqrt()[:, None, None])
    return made.requires_grad_(False)


def arrays(gates: Gates, name: str) -> dict[str, Any]:
    """Return the weights under name.0, name.1, ..., to be stored in a plan."""
    return {f"{name}.{k}": layer.detach().double().numpy() for k, layer in enumerate(gates.layers)}


def restored(stored: Any, name: str, dtype: torch.dtype = torch.float32) -> Gates:
    """Return the gates whose weights a plan stores."""
    layers = [stored[f"{name}.{k}"] for k in range(2) if f"{name}.{k}" in stored.arrays]
    return Gates(layers, dtype).requires_grad_(False)
