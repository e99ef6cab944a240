"""The expected rule: a router reinforced by the mean probabilities over a fixed set of tokens, without any chance."""

from __future__ import annotations

from collections.abc import Callable

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


def bracket(
    run: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], state: Tensor, ends: tuple[Tensor, Tensor], rounds: int
) -> tuple[Tensor, Tensor]:
    """Move a parameter slowly towards where a state is lost, by steps that are halved whenever it was.

    Parameters
    ----------
    run : callable
        run(state, parameter) returns the state that this one settles on, and whether it left its branch.
    state : Tensor
        On the branch at the first end.
    ends : pair of Tensor
        The branch is there at the first and lost at the second.
    rounds : int
        Halvings.

    Returns
    -------
    parameter, state : Tensor
        The middle of the last bracket, and the last state on the branch.
    """
    kept, lost = ends
    for _ in range(rounds):
        middle = 0.5 * (kept + lost)
        settled, left = run(state, middle)
        kept, lost = torch.where(left, kept, middle), torch.where(left, middle, lost)
        state = torch.where(left[..., None], state, settled)
    return 0.5 * (kept + lost), state
