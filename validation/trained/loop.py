"""A training loop with a rule that moves scores against, or with, the loads of every batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from validation.streams import stream
from validation.trained.model import Make, Routed, Transformer, loss
from validation.training.layers import Start
from validation.training.text import load_text

Array = NDArray[np.float64]
TRAINED, HELD = 0.8, 0.9
"""Shares of the text: to train on up to the first, predicted from between the two."""


@dataclass(frozen=True)
class Rule:
    """What moves the scores s of many models at once, beside nothing, at step n; each is a vector (models,).

    s <- s + increment ((feedback + feedback_slope n) f - decay s) - rate (f - 1/K) - sign sign(f - 1/K)

    Attributes
    ----------
    models : int
        How many.
    feedback, feedback_slope, decay : ndarray
        Of the reinforcement (score/time, a step, 1/time).
    increment : float
        Of the reinforcement (time).
    rate, sign : ndarray
        Update rate r and step u (score) of the bias rules.
    drift : ndarray
        v (score/step): the logit of the first expert drifts by so much, where experts are chosen.
    weight : ndarray
        alpha of the balance loss.
    temperature : float
        At which experts are sampled (score).
    """

    models: int
    feedback: Array = field(default_factory=lambda: np.zeros(1))
    feedback_slope: Array = field(default_factory=lambda: np.zeros(1))
    decay: Array = field(default_factory=lambda: np.zeros(1))
    increment: float = 1.0
    rate: Array = field(default_factory=lambda: np.zeros(1))
    sign: Array = field(default_factory=lambda: np.zeros(1))
    drift: Array = field(default_factory=lambda: np.zeros(1))
    weight: Array = field(default_factory=lambda: np.zeros(1))
    temperature: float = 1.0

    def tensors(self) -> dict[str, Tensor]:
        """Return the vectors as tensors (layers or 1, models, 1)."""
        names = ("feedback", "feedback_slope", "decay", "rate", "sign", "drift", "weight")
        found = {name: torch.tensor(np.asarray(getattr(self, name)), dtype=torch.float32) for name in names}
        return {
            name: each.expand(1, self.models)[..., None] if each.ndim < 2 else each[..., None]
            for name, each in found.items()
        }


@dataclass
class State:
    """Models in training: weights, scores and offsets (layers, models, experts)."""

    model: Transformer
    scores: Tensor
    offsets: Tensor


def fresh(make: Make, names: Sequence[tuple[str, int]]) -> State:
    """Return untrained models, each from the stream start/name of its seed."""
    starts = [stream("trained", "start", name, seed).torch() for name, seed in names]
    still = torch.zeros(make.layers, len(names), make.experts)
    return State(make.build(Start(starts)), still, still.clone())


def stored(state: State) -> dict[str, NDArray[np.float32]]:
    """Return everything of the models as arrays, the first axis that of the models."""
    weights = {f"weight.{name}": each.detach().numpy() for name, each in state.model.named_parameters()}
    return {**weights, "offsets": (state.scores + state.offsets).swapaxes(0, 1).contiguous().numpy()}


def restored(make: Make, arrays: Callable[[str], NDArray[np.float32]], which: Sequence[int]) -> State:
    """Return models as stored, the chosen ones in this order; what were scores and offsets are offsets now."""
    still = torch.zeros(make.layers, len(which), make.experts)
    state = State(make.build(Start([torch.Generator() for _ in which])), still, still.clone())
    index = np.asarray(which)
    with torch.no_grad():
        for name, each in state.model.named_parameters():
            each.copy_(torch.tensor(arrays(f"weight.{name}")[index]))
        state.offsets.copy_(torch.tensor(arrays("offsets")[index]).swapaxes(0, 1))
    return state


def text(part: tuple[float, float]) -> Tensor:
    """Return a part of the text as bytes."""
    whole = load_text()
    low, high = (int(each * len(whole)) for each in part)
    return torch.tensor(whole[low:high].astype(np.int64))


def windows(source: Tensor, models: int, count: int, context: int, chance: torch.Generator) -> Tensor:
    """Return windows (models, count, context + 1) drawn anywhere in a text."""
    places = torch.randint(len(source) - context, (models, count), generator=chance)
    return source[places[..., None] + torch.arange(context + 1)]


def run(
    state: State,
    rule: Rule,
    steps: int,
    *,
    rate: float,
    batch: int,
    chance: torch.Generator,
    watch: Callable[[int, Sequence[Routed], Tensor], object],
) -> None:
    """Train on, a batch of so many windows a step; watch(step, routing, losses) after each, before scores move."""
    make, put = state.model.make, rule.tensors()
    source = text((0.0, TRAINED))
    descent = torch.optim.AdamW(state.model.parameters(), lr=rate, weight_decay=0.01, fused=True)
    first = torch.zeros(make.experts)
    first[0] = 1.0
    first -= 1.0 / make.experts
    start = state.offsets.clone()
    for number in range(steps):
        drawn = windows(source, rule.models, batch, make.context, chance)
        state.offsets = start + put["drift"] * number * first
        state.model.show(state.scores)
        out, routed = state.model(drawn[..., :-1], state.scores, state.offsets, rule.temperature, chance)
        task = loss(out, drawn[..., 1:].flatten(1))
        held = sum((each.switch() for each in routed), torch.zeros(rule.models))
        descent.zero_grad()
        (task + put["weight"][0, :, 0] * held).sum().backward()  # type: ignore[no-untyped-call]
        descent.step()
        watch(number, routed, task.detach())
        share = torch.stack([each.share.detach() for each in routed])
        excess = share - 1.0 / make.experts
        push = (put["feedback"] + put["feedback_slope"] * number) * share - put["decay"] * state.scores
        moved = rule.increment * push - put["rate"] * excess - put["sign"] * excess.sign()
        state.scores = state.scores + moved


def held_out(state: State, part: tuple[float, float], temperature: float, chance: torch.Generator) -> list[Tensor]:
    """Return the logits with offsets of each layer, (models, windows, context, experts), on all windows of a text."""
    make, source = state.model.make, text(part)
    places = torch.arange(0, len(source) - make.context - 1, make.context)
    found: list[list[Tensor]] = [[] for _ in range(make.layers)]
    models = state.scores.shape[1]
    with torch.no_grad():
        for some in torch.split(places, 64):
            drawn = source[some[:, None] + torch.arange(make.context)].expand(models, -1, -1)
            _, routed = state.model(drawn, state.scores, state.offsets, temperature, chance)
            for layer, (each, offset) in enumerate(zip(routed, state.offsets, strict=True)):
                total = each.logits + (offset + state.scores[layer])[:, None]
                found[layer].append(total.view(models, len(some), make.context, make.experts))
    return [torch.cat(each, dim=1) for each in found]
