"""What recorded logits of many experts say: their balance, and where a load that favours one expert folds."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import susceptibility

Array = NDArray[np.float64]
ITERATIONS, SETTLED = 200, 1e-8


def balancing(logits: Tensor, inverse_temperature: float) -> Tensor:
    """Return the biases (..., experts) that make the loads of logits (..., tokens, experts) even, by Newton's method.

    They are what any load balancing would have learned. Their sum is 0.
    """
    experts = logits.shape[-1]
    bias = -logits.mean(dim=-2)
    for _ in range(50):
        shifted = logits + bias[..., None, :]
        excess = torch.softmax(inverse_temperature * shifted, dim=-1).mean(dim=-2) - 1.0 / experts
        if float(excess.abs().max()) < 1e-14:
            break
        chi = susceptibility(shifted, inverse_temperature) + 1.0 / experts  # the constant vector made regular
        step = torch.linalg.solve(chi, excess)
        # the loads are the slope of a convex function, whose curvature changes by a factor over one temperature
        far = inverse_temperature * step.abs().amax(dim=-1, keepdim=True)
        bias = bias - step / far.clamp(min=1.0)
    else:
        raise ArithmeticError("no bias makes the loads even")
    return bias - bias.mean(dim=-1, keepdim=True)


def favouring(logits: Tensor, decay: float, inverse_temperature: float, differences: Tensor) -> tuple[Tensor, Tensor]:
    """Return the feedbacks, and the loads of the first expert, at which its score leads by given differences.

    Solves mu s = kappa (f(s) - 1/K) for the other scores and kappa, the mean score put to 0: from s the loads, from
    them kappa by the first equation and the other scores by theirs. That contracts where the others are stable among
    themselves.

    Parameters
    ----------
    logits : Tensor, shape (routers, tokens, experts)
    differences : Tensor, shape (routers, points)
        First score less the mean of the others (score).

    Returns
    -------
    feedback, load : Tensor, shape (routers, points)
        Infinite, and NaN, where that does not contract.
    """
    experts = logits.shape[-1]
    columns = logits.mT[:, None]
    first = differences * (experts - 1) / experts
    others = (-first / (experts - 1))[..., None].expand(*first.shape, experts - 1)
    for _ in range(ITERATIONS):
        scores = torch.cat([first[..., None], others], dim=-1)
        load = torch.softmax(inverse_temperature * (columns + scores[..., None]), dim=-2).mean(dim=-1)
        feedback = decay * first / (load[..., 0] - 1.0 / experts)
        step = feedback[..., None] * (load[..., 1:] - 1.0 / experts) / decay - others
        others = others + step
        missing = step.abs().amax(dim=-1)
        if float(missing.max()) < SETTLED:
            break
    settled = missing < SETTLED
    return torch.where(settled, feedback, torch.inf), torch.where(settled, load[..., 0], torch.nan)


def fold(logits: Tensor, decay: float, inverse_temperature: float) -> tuple[Array, Array]:
    """Return the least feedback at which the first expert can stay favoured, and its load there, per router.

    NaN where the feedback has no least value between a lead at which experts differ and one that starves the others.
    """
    experts, routers = logits.shape[-1], len(logits)
    grid = torch.linspace(0.7, 1.5 + 1.6 * np.log(experts), 13, dtype=logits.dtype).expand(routers, -1)
    grid = grid / inverse_temperature
    for points in (9, 0):
        feedback, load = favouring(logits, decay, inverse_temperature, grid)
        best = feedback.argmin(dim=1).clamp(1, grid.shape[1] - 2)[:, None]
        if points:
            width = grid[:, 1:2] - grid[:, :1]
            grid = grid.gather(1, best) + width * torch.linspace(-1.0, 1.0, points, dtype=logits.dtype)
    a, b, c = (feedback.gather(1, best + k)[:, 0] for k in (-1, 0, 1))
    inside = (b <= torch.minimum(a, c)) & (torch.maximum(a, c) < torch.inf)
    least = b - 0.125 * (a - c) ** 2 / (a - 2.0 * b + c)
    at_best = load.gather(1, best)[:, 0]
    return torch.where(inside, least, torch.nan).numpy(), torch.where(inside, at_best, torch.nan).numpy()
