"""The whole loss of every model of a batch, each with its own weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from moecusp import ParameterError
from validation.training import losses
from validation.training.gradients import routing_terms
from validation.training.losses import Oracle
from validation.training.moe import Routing


@dataclass(frozen=True)
class Setting:
    """What one model is trained with: its routing temperature T, the weights of its loss, and its seed.

    Models of one seed start alike and see the same batches: their differences are the weights' doing.

    Raises
    ------
    ParameterError
        If the temperature is not positive, a weight is negative, or a number is not finite; if the seed is no integer.
    """

    temperature: float = 1.0
    entropy: float = 0.0
    oracle: float = 0.0
    balance: float = 0.0
    ortho: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in NAMES:
            value, low = getattr(self, name), name != "temperature"
            if not (math.isfinite(value) and (value >= 0 if low else value > 0)):
                raise ParameterError(name, value, f"finite and {'>=' if low else '>'} 0")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise ParameterError("seed", self.seed, "an integer")


NAMES = tuple(field.name for field in fields(Setting) if field.name != "seed")


@dataclass(frozen=True)
class Weights:
    """The settings of many models: tensors of shape (models,), and which terms any of them has."""

    temperature: Tensor
    entropy: Tensor
    oracle: Tensor
    balance: Tensor
    ortho: Tensor
    active: frozenset[str]

    @classmethod
    def of(
        cls, settings: Sequence[Setting], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Weights:
        """Return those of some settings."""
        columns = {name: [float(getattr(each, name)) for each in settings] for name in NAMES}
        tensors = {name: torch.tensor(column, device=device, dtype=dtype) for name, column in columns.items()}
        return cls(**tensors, active=frozenset(name for name, column in columns.items() if any(column)))


@dataclass(frozen=True)
class Output:
    """What every model made of a batch: class scores (models, tokens, classes), and the routing of each layer."""

    scores: Tensor
    layers: tuple[Routing, ...]


def loss(output: Output, labels: Tensor, weights: Weights, teacher: Oracle) -> Tensor:
    """Return task + O oracle + B balance - H entropy + W overlap of every model, (models,).

    labels has shape (models, tokens). Terms of the routing are means over layers. A term that no model has is not
    computed.
    """
    total = losses.cross_entropy(output.scores, labels).mean(-1)
    share = 1.0 / len(output.layers)
    for each in output.layers:
        balance = (weights.balance, each.selection.share) if "balance" in weights.active else None
        oracle = (weights.oracle, _target(each, labels, teacher)) if "oracle" in weights.active else None
        total = total + share * routing_terms(each.scores, each.logp, weights.entropy, balance, oracle)
        if "ortho" in weights.active:
            total = total + share * weights.ortho * losses.overlap(each.prototypes)
    return total


def _target(routing: Routing, labels: Tensor, teacher: Oracle) -> Tensor:
    if teacher is Oracle.CLASS:
        return losses.target_class(labels, routing.logp.shape[-1], routing.logp.dtype)
    own = routing.own(labels)
    return losses.target_best(own) if teacher is Oracle.BEST else losses.target_post(own, routing.logp)
