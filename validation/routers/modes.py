"""How an imbalance of a router grows under a rule: its modes, found by routing, and their growth from step to step.

Logits have the shape (routers, experts, tokens), scores (..., routers, settings, experts): settings of a rule run side
by side on the same tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
Rule = Callable[[Tensor, Tensor], Tensor]
"""rule(scores, logits) returns the scores after a step on these tokens."""


CHUNK = 2**19
"""Logits that are looked at together: as many as stay near the processor, or every operation waits for memory."""


def threshold(total: Tensor, chosen: int) -> Tensor:
    """Return the `chosen`-th largest of (..., experts, tokens) over the experts."""
    best: list[Tensor] = []
    for x in total.unbind(-2):
        for k, held in enumerate(best):
            best[k] = torch.maximum(held, x)
            if k + 1 < chosen:  # else none is left to take what falls out
                x = torch.minimum(held, x)
        if len(best) < chosen:
            best.append(x)
    return best[-1]


@dataclass(frozen=True)
class Loads:
    """Loads of routers: shares of top-k slots, mean probabilities, or shares of a sample of the probabilities.

    Attributes
    ----------
    chosen : int
        Experts k that a token goes to.
    inverse_temperature : float or None
        Of the probabilities; None for hard selection.
    source : torch.Generator or None
        Of the sample; None for the probabilities themselves.
    """

    chosen: int = 1
    inverse_temperature: float | None = None
    source: torch.Generator | None = None

    def __call__(self, logits: Tensor, scores: Tensor) -> Tensor:
        """Return the loads (..., routers, settings, experts), which add up to 1."""
        x = logits.unsqueeze(1)
        if self.inverse_temperature is not None and self.source is not None:
            # the largest of logits with Gumbel noise is a sample, and scores that share the noise see the same chance
            noise = torch.empty_like(x).exponential_(generator=self.source).log_()
            x = x - noise / self.inverse_temperature
        size = max(1, CHUNK * len(x) // (scores.numel() * x.shape[-1]))
        split = zip(torch.split(x, size), torch.split(scores, size, dim=-3), strict=True)
        return torch.cat([self._of(part, at.unsqueeze(-1)) for part, at in split], dim=-3)

    def _of(self, x: Tensor, scores: Tensor) -> Tensor:
        if self.inverse_temperature is not None and self.source is None:
            return torch.softmax(self.inverse_temperature * (x + scores), dim=-2).mean(dim=-1)
        return shares(x + scores, self.chosen)


def shares(total: Tensor, chosen: int) -> Tensor:
    """Return the shares (..., experts) of the slots of tokens that each take their best experts, by total logits."""
    taken = torch.empty_like(total, dtype=torch.float32)  # compared into numbers: half the time
    torch.ge(total, threshold(total, chosen).unsqueeze(-2), out=taken)
    return taken.mean(dim=-1) / chosen


def proportional(loads: Loads, rates: Any) -> Rule:
    """Return the bias rule at rates (routers, settings)."""
    r = torch.tensor(rates, dtype=torch.float32)[..., None]

    def rule(bias: Tensor, logits: Tensor) -> Tensor:
        return bias + r * (1.0 / bias.shape[-1] - loads(logits, bias))

    return rule


def signed(loads: Loads, steps: Any) -> Rule:
    """Return the sign rule of steps that broadcast with (routers, settings)."""
    u = torch.tensor(steps, dtype=torch.float32)[..., None]

    def rule(bias: Tensor, logits: Tensor) -> Tensor:
        # one load of float32 can miss 1/K by its rounding, and has then no sign
        missing = 1.0 / bias.shape[-1] - loads(logits, bias)
        return bias + u * torch.where(missing.abs() < 1e-6, 0.0, missing).sign()

    return rule


def basis(experts: int) -> Tensor:
    """Return orthonormal changes of the scores that leave their mean, shape (experts - 1, experts)."""
    full, _ = np.linalg.qr(np.column_stack([np.ones(experts), np.eye(experts)[:, 1:]]))
    return torch.tensor(full[:, 1:].T, dtype=torch.float32)


def jacobian(rule: Rule, centre: Tensor, logits: Tensor, kick: Tensor) -> Array:
    """Return the change of a step by a change of scores at `centre` (routers, settings, experts), in `basis`.

    By differences over kick (routers,), on all tokens; shape (routers, settings, experts - 1, experts - 1).
    """
    base = basis(centre.shape[-1]).to(kick.dtype)
    size = kick[:, None, None]
    columns = [
        (rule(centre + size * e, logits) - rule(centre - size * e, logits)) / (2.0 * size) @ base.T for e in base
    ]
    return torch.stack(columns, dim=-1).double().numpy()


def mode(matrix: Array, lowest: bool = False, symmetric: bool = True) -> tuple[Tensor, Tensor]:
    """Return the right and left eigenvector of the largest eigenvalue, or the lowest, as changes of scores.

    Shape (..., experts). Their product is 1; the right one has length 1.
    """
    if symmetric:
        _, vectors = np.linalg.eigh(0.5 * (matrix + matrix.swapaxes(-1, -2)))
        right = left = vectors[..., :, 0 if lowest else -1]
    else:
        values, vectors = np.linalg.eig(matrix)
        place = (values.real.argmin if lowest else values.real.argmax)(axis=-1)[..., None, None]
        right = np.take_along_axis(vectors, place, -1)[..., 0].real
        left = np.take_along_axis(np.linalg.inv(vectors), place, -2)[..., 0, :].real
        right = right / np.linalg.norm(right, axis=-1, keepdims=True)
        left = left / (left * right).sum(axis=-1, keepdims=True)
    base = basis(matrix.shape[-1] + 1)
    return tuple(torch.tensor(v, dtype=torch.float32) @ base for v in (right, left))  # type: ignore[return-value]


def multipliers(
    rule: Rule, centre: Tensor, modes: tuple[Tensor, Tensor], kick: Tensor, batches: Iterable[Tensor]
) -> Array:
    """Return by what a step multiplies an imbalance in a mode, shape (routers, settings).

    Pairs start on both sides of `centre`, kick away, and see the same batches, an odd number of them: the sign of
    their distance is that of the multiplier.
    """
    right, left = modes
    away = kick[:, None, None] * right
    scores, count = torch.stack([centre + away, centre - away]), 0
    for logits in batches:
        scores, count = rule(scores, logits), count + 1
    if count % 2 == 0:
        raise ValueError(f"{count} steps: an odd number is due")
    distance = ((scores[0] - scores[1]) * left).sum(dim=-1).double() / (2.0 * kick[:, None])
    return (distance.sign() * distance.abs() ** (1.0 / count)).numpy()


def crossing(settings: Array, values: Array) -> Array:
    """Return per router where the straight line through its values (routers, settings) passes 0.

    Settings (settings,) or (routers, settings).
    """
    x = np.broadcast_to(settings, values.shape)
    x0, y0 = x.mean(axis=1, keepdims=True), values.mean(axis=1, keepdims=True)
    slope = ((x - x0) * (values - y0)).sum(axis=1) / ((x - x0) ** 2).sum(axis=1)
    return np.asarray(x0[:, 0] - y0[:, 0] / slope)
