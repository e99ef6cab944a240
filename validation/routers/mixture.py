"""Soft mixtures of experts, many side by side, gate and experts trained together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from validation.routers.gates import Gates
from validation.training.mixtures import Experts
from validation.training.text import LONGEST, features, load_text
from validation.training.tokens import load_tokens


@dataclass(frozen=True)
class Data:
    """Features (tokens, features) and labels (tokens,), to train on and held out."""

    train: Tensor
    train_labels: Tensor
    held: Tensor
    held_labels: Tensor

    @property
    def classes(self) -> int:
        """Number of labels."""
        return 1 + int(max(self.train_labels.max(), self.held_labels.max()))


def load(name: str, tokens: int, classes: int) -> Data:
    """Return the digits, half of them held out, or tokens of the text, as many held out, and the byte after each.

    Places in the text are taken evenly and held out every other time; the bytes before them do not overlap. The labels
    are the most frequent bytes, and the last of the classes all others.
    """
    if name == "digits":
        found = load_tokens()
        images, targets = torch.cat([found.train, found.test]), torch.cat([found.train_labels, found.test_labels])
        half = len(images) // 2
        return Data(images[:half], targets[:half], images[half:], targets[half:])
    text = load_text()
    label = np.full(256, classes - 1)
    label[np.argsort(-np.bincount(text, minlength=256), kind="stable")[: classes - 1]] = np.arange(classes - 1)
    every = np.linspace(LONGEST, text.size - 1, 2 * tokens).astype(np.int64)
    places = [every[::2], every[1::2]]
    seen = [features(text, each) for each in places]
    centred = [torch.tensor(each - seen[0].mean(axis=0), dtype=torch.float32) for each in seen]
    labels = [torch.tensor(label[text[each]]) for each in places]
    return Data(centred[0], labels[0], centred[1], labels[1])


class Mixtures(nn.Module):
    """Mixtures (seeds, models), each with a gate, biases that hold it balanced, and experts; mixed softly."""

    bias: Tensor

    def __init__(self, gates: Gates, bias: Tensor, experts: Experts, inverse_temperature: float) -> None:
        super().__init__()
        self.gates, self.experts, self.beta = gates, experts, inverse_temperature
        self.register_buffer("bias", bias)

    def logits(self, tokens: Tensor) -> Tensor:
        """Map features (seeds, tokens, features) to logits (seeds, models, tokens, experts)."""
        found: Tensor = self.gates(tokens[:, None]) + self.bias[..., None, :]
        return found

    def forward(self, tokens: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return class scores (seeds, models, classes, tokens) and loads (seeds, models, experts)."""
        share = torch.softmax(self.beta * (self.logits(tokens) + scores[..., None, :]), dim=-1)
        mixed = (self.experts(tokens) * share.mT[..., None, :]).sum(dim=2)
        return mixed, share.mean(dim=-2)

    def loss(self, tokens: Tensor, labels: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy, a mean over tokens and a sum over mixtures, and the loads without gradient."""
        mixed, load_ = self(tokens, scores)
        every = labels[:, None].expand(*mixed.shape[:2], -1)
        total = nn.functional.cross_entropy(mixed.transpose(2, 3).flatten(0, 2), every.flatten(), reduction="sum")
        return total / labels.shape[1], load_.detach()

    def stored(self, name: str) -> dict[str, Any]:
        """Return all weights of the first model of each seed, by names that `copies` reads."""
        state = {**dict(self.named_parameters()), "bias": self.bias}
        return {f"{name}.{key}": value.detach()[:, 0].double().numpy() for key, value in state.items()}


def copies(stored: Any, name: str, models: int, inverse_temperature: float) -> Mixtures:
    """Return so many copies of each stored mixture."""

    def copied(key: str) -> Tensor:
        first = torch.tensor(np.array(stored[f"{name}.{key}"]), dtype=torch.float32)[:, None]
        return first.expand(-1, models, *first.shape[2:]).clone()

    layers = [copied(f"gates.layers.{k}").numpy() for k in range(2)]
    first, second = copied("experts.first"), copied("experts.second")
    sizes = (first.shape[-1], first.shape[-2], second.shape[-2])
    experts = Experts(len(first), models, first.shape[2], sizes, torch.Generator())
    made = Mixtures(Gates(layers), copied("bias"), experts, inverse_temperature)
    with torch.no_grad():
        for key in ("first", "first_bias", "second", "second_bias"):
            getattr(experts, key).copy_(copied(f"experts.{key}"))
    return made
