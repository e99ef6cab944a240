"""A causal transformer over bytes whose feed-forward parts are mixtures, for many models at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from moecusp import ParameterError
from validation.training.layers import Linear, Norm, Start
from validation.training.losses import Gate
from validation.training.moe import Mixture, Routing, Tiers
from validation.training.objective import Output
from validation.training.vision import own

BYTES = 256


@dataclass(frozen=True)
class Language:
    """The make of a language model.

    Attributes
    ----------
    tiers : Tiers
        The experts of every layer; their widths are those of a feed-forward part.
    context : int
        Bytes that it can look back on.
    layers, width, heads, router : int
        Layers, features of a byte, heads of the attention, hidden units of a router.
    k : int
        Experts a byte goes to.
    gate : Gate
        How their outputs are weighted.
    symbols : int
        Size of the alphabet.
    """

    tiers: Tiers
    context: int = 32
    layers: int = 2
    width: int = 32
    heads: int = 2
    router: int = 32
    k: int = 2
    gate: Gate = Gate.RENORMALISED
    symbols: int = BYTES

    def build(self, start: Start) -> Transformer:
        """Return as many models as start has generators.

        Raises
        ------
        ParameterError
            If the heads do not divide the width, or k is not from 1 to the number of experts.
        """
        if self.heads < 1 or self.width % self.heads:
            raise ParameterError("heads", self.heads, f"a divisor of the width, {self.width}")
        return Transformer(self, start)


class Attention(nn.Module):
    """Causal self-attention of several heads."""

    def __init__(self, width: int, heads: int, start: Start) -> None:
        super().__init__()
        self.heads = heads
        self.inwards = Linear(width, 3 * width, start)
        self.outwards = Linear(width, width, start)

    def forward(self, x: Tensor, context: int) -> Tensor:
        """Map (models, windows * context, width) to the same, no byte seeing a later one of its window."""
        split = self.inwards(x).view(len(x), -1, context, 3, self.heads, x.shape[-1] // self.heads)
        query, key, value = split.permute(
            3, 0, 1, 4, 2, 5
        )  # each (models, windows, heads, context, features of a head)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        out: Tensor = self.outwards(seen.transpose(-2, -3).flatten(-2).flatten(1, 2))
        return out


class Encoder(nn.Module):
    """Bytes and their places to features."""

    def __init__(self, make: Language, start: Start) -> None:
        super().__init__()
        self.symbols = start.uniform(make.symbols, make.width, fan_in=make.width)
        self.places = start.uniform(make.context, make.width, fan_in=make.width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map bytes (models, windows, context) to (models, windows * context, width)."""
        context = inputs.shape[-1]
        model = torch.arange(inputs.shape[0], device=inputs.device)[:, None, None]
        found = self.symbols[model, inputs] + self.places[:, None, :context]
        return found.flatten(1, 2)


class Block(nn.Module):
    """x + attention(norm x), then x + mixture(norm x)."""

    def __init__(self, make: Language, start: Start) -> None:
        super().__init__()
        self.norms = nn.ModuleList([Norm(make.width, start), Norm(make.width, start)])
        self.attention = Attention(make.width, make.heads, start)
        self.mixture = Mixture(make.width, make.router, make.tiers, make.width, make.k, make.gate, start)

    def forward(self, x: Tensor, temperature: Tensor, context: int, read: nn.Module) -> tuple[Tensor, Routing]:
        """Return the features after this block, and the routing; read makes class scores of features."""
        x = x + self.attention(self.norms[0](x), context)

        def each(alone: Tensor, labels: Tensor) -> Tensor:
            scores = [read(x + one.transpose(1, 2)).transpose(1, 2) for one in alone.unbind(1)]
            return own(torch.stack(scores, 1), labels)

        added, routing = self.mixture(self.norms[1](x), temperature, each)
        return x + added, routing


class Reader(nn.Module):
    """Features to scores of the next byte: a norm and a linear map."""

    def __init__(self, make: Language, start: Start) -> None:
        super().__init__()
        self.norm = Norm(make.width, start)
        self.last = Linear(make.width, make.symbols, start)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        scores: Tensor = self.last(self.norm(x))
        return scores


class Transformer(nn.Module):
    """Many language models side by side."""

    def __init__(self, make: Language, start: Start) -> None:
        super().__init__()
        self.context = make.context
        self.encoder = Encoder(make, start)
        self.blocks = nn.ModuleList([Block(make, start) for _ in range(make.layers)])
        self.reader = Reader(make, start)

    def forward(self, inputs: Tensor, temperature: Tensor) -> Output:
        """Map bytes (models, windows, context) to scores of the next byte (models, windows * context, symbols).

        What an expert alone would lose is read from the features after its layer as if they were the last ones.

        Raises
        ------
        ParameterError
            If a window is longer than the context.
        """
        context = inputs.shape[-1]
        if context > self.context:
            raise ParameterError("context", context, f"at most {self.context}")
        x, layers = self.encoder(inputs), []
        for block in self.blocks:
            x, routing = block(x, temperature, context, self.reader)
            layers.append(routing)
        return Output(self.reader(x), tuple(layers))
