"""Small causal transformers over bytes whose feed-forward parts are top-1 mixtures, many side by side, each recorded.

Attention, embedding and experts are those of `validation.training`. What this file adds: scores (or biases) that are
added to the logits where an expert is chosen, and for every model and layer a pair of modules called as the routers
and experts of transformers are, so that `moecusp.routing.record` finds, reads and counts each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from validation.training.language import BYTES, Attention, Encoder, Language, Reader
from validation.training.layers import Linear, Norm, Start
from validation.training.losses import cross_entropy
from validation.training.moe import Experts, Tiers


@dataclass(frozen=True)
class Make:
    """The make of a model."""

    experts: int = 8
    context: int = 32
    layers: int = 2
    width: int = 24
    heads: int = 2
    hidden: int = 16

    def build(self, start: Start) -> Transformer:
        """Return as many models as start has generators."""
        return Transformer(self, start)

    @property
    def language(self) -> Language:
        """The same in the words of `validation.training`."""
        tiers = Tiers.even((self.experts,), self.hidden)
        return Language(tiers, self.context, self.layers, self.width, self.heads, k=1, symbols=BYTES)


class Scored(nn.Module):
    """Hands on the logits of one model's router; the bias in force is where recorders look for it."""

    e_score_correction_bias: Tensor

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.num_experts = experts
        self.register_buffer("e_score_correction_bias", torch.zeros(experts))

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return what it is given."""
        return hidden_states


class Chosen(nn.Module):
    """Is called with the experts that one model's tokens go to."""

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.num_experts = experts

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """Return the hidden states."""
        return hidden_states


class Watched(nn.Module):
    """A router and its experts as a recorder sees them."""

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.gate, self.experts = Scored(experts), Chosen(experts)

    def forward(self, logits: Tensor, chosen: Tensor, weights: Tensor) -> None:
        """Show one model's logits (tokens, experts), and where its tokens (tokens, 1) go with which weights."""
        self.experts(self.gate(logits), chosen, weights)


@dataclass(frozen=True)
class Routed:
    """What one layer of every model did to a batch: logits (models, tokens, experts), shares (models, experts)."""

    logits: Tensor
    share: Tensor

    def switch(self) -> Tensor:
        """Return K sum_i f_i P_i of each model, the shares held fixed (Switch)."""
        mean = self.logits.softmax(-1).mean(dim=1)
        return self.logits.shape[-1] * (self.share.detach() * mean).sum(dim=-1)


class Block(nn.Module):
    """x + attention(norm x), then x + mixture(norm x)."""

    def __init__(self, make: Make, start: Start) -> None:
        super().__init__()
        self.norms = nn.ModuleList([Norm(make.width, start), Norm(make.width, start)])
        self.attention = Attention(make.width, make.heads, start)
        self.router = Linear(make.width, make.experts, start)
        self.experts = Experts(make.width, make.language.tiers, make.width, start)
        self.models = nn.ModuleList([Watched(make.experts) for _ in range(start.models)])

    def forward(
        self, x: Tensor, context: int, scores: Tensor, offsets: Tensor, temperature: float, chance: torch.Generator
    ) -> tuple[Tensor, Routed]:
        """Return the features after this block, and the routing at scores and offsets (models, experts).

        Recorders see the scores, and the logits with the offsets. An expert is sampled from softmax of the sum of all
        three over the temperature. Its output is weighted by its probability by the logits alone (Switch).
        """
        x = x + self.attention(self.norms[0](x), context)
        inside = self.norms[1](x)
        logits = self.router(inside)
        seen = logits.detach() + offsets[:, None]
        total = seen + scores[:, None]
        total = total - temperature * torch.empty_like(total).exponential_(generator=chance).log()
        chosen = total.argmax(dim=-1, keepdim=True)
        weight = logits.softmax(-1).gather(-1, chosen)
        one = torch.zeros_like(logits).scatter(-1, chosen, 1.0)
        for model, each in enumerate(self.models):
            each(seen[model], chosen[model], weight[model].detach())
        added = self.experts.combined(self.experts.hidden(inside), one * weight)
        return x + added, Routed(logits, one.mean(dim=1))


class Transformer(nn.Module):
    """Many models side by side."""

    def __init__(self, make: Make, start: Start) -> None:
        super().__init__()
        self.make = make
        self.encoder = Encoder(make.language, start)
        self.blocks = nn.ModuleList([Block(make, start) for _ in range(make.layers)])
        self.reader = Reader(make.language, start)

    def show(self, scores: Tensor) -> None:
        """Put scores (layers, models, experts) where a recorder looks for the bias in force, before the batch."""
        for layer, each in enumerate(scores):
            for model, own in enumerate(each):
                self.get_buffer(f"blocks.{layer}.models.{model}.gate.e_score_correction_bias").copy_(own)

    def forward(
        self, inputs: Tensor, scores: Tensor, offsets: Tensor, temperature: float, chance: torch.Generator
    ) -> tuple[Tensor, Sequence[Routed]]:
        """Map bytes (models, windows, context) to scores of the next byte, at scores (layers, models, experts).

        Offsets of the same shape are added to the logits wherever experts are chosen.
        """
        x, routed = self.encoder(inputs), []
        for block, each, offset in zip(self.blocks, scores, offsets, strict=True):
            x, seen = block(x, inputs.shape[-1], each, offset, temperature, chance)
            routed.append(seen)
        return self.reader(x), routed


def loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy (nats a byte) of each model."""
    return cross_entropy(scores, labels).mean(dim=-1)
