"""Logits whose top-k sets may flip: of independent experts, and of a transformer's routers trained on text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.integrate import quad
from scipy.special import ndtr
from torch import Tensor

from validation.streams import Stream, stream
from validation.training import objective
from validation.training.language import Language, Transformer
from validation.training.layers import Start
from validation.training.losses import Oracle
from validation.training.moe import Tiers
from validation.training.objective import Setting, Weights
from validation.training.sources import Text, draw
from validation.training.text import load_text

if TYPE_CHECKING:
    from validation.trained.flips import Flips

ENDS = (0.6, 0.8)
"""Where the text is parted: what is trained on, what predicts, what is counted."""


@dataclass(frozen=True)
class Case:
    """Whose logits ("random" or "text"), how many experts, and how many a token goes to."""

    source: str
    experts: int
    chosen: int

    @property
    def name(self) -> str:
        """As parts, plans and findings call it."""
        return f"{self.source}-{self.experts}-top{self.chosen}"


def case(name: str) -> Case:
    """Return the case of a name such as "text-16-top2"."""
    source, experts, chosen = name.split("-")
    return Case(source, int(experts), int(chosen.removeprefix("top")))


def tie_density(experts: int, chosen: int, sigma: float) -> float:
    """Return C of independent logits N(0, sigma^2): the density at 0 of all ties for the last of k places.

    K(K - 1)/2 pairs, and for each the integral of C(K-2, k-1) phi(y)^2 Phi(y)^(K-1-k) (1 - Phi(y))^(k-1) over sigma.
    """

    def integrand(y: float) -> float:
        others = float(ndtr(y)) ** (experts - 1 - chosen) * float(ndtr(-y)) ** (chosen - 1)
        return math.exp(-y * y) / (2.0 * math.pi) * others

    pairs = math.comb(experts, 2) * math.comb(experts - 2, chosen - 1)
    return pairs * float(quad(integrand, -9.0, 9.0, epsabs=1e-22, limit=200)[0]) / sigma


def independent(p: Flips, at: Case, source: Stream) -> Iterator[Tensor]:
    """Yield logits (tokens, experts) of independent experts, anew for each router."""
    generator = source.torch()
    for _ in range(p.routers):
        yield p.sigma * torch.randn(p.tokens(at), at.experts, generator=generator)


def text() -> tuple[Tensor, ...]:
    """Return the three parts of the text."""
    whole = torch.from_numpy(load_text().astype(np.int64))
    ends = [round(share * len(whole)) for share in ENDS]
    return tuple(torch.tensor_split(whole, ends))


def model(p: Flips, at: Case, generators: list[torch.Generator]) -> Transformer:
    """Return as many transformers as there are generators, untrained."""
    make = Language(Tiers.even((at.experts,), p.units), p.context, p.layers, p.features, p.heads, p.hidden, at.chosen)
    return make.build(Start(generators, "cpu", torch.float32))


def trained(p: Flips, at: Case, seed: int) -> Transformer:
    """Return transformers trained on the first part of the text, with a balance loss, each its own start and order."""
    start, order = (stream("trained", f"flips-{what}", at.name, seed).torch() for what in ("start", "order"))
    starts, orders = (
        [torch.Generator().manual_seed(int(n)) for n in torch.randint(2**62, (p.transformers,), generator=source)]
        for source in (start, order)
    )
    made = model(p, at, starts)
    source = Text(text()[0], text()[1], p.context)
    weights = Weights.of([Setting(balance=p.balance_weight)] * p.transformers)
    descent = torch.optim.AdamW(made.parameters(), lr=p.learning_rate)
    for items in draw(orders, p.steps, p.windows, source.items):
        inputs, labels = source.batch(items)
        loss = objective.loss(made(inputs, weights.temperature), labels, weights, Oracle.BEST)
        descent.zero_grad()
        torch.autograd.backward(loss.sum())
        descent.step()
    return made


@torch.no_grad()
def recorded(p: Flips, made: Transformer, part: Tensor) -> Iterator[Tensor]:
    """Yield the logits (tokens, experts) of the last layer's router of each transformer, on a part of the text."""
    windows = part[: p.bytes // p.context * p.context].view(-1, p.context)
    one, found = torch.ones(p.transformers), []
    for some in torch.split(windows, max(1, 4096 // p.context)):
        x = made.encoder(some.expand(p.transformers, -1, -1))
        for block in made.blocks:
            x, routing = block(x, one, p.context, made.reader)
        found.append(routing.scores)
    yield from torch.cat(found, dim=1)
