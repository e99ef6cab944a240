"""A mixture of experts in tiers, for many models at once: router, experts, and what they did to a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from moecusp import ParameterError
from validation.training import losses
from validation.training.layers import Linear, Start
from validation.training.losses import Gate, Selection


@dataclass(frozen=True)
class Tiers:
    """Experts in tiers: how many each tier has, and how many hidden units each of them has.

    Raises
    ------
    ParameterError
        If a number is not a positive integer, or there are not as many widths as tiers.

    Examples
    --------
    >>> from validation.training.moe import Tiers
    >>> tiers = Tiers((8, 4, 4), (16, 16, 32))
    >>> tiers.experts, tiers.width, tiers.of_expert[7:9]
    (16, 32, (0, 1))
    """

    counts: tuple[int, ...]
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, values in (("counts", self.counts), ("widths", self.widths)):
            if not values or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in values):
                raise ParameterError(name, values, "a tuple of integers >= 1")
        if len(self.counts) != len(self.widths):
            raise ParameterError("widths", self.widths, f"as many as counts, {len(self.counts)}")

    @classmethod
    def even(cls, counts: tuple[int, ...], width: int) -> Tiers:
        """Return tiers of one width."""
        return cls(counts, (width,) * len(counts))

    @property
    def experts(self) -> int:
        """Number of experts."""
        return sum(self.counts)

    @property
    def width(self) -> int:
        """The largest width."""
        return max(self.widths)

    @property
    def of_expert(self) -> tuple[int, ...]:
        """The tier of every expert."""
        return tuple(tier for tier, count in enumerate(self.counts) for _ in range(count))


@dataclass(frozen=True)
class Routing:
    """What one layer of every model did to a batch.

    Attributes
    ----------
    scores : Tensor, shape (models, tokens, experts)
        Logits over the training temperature.
    logp : Tensor, shape (models, tokens, experts)
        Log-probabilities, without a gradient.
    selection : Selection
        Where the tokens went.
    prototypes : Tensor, shape (models, experts, dimension)
        The rows of the router's last layer.
    own : callable
        own(labels) returns the loss that each expert alone would have, (models, tokens, experts), without a gradient.
    """

    scores: Tensor
    logp: Tensor
    selection: Selection
    prototypes: Tensor
    own: Callable[[Tensor], Tensor]


class Router(nn.Module):
    """Features -> hidden (ReLU) -> one logit an expert."""

    def __init__(self, features: int, hidden: int, experts: int, start: Start) -> None:
        super().__init__()
        self.first = Linear(features, hidden, start)
        self.last = Linear(hidden, experts, start)

    @property
    def prototypes(self) -> Tensor:
        """The direction in the hidden layer that each expert answers to, (models, experts, hidden)."""
        return self.last.weight.transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (models, tokens, features) to logits (models, tokens, experts)."""
        logits: Tensor = self.last(torch.relu(self.first(x)))
        return logits


