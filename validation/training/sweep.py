"""Many mixtures trained side by side, each with its own temperature, weights and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from moecusp import ParameterError
from validation.streams import stream
from validation.training import objective
from validation.training.layers import Start
from validation.training.losses import Oracle
from validation.training.objective import Output, Setting, Weights
from validation.training.sources import Source, draw
from validation.training.usage import Tally, usage

Arrays = dict[str, NDArray[Any]]
Watch = Callable[[nn.Module, Source, Weights], Mapping[str, Tensor]]
"""watch(model, source, weights) looks at all models at a checkpoint and returns (models, ...) by name."""


class Make(Protocol):
    """What models are made of: a frozen dataclass of plain values."""

    def build(self, start: Start) -> nn.Module:
        """Return as many models as start has generators."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW, one rate for the encoder and one for router and experts.

    Raises
    ------
    ParameterError
        If a number is out of range.
    """

    steps: int
    batch: int
    rate: float = 1e-3
    encoder_rate: float = 1e-4
    decay: float = 0.01
    checkpoints: int = 4
    teacher: Oracle = Oracle.BEST

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "checkpoints"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ParameterError(name, getattr(self, name), "an integer >= 1")
        if self.checkpoints > self.steps:
            raise ParameterError("checkpoints", self.checkpoints, f"at most steps, {self.steps}")
        for name in ("rate", "encoder_rate", "decay"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ParameterError(name, getattr(self, name), "finite and >= 0")

    @property
    def marks(self) -> tuple[int, ...]:
        """The steps after which the models are looked at, evenly spread; the last one is the end."""
        return tuple(round(self.steps * (n + 1) / self.checkpoints) for n in range(self.checkpoints))


def optimiser(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """Return AdamW for all models: element by element, so that they do not meet in it."""
    encoder = [each for name, each in model.named_parameters() if name.startswith("encoder.")]
    rest = [each for name, each in model.named_parameters() if not name.startswith("encoder.")]
    groups: list[dict[str, Any]] = [{"params": rest, "lr": schedule.rate}]
    if encoder:
        groups.append({"params": encoder, "lr": schedule.encoder_rate})
    fused = rest[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, weight_decay=schedule.decay, fused=fused)


def train(
    make: Make,
    source: Source,
    settings: Sequence[Setting],
    schedule: Schedule,
    *,
    study: str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    watch: Watch = usage,
) -> Arrays:
    """Train one model for each setting, all together, and return what became of their experts.

    That is what `watch` finds at each checkpoint, and what was counted in training: (models, checkpoints, ...) by name.
    """
    starts = [stream(study, "start", "model", each.seed).torch() for each in settings]
    orders = [stream(study, "order", "model", each.seed).torch() for each in settings]
    model = make.build(Start(starts, device, dtype))
    index = draw(orders, schedule.steps, schedule.batch, source.items).to(device)
    weights = Weights.of(settings, device, dtype)
    here = source.to(device, dtype)
    descent = optimiser(model, schedule)
    tally = Tally()
    found: list[Mapping[str, Tensor]] = []
    for number, items in enumerate(index, start=1):
        inputs, labels = here.batch(items)
        output: Output = model(inputs, weights.temperature)
        loss = objective.loss(output, labels, weights, schedule.teacher)
        descent.zero_grad()
        torch.autograd.backward(loss.sum())
        descent.step()
        tally.add(output.layers)
        if number in schedule.marks:
            found.append({"loss": loss.detach(), **tally.taken(), **watch(model, here, weights)})
    return {name: np.stack([each[name].cpu().numpy() for each in found], 1) for name in found[0]}
