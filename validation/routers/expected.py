"""The expected rule: a router reinforced by the mean probabilities over a fixed set of tokens, without any chance."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import RouterParameters
from moecusp.routing import ReinforcedRouter

Array = NDArray[np.float64]


def reinforced(
    feedbacks: Array, decay: float, inverse_temperature: float, experts: int, increment: float, dtype: torch.dtype
) -> ReinforcedRouter:
    """Return one router for each feedback, soft, with scores 0."""
    parameters = RouterParameters(feedbacks, decay, inverse_temperature, experts=experts)
    return ReinforcedRouter(parameters, increment=increment, dtype=dtype)


def loads(router: ReinforcedRouter, logits: Tensor) -> Tensor:
    """Return the mean probabilities (..., experts) of logits (..., experts, tokens): torch is quickest so."""
    total = router.inverse_temperature[..., None, None] * (logits.to(router.scores.dtype) + router.scores[..., None])
    return torch.softmax(total, dim=-2).mean(dim=-1)


def step(router: ReinforcedRouter, logits: Tensor, times: int) -> None:
    """Apply the expected rule some times."""
    for _ in range(times):
        router.reinforce(loads(router, logits))


def place(router: ReinforcedRouter, difference: Tensor) -> None:
    """Set the scores of two experts to half a difference (score) and its negative."""
    router.scores.copy_(torch.stack([difference / 2, -difference / 2], dim=-1))


def difference(router: ReinforcedRouter) -> Tensor:
    """Return s1 - s2."""
    return router.scores[..., 0] - router.scores[..., 1]