@dataclass(frozen=True)
class Forced:
    """Experts that start without a token, for experiments on whether they come back.

    Attributes
    ----------
    experts : tuple of int
        Which.
    by : {"bias", "weights"}
        Their logits are kept low by a bias of -size, or by weights of -size from every hidden unit, none of which is
        negative.
    size : float
        How strongly; above 0.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    experts: tuple[int, ...]
    by: Literal["bias", "weights"] = "bias"
    size: float = 10.0

    def __post_init__(self) -> None:
        if self.by not in ("bias", "weights"):
            raise ParameterError("by", self.by, "'bias' or 'weights'")
        if not 0 < self.size < float("inf"):
            raise ParameterError("size", self.size, "finite and > 0")

    @torch.no_grad()
    def upon(self, router: Router) -> None:
        """Make these experts of a router so.

        Raises
        ------
        ParameterError
            If the router has no such expert.
        """
        experts = router.last.bias.shape[-1]
        if not all(0 <= each < experts for each in self.experts):
            raise ParameterError("experts", self.experts, f"numbers >= 0 and < {experts}")
        parameter = router.last.bias if self.by == "bias" else router.last.weight
        parameter[..., list(self.experts)] = -self.size


class Experts(nn.Module):
    """Features -> hidden (ReLU) -> outputs for every expert, the hidden units of all experts in one matrix product.

    Tokens are the last axis inside: sums over the units of an expert and over classes then run along rows.

    Narrow experts are filled up with units whose weights in and out are 0. Such a unit has no gradient, and weight
    decay leaves it: it stays out for ever.
    """

    def __init__(self, features: int, tiers: Tiers, outputs: int, start: Start) -> None:
        super().__init__()
        self.shape = (tiers.experts, tiers.width)
        experts, width = self.shape
        widths = torch.tensor([tiers.widths[tier] for tier in tiers.of_expert])
        real = (torch.arange(width) < widths[:, None]).to(start.device)
        self.first = start.uniform(experts * width, features, fan_in=features)
        self.first_bias = start.uniform(experts * width, 1, fan_in=features)
        self.second = start.uniform(experts, outputs, width, fan_in=1)
        self.second_bias = start.uniform(experts, outputs, 1, fan_in=1)
        with torch.no_grad():
            self.first.mul_(real.flatten()[:, None])
            self.first_bias.mul_(real.flatten()[:, None])
            scale = widths.to(self.second).rsqrt()[:, None, None]
            self.second.mul_(scale * real[:, None])
            self.second_bias.mul_(scale)

    def hidden(self, x: Tensor) -> Tensor:
        """Return the hidden units of all experts (models, experts, width, tokens)."""
        flat = torch.baddbmm(self.first_bias, self.first, x.transpose(1, 2)).relu()
        return flat.view(len(x), *self.shape, -1)

    def combined(self, hidden: Tensor, weights: Tensor) -> Tensor:
        """Return the outputs of the experts, summed by weights (models, tokens, experts): (models, tokens, outputs)."""
        weights = weights.transpose(1, 2).contiguous()
        weighted = (hidden * weights[:, :, None]).flatten(1, 2)
        second, bias = self.second.transpose(1, 2).flatten(2), self.second_bias.squeeze(-1).transpose(1, 2)
        return torch.baddbmm(bias @ weights, second, weighted).transpose(1, 2)

    def alone(self, hidden: Tensor) -> Tensor:
        """Return the output of every expert, (models, experts, outputs, tokens)."""
        return self.second @ hidden + self.second_bias


class Mixture(nn.Module):
    """A router and its experts.

    Raises
    ------
    ParameterError
        If k is not an integer from 1 to the number of experts.
    """

    def __init__(
        self, features: int, router: int, tiers: Tiers, outputs: int, k: int, gate: Gate, start: Start
    ) -> None:
        super().__init__()
        if not 1 <= k <= tiers.experts:
            raise ParameterError("k", k, f"an integer >= 1 and <= {tiers.experts}, the number of experts")
        self.k, self.gate = k, gate
        self.router = Router(features, router, tiers.experts, start)
        self.experts = Experts(features, tiers, outputs, start)

    def forward(
        self, x: Tensor, temperature: Tensor, own: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Routing]:
        """Map features (models, tokens, features) to outputs (models, tokens, outputs).

        own(alone, labels) makes losses (models, tokens, experts) of the experts' outputs (models, experts, outputs,
        tokens).
        """
        scores = losses.tempered(self.router(x), temperature)
        selection = losses.select(scores, self.k, self.gate)
        hidden = self.experts.hidden(x)

        @torch.no_grad()
        def each(labels: Tensor) -> Tensor:
            return own(self.experts.alone(hidden), labels)

        routing = Routing(scores, scores.detach().log_softmax(-1), selection, self.router.prototypes, each)
        return self.experts.combined(hidden, selection.weights), routing
