"""What experts are used for: in training as it goes, and on the test items. All sums stay on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from validation.training import losses
from validation.training.moe import Routing
from validation.training.objective import Output, Weights
from validation.training.sources import Source

TOKENS = 512  # of the test items at a time, a model


class Tally:
    """Slots of every expert in training, and how long it has been without one."""

    def __init__(self) -> None:
        self._empty = True

    def add(self, layers: Sequence[Routing]) -> None:
        """Count a batch."""
        share = torch.stack([each.selection.share for each in layers], 1)
        if self._empty:
            self.streak = torch.zeros_like(share)
            self.longest, self.slots, self.batches = self.streak.clone(), self.streak.clone(), 0
            self._empty = False
        self.streak.add_(1.0).mul_(share == 0)
        torch.maximum(self.longest, self.streak, out=self.longest)
        self.slots.add_(share)
        self.batches += 1

    def taken(self) -> dict[str, Tensor]:
        """Return, each (models, layers, experts), and begin anew to count slots.

        streak: the last batches in a row without a slot; longest_streak: the most ever; train_slots: the share of the
        slots since the last call.
        """
        found = {
            "streak": self.streak.clone(),
            "longest_streak": self.longest.clone(),
            "train_slots": self.slots / self.batches,
        }
        self.slots.zero_()
        self.batches = 0
        return found


@torch.no_grad()
def usage(model: nn.Module, source: Source, weights: Weights) -> dict[str, Tensor]:
    """Return how the test items are routed, and how well they are answered.

    first: share of the tokens whose first choice each expert is; slots: share of the slots; probability: its mean;
    right: share of the right answers among the tokens whose first choice it is (NaN without any), all (models, layers,
    experts); accuracy and test_loss, (models,); train_accuracy, (models,), on as many training items. The temperature
    is that of training.
    """
    totals: dict[str, Tensor] = {}
    tokens, training = 0, model.training
    model.eval()

    def add(name: str, value: Tensor) -> None:
        totals[name] = totals[name] + value if name in totals else value

    for inputs, labels in source.held_out(len(weights.temperature), TOKENS):
        output: Output = model(inputs, weights.temperature)
        hit = (output.scores.argmax(-1) == labels).to(output.scores.dtype)
        size = labels.shape[-1]
        tokens += size
        add("accuracy", hit.sum(-1))
        add("test_loss", losses.cross_entropy(output.scores, labels).sum(-1))
        layers = output.layers
        first = torch.stack([each.selection.chosen[..., 0] for each in layers], 1)
        none = torch.zeros(*first.shape[:2], layers[0].logp.shape[-1], device=hit.device, dtype=hit.dtype)
        add("first", none.scatter_add(-1, first, torch.ones_like(first, dtype=hit.dtype)))
        add("right", none.scatter_add(-1, first, hit[:, None].expand(first.shape)))
        add("slots", size * torch.stack([each.selection.share for each in layers], 1))
        add("probability", torch.stack([each.logp.exp().sum(-2) for each in layers], 1))
    hits, seen = torch.zeros_like(totals["accuracy"]), 0
    for inputs, labels in source.seen(len(weights.temperature), TOKENS):
        hits += (model(inputs, weights.temperature).scores.argmax(-1) == labels).sum(-1)
        seen += labels.shape[-1]
    model.train(training)
    right = totals.pop("right") / totals["first"]
    return {
        "right": right,
        "train_accuracy": hits / seen,
        **{name: total / tokens for name, total in totals.items()},
    }
